/* SPDX-License-Identifier: Apache-2.0
 * main.c - plays seeds: `sim [count] [first seed]`. After every event: settled + reserved <= limit on every account, and
 * what the vendor took is covered. At the end: every call one row, every hold ended once, every connection closed. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "config/config.h"
#include "test/sim/sim.h"

static const char configuration[] =
    "vendors:\n"
    "  stripe: { base_url: \"http://127.0.0.1:1\" }\n"
    "  openai: { base_url: \"http://127.0.0.1:1\" }\n"
    "  anthropic: { base_url: \"http://127.0.0.1:1\", on_client_gone: drain, drain: 500ms }\n"
    "  gemini: { base_url: \"http://127.0.0.1:1\" }\n"
    "  groq: { base_url: \"http://127.0.0.1:1\", on_client_gone: drain, drain: 2s }\n"
    "  bedrock: { base_url: \"http://127.0.0.1:1\", auth: bearer, on_client_gone: drain, drain: 1s }\n"
    "  shop:\n" /* objects are read first, prices come later, a person is asked */
    "    manifest:\n"
    "      vendor: shop\n"
    "      base_url: http://127.0.0.1:1\n"
    "      key_in: bearer\n"
    "      send: bearer\n"
    "      object_id: answer.id\n"
    "      objects: { sale: { id: path.sale, read: \"GET /sales/{id}\", lasting: [customer], remember: 1m } }\n"
    "      scopes: { customer: { from: [object.sale.customer], must_show: always } }\n"
    "      operations:\n"
    "        sales.retrieve: { call: \"GET /sales/{sale}\", objects: {} , unscoped: true }\n"
    "        sales.note: \"POST /sales/{sale}/note\"\n"
    "        returns.create: { call: \"POST /sales/{sale}/return\", reserve: { usd: object.sale.left }, settle: { usd: answer.amount } }\n"
    "        texts.create: { call: \"POST /texts\", unscoped: true, reserve: { usd: \"0.5\" }, late: { ask: \"GET /texts/{object}\", until: present(answer.price), settle: { usd: answer.price }, after: [1s, 5s], patience: 30s } }\n"
    "        texts.retrieve: { call: \"GET /texts/{text}\", unscoped: true }\n"
    "        numbers.look_up: { call: \"GET /numbers/{number}\", unscoped: true, reserve: { usd: \"0.25\" } }\n" /* a read that is billed */
    "credentials:\n"
    "  s: { vendor: stripe, secret: sk_test_1 }\n"
    "  o: { vendor: openai, secret: sk-2 }\n"
    "  h: { vendor: shop, secret: shop_secret }\n"
    "  a: { vendor: anthropic, secret: sk-ant-3 }\n"
    "  g: { vendor: gemini, secret: AIza4 }\n"
    "  q: { vendor: groq, secret: gsk_5 }\n"
    "  b: { vendor: bedrock, secret: bedrock-6 }\n"
    "  o2: { vendor: openai, secret: sk-7 }\n"
    "  a2: { vendor: anthropic, secret: sk-ant-8 }\n"
    "routes:\n"
    "  steady:\n"
    "    models: [anything, \"any-*\"]\n"
    "    strategy: { mode: fallback }\n"
    "    retry: { attempts: 1, base: 100 }\n"
    "    targets: [ { provider: openai, model: gpt-4o-mini }, { provider: anthropic, model: claude-sonnet-4-6 }, { provider: groq, model: llama-3.3-70b-versatile } ]\n"
    "  hedged:\n"
    "    deadline: 3s\n"
    "    strategy: { mode: race, stagger: 50 }\n"
    "    targets: [ { provider: gemini, model: gemini-2.5-flash }, { provider: openai, model: gpt-4o-mini }, { provider: bedrock, model: \"amazon.nova-pro-v1:0\" } ]\n"
    "policies:\n"
    "  p: { allow: [\"stripe.charges.create\", \"stripe.customers.*\", \"openai.*\", \"shop.*\", \"anthropic.*\", \"gemini.*\", \"groq.*\", \"bedrock.*\"], scopes: { shop.customer: [cus_A] } }\n"
    "keys:\n"
    "  - name: agent\n"
    "    token: tg_sim_key_0000000000\n"
    "    credentials: [s, o, h, a, g, q, b, o2, a2]\n"
    "    policy: p\n"
    "    budgets:\n"
    "      - { limit: 2 usd, window: day, vendor: openai }\n"
    "      - { limit: 5 usd, window: day }\n"
    "      - { limit: 3 usd, window: run }\n"
    "      - { limit: 4 usd, window: day, vendor: stripe }\n"
    "      - { limit: 100000 tokens, window: day }\n"
    "      - { limit: 4 requests, window: minute }\n"
    "      - { limit: 3 calls, window: total }\n";

