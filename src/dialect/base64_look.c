/* SPDX-License-Identifier: Apache-2.0
 * base64_look.c - see base64_look.h. */
#include "dialect/base64_look.h"

#include "base/text.h"

int base64_byte(struct span text, size_t place)
{
    size_t at = place / 3 * 4 + place % 3;
    int shift = (int)(place % 3) * 2;
    if (at + 1 >= text.len)
        return -1;
    int first = text_base64_value(text.at[at]), second = text_base64_value(text.at[at + 1]);
    if (first < 0 || second < 0)
        return -1;
    return ((first << (2 + shift)) | (second >> (4 - shift))) & 0xff;
}

int64_t base64_number(struct span text, size_t place, int bytes, bool big)
{
    int64_t n = 0;
    for (int i = 0; i < bytes; i++) {
        int byte = base64_byte(text, place + (size_t)(big ? i : bytes - 1 - i));
        if (byte < 0)
            return -1;
        n = n << 8 | byte;
    }
    return n;
}

bool base64_says(struct span text, size_t place, const char *word)
{
    for (; *word; word++, place++)
        if (base64_byte(text, place) != (unsigned char)*word)
            return false;
    return true;
}
