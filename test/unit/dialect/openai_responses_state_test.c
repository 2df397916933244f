/* SPDX-License-Identifier: Apache-2.0
 * openai_responses_state_test.c - what a response leaves behind, and how the next one goes on with it. */
#include "dialect/openai_responses_state.h"

#include "responses_rig.h"
#include "test/test.h"

static struct responses_rig r;
static struct buf first, second;

#define RESPONSE "{\"id\":\"resp_1\",\"object\":\"response\",\"output\":[{\"id\":\"msg_9\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[]}]}"
#define KEPT(items) "{\"input\":[" items "],\"response\":" RESPONSE "}"
#define HI "{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"hi \\\"you\\\"\"}]}"

static void begin(void)
{
    responses_rig_open(&r);
    buf_init(&first, 16 << 20);
    buf_init(&second, 16 << 20);
}

static void end(void)
{
    buf_free(&first);
    buf_free(&second);
    responses_rig_close(&r);
}

/* With slack, in memory that lives on. */
static struct span text(const char *s)
{
    char *at = arena_take(&r.arena, strlen(s) + BUF_SLACK);
    return span_make(memcpy(at, s, strlen(s)), strlen(s));
}

TEST(a_conversation_goes_on)
{
    begin();
    CHECK_INT(responses_remember(r.json, text("{\"model\":\"m\",\"input\":\"hi \\\"you\\\"\"}"), text(RESPONSE), &r.arena, &first), E_OK);
    CHECK_SPAN(buf_span(&first), SPAN(KEPT(HI)));
    CHECK_INT(responses_continue(r.json, text("{\"previous_response_id\":\"resp_1\",\"model\":\"m2\",\"input\":[{\"role\":\"user\",\"content\":\"and?\"}],\"stream\":true}"),
                  buf_span(&first), &r.arena, &second), E_OK);
    CHECK_SPAN(buf_span(&second), SPAN("{\"model\":\"m2\",\"stream\":true,\"input\":[" HI ",{\"id\":\"msg_9\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[]},"
        "{\"role\":\"user\",\"content\":\"and?\"}]}"));
    /* and on: the whole conversation is what the next state holds */
    buf_clear(&first);
    CHECK_INT(responses_remember(r.json, buf_span(&second), text(RESPONSE), &r.arena, &first), E_OK);
    CHECK_SPAN(buf_span(&first), SPAN(KEPT(HI ",{\"id\":\"msg_9\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[]},{\"role\":\"user\",\"content\":\"and?\"}")));
    /* instructions are those of the new call only */
    buf_clear(&second);
    CHECK_INT(responses_continue(r.json, text("{\"model\":\"m\",\"instructions\":\"new\",\"input\":\"x\",\"previous_response_id\":\"resp_1\"}"), buf_span(&first), &r.arena,
                  &second), E_OK);
    CHECK(span_starts(buf_span(&second), SPAN("{\"model\":\"m\",\"instructions\":\"new\",\"input\":[")));
    CHECK_INT(responses_rig_read(&r, buf_span(&second)), E_OK);
    CHECK(r.call.turns->role == ROLE_SYSTEM && !r.call.previous.at && !r.call.rest);
    end();
}

TEST(a_written_answer_is_understood_when_it_comes_back)
{
    begin();
    CHECK_INT(responses_rig_read_answer(&r, responses_rig_file(&r, "answer_parts.json")), E_OK);
    struct span response = responses_rig_write_answer(&r, &r.answer);
    CHECK_SPAN(responses_id(r.json, response, &r.arena), SPAN("resp_tg_1"));
    CHECK_INT(responses_remember(r.json, text("{\"input\":\"hi\"}"), response, &r.arena, &first), E_OK);
    CHECK_INT(responses_continue(r.json, text("{\"model\":\"m\",\"input\":[{\"type\":\"function_call_output\",\"call_id\":\"call_9\",\"output\":\"4\"}]}"), buf_span(&first), &r.arena,
                  &second), E_OK);
    CHECK_INT(responses_rig_read(&r, buf_span(&second)), E_OK);
    CHECK(!r.call.rest); /* ids, status, annotations and all are no strangers */
    const struct turn *t = r.call.turns;
    CHECK(t->role == ROLE_USER && t->next->role == ROLE_ASSISTANT && t->next->next->role == ROLE_USER && !t->next->next->next);
    CHECK_SPAN(call_function_of(&r.call, t->next->next->parts->id), SPAN("\"f\""));
    CHECK(t->next->parts->kind == PART_THINKING && t->next->parts->signature.at);
    end();
}