enum { TICKS_MAX = 20000 };

uint32_t sim_roll(struct sim *s, uint32_t sides)
{
    s->dice ^= s->dice << 13;
    s->dice ^= s->dice >> 7;
    s->dice ^= s->dice << 17;
    return sides ? (uint32_t)((s->dice >> 16) % sides) : 0;
}

void sim_wrong(struct sim *s, const char *what)
{
    if (!s->wrong)
        s->wrong = what;
}

static void check_account(void *self, struct span account, const struct ledger_balance *b, int64_t resets_at)
{
    (void)resets_at;
    const struct sim *s = self;
    const struct sim_account *known = s->written != s->looked_at ? map_get(&s->accounts, account) : NULL;
    if (s->written != s->looked_at && b->settled > 0 && (!known || b->settled > known->settled + known->held))
        sim_wrong(self, "what was spent would be forgotten at a restart");
    if (b->settled + b->reserved > b->limit || b->settled < 0 || b->reserved < 0 || b->doubt > b->reserved)
        sim_wrong(self, "an account is past its limit, or below zero");
}

static void check_books(void *self, struct span account, const struct ledger_balance *b, int64_t ends_at)
{
    struct sim *s = self;
    const struct sim_account none = { 0, 0, 0 }, *rows = map_get(&s->accounts, account);
    (void)ends_at;
    rows = rows ? rows : &none;
    if (b->settled != rows->settled || b->doubt != rows->doubt || b->reserved != rows->doubt)
        sim_wrong(s, "the ledger and the rows do not say the same of an account");
}

static void begin_call(struct sim *s, struct sim_call *c)
{
    c->begun = true;
    sim_ask(c);
    exchange_begin(&c->x, &s->desk, c, &c->head, SPAN("127.0.0.1"), NULL);
    exchange_run(&c->x);
}

/* A model's answer without its caller is read on only where the operator says so, and only for as long: then it is run again. */
static void check_gone(struct sim *s, const struct sim_call *c)
{
    if (!c->gone_ms || c->over || !is_llm(&c->x) || c->x.stage != ATTEMPT)
        return;
    const struct upstream *u = c->x.deciding.upstream;
    const struct sim_line *l = c->routed ? c->x.answering.call : c->l;
    int64_t until = c->gone_ms + u->drain_ms;
    if (u->when_gone != GONE_DRAIN || !l || !l->was_sent)
        sim_wrong(s, "a model's answer is read on without its caller");
    else if (s->now_ms > until)
        sim_wrong(s, "an answer is read on without its caller for longer than was said");
    else if (c->news_ms < s->now_ms || c->news_ms > until + 1)
        sim_wrong(s, "nothing will end an answer that is read on without its caller");
    s->drained++;
}

static void one_event(struct sim *s)
{
    uint32_t seat = sim_roll(s, (uint32_t)s->count + SIM_SEATS - SIM_CALLS);
    struct sim_call *c = &s->calls[seat < s->count ? seat : seat - s->count + SIM_CALLS];
    s->now_ms += sim_roll(s, 50);
    if (sim_chance(s, 5))
        doubts_tick(s->doubts, s->now_ms);
    if (s->look_count && sim_chance(s, 2)) {
        s->look_count--;
        repeats_found(s->desk.repeats, &s->looks[s->look_count], FOUND_NOTHING_KEPT, 0, NULL, SPAN_NONE);
    }
    if (!c->sim || (!c->begun && c->first))
        return;
    if (!c->begun) {
        if (sim_chance(s, s->haste))
            begin_call(s, c);
    } else if (!c->over && !c->hung_up && !c->replied && sim_chance(s, 2)) {
        c->hung_up = true;
        c->gone_ms = s->now_ms;
        exchange_hang_up(&c->x);
    } else if (!c->over && sim_chance(s, 1)) {
        exchange_cancel(&c->x, E_UPSTREAM_TIMEOUT, SPAN("the call took too long"));
    } else if (!c->over) {
        exchange_run(&c->x);
    }
    check_gone(s, c);
}

