/* SPDX-License-Identifier: Apache-2.0
 * stop.c - `tollgate stop`, `resume` and `stops`: the red button for a run, a key, a vendor, a workspace or everything. */
#include "cli/api.h"

enum { BODY_MOST = 16 * 1024 };

static const char *const subjects[] = { "run", "key", "vendor", "workspace", "link" };

/* The one thing meant; false: none or several. */
static bool put_subject(const struct cli *c, struct json_out *o)
{
    size_t given = option_given(c, "all");
    if (given)
        json_pair_bool(o, SPAN("all"), true);
    for (size_t i = 0; i < sizeof(subjects) / sizeof(*subjects); i++) {
        if (!option_given(c, subjects[i]))
            continue;
        json_pair(o, span_of(subjects[i]), option(c, subjects[i]));
        given++;
    }
    return given == 1;
}

/* "run run_abc", "everything" */
static struct span subject(struct cli *c, struct json_value stop)
{
    struct span kind = api_text(c, stop, "kind"), value = api_text(c, stop, "key_name");
    if (!value.at)
        value = api_text(c, stop, "value");
    return span_is(kind, SPAN("all")) || !value.at ? SPAN("everything") : arena_print(&c->arena, "%.*s %.*s", SPAN_ARG(kind), SPAN_ARG(value));
}

static bool put_options(struct cli *c, struct json_out *o)
{
    struct span length = option(c, "for");
    struct span until = length.at ? option_moment(c, length, true) : SPAN_NONE;
    if (option_given(c, "reason"))
        json_pair(o, SPAN("reason"), option(c, "reason"));
    if (option_given(c, "drain"))
        json_pair(o, SPAN("mode"), SPAN("drain"));
    if (option_given(c, "writes-only"))
        json_pair_bool(o, SPAN("writes_only"), true);
    if (until.at)
        json_pair(o, SPAN("expires_at"), until);
    return !length.at || until.at;
}

static int post(struct cli *c, const char *route, const struct buf *body, struct json_value *root, bool *printed)
{
    struct api_path path;
    api_path(&path, route);
    return api_call(c, "POST", &path, buf_span(body), root, printed);
}

static int say_stopped(struct cli *c, struct json_value root)
{
    struct json_value stop = json_member(root, SPAN("stopped"));
    struct span until = api_time(c, stop, "expires_at");
    bool reads = span_is(api_text(c, stop, "writes_only"), SPAN("yes"));
    printf("%s%.*s is stopped%s%s%.*s: %s forwarded from now on", tint_code(TINT_BOLD, c->colour), SPAN_ARG(subject(c, stop)), tint_code(TINT_NONE, c->colour),
        until.at ? " until " : "", SPAN_ARG(until.at ? until : SPAN("")),
        reads ? "only reads that cost nothing are" : "nothing of it is");
    printf("; %lld under way cut, %lld still running\n", (long long)api_number(root, "cut"), (long long)api_number(root, "in_flight"));
    if (span_is(api_text(c, root, "durable"), SPAN("no")))
        fputs("tollgate: it could not be stored: it would not outlive a restart of the gate\n", stderr);
    return EXIT_DONE;
}

static int run_stop(struct cli *c)
{
    struct buf body;
    struct json_value root;
    bool printed = false;
    int code = EXIT_DONE;
    buf_init(&body, BODY_MOST);
    struct json_out o = json_out(&body);
    json_open(&o, '{');
    if (!put_subject(c, &o))
        code = usage_error(c, "say what: one of --run RUN, --key KEY, --vendor VENDOR, --workspace NAME, --link CALL, --all");
    else if (!put_options(c, &o))
        code = usage_error(c, "--for: found \"%.*s\"; allowed: 30s, 5m, 1h, 7d", SPAN_ARG(option(c, "for")));
    json_close(&o, '}');
    if (code == EXIT_DONE)
        code = post(c, "stop", &body, &root, &printed);
    buf_free(&body);
    return code != EXIT_DONE || printed ? code : say_stopped(c, root);
}

