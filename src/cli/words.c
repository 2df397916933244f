/* SPDX-License-Identifier: Apache-2.0
 * words.c - reads the lines of a verb's usage: which actions there are, and what follows each. */
#include "cli/verb.h"

/* Text beside the command is set off by three blanks. */
static struct span command_of(struct span line)
{
    ptrdiff_t beside;
    line = span_trim(line);
    beside = span_find(line, SPAN("   "));
    return beside < 0 ? line : span_first(line, (size_t)beside);
}

static bool is_all(struct span word, char from, char to, const char *also)
{
    for (size_t i = 0; i < word.len; i++)
        if ((word.at[i] < from || word.at[i] > to) && !strchr(also, word.at[i]))
            return false;
    return word.len > 0;
}

static struct span bare(struct span word)
{
    if (span_starts(word, SPAN("[")))
        word = span_from(word, 1);
    return span_ends(word, SPAN("]")) ? span_first(word, word.len - 1) : word;
}

static bool is_placeholder(struct span word) { return is_all(word, 'A', 'Z', "[]/.|@_") && word.at[0] != '|'; }

/* "verify [FILE] [--key KEY]": what stands before the first option. */
static void read_operands(struct span rest, struct usage_words *out)
{
    struct span word;
    while (span_next(&rest, ' ', &word) && (!word.len || is_placeholder(word)))
        if (word.len && out->operand_count < sizeof(out->operands) / sizeof(*out->operands))
            out->operands[out->operand_count++] = bare(word);
}

/* The n-th action of "show|revoke|delete"; *n counts down. */
static bool pick(struct span actions, size_t *n, struct span *out)
{
    for (actions = bare(actions); span_next(&actions, '|', out);)
        if ((*n)-- == 0)
            return true;
    return false;
}

static bool read_line(const struct verb *v, struct span line, size_t *n, struct usage_words *out)
{
    struct span rest = command_of(line), program, name, word = SPAN_NONE;
    *out = (struct usage_words){ .action = SPAN_NONE };
    if (!span_cut(&rest, ' ', &program) || !span_is(program, SPAN("tollgate")))
        return false;
    if (!span_cut(&rest, ' ', &name))
        name = rest, rest = SPAN("");
    if (!span_is(name, span_of(v->name)))
        return false;
    struct span after = rest;
    out->verb = name;
    if (span_next(&after, ' ', &word) && is_all(word, 'a', 'z', "[]|-_") && word.at[0] != '-' && !span_starts(word, SPAN("[-"))) {
        read_operands(after, out);
        return !span_is(bare(word), SPAN("options")) && pick(word, n, &out->action);
    }
    read_operands(rest, out);
    return (*n)-- == 0;
}

bool usage_form(const struct verb *v, size_t n, struct usage_words *out)
{
    struct span text = span_of(v->usage), line;
    while (span_next(&text, '\n', &line))
        if (read_line(v, line, &n, out))
            return true;
    return false;
}
