/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/similar.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test/test.h"

enum { N = 48, FOR_EVER = 1 << 30 };

static const struct similar_limits usual = { .entries = 100000, .bytes = 256 << 20 };
static const struct digest key = { { 7 } };

static uint64_t dice_state = 88172645463325252u;
static double dice(void)
{
    dice_state ^= dice_state << 13;
    dice_state ^= dice_state >> 7;
    dice_state ^= dice_state << 17;
    return (double)(dice_state >> 11) / (double)(UINT64_C(1) << 53);
}

static float bell(void) { return (float)(dice() + dice() + dice() + dice() - 2); }

static void any_vector(float *v)
{
    for (size_t i = 0; i < N; i++)
        v[i] = bell();
}

static void near_vector(const float *of, float far, float *v)
{
    for (size_t i = 0; i < N; i++)
        v[i] = of[i] + far * bell();
}

static struct digest named(unsigned group, unsigned number)
{
    struct digest d = { { 0 } };
    memcpy(d.bytes, &number, sizeof(number));
    memcpy(d.bytes + 16, &group, sizeof(group));
    return d;
}

static unsigned number_of(const struct digest *d)
{
    unsigned number;
    memcpy(&number, d->bytes, sizeof(number));
    return number;
}

static struct similar *opened(const struct similar_limits *limits)
{
    struct similar *s = NULL;
    char why[256];
    CHECK(similar_open(SPAN_NONE, &key, limits, &s, why) == E_OK);
    return s;
}

static void add(struct similar *s, unsigned group, unsigned number, const float *v)
{
    int16_t u[N];
    struct digest g = named(group, 0), name = named(group, number);
    CHECK(unit_of(v, N, u));
    CHECK(similar_add(s, &g, &name, u, N, FOR_EVER) == E_OK);
}

/* -1: none */
static int found(struct similar *s, unsigned group, const float *v, int64_t least_ppm, int64_t *score)
{
    int16_t u[N];
    struct similar_found f;
    struct digest g = named(group, 0);
    CHECK(unit_of(v, N, u));
    if (!similar_nearest(s, &g, u, N, least_ppm, 0, &f))
        return -1;
    if (score)
        *score = f.score_ppm;
    return (int)number_of(&f.name);
}

static void wait_until_built(struct similar *s)
{
    for (int i = 0; i < 60 * 100 && similar_state(s).unbuilt > 0; i++)
        usleep(10000);
    CHECK_INT(similar_state(s).unbuilt, 0);
}

static float *many(size_t count, size_t clusters)
{
    float *list = calloc(count * N, sizeof(*list)), middle[N];
    for (size_t i = 0; i < count; i++) {
        if (!clusters) {
            any_vector(list + i * N);
            continue;
        }
        if (i % (count / clusters) == 0)
            any_vector(middle);
        near_vector(middle, 0.4f, list + i * N);
    }
    return list;
}

static size_t nearest_by_hand(const float *list, size_t count, const float *v)
{
    int16_t u[N], w[N];
    size_t best = 0;
    int32_t most = INT32_MIN;
    (void)unit_of(v, N, u);
    for (size_t i = 0; i < count; i++) {
        (void)unit_of(list + i * N, N, w);
        int32_t dot = unit_dot(u, w, N);
        if (dot > most) {
            most = dot;
            best = i;
        }
    }
    return best;
}

/* How many of `asks` questions, each near a vector that is there, find what looking at all finds; in percent. */
static double recall_of(struct similar *s, const float *list, size_t count, int asks, float far)
{
    int right = 0;
    float v[N];
    for (int i = 0; i < asks; i++) {
        near_vector(list + (size_t)(dice() * (double)count) * N, far, v);
        right += found(s, 1, v, -1000000, NULL) == (int)nearest_by_hand(list, count, v);
    }
    return 100.0 * right / asks;
}

TEST(a_cosine_in_sixteen_bits_is_right_to_a_few_hundred_thousandths)
{
    for (int round = 0; round < 200; round++) {
        float a[N], b[N];
        int16_t u[N], w[N];
        double dot = 0, aa = 0, bb = 0;
        any_vector(a);
        near_vector(a, (float)dice() * 2, b);
        CHECK(unit_of(a, N, u) && unit_of(b, N, w));
        for (size_t i = 0; i < N; i++) {
            dot += (double)a[i] * (double)b[i];
            aa += (double)a[i] * (double)a[i];
            bb += (double)b[i] * (double)b[i];
        }
        CHECK(fabs((double)unit_cosine_ppm(u, w, N) - dot / sqrt(aa * bb) * 1e6) < 100);
        CHECK_INT(unit_cosine_ppm(u, u, N), 1000000);
    }
}

