/* SPDX-License-Identifier: Apache-2.0
 * semantic.c - the semantic cache's index by itself: building it, its memory, looking up, and how much it finds of what looking at all finds.
 *
 *   semantic [vectors [dimensions [asks]]]    prints one JSON object
 *
 * Vectors stand in clusters, as texts do; a question is a vector that is there with a little noise, so that its nearest is about 0.97 away
 * in cosine, as a question in other words is. */
#include "cache/similar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CLUSTER = 50 };

static uint64_t state = 88172645463325252u;
static float dice(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (float)(state >> 40) / (float)(1 << 24) - 0.5f;
}

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double resident_mib(void)
{
    long pages = 0, all = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%ld %ld", &all, &pages) != 2)
        pages = 0;
    if (f)
        (void)fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

static struct digest named(uint32_t n)
{
    struct digest d = { { 0 } };
    memcpy(d.bytes, &n, sizeof(n));
    return d;
}

static void noisy(const float *of, size_t n, float far, float *v)
{
    for (size_t i = 0; i < n; i++)
        v[i] = (of ? of[i] : 0) + far * dice();
}

static int by_time(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static uint32_t exact(const int16_t *all, size_t count, size_t n, const int16_t *v)
{
    uint32_t best = 0;
    int32_t most = INT32_MIN;
    for (uint32_t i = 0; i < count; i++) {
        int32_t dot = unit_dot(all + (size_t)i * n, v, n);
        if (dot > most) {
            most = dot;
            best = i;
        }
    }
    return best;
}

int main(int argc, char **argv)
{
    size_t count = argc > 1 ? (size_t)atol(argv[1]) : 100000, n = argc > 2 ? (size_t)atol(argv[2]) : 1536, asks = argc > 3 ? (size_t)atol(argv[3]) : 2000;
    const struct similar_limits limits = { .entries = (int64_t)count, .bytes = INT64_C(8) << 30 };
    struct digest seal = { { 1 } }, group = { { 2 } };
    struct similar *s;
    char why[256];
    int16_t *all = malloc(count * n * sizeof(*all)), *u = malloc(n * sizeof(*u));
    float *middle = calloc(n, sizeof(*middle)), *v = malloc(n * sizeof(*v));
    double *took = malloc(asks * sizeof(*took));
    if (!all || !u || !middle || !v || !took || similar_open(SPAN_NONE, &seal, &limits, &s, why) != E_OK)
        return 1;
    for (size_t i = 0; i < count; i++) {
        if (i % CLUSTER == 0)
            noisy(NULL, n, 1, middle);
        noisy(middle, n, 0.7f, v);
        (void)unit_of(v, n, all + i * n);
    }
    double before = resident_mib(), began = now();
    for (size_t i = 0; i < count; i++) {
        struct digest name = named((uint32_t)i);
        if (similar_add(s, &group, &name, all + i * n, n, INT64_MAX) != E_OK)
            return 1;
    }
    double added = now() - began;
    while (similar_state(s).unbuilt > 0)
        usleep(20000);
    double built = now() - began, memory = resident_mib() - before, longest = 0;
    size_t right = 0;
    double by_hand = 0;
    for (size_t i = 0; i < asks; i++) {
        struct similar_found f = { .score_ppm = 0 };
        size_t of = (size_t)((dice() + 0.5f) * (float)(count - 1));
        for (size_t k = 0; k < n; k++)
            v[k] = (float)all[of * n + k] + 0.25f * (float)UNIT_SCALE / 39.2f * 3.46f * dice();
        (void)unit_of(v, n, u);
        double start = now();
        bool hit = similar_nearest(s, &group, u, n, 0, 0, &f);
        took[i] = now() - start;
        longest = took[i] > longest ? took[i] : longest;
        if (i % 20)
            continue;
        start = now();
        struct digest best = named(exact(all, count, n, u));
        by_hand += now() - start;
        right += hit && !memcmp(best.bytes, f.name.bytes, sizeof(best.bytes));
    }
    size_t checked = (asks + 19) / 20;
    qsort(took, asks, sizeof(*took), by_time);
    struct similar_state end = similar_state(s);
    printf("{\"entries\":%zu,\"dimensions\":%zu,\"add_s\":%.2f,\"build_s\":%.1f,\"memory_mib\":%.0f,\"graphs\":%lld,\"asks\":%zu,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"most_ms\":%.3f,"
           "\"exact_ms\":%.1f,\"recall_percent\":%.1f,\"checked\":%zu}\n",
        count, n, added, built, memory, (long long)end.graphs, asks, took[asks / 2] * 1e3, took[asks * 99 / 100] * 1e3, longest * 1e3, by_hand / (double)checked * 1e3,
        100.0 * (double)right / (double)checked, checked);
    similar_close(s);
    free(all), free(u), free(middle), free(v), free(took);
    return 0;
}
