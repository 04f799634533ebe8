/* SPDX-License-Identifier: MIT
 * Isolation forest (Liu, Ting and Zhou, "Isolation Forest", 2008): rows that few random cuts set
 * apart are strange. Each of the trees cuts a sample of the rows, each cut at a uniform place of a
 * random column, to a depth that the sample's size gives. */
#ifndef FOREWARM_FORECAST_ISOLATION_FOREST_H
#define FOREWARM_FORECAST_ISOLATION_FOREST_H

#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

enum {
    ISOLATION_TREES = 100,
    ISOLATION_SAMPLE = 256,
    ISOLATION_DEPTH = 8, /* log2 of the sample */
    ISOLATION_COLUMNS_MAX = 1024,
};

/* Every path is as long as the deepest: behind an early leaf the cuts send everything on, to the
 * leaf's length. Values are compared as whole numbers in the same order (isolation_key), which
 * takes one step of a path down to a load, a comparison and an addition with carry. Nodes count
 * from 1; below node n are 2 n and, for what is less than the cut, 2 n + 1. */
struct isolation_tree {
    uint64_t at[1 << ISOLATION_DEPTH]; /* 0: nothing is less */
    uint32_t column[1 << ISOLATION_DEPTH];
    double length[1 << ISOLATION_DEPTH];
};

struct isolation_forest {
    uint32_t columns, sample;
    struct isolation_tree trees[ISOLATION_TREES];
};

/* From `count` rows of `columns` finite values each, one after the other. The same seed gives the
 * same forest. FW_INPUT without rows or columns. */
FW_MUST_CHECK enum fw_err isolation_forest_fit(struct isolation_forest **forest, const double *rows,
                                               size_t count, uint32_t columns, uint64_t seed);
void isolation_forest_free(struct isolation_forest **forest);
/* In (0, 1): about .5 for what is usual, more for what is strange. */
void isolation_forest_score(const struct isolation_forest *forest, const double *rows, size_t count,
                            double *scores);
/* Mean number of cuts that set a row of `n` apart: the path of an unsuccessful search in a binary
 * tree. */
double isolation_forest_path(uint32_t n);

#endif