TEST(what_has_no_direction_is_refused)
{
    float zeros[4] = { 0 }, odd[4] = { 1, NAN, 0, 0 }, endless[4] = { INFINITY, 0, 0, 0 }, tiny[4] = { 1e-30f, 0, 0, 0 };
    int16_t u[4];
    CHECK(!unit_of(zeros, 4, u));
    CHECK(!unit_of(odd, 4, u));
    CHECK(!unit_of(endless, 4, u));
    CHECK(unit_of(tiny, 4, u) && u[0] == UNIT_SCALE);
}

TEST(the_longest_and_most_opposite_vectors_do_not_overflow)
{
    static int16_t a[UNIT_MOST], b[UNIT_MOST];
    static float v[UNIT_MOST];
    for (size_t i = 0; i < UNIT_MOST; i++)
        v[i] = 1;
    CHECK(unit_of(v, UNIT_MOST, a));
    v[0] = -1e9f;
    CHECK(unit_of(v, UNIT_MOST, b));
    CHECK_INT(b[0], -UNIT_SCALE);
    CHECK_INT(unit_cosine_ppm(b, b, UNIT_MOST), 1000000);
    CHECK_INT(unit_cosine_ppm(a, a, UNIT_MOST), 1000000);
    for (size_t i = 0; i < UNIT_MOST; i++)
        v[i] = -1;
    CHECK(unit_of(v, UNIT_MOST, b));
    CHECK_INT(unit_cosine_ppm(a, b, UNIT_MOST), -1000000);
}

TEST(few_vectors_are_found_exactly)
{
    enum { COUNT = 900 };
    struct similar *s = opened(&usual);
    float *list = many(COUNT, 0);
    for (unsigned i = 0; i < COUNT; i++)
        add(s, 1, i, list + i * N);
    CHECK(similar_state(s).graphs == 0);
    CHECK(recall_of(s, list, COUNT, 300, 2) == 100.0);
    similar_close(s);
    free(list);
}

static void check_recall(size_t clusters, double near_least, double far_least)
{
    enum { COUNT = 6000 };
    struct similar *s = opened(&usual);
    float *list = many(COUNT, clusters);
    for (unsigned i = 0; i < COUNT; i++)
        add(s, 1, i, list + i * N);
    wait_until_built(s);
    CHECK(similar_state(s).graphs >= 1 && similar_state(s).graphs <= 4);
    double near = recall_of(s, list, COUNT, 500, 0.1f), far = recall_of(s, list, COUNT, 500, 1);
    if (near < near_least || far < far_least)
        test_fail(__FILE__, __LINE__, "recall: %.1f %% near, %.1f %% far", near, far);
    similar_close(s);
    free(list);
}

TEST(many_vectors_are_found_as_by_looking_at_all_random) { check_recall(0, 99.5, 97); }
TEST(many_vectors_are_found_as_by_looking_at_all_in_clusters) { check_recall(60, 99.5, 97); }

TEST(below_the_threshold_there_is_nothing)
{
    struct similar *s = opened(&usual);
    float a[N] = { 3, 4 }, b[N] = { 4, 3 };
    int64_t score = 0;
    add(s, 1, 5, a);
    CHECK_INT(found(s, 1, b, 960000, &score), 5);
    CHECK_INT(score, 960000);
    CHECK_INT(found(s, 1, b, 960001, NULL), -1);
    CHECK_INT(found(s, 1, a, 1000000, &score), 5);
    CHECK_INT(score, 1000000);
    similar_close(s);
}

TEST(groups_never_mix)
{
    struct similar *s = opened(&usual);
    float v[N];
    int16_t u[N];
    struct similar_found f;
    struct digest g = named(1, 0);
    any_vector(v);
    add(s, 1, 10, v);
    CHECK_INT(found(s, 2, v, 0, NULL), -1);
    add(s, 2, 20, v);
    CHECK_INT(found(s, 1, v, 0, NULL), 10);
    CHECK_INT(found(s, 2, v, 0, NULL), 20);
    CHECK(unit_of(v, N - 1, u)); /* another number of dimensions */
    CHECK(!similar_nearest(s, &g, u, N - 1, -1000000, 0, &f));
    similar_close(s);
}

TEST(a_name_has_one_vector)
{
    struct similar *s = opened(&usual);
    float a[N] = { 1 }, b[N] = { 0, 1 };
    add(s, 1, 5, a);
    add(s, 1, 5, b);
    CHECK_INT(similar_state(s).entries, 1);
    CHECK_INT(found(s, 1, a, 500000, NULL), -1);
    CHECK_INT(found(s, 1, b, 500000, NULL), 5);
    similar_close(s);
}