TEST(what_is_kept_is_shown)
{
    begin();
    struct span kept = text(KEPT("{\"role\":\"user\",\"content\":\"one\"},{\"role\":\"assistant\",\"content\":\"two\"},{\"id\":\"fc_1\",\"type\":\"function_call\"}"));
    struct responses_page page = { 0 };
    CHECK_INT(responses_retrieve(r.json, kept, &r.arena, &first), E_OK);
    CHECK_SPAN(buf_span(&first), SPAN(RESPONSE));
    buf_clear(&first);
    responses_deleted(SPAN("resp_1"), &first);
    CHECK_SPAN(buf_span(&first), SPAN("{\"id\":\"resp_1\",\"object\":\"response\",\"deleted\":true}"));
    buf_clear(&first);
    CHECK_INT(responses_input_items(r.json, kept, &page, &r.arena, &first), E_OK);
    static const char want[] = "{\"object\":\"list\",\"data\":[{\"id\":\"fc_1\",\"type\":\"function_call\"},"
        "{\"id\":\"msg_X\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"two\"}]},"
        "{\"id\":\"msg_X\",\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"one\"}]}],\"first_id\":\"fc_1\",\"last_id\":\"msg_X\",\"has_more\":false}";
    struct span got = buf_span(&first);
    for (size_t at = 0, w = 0; w < sizeof(want) - 1; at++, w++) { /* ids that were made up count 24 letters */
        if (want[w] == 'X')
            at += 23;
        else if (at >= got.len || got.at[at] != want[w]) {
            test_fail(__FILE__, __LINE__, "got %.*s", SPAN_ARG(got));
            break;
        }
    }
    end();
}

TEST(pages_of_input)
{
    begin();
    struct span kept = text(KEPT("{\"id\":\"a\"},{\"id\":\"b\"},{\"id\":\"c\"},{\"id\":\"d\"}"));
    struct responses_page page = { .limit = 2, .oldest_first = true };
    CHECK_INT(responses_input_items(r.json, kept, &page, &r.arena, &first), E_OK);
    CHECK(span_ends(buf_span(&first), SPAN("\"first_id\":\"a\",\"last_id\":\"b\",\"has_more\":true}")));
    page.after = SPAN("b");
    buf_clear(&first);
    CHECK_INT(responses_input_items(r.json, kept, &page, &r.arena, &first), E_OK);
    CHECK(span_ends(buf_span(&first), SPAN("\"first_id\":\"c\",\"last_id\":\"d\",\"has_more\":false}")));
    page = (struct responses_page){ .limit = 3, .after = SPAN("a") };
    buf_clear(&first);
    CHECK_INT(responses_input_items(r.json, kept, &page, &r.arena, &first), E_OK);
    CHECK_SPAN(buf_span(&first), SPAN("{\"object\":\"list\",\"data\":[],\"first_id\":null,\"last_id\":null,\"has_more\":false}"));
    end();
}

TEST(what_is_no_state)
{
    static const char *const states[] = { "", "{}", "[]", "{\"input\":[]}", "{\"input\":{},\"response\":{}}", "{\"input\":[],\"response\":[]}" };
    struct responses_page page = { 0 };
    begin();
    for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++) {
        CHECK_INT(responses_continue(r.json, text("{\"input\":\"a\"}"), text(states[i]), &r.arena, &first), E_NOT_FOUND);
        CHECK_INT(responses_retrieve(r.json, text(states[i]), &r.arena, &first), E_NOT_FOUND);
        CHECK_INT(responses_input_items(r.json, text(states[i]), &page, &r.arena, &first), E_NOT_FOUND);
    }
    CHECK_INT(first.len, 0);
    CHECK_INT(responses_remember(r.json, text("{\"input\":\"a\"}"), text("{\"error\":{}}"), &r.arena, &first), E_BAD_REQUEST);
    CHECK_INT(responses_remember(r.json, text("nonsense"), text(RESPONSE), &r.arena, &first), E_BAD_REQUEST);
    CHECK(responses_continue(r.json, text("nonsense"), text(KEPT("")), &r.arena, &first) != E_OK);
    end();
}

TEST(a_state_has_a_ceiling)
{
    begin();
    char *body = arena_take(&r.arena, RESPONSES_STATE_MOST + 1024);
    CHECK(body);
    memset(body, 'x', RESPONSES_STATE_MOST);
    memcpy(body, "{\"input\":\"", 10);
    memcpy(body + RESPONSES_STATE_MOST - 16, "\"}", 2);
    struct span full = span_make(body, RESPONSES_STATE_MOST - 14);
    CHECK_INT(responses_remember(r.json, full, text(RESPONSE), &r.arena, &first), E_TOO_LARGE);
    end();
}