static void stop_everything(struct sim *s)
{
    s->desk.stops = s->all_stopped;
    s->stopped = true;
    for (size_t i = 0; i < s->count; i++)
        if (s->calls[i].begun && !s->calls[i].over && sim_chance(s, 50))
            exchange_cancel(&s->calls[i].x, E_STOPPED, SPAN("an operator stopped everything"));
}

static void check_end(struct sim *s, struct sim_call *c)
{
    if (!c->over)
        sim_wrong(s, "a call never ended");
    if (c->rows != 1)
        sim_wrong(s, "a call without exactly one row");
    if (c->l->open)
        sim_wrong(s, "a connection was left open");
    if (!c->hung_up && !c->replied)
        sim_wrong(s, "a caller was left without an answer");
    if (c->x.charging.hold.open)
        sim_wrong(s, "a hold was left open");
    if (c->told_late && c->row_cost != c->l->charged - c->l->cheaper)
        sim_wrong(s, "a price that came later was not booked");
    if (!c->routed && !c->l->was_sent && !c->doubted && c->row_cost != 0)
        sim_wrong(s, "a call that was never sent cost something");
    if (c->verdict == VERDICT_ALLOWED && c->l->stream_unfinished && c->l->head_given)
        sim_wrong(s, "a stream that ended in the middle was passed off as whole");
    if (!c->routed && c->x.fault != E_CLIENT_GONE && c->l->was_sent && c->l->request_whole && !c->l->head_given && !c->hung_up && (c->x.facts.writes || c->x.facts.moves_money || is_llm(&c->x)) &&
        c->verdict != VERDICT_IN_DOUBT && c->x.answering.lost)
        sim_wrong(s, "a connection was lost after sending, and nobody doubts it");
    if ((c->verdict == VERDICT_IN_DOUBT) != c->doubted)
        sim_wrong(s, "a row in doubt that nobody looks into, or a doubt without one");
    if (c->x.repeating.claimed)
        sim_wrong(s, "those who wait for this call were never told of its end");
    if (c->verdict == VERDICT_ALLOWED && !c->l->was_sent && !c->x.repeating.of && !c->of_state)
        sim_wrong(s, "a call was told to be allowed that never went out");
    if (c->routed)
        sim_check_routed_end(c);
    if (c->unsayable && !c->l->was_sent && (c->holds || c->x.charging.reserved) && c->status == 400)
        sim_wrong(s, "a call that was refused for what it says has held something");
    sim_check_told(c);
}

static void check_money(struct sim *s)
{
    nano_usd charges = s->charged_again, booked = 0;
    for (size_t i = 0; i < s->count; i++) {
        const struct sim_call *c = &s->calls[i];
        for (const struct sim_line *l = c->routed ? c->last : c->l; l && !is_llm(&c->x) && c->x.facts.moves_money; l = l->before)
            charges += l->request_whole ? l->charged - l->cheaper : 0;
        if (!is_llm(&c->x) && c->x.facts.moves_money)
            booked += c->row_cost + c->row_doubt;
    }
    if (charges > booked)
        sim_wrong(s, "the vendor took more than the rows say");
    if (charges > 5 * NANO_PER_USD)
        sim_wrong(s, "the vendors took more than the budget");
}

/* A second asking leaves its seat. */
static void clear_seats(struct sim *s)
{
    for (size_t i = SIM_CALLS; i < SIM_SEATS; i++) {
        struct sim_call *c = &s->calls[i];
        if (!c->begun || !c->over)
            continue;
        if (c->rows || c->l->open || c->x.charging.hold.open)
            sim_wrong(s, "a second asking left a row, a connection or a hold");
        s->charged_again += c->l->charged;
        exchange_free(&c->x);
        memset(c, 0, sizeof(*c));
    }
}

