/* SPDX-License-Identifier: Apache-2.0
 * tokens_class.c - see tokens_class.h. */
#include "rules/tokens_class.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/embed.h"

enum { RUNS_BEYOND = 64 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint8_t *table;
static struct {
    uint32_t end; /* the first character behind it */
    uint8_t class;
} beyond[RUNS_BEYOND];
static size_t beyond_count;

/* A run of characters of one class: how many there are in seven bits a byte, the lowest first, and their class. */
static bool next_run(struct span *rest, uint32_t *length, uint8_t *class)
{
    int shift = 0;
    *length = 0;
    for (; rest->len > 1 && shift < 28; *rest = span_from(*rest, 1), shift += 7) {
        uint8_t byte = (uint8_t)rest->at[0];
        *length |= (uint32_t)(byte & 127) << shift;
        if (byte < 128) {
            *class = (uint8_t)rest->at[1];
            *rest = span_from(*rest, 2);
            return true;
        }
    }
    return false;
}

static void load(void)
{
    struct span rest = embed_find(SPAN("catalog/characters.classes"));
    uint32_t at = 0, length;
    uint8_t class;
    uint8_t *made = calloc(1, CLASS_PLANES);
    while (made && next_run(&rest, &length, &class)) {
        uint32_t below = at < CLASS_PLANES ? CLASS_PLANES - at : 0;
        if (below)
            memset(made + at, class, length < below ? length : below);
        at += length;
        if (at > CLASS_PLANES && beyond_count < RUNS_BEYOND) {
            beyond[beyond_count].end = at;
            beyond[beyond_count++].class = class;
        }
    }
    table = made;
}

const uint8_t *class_table(void)
{
    pthread_once(&once, load);
    return table;
}

enum character_class class_beyond(uint32_t character)
{
    for (size_t i = 0; i < beyond_count; i++)
        if (character < beyond[i].end)
            return (enum character_class)beyond[i].class;
    return CLASS_OTHER;
}
