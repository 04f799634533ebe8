/* SPDX-License-Identifier: MIT */
#include "forecast/isolation_forest.h"
#include <stdbool.h>
#include "base/check.h"
#include "base/prng.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLOCK = 240,
    LANES = 6,
    KEYS = LANES * ISOLATION_COLUMNS_MAX, /* of a block */
    LEAVES = 1 << ISOLATION_DEPTH,
    REDRAWS = 20,
    MARKS = 1024, /* places to note drawn rows in; a power of 2 */
};

/* In the order of the values, above 0. */
static uint64_t key_of(double x)
{
    uint64_t bits, sign = UINT64_C(1) << 63;
    x += 0.0; /* -0 is 0 */
    memcpy(&bits, &x, sizeof bits);
    return bits & sign ? ~bits : bits | sign;
}

double isolation_forest_path(uint32_t n)
{
    if (n <= 2)
        return n == 2 ? 1 : 0;
    double m = (double)n;
    return 2 * (log(m - 1) + .5772156649) - 2 * (m - 1) / m;
}

struct growing {
    const double *rows;
    uint32_t columns;
    struct prng *prng;
    struct isolation_tree *tree;
    uint32_t picked[ISOLATION_SAMPLE]; /* rows, those of one node side by side */
};

static void end_path(struct isolation_tree *tree, uint32_t node, uint32_t depth, double length)
{
    for (; depth < ISOLATION_DEPTH; depth++) {
        tree->at[node] = 0;
        tree->column[node] = 0;
        node = 2 * node;
    }
    tree->length[node - LEAVES] = length;
}

/* A column that differs within the rows, with its bounds; false when none was found. */
static bool draw_column(const struct growing *growing, uint32_t from, uint32_t to, uint32_t *column,
                        double *low, double *high)
{
    for (int draw = 0; draw < REDRAWS; draw++) {
        *column = (uint32_t)prng_below(growing->prng, growing->columns);
        *low = INFINITY;
        *high = -INFINITY;
        for (uint32_t i = from; i < to; i++) {
            double x = growing->rows[(size_t)growing->picked[i] * growing->columns + *column];
            *low = x < *low ? x : *low;
            *high = x > *high ? x : *high;
        }
        if (*low < *high)
            return true;
    }
    return false;
}

static void grow(struct growing *growing, uint32_t node, uint32_t depth, uint32_t from, uint32_t to)
{
    uint32_t column, split = from;
    double low, high;
    if (depth == ISOLATION_DEPTH || to - from <= 1 ||
        !draw_column(growing, from, to, &column, &low, &high)) {
        end_path(growing->tree, node, depth, (double)depth + isolation_forest_path(to - from));
        return;
    }
    double share = prng_uniform(growing->prng);
    double at = low * (1 - share) + high * share; /* never past a double's range */
    if (!(at > low))
        at = high; /* both sides get something */
    for (uint32_t i = from; i < to; i++) {
        uint32_t row = growing->picked[i];
        if (growing->rows[(size_t)row * growing->columns + column] < at) {
            growing->picked[i] = growing->picked[split];
            growing->picked[split++] = row;
        }
    }
    growing->tree->at[node] = key_of(at);
    growing->tree->column[node] = column;
    grow(growing, 2 * node + 1, depth + 1, from, split);
    grow(growing, 2 * node, depth + 1, split, to);
}

/* Notes the row; false: it was noted before. */
static bool note(uint64_t marks[MARKS], uint64_t row)
{
    uint64_t at = prng_scramble(row) & (MARKS - 1);
    for (; marks[at] != 0; at = (at + 1) & (MARKS - 1))
        if (marks[at] == row + 1)
            return false;
    marks[at] = row + 1;
    return true;
}

/* `sample` different rows of `count` (Floyd's method). */
static void draw_sample(struct growing *growing, size_t count, uint32_t sample)
{
    uint64_t marks[MARKS] = {0};
    for (uint32_t i = 0; i < sample; i++) {
        uint32_t last = (uint32_t)(count - sample) + i;
        uint32_t row = (uint32_t)prng_below(growing->prng, (uint64_t)last + 1);
        if (!note(marks, row)) {
            row = last;
            (void)note(marks, row);
        }
        growing->picked[i] = row;
    }
}

