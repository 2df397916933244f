/* SPDX-License-Identifier: Apache-2.0
 * schema_suite_test.c - the standard's own test suite (test/data/json-schema, see the notice there), draft 2020-12: what is not refused when
 * it is read is judged as the standard says; what is refused is on a list. */
#include "guard/schema.h"

#include <dirent.h>
#include <stdlib.h>

#include "test/test.h"

static const char *const folder = "test/data/json-schema";

static struct {
    int right, wrong, refused;
} score;

static struct span read_whole(struct arena *a, const char *name)
{
    char path[300];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    char *text = arena_take(a, 1u << 20);
    size_t n = f && text ? fread(text, 1, 1u << 20, f) : 0;
    if (f)
        fclose(f);
    return span_make(text, n);
}

/* What is refused needs one of these. */
static bool may_be_refused(struct span schema)
{
    static const char *const words[] = { "\"$id\"", "\"$ref\": \"http", "\"$ref\":\"http", "unevaluated", "$dynamicRef", "json#", "\"$ref\":\"node\"", "/draft" };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (span_find(schema, span_of(words[i])) >= 0)
            return true;
    return false;
}

static void run_case(struct arena *a, const char *file, struct json_value group)
{
    struct buf schema_text, data;
    struct node *node;
    struct trouble t = { .set = false };
    const struct schema *schema;
    struct span name;
    struct json_value test, value;
    struct json *other = json_new();
    const char *why;
    buf_init(&schema_text, 1u << 20);
    buf_init(&data, 1u << 20);
    json_print(json_member(group, SPAN("schema")), &schema_text);
    struct span text = arena_copy(a, buf_span(&schema_text));
    bool read = node_read_json(a, "", text, &node, &t) == E_OK && schema_read(a, node, "schema", &schema, &t);
    if (!read && !may_be_refused(text))
        test_fail(__FILE__, __LINE__, "%s: %.*s: refused: %s", file, SPAN_ARG(json_string(json_member(group, SPAN("description")))), t.text);
    score.refused += !read;
    struct json_iter it = json_iter(json_member(group, SPAN("tests")));
    while (read && json_next(&it, &name, &test)) {
        bool want = false;
        const char *error = NULL;
        struct effort e = effort_new(text.len);
        buf_clear(&data);
        json_print(json_member(test, SPAN("data")), &data);
        CHECK_INT(json_parse(other, buf_span(&data), true, &value, &why), E_OK);
        CHECK(json_bool(json_member(test, SPAN("valid")), &want));
        bool got = schema_holds(schema, value, &e, a, &error);
        if (got == want && !error) {
            score.right++;
            continue;
        }
        score.wrong++;
        test_fail(__FILE__, __LINE__, "%s: %.*s: %.*s: got %d, want %d, %s", file, SPAN_ARG(json_string(json_member(group, SPAN("description")))),
            SPAN_ARG(json_string(json_member(test, SPAN("description")))), got, want, error ? error : "no error");
    }
    json_free(other);
    buf_free(&schema_text);
    buf_free(&data);
}

static void run_file(const char *name)
{
    struct arena a;
    struct json *j = json_new();
    struct json_value root, group;
    struct span ignored;
    const char *why;
    arena_init(&a, 512u << 20);
    if (json_parse(j, read_whole(&a, name), false, &root, &why) != E_OK) {
        test_fail(__FILE__, __LINE__, "%s: %s", name, why);
    } else {
        for (struct json_iter it = json_iter(root); json_next(&it, &ignored, &group);)
            run_case(&a, name, group);
    }
    json_free(j);
    arena_free(&a);
}

TEST(the_standards_own_suite)
{
    DIR *d = opendir(folder);
    CHECK(d != NULL);
    for (struct dirent *e; d && (e = readdir(d));)
        if (strstr(e->d_name, ".json"))
            run_file(e->d_name);
    if (d)
        closedir(d);
    CHECK(score.right > 900);
    CHECK_INT(score.wrong, 0);
    if (getenv("SHOW"))
        printf("right %d, wrong %d, schemas refused %d\n", score.right, score.wrong, score.refused);
}