static bool all_over(const struct sim *s)
{
    for (size_t i = 0; i < SIM_SEATS; i++)
        if (i < s->count ? !s->calls[i].over : s->calls[i].begun)
            return false;
    return true;
}

static void tally(struct sim *s, const struct sim_call *c)
{
    s->verdicts[c->verdict]++;
    s->forwarded += c->l->was_sent;
    s->hung_up += c->hung_up;
    s->cut += c->cut;
    s->read_first += c->x.consulting.count;
    s->told_late += c->told_late;
    s->routed += c->routed;
    s->attempts += c->opened;
    s->turned += c->opened > 1;
    s->kept_on += c->goes_on && c->l->was_sent && c->said != c->l->heard;
    s->repeated += c->x.repeating.of != 0 && c->verdict == VERDICT_ALLOWED;
}

static void set_up_calls(struct sim *s)
{
    memset(s->calls, 0, sizeof(s->calls));
    s->line_count = SIM_SEATS;
    for (size_t i = 0; i < s->count; i++) {
        struct sim_call *c = &s->calls[i];
        c->sim = s;
        c->l = sim_first_line(s, c);
        c->number = (unsigned)i + 1;
        buf_init(&c->told, SIM_TOLD);
    }
}

/* The store of this world has kept nothing; sometimes it takes its time to say so. */
static void look(void *self, const struct digest *once)
{
    struct sim *s = self;
    if (s->look_count < SIM_LOOKS && sim_chance(s, 20))
        s->looks[s->look_count++] = *once;
    else
        repeats_found(s->desk.repeats, once, FOUND_NOTHING_KEPT, 0, NULL, SPAN_NONE);
}

static void news(void *self, uint64_t workers)
{
    if (workers != 1) /* there is one, of number 0 */
        sim_wrong(self, "news for a worker that is none");
}

static const char *play(struct sim *s, uint64_t seed)
{
    s->seed = seed;
    s->dice = seed * UINT64_C(0x9e3779b97f4a7c15) + 0x1234567;
    s->count = 1 + sim_roll(s, SIM_CALLS);
    s->now_ms = INT64_C(1790000000000) + sim_roll(s, 1000);
    s->talks = sim_chance(s, 10);
    s->routes = sim_chance(s, 70);
    s->haste = s->talks || sim_chance(s, 50) ? 3 : 100;
    s->stopped = false;
    s->wrong = NULL;
    s->desk.stops = s->no_stops;
    call_ids_init(&s->desk.ids, 1, 0); /* by which routes are drawn, too */
    s->desk.ledger = s->ledger = ledger_new();
    s->desk.repeats = repeats_new(&(struct repeats_hooks){ .self = s, .look = look, .news = news });
    s->desk.approvals = approvals_new();
    s->desk.made = made_new();
    s->desk.remembered = remembered_new();
    s->desk.health = health_new(NULL);
    s->key_count = s->kept_count = s->look_count = 0;
    arena_init(&s->arena, 1 << 20);
    s->accounts = (struct map){ NULL, 0, 0 };
    s->written = s->looked_at = 0;
    s->charged_again = 0;
    s->doubts = doubts_new(&s->desk, sim_ask_again, s);
    set_up_calls(s);
    uint32_t linger = sim_roll(s, 200); /* for doubts, when all callers are gone */
    uint32_t stop_at = sim_chance(s, 15) ? sim_roll(s, 60) : UINT32_MAX;
    for (uint32_t tick = 0; tick < TICKS_MAX && (!all_over(s) || (doubts_count(s->doubts) && linger)); tick++) {
        if (tick == stop_at)
            stop_everything(s);
        if (all_over(s)) {
            linger--;
            s->now_ms += sim_roll(s, 20000);
        }
        one_event(s);
        clear_seats(s);
        ledger_each(s->ledger, check_account, s);
        s->looked_at = s->written;
    }
    check_money(s);
    ledger_each(s->ledger, check_books, s);
    for (size_t i = 0; i < s->count; i++) {
        check_end(s, &s->calls[i]);
        tally(s, &s->calls[i]);
        buf_free(&s->calls[i].told);
        exchange_free(&s->calls[i].x);
    }
    map_free(&s->accounts);
    arena_free(&s->arena);
    doubts_free(s->doubts);
    repeats_free(s->desk.repeats);
    approvals_free(s->desk.approvals);
    made_free(s->desk.made);
    remembered_free(s->desk.remembered);
    health_free(s->desk.health);
    ledger_free(s->ledger);
    return s->wrong;
}