static int run_resume(struct cli *c)
{
    struct buf body;
    struct json_value root, item;
    struct span name;
    bool printed = false;
    int code = EXIT_DONE;
    buf_init(&body, BODY_MOST);
    struct json_out o = json_out(&body);
    json_open(&o, '{');
    if (!put_subject(c, &o))
        code = usage_error(c, "say what: one of --run RUN, --key KEY, --vendor VENDOR, --workspace NAME, --link CALL, --all");
    json_close(&o, '}');
    if (code == EXIT_DONE)
        code = post(c, "resume", &body, &root, &printed);
    buf_free(&body);
    if (code != EXIT_DONE || printed)
        return code;
    for (struct json_iter it = json_iter(json_member(root, SPAN("resumed"))); json_next(&it, &name, &item);)
        printf("%.*s goes on; %lld calls were refused while it was stopped\n", SPAN_ARG(subject(c, item)), (long long)api_number(item, "refused_since"));
    for (struct json_iter it = json_iter(json_member(root, SPAN("remaining"))); json_next(&it, &name, &item);)
        printf("%.*s stays stopped: the gate's operators set that, and lift it\n", SPAN_ARG(subject(c, item)));
    return EXIT_DONE;
}

static const struct column columns[] = { { "STOPPED", ALIGN_LEFT, 48 }, { "SINCE", ALIGN_LEFT, 0 }, { "UNTIL", ALIGN_LEFT, 0 }, { "MODE", ALIGN_LEFT, 0 },
    { "WRITES ONLY", ALIGN_LEFT, 0 }, { "FORWARDED SINCE", ALIGN_RIGHT, 0 }, { "REFUSED SINCE", ALIGN_RIGHT, 0 }, { "REASON", ALIGN_LEFT, 60 } };

static int run_stops(struct cli *c)
{
    struct api_path path;
    struct json_value root, item;
    struct table t;
    struct span name;
    bool printed;
    api_path(&path, "stops");
    int code = api_call(c, "GET", &path, SPAN_NONE, &root, &printed);
    if (code != EXIT_DONE || printed)
        return code;
    table_init(&t, &c->arena, columns, sizeof(columns) / sizeof(*columns), c->colour);
    for (struct json_iter it = json_iter(json_member(root, SPAN("data"))); json_next(&it, &name, &item);) {
        table_row(&t);
        table_put_tinted(&t, subject(c, item), TINT_RED);
        table_put(&t, api_time(c, item, "created_at"));
        table_put(&t, api_time(c, item, "expires_at"));
        table_put(&t, api_text(c, item, "mode"));
        table_put(&t, api_text(c, item, "writes_only"));
        table_put(&t, api_text(c, item, "forwarded_since"));
        table_put(&t, api_text(c, item, "refused_since"));
        table_put(&t, api_text(c, item, "reason"));
    }
    return api_show(c, &t, "nothing is stopped");
}

static const struct flag flags[] = {
    { "run", "RUN", "everything with this run id", false },
    { "key", "KEY", "this key (name or id)", false },
    { "vendor", "VENDOR", "everything to this vendor", false },
    { "workspace", "NAME", "everything of this workspace", false },
    { "link", "CALL", "the links to results of this call", false },
    { "all", NULL, "everything", false },
    { "reason", "TEXT", "why: callers are told", false },
    { "drain", NULL, "let calls under way end (else streams are cut)", false },
    { "writes-only", NULL, "let calls pass that only read and cost nothing", false },
    { "for", "TIME", "lift it by itself after 30s, 5m, 1h, ...", false },
    { NULL, NULL, NULL, false },
};

static const struct flag resume_flags[] = {
    { "run", "RUN", "this run", false },
    { "key", "KEY", "this key (name or id)", false },
    { "vendor", "VENDOR", "this vendor", false },
    { "workspace", "NAME", "this workspace", false },
    { "link", "CALL", "the links to results of this call", false },
    { "all", NULL, "lifts `stop --all` (stops of single runs, keys, ... stay)", false },
    { NULL, NULL, NULL, false },
};

const struct verb verb_stop = {
    .name = "stop",
    .summary = "stop a run, a key, a vendor, a workspace or everything, now",
    .usage = "  tollgate stop --run RUN --reason TEXT\n  tollgate stop --all --writes-only --for 1h\n",
    .flags = flags,
    .run = run_stop,
};

const struct verb verb_resume = {
    .name = "resume",
    .summary = "lift a stop",
    .usage = "  tollgate resume --run RUN\n",
    .flags = resume_flags,
    .run = run_resume,
};

const struct verb verb_stops = {
    .name = "stops",
    .summary = "stops in force, and what was refused since",
    .usage = "  tollgate stops\n",
    .watch = "*",
    .run = run_stops,
};
