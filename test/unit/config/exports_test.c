/* SPDX-License-Identifier: Apache-2.0
 * exports_test.c - where rows go by themselves, from the file and by the API; what is wrong is told by its field; no secret is shown. */
#include "test/unit/config/conf.h"

static const struct export_rule *rule(struct conf *r, const char *name)
{
    static const struct export_rule none;
    const struct settings *s = &r->snapshot->settings;
    for (size_t i = 0; i < s->export_count; i++)
        if (span_is(s->exports[i].name, span_of(name)))
            return &s->exports[i];
    test_fail(__FILE__, __LINE__, "no export %s", name);
    return &none;
}

TEST(exports_of_the_file)
{
    struct conf r;
    conf_open(&r, "export_dirs: [/srv/out]\n"
                  "exports:\n"
                  "  files: { kind: file, dir: /srv/out/a, format: csv, rotate_every: 1h, keep_bytes: 1GiB, start: 2026-11-01 }\n"
                  "  lake: { kind: s3, bucket: my-rows, region: eu-central-1, prefix: a/b/, key_id: AKIA1, secret: lake-secret }\n"
                  "  hook: { kind: webhook, url: 'https://x.example/in', secret: hook-secret, format: jsonl, rows: [call], vendors: [stripe, 'open*'], verdicts: denied }\n"
                  "  traces: { kind: otlp, url: 'http://127.0.0.1:4318/v1/traces', every: 2s, batch_rows: 9 }\n"
                  "  lf: { kind: langfuse, url: 'https://lf.example/', public_key: pk-1, secret: sk-1, paused: true, alarm_after: 0s }\n");
    CHECK_INT(r.snapshot->settings.export_count, 5);
    const struct export_rule *e = rule(&r, "files");
    CHECK(e->kind == EXPORT_FILE && e->format == EXPORT_CSV && e->rows == 15 && e->start == EXPORT_FROM_TIME && e->rotate_ms == 3600000 && e->keep_bytes == 1 << 30);
    CHECK_SPAN(e->dir, SPAN("/srv/out/a"));
    CHECK_SPAN(e->root, SPAN("/srv/out"));
    e = rule(&r, "lake");
    CHECK(e->kind == EXPORT_S3 && e->gzip && !e->path_style);
    CHECK_SPAN(e->url, SPAN("https://s3.eu-central-1.amazonaws.com"));
    CHECK_SPAN(e->prefix, SPAN("a/b"));
    e = rule(&r, "hook");
    CHECK(e->format == EXPORT_JSONL && e->rows == 1 && e->vendor_count == 2 && e->verdict_count == 1);
    CHECK_SPAN(e->secret, SPAN("hook-secret"));
    e = rule(&r, "traces");
    CHECK(e->rows == 3 && e->every_ms == 2000 && e->batch_rows == 9 && !e->secret.at && e->alarm_ms == 15 * 60 * 1000);
    e = rule(&r, "lf");
    CHECK(e->paused && e->alarm_ms == 0);
    CHECK_SPAN(e->url, SPAN("https://lf.example/api/public/otel/v1/traces"));
    for (size_t i = 0; i < 5; i++) {
        const struct export_rule *one = &r.snapshot->settings.exports[i];
        const char *from = r.snapshot->secrets.at;
        CHECK(!one->secret.at || (one->secret.at >= from && one->secret.at < from + r.snapshot->secrets.size));
        struct span shown = conf_show(&r, "export", arena_copy(&r.arena, one->name).at);
        CHECK(shown.at && !conf_has(shown, "-secret\"") && !conf_has(shown, "sk-1") && !conf_has(shown, "sealed"));
    }
    conf_close(&r);
}

