/* SPDX-License-Identifier: Apache-2.0
 * anthropic_model.c - what a Claude takes, by its name: what Anthropic's migration guides say of each version, up to 5.5.
 *
 * Names hold the version behind the family ("claude-sonnet-4-6", "us.anthropic.claude-opus-4-5-20251101-v1:0") or before it
 * ("claude-3-7-sonnet-20250219"). A date is no version. A Claude newer than those known is taken to be like the newest. */
#include "dialect/anthropic_int.h"

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* The number at *i, of one or two digits; -1: there is none, or it is a date. */
static int number_at(struct span name, size_t *i)
{
    size_t at = *i;
    int n = 0;
    while (at < name.len && is_digit(name.at[at]) && at - *i < 3)
        n = n * 10 + (name.at[at++] - '0');
    if (at == *i || at - *i > 2)
        return -1;
    *i = at;
    return n;
}

/* 46 for 4.6. The minor number follows after a dash or a dot. */
static int version_of(struct span name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!is_digit(name.at[i]) || (i && name.at[i - 1] != '-'))
            continue;
        int major = number_at(name, &i), minor = -1;
        if (major < 0)
            return 0;
        if (i + 1 < name.len && (name.at[i] == '-' || name.at[i] == '.'))
            minor = (i++, number_at(name, &i));
        return major * 10 + (minor > 0 && minor < 10 ? minor : 0);
    }
    return 0;
}

static bool has(struct span name, struct span family) { return span_find(name, family) >= 0; }

static const char *quiet_of(struct span name, int version)
{
    if (version < 50)
        return "";
    if (version >= 55 && has(name, SPAN("sonnet")))
        return "between_tools";
    return version >= 55 && !has(name, SPAN("haiku")) ? NULL : "disabled";
}

struct claude claude_of(struct span model)
{
    ptrdiff_t at = span_find(model, SPAN("claude-"));
    struct span name = at < 0 ? SPAN_NONE : span_from(model, (size_t)at + 7);
    bool always = has(name, SPAN("mythos")) || has(name, SPAN("fable")); /* they think whatever is said */
    int version = version_of(name);
    if (always && version < 50)
        version = 50;
    return (struct claude){
        .version = version,
        .adaptive = version >= 46,
        .budget = version <= 46,
        .effort_xhigh = version >= 47,
        .effort_max = version >= 46,
        .samples = version < 47,
        .samples_once = version >= 41,
        .forced_tools = version < (always ? 51 : 55),
        .schemas = version == 0 || version >= 41,
        .quiet = always ? NULL : quiet_of(name, version),
    };
}
