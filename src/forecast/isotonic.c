/* SPDX-License-Identifier: MIT */
#include "forecast/isotonic.h"

#include "base/check.h"
#include <math.h>
#include <stdlib.h>

struct pool {
    double score, happened; /* sums */
    int count;
};

static double mean_of(const struct pool *pool)
{
    return pool->happened / pool->count;
}

static int by_score(const void *a, const void *b)
{
    const struct pool *first = a, *second = b;
    return (first->score > second->score) - (first->score < second->score);
}

static void join(struct pool *pool, const struct pool *more)
{
    pool->score += more->score;
    pool->happened += more->happened;
    pool->count += more->count;
}

/* Rows of one score are one pool from the start: they cannot be told apart. */
static int join_equal(struct pool *pools, int n)
{
    int kept = 0;
    for (int i = 0; i < n; i++) {
        if (kept > 0 && pools[kept - 1].score / pools[kept - 1].count == pools[i].score)
            join(&pools[kept - 1], &pools[i]);
        else
            pools[kept++] = pools[i];
    }
    return kept;
}

static int join_violators(struct pool *pools, int n)
{
    int kept = 0;
    for (int i = 0; i < n; i++) {
        pools[kept++] = pools[i];
        while (kept > 1 && mean_of(&pools[kept - 2]) >= mean_of(&pools[kept - 1])) {
            join(&pools[kept - 2], &pools[kept - 1]);
            kept--;
        }
    }
    return kept;
}

enum fw_err isotonic_fit(struct isotonic *out, const double *score, const double *happened, int n)
{
    CHECK(n > 0);
    struct pool *pools = malloc((size_t)n * sizeof *pools);
    if (pools == NULL)
        return FW_NOMEM;
    for (int i = 0; i < n; i++)
        pools[i] = (struct pool){score[i], happened[i], 1};
    qsort(pools, (size_t)n, sizeof *pools, by_score);
    int count = join_violators(pools, join_equal(pools, n));
    double *memory = malloc(2 * (size_t)count * sizeof *memory);
    if (memory == NULL) {
        free(pools);
        return FW_NOMEM;
    }
    *out = (struct isotonic){count, memory, memory + count};
    for (int i = 0; i < count; i++) {
        out->at[i] = pools[i].score / pools[i].count;
        out->mean[i] = mean_of(&pools[i]);
    }
    free(pools);
    return FW_OK;
}

void isotonic_fini(struct isotonic *isotonic)
{
    free(isotonic->at);
    *isotonic = (struct isotonic){0};
}

double isotonic_at(const struct isotonic *isotonic, double score)
{
    int low = 0, high = isotonic->count - 1;
    if (score <= isotonic->at[low])
        return isotonic->mean[low];
    if (score >= isotonic->at[high])
        return isotonic->mean[high];
    while (high - low > 1) { /* at[low] < score < at[high] */
        int middle = (low + high) / 2;
        if (isotonic->at[middle] <= score)
            low = middle;
        else
            high = middle;
    }
    double share = (score - isotonic->at[low]) / (isotonic->at[high] - isotonic->at[low]);
    return isotonic->mean[low] + share * (isotonic->mean[high] - isotonic->mean[low]);
}

void isotonic_save(const struct isotonic *isotonic, struct buf *out)
{
    buf_put_u32(out, (uint32_t)isotonic->count);
    for (int i = 0; i < isotonic->count; i++) {
        buf_put_double(out, isotonic->at[i]);
        buf_put_double(out, isotonic->mean[i]);
    }
}

static bool rises(const struct isotonic *isotonic)
{
    for (int i = 0; i < isotonic->count; i++)
        if (!isfinite(isotonic->at[i]) || !isfinite(isotonic->mean[i]) ||
            (i > 0 &&
             !(isotonic->at[i] > isotonic->at[i - 1] && isotonic->mean[i] > isotonic->mean[i - 1])))
            return false;
    return true;
}

enum fw_err isotonic_load(struct isotonic *out, struct buf_reader *in, struct fw_detail *detail)
{
    uint32_t count = buf_get_u32(in);
    if (in->failed || count == 0 || count > (in->len - in->at) / (2 * sizeof(double)))
        return err_set(detail, FW_CORRUPT, "the curve of probabilities ends early");
    double *memory = malloc(2 * (size_t)count * sizeof *memory);
    if (memory == NULL)
        return FW_NOMEM;
    *out = (struct isotonic){(int)count, memory, memory + count};
    for (uint32_t i = 0; i < count; i++) {
        out->at[i] = buf_get_double(in);
        out->mean[i] = buf_get_double(in);
    }
    if (!in->failed && rises(out))
        return FW_OK;
    isotonic_fini(out);
    return err_set(detail, FW_CORRUPT, "the curve of probabilities does not rise");
}