TEST(mistakes_in_exports)
{
    static const struct {
        const char *entry, *field, *part;
    } mistakes[] = {
        { "{ }", "exports.a.kind", "is required; allowed: file, s3, webhook, otlp, langfuse" },
        { "{ kind: tape }", "exports.a.kind", "file, s3, webhook, otlp, langfuse" },
        { "{ kind: file, urll: x }", "exports.a.urll", "did you mean \"url\"" },
        { "{ kind: file, secret: abcdefgh }", "exports.a.secret", "does not belong to an export of kind file" },
        { "{ kind: file, dir: a/../b }", "exports.a.dir", "found \"a/../b\"" },
        { "{ kind: file, dir: /etc }", "exports.a.dir", "export_dirs" },
        { "{ kind: file, format: json }", "exports.a.format", "jsonl, csv" },
        { "{ kind: file, format: csv, proof: true }", "exports.a.proof", "leave it out" },
        { "{ kind: file, rotate_bytes: 1 }", "exports.a.rotate_bytes", "1KiB to 4GiB" },
        { "{ kind: file, keep_files: 0 }", "exports.a.keep_files", "from 1" },
        { "{ kind: file, every: 1ms }", "exports.a.every", "100ms to 1d" },
        { "{ kind: file, rows: [calls] }", "exports.a.rows", "found \"calls\"; allowed: call, settlement, change, event" },
        { "{ kind: file, vendors: [] }", "exports.a.vendors", "or left out for all" },
        { "{ kind: s3, bucket: b_x, region: r, key_id: k, secret: abcdefgh }", "exports.a.bucket", "3 to 63" },
        { "{ kind: s3, bucket: bbb, key_id: k, secret: abcdefgh }", "exports.a.region", "is required" },
        { "{ kind: s3, bucket: bbb, region: r, secret: abcdefgh }", "exports.a.key_id", "is required" },
        { "{ kind: s3, bucket: bbb, region: r, key_id: k }", "exports.a.secret", "is required" },
        { "{ kind: s3, bucket: bbb, region: r, key_id: k, secret: abcdefgh, prefix: ../x }", "exports.a.prefix", "A-Z a-z" },
        { "{ kind: s3, bucket: bbb, region: r, key_id: k, secret: abcdefgh, endpoint: 'https://h/x' }", "exports.a.endpoint", "without a path" },
        { "{ kind: webhook, url: 'http://h.example', secret: abcdefgh }", "exports.a.url", "plain: true" },
        { "{ kind: webhook, url: nowhere, secret: abcdefgh }", "exports.a.url", "is no address" },
        { "{ kind: webhook, url: 'https://h.example', secret: short }", "exports.a.secret", "not shown here" },
        { "{ kind: otlp }", "exports.a.url", "is required" },
        { "{ kind: otlp, url: 'https://h.example', header: 'a b' }", "exports.a.header", "x-api-key" },
        { "{ kind: langfuse, url: 'https://h.example', secret: s }", "exports.a.public_key", "is required" },
    };
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(*mistakes); i++) {
        struct conf r;
        conf_open(&r, "");
        const char *yaml = arena_print(&r.arena, "exports: { a: %s }\n", mistakes[i].entry).at;
        CHECK_INT(conf_load(&r, yaml), E_CONFIG);
        if (!span_is(span_of(r.trouble.field), span_of(mistakes[i].field)) || !conf_has(span_of(r.trouble.text), mistakes[i].part))
            test_fail(__FILE__, __LINE__, "%s: %s", mistakes[i].entry, r.trouble.text);
        CHECK(!conf_has(span_of(r.trouble.text), "abcdefgh"));
        conf_close(&r);
    }
}

/* Whoever may change an export may not have the gate send its secret elsewhere. */
TEST(an_exports_secret_goes_to_its_address_only)
{
    struct conf r;
    struct config_changed out;
    conf_open(&r, "");
    CHECK_INT(conf_apply(&r, "export", NULL, "{\"name\":\"hook\",\"kind\":\"webhook\",\"url\":\"https://a.example/x\",\"secret\":\"first-secret\"}", false, &out), E_OK);
    CHECK(conf_has(out.stored, "\"sealed\"") && !conf_has(out.stored, "first-secret"));
    CHECK_SPAN(rule(&r, "hook")->secret, SPAN("first-secret"));
    CHECK_INT(conf_apply(&r, "export", "hook", "{\"every\":\"1s\"}", true, &out), E_OK);
    CHECK_SPAN(rule(&r, "hook")->secret, SPAN("first-secret"));
    CHECK_INT(conf_apply(&r, "export", "hook", "{\"url\":\"https://evil.example/x\"}", true, &out), E_CONFIG);
    CHECK(conf_has(span_of(r.trouble.text), "bound to its kind and address"));
    CHECK_INT(conf_apply(&r, "export", "hook", "{\"url\":\"https://b.example/x\",\"secret\":\"other-secret\"}", true, &out), E_OK);
    CHECK_SPAN(rule(&r, "hook")->secret, SPAN("other-secret"));
    CHECK_INT(conf_apply(&r, "export", "hook", NULL, false, &out), E_OK);
    CHECK_INT(r.snapshot->settings.export_count, 0);
    conf_close(&r);
}
