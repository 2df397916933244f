/* SPDX-License-Identifier: Apache-2.0
 * token.c - 32 base62 characters carry 190 random bits; six more carry the 32 bits of a CRC. */
#include "rules/token.h"

#include <zlib.h>

#include "base/text.h"

enum { PREFIX = 3, RANDOM = 32, CHECK = 6, BASE = 62 };

static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static bool letter_or_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static void write_check(const char *token, unsigned len, char out[CHECK])
{
    unsigned long sum = crc32(0, (const unsigned char *)token, len);
    for (int i = CHECK - 1; i >= 0; i--, sum /= BASE)
        out[i] = alphabet[sum % BASE];
}

/* How many of the random characters there are then. 248 is the largest multiple of 62 in a byte; what lies above would
 * favour the first letters. */
static size_t put_characters(char *out, size_t made, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count && made < RANDOM; i++)
        if (bytes[i] < 248)
            out[PREFIX + made++] = alphabet[bytes[i] % BASE];
    return made;
}

static void put_frame(char out[TOKEN_LEN + 1])
{
    memcpy(out, "tg_", PREFIX);
    write_check(out, PREFIX + RANDOM, out + PREFIX + RANDOM);
    out[TOKEN_LEN] = '\0';
}

void token_make(char out[TOKEN_LEN + 1])
{
    uint8_t bytes[64];
    for (size_t made = 0; made < RANDOM;) {
        random_fill(bytes, sizeof(bytes));
        made = put_characters(out, made, bytes, sizeof(bytes));
    }
    secret_wipe(bytes, sizeof(bytes));
    put_frame(out);
}

void token_derive(const struct digest *seed, char out[TOKEN_LEN + 1])
{
    char number = 0;
    for (size_t made = 0; made < RANDOM; number++) {
        struct digest block = digest_hmac(span_make((const char *)seed->bytes, DIGEST_LEN), span_make(&number, 1));
        made = put_characters(out, made, block.bytes, DIGEST_LEN);
        secret_wipe(&block, sizeof(block));
    }
    put_frame(out);
}

/* A token that was written one place further on gets the other beginning, and the checksum of it. */
static void frame_admin(char out[ADMIN_TOKEN_LEN + 1])
{
    memcpy(out, "tga_", PREFIX + 1);
    write_check(out, PREFIX + 1 + RANDOM, out + PREFIX + 1 + RANDOM);
}

void token_make_admin(char out[ADMIN_TOKEN_LEN + 1])
{
    token_make(out + 1);
    frame_admin(out);
}

void token_derive_admin(const struct digest *seed, char out[ADMIN_TOKEN_LEN + 1])
{
    token_derive(seed, out + 1);
    frame_admin(out);
}

bool token_is_ours(struct span text)
{
    if (text.len != TOKEN_LEN || !span_starts(text, SPAN("tg_")))
        return false;
    for (size_t i = PREFIX; i < text.len; i++)
        if (!letter_or_digit(text.at[i]))
            return false;
    return true;
}

bool token_checksum_fits(struct span text)
{
    char check[CHECK];
    if (!token_is_ours(text))
        return false;
    write_check(text.at, PREFIX + RANDOM, check);
    return span_is(span_make(check, CHECK), span_from(text, PREFIX + RANDOM));
}

bool token_form_ok(struct span text)
{
    return text.len >= TOKEN_SHORTEST && text.len <= TOKEN_LONGEST && text_is_printable(text);
}

struct span token_mask(struct span text, char out[24])
{
    size_t head = 7, tail = 4, len = 0;
    if (!token_is_ours(text)) {
        tail = token_form_ok(text) ? text.len / 8 : 0;
        tail = tail > 4 ? 4 : tail;
        head = tail;
    }
    memcpy(out, text.at ? text.at : "", head);
    len += head;
    memcpy(out + len, "...", 3);
    len += 3;
    memcpy(out + len, text.at ? text.at + text.len - tail : "", tail);
    len += tail;
    out[len] = '\0';
    return span_make(out, len);
}

void token_split_run(struct span text, struct span *key, struct span *run)
{
    struct span head, rest = text;
    *key = text;
    *run = SPAN_NONE;
    if (!span_cut(&rest, '.', &head) || !token_form_ok(head) || !run_id_ok(rest))
        return;
    *key = head;
    *run = rest;
}

bool run_id_ok(struct span run)
{
    if (!run.len || run.len > RUN_LONGEST)
        return false;
    for (size_t i = 0; i < run.len; i++)
        if (!letter_or_digit(run.at[i]) && !memchr("_-:./@", run.at[i], 6))
            return false;
    return true;
}