static bool set_up(struct sim *s)
{
    static const uint8_t master[32] = { 1 };
    struct trouble t = { .set = false };
    struct config_input in = { .file = SPAN("sim.yaml"), .text = span_of(configuration), .data_dir = SPAN("/nonexistent"), .master_key = master };
    struct stop_text all = { SPAN("all"), SPAN("{\"kind\":\"all\",\"reason\":\"the simulation\"}") };
    if (config_load(&in, &s->snapshot, &t) != E_OK) {
        printf("the configuration is not valid: %s\n", t.text);
        return false;
    }
    s->no_stops = stop_set_new(NULL, 0, NULL);
    s->all_stopped = stop_set_new(&all, 1, NULL);
    sim_world(&s->world, s);
    s->desk = (struct desk){ .world = &s->world, .snapshot = s->snapshot, .json = json_new() };
    s->json = json_new();
    buf_init(&s->desk.scratch, 1 << 24);
    s->desk.brakes = brakes_new();
    call_ids_init(&s->desk.ids, 1, 0);
    return s->no_stops && s->all_stopped && s->desk.brakes;
}

static void take_down(struct sim *s)
{
    stop_set_drop(s->no_stops);
    stop_set_drop(s->all_stopped);
    buf_free(&s->desk.scratch);
    json_free(s->desk.json);
    json_free(s->json);
    brakes_free(s->desk.brakes);
    veils_free(&s->desk.veils);
    snapshot_drop(s->snapshot);
    free(s);
}

int main(int argc, char **argv)
{
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000, first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1, failed = 0;
    struct sim *s = calloc(1, sizeof(*s));
    if (!s || !set_up(s))
        return 2;
    log_level_set(LOG_ERROR);
    time_t began = time(NULL);
    for (uint64_t seed = first; seed < first + count && failed < 20; seed++) {
        const char *wrong = play(s, seed);
        if (wrong) {
            failed++;
            printf("seed %llu: %s\n", (unsigned long long)seed, wrong);
        }
        if ((seed - first + 1) % 50000 == 0)
            fprintf(stderr, "sim: %llu of %llu seeds, %lld s\n", (unsigned long long)(seed - first + 1), (unsigned long long)count, (long long)(time(NULL) - began));
    }
    printf("calls: %llu allowed, %llu denied, %llu errors, %llu in doubt; %llu forwarded, %llu hung up, %llu replies cut, %llu given again, %llu asked again, %llu of them settled; %llu objects read first, %llu prices told later\n",
        (unsigned long long)s->verdicts[0], (unsigned long long)s->verdicts[1], (unsigned long long)s->verdicts[2], (unsigned long long)s->verdicts[3],
        (unsigned long long)s->forwarded, (unsigned long long)s->hung_up, (unsigned long long)s->cut, (unsigned long long)s->repeated,
        (unsigned long long)s->asked_again, (unsigned long long)s->settled, (unsigned long long)s->read_first, (unsigned long long)s->told_late);
    printf("models: %llu calls translated; %llu streams, %llu ended cleanly, %llu with an error; %llu exact costs, %llu estimates; %llu went on with an earlier answer; %llu events without a caller\n",
        (unsigned long long)s->translated, (unsigned long long)s->streams, (unsigned long long)s->clean_ends, (unsigned long long)s->error_ends,
        (unsigned long long)s->exact, (unsigned long long)s->estimated, (unsigned long long)s->kept_on, (unsigned long long)s->drained);
    printf("routes: %llu calls, %llu attempts, %llu calls went on to another; %llu shadows\n", (unsigned long long)s->routed, (unsigned long long)s->attempts, (unsigned long long)s->turned, (unsigned long long)s->mirrored);
    take_down(s);
    printf("%llu seeds\n%llu passed, %llu failed\n", (unsigned long long)count, (unsigned long long)(count - failed), (unsigned long long)failed);
    return failed ? 1 : 0;
}