enum fw_err isolation_forest_fit(struct isolation_forest **forest, const double *rows, size_t count,
                                 uint32_t columns, uint64_t seed)
{
    *forest = NULL;
    if (count == 0 || count > UINT32_MAX || columns == 0 || columns > ISOLATION_COLUMNS_MAX)
        return FW_INPUT;
    struct isolation_forest *made = calloc(1, sizeof *made);
    if (!made)
        return FW_NOMEM;
    made->columns = columns;
    made->sample = count < ISOLATION_SAMPLE ? (uint32_t)count : ISOLATION_SAMPLE;
    for (int i = 0; i < ISOLATION_TREES; i++) {
        struct prng prng;
        prng_init(&prng, prng_mix(seed, (uint64_t)i));
        struct growing growing = {
            .rows = rows, .columns = columns, .prng = &prng, .tree = &made->trees[i]};
        draw_sample(&growing, count, made->sample);
        grow(&growing, 1, 0, 0, made->sample);
    }
    *forest = made;
    return FW_OK;
}

void isolation_forest_free(struct isolation_forest **forest)
{
    free(*forest);
    *forest = NULL;
}

/* One step down: the number of the node below. */
static inline uint64_t below(const struct isolation_tree *tree, uint64_t node, const uint64_t *row)
{
    return node + node + (row[tree->column[node]] < tree->at[node]);
}

static inline double leaf(const struct isolation_tree *tree, uint64_t node)
{
    return tree->length[node - LEAVES];
}

/* LANES rows go down one tree side by side: each waits for memory, together they do not. Written
 * out, so that the nodes stay in registers. */
static void go_down(const struct isolation_tree *tree, const uint64_t *row, size_t columns,
                    double lengths[LANES])
{
    uint64_t a = 1, b = 1, c = 1, d = 1, e = 1, f = 1;
    for (int depth = 0; depth < ISOLATION_DEPTH; depth++) {
        a = below(tree, a, row);
        b = below(tree, b, row + columns);
        c = below(tree, c, row + 2 * columns);
        d = below(tree, d, row + 3 * columns);
        e = below(tree, e, row + 4 * columns);
        f = below(tree, f, row + 5 * columns);
    }
    lengths[0] += leaf(tree, a);
    lengths[1] += leaf(tree, b);
    lengths[2] += leaf(tree, c);
    lengths[3] += leaf(tree, d);
    lengths[4] += leaf(tree, e);
    lengths[5] += leaf(tree, f);
}

/* One row down LANES trees side by side; the lengths are added in the order of the trees, as above.
 */
static void go_down_trees(const struct isolation_tree *trees, const uint64_t *row, int count,
                          double *length)
{
    uint64_t node[LANES] = {1, 1, 1, 1, 1, 1};
    for (int depth = 0; depth < ISOLATION_DEPTH; depth++)
        for (int lane = 0; lane < count; lane++)
            node[lane] = below(&trees[lane], node[lane], row);
    for (int lane = 0; lane < count; lane++)
        *length += leaf(&trees[lane], node[lane]);
}

static void go_down_forest(const struct isolation_forest *forest, const uint64_t *row,
                           double *length)
{
    for (int t = 0; t < ISOLATION_TREES; t += LANES)
        go_down_trees(&forest->trees[t], row,
                      ISOLATION_TREES - t < LANES ? ISOLATION_TREES - t : LANES, length);
}

/* At most BLOCK rows whose keys fit. */
static void score_block(const struct isolation_forest *forest, const double *rows, size_t count,
                        double scale, double *scores)
{
    uint64_t keys[KEYS];
    double lengths[BLOCK] = {0};
    size_t columns = forest->columns, whole = count - count % LANES;
    for (size_t i = 0; i < count * columns; i++)
        keys[i] = key_of(rows[i]);
    for (int t = 0; t < ISOLATION_TREES; t++)
        for (size_t i = 0; i < whole; i += LANES)
            go_down(&forest->trees[t], keys + i * columns, columns, lengths + i);
    for (size_t i = whole; i < count; i++)
        go_down_forest(forest, keys + i * columns, lengths + i);
    for (size_t i = 0; i < count; i++)
        scores[i] = exp2(lengths[i] * scale);
}

void isolation_forest_score(const struct isolation_forest *forest, const double *rows, size_t count,
                            double *scores)
{
    size_t columns = forest->columns, block = KEYS / columns < BLOCK ? KEYS / columns : BLOCK;
    double usual = isolation_forest_path(forest->sample);
    double scale = usual > 0 ? -1 / (usual * ISOLATION_TREES) : 0;
    for (size_t from = 0; from < count; from += block) {
        size_t size = count - from < block ? count - from : block;
        score_block(forest, rows + from * columns, size, scale, scores + from);
    }
}
