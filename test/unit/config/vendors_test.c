/* SPDX-License-Identifier: Apache-2.0
 * vendors_test.c - manifests from a folder: found, checked, in place of built-in ones. */
#include "test/unit/config/conf.h"

#include <stdlib.h>
#include <unistd.h>

struct folder {
    char path[64], yaml[128];
    char files[4][128];
    size_t count;
};

static void open_folder(struct folder *f)
{
    *f = (struct folder){ .count = 0 };
    snprintf(f->path, sizeof(f->path), "/tmp/tollgate-test-XXXXXX");
    must(mkdtemp(f->path));
    snprintf(f->yaml, sizeof(f->yaml), "vendors_dir: %s\n", f->path);
}

static void put(struct folder *f, const char *name, const char *vendor, const char *base_url)
{
    must(f->count < 4);
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", f->path, name);
    memcpy(f->files[f->count++], path, sizeof(path));
    FILE *out = fopen(path, "w");
    must(out);
    fprintf(out, "vendor: %s\nbase_url: %s\nkey_in: bearer\nsend: bearer\noperations:\n  t.c: POST /t\n", vendor, base_url);
    fclose(out);
}

static void close_folder(struct folder *f)
{
    for (size_t i = 0; i < f->count; i++)
        unlink(f->files[i]);
    rmdir(f->path);
}

TEST(a_folder_of_manifests_adds_and_replaces_vendors)
{
    struct folder f;
    struct conf r;
    open_folder(&f);
    put(&f, "mine.yaml", "mine", "https://mine.example");
    put(&f, "stripe.yaml", "stripe", "https://stripe.example");
    put(&f, "notes.txt", "ignored", "https://x");
    conf_open(&r, f.yaml);
    CHECK_SPAN(snapshot_upstream(r.snapshot, SPAN("mine"))->origins[0].host, SPAN("mine.example"));
    CHECK_SPAN(snapshot_upstream(r.snapshot, SPAN("stripe"))->origins[0].host, SPAN("stripe.example"));
    CHECK(!snapshot_upstream(r.snapshot, SPAN("ignored")));
    conf_close(&r);
    close_folder(&f);
}

TEST(mistakes_in_a_folder_name_the_file)
{
    struct folder f;
    struct conf r;
    char place[160];
    open_folder(&f);
    conf_open(&r, "");
    put(&f, "a.yaml", "mine", "https://mine.example");
    put(&f, "b.yaml", "mine", "https://mine.example");
    CHECK_INT(conf_load(&r, f.yaml), E_CONFIG);
    CHECK(conf_has(span_of(r.trouble.text), "one manifest a vendor") && conf_has(span_of(r.trouble.text), "/a.yaml"));
    unlink(f.files[1]);
    put(&f, "c.yaml", "other", "nowhere");
    CHECK_INT(conf_load(&r, f.yaml), E_CONFIG);
    snprintf(place, sizeof(place), "%s:2: base_url: ", f.files[2]);
    CHECK(span_starts(span_of(r.trouble.text), span_of(place)));
    conf_close(&r);
    close_folder(&f);
}
