/* SPDX-License-Identifier: Apache-2.0
 * label.c - see label.h: workspace, key, run, model, then the tags. */
#include "cache/label.h"
#include "base/packed.h"

enum { FIXED = 4 };

void label_write(const struct cache_label *label, struct buf *out)
{
    packed_put(out, label->workspace);
    packed_put(out, label->key);
    packed_put(out, label->run);
    packed_put(out, label->model);
    for (size_t i = 0; i < label->tag_count && i < LABEL_TAGS_MOST; i++)
        packed_put(out, label->tags[i]);
}

static bool has_tag(struct span rest, struct span tag)
{
    struct span one;
    while (packed_take(&rest, &one))
        if (span_is(one, tag))
            return true;
    return rest.len > 0;
}

bool label_matches(struct span block, const struct cache_purge *what)
{
    const struct span wanted[FIXED] = { what->workspace, what->key, what->run, what->model };
    struct span one;
    for (int i = 0; i < FIXED; i++) {
        if (!packed_take(&block, &one))
            return true;
        if (wanted[i].at && !span_is(one, wanted[i]))
            return false;
    }
    return !what->tag.at || has_tag(block, what->tag);
}
