/* SPDX-License-Identifier: Apache-2.0
 * log_test.c - a line is one JSON object, whatever is said; checked through a pipe in place of standard error. */
#include "base/log.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/json.h"
#include "test/test.h"

static char text[65536];

/* What standard error gets while `say` runs. */
static struct span caught(void (*say)(void))
{
    int ends[2], old = dup(STDERR_FILENO);
    if (pipe(ends) || dup2(ends[1], STDERR_FILENO) < 0)
        return SPAN_NONE;
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    say();
    dup2(old, STDERR_FILENO);
    ssize_t len = read(ends[0], text, sizeof(text));
    close(ends[0]);
    close(ends[1]);
    close(old);
    return len > 0 ? span_make(text, (size_t)len) : SPAN("");
}

static void say_odd(void) { log_warn("area", "a \"quote\"\n%s\xff", "\x01"); }
static void say_long(void) { log_error("area", "%10000s", "x"); }
static void say_quiet(void) { log_debug("area", "%s", "nobody asked"); }

static void check_line(struct span line, struct json *j, struct json_value *root)
{
    const char *why = "";
    CHECK(line.len && line.at[line.len - 1] == '\n' && span_find_byte(line, '\n') == (ptrdiff_t)line.len - 1);
    CHECK(json_parse(j, line, false, root, &why) == E_OK);
}

TEST(lines_are_json)
{
    struct json *j = json_new();
    struct json_value root;
    check_line(caught(say_odd), j, &root);
    CHECK_SPAN(json_string(json_member(root, SPAN("message"))), SPAN("a \"quote\"\n\x01\xef\xbf\xbd"));
    CHECK_SPAN(json_string(json_member(root, SPAN("level"))), SPAN("warn"));
    check_line(caught(say_long), j, &root);
    CHECK_INT(json_string(json_member(root, SPAN("message"))).len, 4095);
    CHECK_SPAN(caught(say_quiet), SPAN(""));
    json_free(j);
}
