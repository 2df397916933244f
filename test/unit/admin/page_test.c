/* SPDX-License-Identifier: Apache-2.0
 * page_test.c - the dashboard's files: open to all since they hold no data, strict in what they may load, and cheap to ask for again. */
#include "base/embed.h"
#include "test/unit/admin/scene.h"

static int ask(struct scene *s, const char *path, const char *name, struct span value)
{
    struct http_field field = { span_of(name), value };
    struct span url = arena_print(&s->arena, "http://%.*s%s", SPAN_ARG(admin_address(s->admin)), path);
    CHECK(fetch(&s->arena, SPAN("GET"), url, &field, name ? 1 : 0, SPAN_NONE, &s->last) == E_OK);
    return s->last.status;
}

/* The path of the embedded script, "/assets/index-1a2b.js". */
static const char *script_path(struct scene *s)
{
    struct span name, content;
    for (size_t at = 0; embed_next(&at, &name, &content);)
        if (span_starts(name, SPAN("ui/dist/assets/")) && span_ends(name, SPAN(".js")))
            return arena_print(&s->arena, "%.*s", SPAN_ARG(span_from(name, 7))).at;
    return "/no/script";
}

TEST(the_page_needs_no_token_and_allows_itself_nothing)
{
    struct scene s;
    scene_open(&s);
    CHECK_INT(ask(&s, "/", NULL, SPAN_NONE), 200);
    CHECK_SPAN(scene_field(&s, "content-type"), SPAN("text/html; charset=utf-8"));
    CHECK_SPAN(scene_field(&s, "cache-control"), SPAN("no-cache"));
    CHECK_SPAN(scene_field(&s, "x-frame-options"), SPAN("DENY"));
    struct span policy = scene_field(&s, "content-security-policy");
    CHECK(span_find(policy, SPAN("default-src 'none'")) >= 0 && span_find(policy, SPAN("unsafe")) < 0);
    CHECK(scene_says(&s, "<div id=\"app\">") && !scene_says(&s, "style=\"") && !scene_says(&s, "<script>"));
    scene_close(&s);
}

TEST(a_page_that_is_known_is_not_sent_again)
{
    struct scene s;
    scene_open(&s);
    CHECK_INT(ask(&s, "/", NULL, SPAN_NONE), 200);
    struct span tag = arena_copy(&s.arena, scene_field(&s, "etag"));
    CHECK(tag.len > 2);
    CHECK_INT(ask(&s, "/", "if-none-match", tag), 304);
    CHECK_INT(s.last.body.len, 0);
    CHECK_INT(ask(&s, "/", "if-none-match", SPAN("\"another\"")), 200);
    scene_close(&s);
}

TEST(scripts_are_kept_and_come_packed)
{
    struct scene s;
    scene_open(&s);
    const char *path = script_path(&s);
    CHECK_INT(ask(&s, path, NULL, SPAN_NONE), 200);
    size_t plain = s.last.body.len;
    CHECK_SPAN(scene_field(&s, "content-type"), SPAN("text/javascript; charset=utf-8"));
    CHECK_SPAN(scene_field(&s, "cache-control"), SPAN("public, max-age=31536000, immutable"));
    CHECK(!scene_field(&s, "content-encoding").at);
    struct span tag = arena_copy(&s.arena, scene_field(&s, "etag"));
    CHECK_INT(ask(&s, path, "accept-encoding", SPAN("br, gzip;q=0.8")), 200);
    CHECK_SPAN(scene_field(&s, "content-encoding"), SPAN("gzip"));
    CHECK_SPAN(scene_field(&s, "vary"), SPAN("accept-encoding"));
    CHECK(s.last.body.len < plain / 2 && (uint8_t)s.last.body.at[0] == 0x1f);
    CHECK(!span_is(scene_field(&s, "etag"), tag));
    CHECK_INT(ask(&s, "/assets/none.js", NULL, SPAN_NONE), 401);
    scene_close(&s);
}
