/* SPDX-License-Identifier: Apache-2.0
 * mail_header.c - header fields that a caller gives its mails: a name may not be one that says who sends, gets or is told, since
 * recipients are counted and pinned elsewhere; neither name nor value may start another line. */
#include "vendor/mail.h"

enum { NAME_MOST = 100 };

static bool is_name_byte(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static bool is_reserved(struct span name)
{
    static const char *const names[] = { "to", "cc", "bcc", "from", "sender", "reply-to", "return-path", "errors-to",
        "return-receipt-to", "disposition-notification-to", "apparently-to", "mime-version", "dkim-signature" };
    static const char *const starts[] = { "resent-", "content-", "arc-" };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (span_is_nocase(name, span_of(names[i])))
            return true;
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        struct span start = span_of(starts[i]);
        if (name.len >= start.len && span_is_nocase(span_first(name, start.len), start))
            return true;
    }
    return false;
}

static bool name_fits(struct span name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!is_name_byte(name.at[i]))
            return false;
    return name.len > 0 && name.len <= NAME_MOST && !is_reserved(name);
}

bool mail_line(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (((unsigned char)text.at[i] < 0x20 && text.at[i] != '\t') || text.at[i] == 0x7f)
            return false;
    return text.at != NULL;
}

/* An object of names and texts. */
static bool headers_fit(struct json_value v, struct span *wrong)
{
    struct span name;
    struct json_value item;
    *wrong = SPAN_NONE;
    if (json_kind(v) == JSON_NONE || json_kind(v) == JSON_NULL)
        return true;
    if (json_kind(v) != JSON_OBJECT)
        return false;
    for (struct json_iter it = json_iter(v); json_next(&it, &name, &item);) {
        *wrong = name;
        if (!name_fits(name) || !mail_line(json_string(item)))
            return false;
    }
    return true;
}

bool mail_headers_fit(struct json_value v, const struct step *steps, size_t count, struct span *wrong)
{
    struct span name;
    struct json_value item;
    if (count == 0)
        return headers_fit(v, wrong);
    if (steps->kind == STEP_NAME)
        return mail_headers_fit(json_member(v, steps->name), steps + 1, count - 1, wrong);
    if (json_kind(v) != JSON_ARRAY)
        return true;
    for (struct json_iter it = json_iter(v); json_next(&it, &name, &item);)
        if (!mail_headers_fit(item, steps + 1, count - 1, wrong))
            return false;
    return true;
}