TEST(what_expired_is_not_found)
{
    struct similar *s = opened(&usual);
    float a[N] = { 1 };
    int16_t u[N];
    struct similar_found f;
    struct digest g = named(1, 0), name = named(1, 5);
    CHECK(unit_of(a, N, u));
    CHECK(similar_add(s, &g, &name, u, N, 1000) == E_OK);
    CHECK(similar_nearest(s, &g, u, N, 0, 999, &f));
    CHECK(!similar_nearest(s, &g, u, N, 0, 1000, &f));
    similar_close(s);
}

TEST(dimensions_out_of_bounds_are_refused)
{
    static int16_t u[UNIT_MOST + 1];
    struct similar *s = opened(&usual);
    struct digest g = named(1, 0);
    CHECK(similar_add(s, &g, &g, u, UNIT_MOST + 1, FOR_EVER) == E_BAD_REQUEST);
    CHECK(similar_add(s, &g, &g, u, 1, FOR_EVER) == E_BAD_REQUEST);
    similar_close(s);
}

TEST(removed_ones_are_gone_from_graphs_too_and_the_rest_is_still_found)
{
    enum { COUNT = 5000 };
    struct similar *s = opened(&usual);
    float *list = many(COUNT, 50);
    for (unsigned i = 0; i < COUNT; i++)
        add(s, 1, i, list + i * N);
    wait_until_built(s);
    for (unsigned i = 0; i < COUNT; i++) {
        struct digest name = named(1, i);
        if (i % 4)
            similar_remove(s, &name);
    }
    CHECK_INT(similar_state(s).entries, COUNT / 4);
    int right = 0;
    for (unsigned i = 0; i < COUNT; i++) {
        int got = found(s, 1, list + i * N, -1000000, NULL);
        CHECK(got >= 0 && got % 4 == 0);
        right += i % 4 == 0 && got == (int)i;
    }
    CHECK(right >= COUNT / 4 * 98 / 100);
    for (unsigned i = 0; i < COUNT; i += 4) {
        struct digest name = named(1, i);
        similar_remove(s, &name);
    }
    for (int i = 0; i < 6000 && similar_state(s).groups; i++)
        usleep(10000);
    struct similar_state end = similar_state(s);
    CHECK(end.entries == 0 && end.bytes == 0 && end.groups == 0 && end.graphs == 0);
    similar_close(s);
    free(list);
}

TEST(a_graph_that_lost_most_of_its_vectors_is_made_anew)
{
    enum { COUNT = 2 * SIMILAR_BLOCK };
    struct similar *s = opened(&usual);
    float *list = many(COUNT, 0);
    for (unsigned i = 0; i < COUNT; i++)
        add(s, 1, i, list + i * N);
    wait_until_built(s);
    for (unsigned i = 0; i < COUNT; i++) {
        struct digest name = named(1, i);
        if (i % 8)
            similar_remove(s, &name);
    }
    usleep(200000);
    for (unsigned i = 0; i < COUNT; i += 8)
        CHECK_INT(found(s, 1, list + i * N, 999000, NULL), (int)i);
    similar_close(s);
    free(list);
}

TEST(the_oldest_leave_first_by_number_and_by_bytes)
{
    const struct similar_limits ten = { .entries = 10, .bytes = 1 << 20 }, small = { .entries = 1000, .bytes = 5 * (N * 2 + 400) };
    for (int round = 0; round < 2; round++) {
        struct similar *s = opened(round ? &small : &ten);
        int left = round ? 5 : 10;
        float v[25][N];
        for (unsigned i = 0; i < 25; i++) {
            any_vector(v[i]);
            add(s, 1 + i % 2, i, v[i]);
        }
        CHECK_INT(similar_state(s).entries, left);
        CHECK(similar_state(s).bytes <= small.bytes || !round);
        for (unsigned i = 0; i < 25; i++)
            CHECK_INT(found(s, 1 + i % 2, v[i], 999000, NULL), (int)i >= 25 - left ? (int)i : -1);
        similar_close(s);
    }
}

/* ---- on disk ---- */

static struct similar *opened_at(const char *folder, const struct digest *with)
{
    struct similar *s = NULL;
    char why[256];
    CHECK(similar_open(span_of(folder), with, &usual, &s, why) == E_OK);
    for (int i = 0; s && i < 60000 && !similar_state(s).loaded; i++)
        usleep(1000);
    return s;
}

