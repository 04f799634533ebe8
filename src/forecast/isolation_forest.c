/* SPDX-License-Identifier: MIT */
#include "forecast/isolation_forest.h"
#include <stdbool.h>
#include "base/check.h"
#include "base/prng.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 256, LANES = 8, REDRAWS = 20 };

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
        tree->at[node] = INFINITY;
        tree->column[node] = 0;
        node = 2 * node + 1;
    }
    tree->length[node - ISOLATION_CUTS] = length;
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
    growing->tree->at[node] = at;
    growing->tree->column[node] = column;
    grow(growing, 2 * node + 1, depth + 1, from, split);
    grow(growing, 2 * node + 2, depth + 1, split, to);
}

/* `sample` different rows of `count` (Floyd's method). */
static void draw_sample(struct growing *growing, size_t count, uint32_t sample)
{
    for (uint32_t i = 0; i < sample; i++) {
        uint32_t last = (uint32_t)(count - sample) + i;
        uint32_t row = (uint32_t)prng_below(growing->prng, (uint64_t)last + 1);
        for (uint32_t j = 0; j < i; j++)
            if (growing->picked[j] == row) {
                row = last;
                break;
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
        grow(&growing, 0, 0, 0, made->sample);
    }
    *forest = made;
    return FW_OK;
}

void isolation_forest_free(struct isolation_forest **forest)
{
    free(*forest);
    *forest = NULL;
}

/* LANES rows go down one tree side by side: each waits for memory, together they do not. */
static void go_down(const struct isolation_tree *tree, const double *rows, uint32_t columns,
                    double lengths[LANES])
{
    uint32_t node[LANES] = {0};
    for (int depth = 0; depth < ISOLATION_DEPTH; depth++)
        for (uint32_t lane = 0; lane < LANES; lane++) {
            uint32_t at = node[lane];
            double x = rows[(size_t)lane * columns + tree->column[at]];
            node[lane] = 2 * at + 1 + !(x < tree->at[at]);
        }
    for (int lane = 0; lane < LANES; lane++)
        lengths[lane] += tree->length[node[lane] - ISOLATION_CUTS];
}

static void go_down_one(const struct isolation_tree *tree, const double *row, double *length)
{
    uint32_t node = 0;
    for (int depth = 0; depth < ISOLATION_DEPTH; depth++)
        node = 2 * node + 1 + !(row[tree->column[node]] < tree->at[node]);
    *length += tree->length[node - ISOLATION_CUTS];
}

void isolation_forest_score(const struct isolation_forest *forest, const double *rows, size_t count,
                            double *scores)
{
    uint32_t columns = forest->columns;
    double usual = isolation_forest_path(forest->sample);
    double scale = usual > 0 ? -1 / (usual * ISOLATION_TREES) : 0;
    for (size_t from = 0; from < count; from += BLOCK) {
        const double *block = rows + from * columns;
        double lengths[BLOCK] = {0};
        size_t size = count - from < BLOCK ? count - from : BLOCK, whole = size - size % LANES;
        for (int t = 0; t < ISOLATION_TREES; t++) {
            for (size_t i = 0; i < whole; i += LANES)
                go_down(&forest->trees[t], block + i * columns, columns, lengths + i);
            for (size_t i = whole; i < size; i++)
                go_down_one(&forest->trees[t], block + i * columns, lengths + i);
        }
        for (size_t i = 0; i < size; i++)
            scores[from + i] = exp2(lengths[i] * scale);
    }
}
