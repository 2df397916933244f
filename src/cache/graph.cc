/* SPDX-License-Identifier: Apache-2.0
 * graph.cc - see graph.h. hnswlib throws; nothing of that leaves this file.
 *
 * Its hand-made prefetching is off: it reads a link past the end of lists. */
#define NO_MANUAL_VECTORIZATION
#include <atomic>
#include <fstream>
#include <iostream>
#include <list>
#include <memory>
#include <mutex>
#include <new>
#include <queue>
#include <random>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wundef"
#endif
/* A graph is filled by one thread, while nobody else sees it: 65,536 locks (2.6 MiB) in each would guard nothing. The pool of what readers
 * share keeps its own. */
struct no_lock {
    void lock() {}
    void unlock() {}
};
#include <hnswlib/visited_list_pool.h>
#define mutex conditional_t<true, ::no_lock, void>
#include <hnswlib/hnswlib.h>
#undef mutex
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

extern "C" {
#include "cache/graph.h"
}

namespace {

/* Links of a vector, how widely is looked while it is added, and while it is searched. docs/benchmarks.md: recall. */
constexpr size_t links = 16, wide_add = 96, wide_search = 96;
constexpr float scale_square = float(UNIT_SCALE) * float(UNIT_SCALE);

float distance(const void *a, const void *b, const void *dimensions)
{
    int32_t dot = unit_dot(static_cast<const int16_t *>(a), static_cast<const int16_t *>(b), *static_cast<const size_t *>(dimensions));
    return scale_square - float(dot);
}

class unit_space : public hnswlib::SpaceInterface<float> {
public:
    explicit unit_space(size_t n) : dimensions(n) {}
    size_t get_data_size() override { return dimensions * sizeof(int16_t); }
    hnswlib::DISTFUNC<float> get_dist_func() override { return distance; }
    void *get_dist_func_param() override { return &dimensions; }

private:
    size_t dimensions;
};

} // namespace

struct graph {
    graph(size_t n, size_t room) : dimensions(n), space(n), net(&space, room, links, wide_add) { net.setEf(wide_search); }
    size_t dimensions;
    unit_space space;
    hnswlib::HierarchicalNSW<float> net;
};

extern "C" {

struct graph *graph_new(size_t dimensions, size_t room)
{
    try {
        return new graph(dimensions, room);
    } catch (...) {
        return nullptr;
    }
}

void graph_free(struct graph *g) { delete g; }

bool graph_add(struct graph *g, const int16_t *v)
{
    try {
        g->net.addPoint(v, g->net.cur_element_count, -1);
        return true;
    } catch (...) {
        return false;
    }
}

void graph_forget(struct graph *g, uint32_t number)
{
    if (number < g->net.cur_element_count && !g->net.isMarkedDeleted(number))
        g->net.markDeletedInternal(number);
}

/* The queue gives the farthest first. Its distances are floats, which do not tell near ones apart: the products are made anew. */
size_t graph_nearest(const struct graph *g, const int16_t *v, struct graph_hit *out, size_t most)
{
    try {
        auto found = g->net.searchKnn(v, most);
        size_t count = found.size();
        for (size_t i = count; i-- > 0; found.pop()) {
            uint32_t number = uint32_t(found.top().second);
            out[i] = { number, unit_dot(v, graph_vector(g, number), g->dimensions) };
        }
        return count;
    } catch (...) {
        return 0;
    }
}

const int16_t *graph_vector(const struct graph *g, uint32_t number)
{
    return reinterpret_cast<const int16_t *>(g->net.getDataByInternalId(number));
}
}