static void clean(const char *folder)
{
    static const char *const names[] = { "vectors.db", "vectors.db-wal", "vectors.db-shm" };
    for (size_t i = 0; i < 3; i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    CHECK(rmdir(folder) == 0);
}

/* Expiry is by the clock there. */
static void add_lasting(struct similar *s, unsigned number, const float *v)
{
    int16_t u[N];
    struct digest g = named(1, 0), name = named(1, number);
    CHECK(unit_of(v, N, u));
    CHECK(similar_add(s, &g, &name, u, N, INT64_MAX / 2) == E_OK);
}

TEST(vectors_are_there_after_a_restart_and_those_removed_are_not)
{
    enum { COUNT = 2500 };
    char folder[] = "/tmp/tollgate-similar-XXXXXX";
    CHECK(mkdtemp(folder) != NULL);
    float *list = many(COUNT, 0);
    struct similar *s = opened_at(folder, &key);
    for (unsigned i = 0; i < COUNT; i++)
        add_lasting(s, i, list + i * N);
    struct digest gone = named(1, 3);
    similar_remove(s, &gone);
    add(s, 1, 4, list + 4 * N); /* expired long ago by the clock */
    similar_close(s);
    s = opened_at(folder, &key);
    CHECK_INT(similar_state(s).entries, COUNT - 2);
    CHECK_INT(found(s, 1, list + 2 * N, 999000, NULL), 2);
    CHECK_INT(found(s, 1, list + 3 * N, 999000, NULL), -1);
    CHECK_INT(found(s, 1, list + 4 * N, 999000, NULL), -1);
    similar_close(s);
    clean(folder);
    free(list);
}

TEST(on_disk_a_vector_is_sealed_and_another_seal_reads_nothing)
{
    char folder[] = "/tmp/tollgate-similar-XXXXXX", path[128];
    static char bytes[1 << 20];
    CHECK(mkdtemp(folder) != NULL);
    float v[N];
    int16_t u[N];
    any_vector(v);
    CHECK(unit_of(v, N, u));
    struct similar *s = opened_at(folder, &key);
    add_lasting(s, 1, v);
    similar_close(s);
    snprintf(path, sizeof(path), "%s/vectors.db", folder);
    FILE *f = fopen(path, "rb");
    size_t len = f ? fread(bytes, 1, sizeof(bytes), f) : 0;
    CHECK(len > 0 && f && fclose(f) == 0);
    CHECK(span_find(span_make(bytes, len), span_make((const char *)u, 8)) < 0);
    const struct digest other = { { 8 } };
    s = opened_at(folder, &other);
    CHECK_INT(similar_state(s).entries, 0);
    similar_close(s);
    clean(folder);
}

TEST(a_folder_that_is_not_there_is_said)
{
    struct similar *s = NULL;
    char why[256] = "";
    CHECK(similar_open(SPAN("/nowhere/at/all"), &key, &usual, &s, why) == E_IO);
    CHECK(!s && span_find(span_of(why), SPAN("/nowhere/at/all/vectors.db")) >= 0);
}

/* ---- threads ---- */

struct crowd {
    struct similar *s;
    const float *list;
    atomic_bool over;
    atomic_int wrong, hits;
};

enum { CROWD = 2600, LOOKS_LEAST = 300 };

static void *adds(void *self)
{
    struct crowd *c = self;
    for (unsigned i = 0; i < CROWD; i++) {
        add(c->s, 1 + i % 2, i, c->list + i * N);
        struct digest name = named(1 + i % 2, i - i % 7);
        if (i % 7 == 6)
            similar_remove(c->s, &name);
    }
    atomic_store(&c->over, true);
    return NULL;
}

/* Odd ones are in one group, even ones in the other. */
static void *looks(void *self)
{
    struct crowd *c = self;
    for (unsigned i = 0, looked = 0; looked < LOOKS_LEAST || !atomic_load(&c->over); i = (i + 13) % CROWD, looked++) {
        int64_t score = 0;
        int got = found(c->s, 1 + i % 2, c->list + i * N, 0, &score);
        atomic_fetch_add(&c->hits, got >= 0);
        if (got >= 0 && (unsigned)got % 2 != i % 2)
            atomic_fetch_add(&c->wrong, 1);
    }
    return NULL;
}

TEST(threads_add_remove_and_look_while_graphs_are_made)
{
    struct crowd c = { .s = opened(&usual), .list = many(CROWD, 0) };
    pthread_t t[4];
    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&t[i], NULL, i ? looks : adds, &c) == 0);
    for (int i = 0; i < 4; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    CHECK_INT(atomic_load(&c.wrong), 0);
    CHECK(atomic_load(&c.hits) > 0);
    similar_close(c.s);
    free((void *)(uintptr_t)c.list);
}
