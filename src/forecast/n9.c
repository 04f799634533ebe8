/* SPDX-License-Identifier: MIT */
#include "forecast/n9.h"
#include "base/check.h"
#include <math.h>
#include <stdlib.h>

/* Squares and sums of such values stay finite. */
static const double value_max = 1e150;

static const uint32_t shapes[N9_SHAPES][2] = {{12, 24}, {14, 24}, {24, 24}, {12, 36}};
static const uint32_t raws[N9_RAWS][2] = {{12, 6}, {6, 6}, {6, 12}};

const char *n9_family(int family)
{
    static const char *const words[N9_FAMILIES] = {
        "value",
        "mean of 12 rows",
        "mean of 40 rows",
        "distance from the same time of other days, over 12 rows",
        "distance from the same time of other days, over 40 rows",
        "change of level within 20 rows",
        "unrest from row to row",
        "shape unlike earlier ones",
        "course unlike earlier ones"};
    CHECK(family >= 0 && family < N9_FAMILIES);
    return words[family];
}

enum fw_err n9_create(struct n9 **detector, uint32_t day_rows)
{
    struct n9 *n9 = calloc(1, sizeof *n9);
    *detector = n9;
    if (!n9)
        return FW_NOMEM;
    for (int i = 0; i < N9_RANKS; i++)
        rank_init(&n9->ranks[i]);
    for (int i = 0; i < N9_SHAPES; i++)
        novelty_init(&n9->shapes[i], shapes[i][0], shapes[i][1], true);
    for (int i = 0; i < N9_RAWS; i++)
        novelty_init(&n9->raws[i], raws[i][0], raws[i][1], false);
    enum fw_err err = usual_init(&n9->usual, day_rows, USUAL_DAYS);
    if (err != FW_OK)
        n9_destroy(detector);
    return err;
}

void n9_destroy(struct n9 **detector)
{
    if (*detector)
        usual_fini(&(*detector)->usual);
    free(*detector);
    *detector = NULL;
}

static void means_add(struct n9_means *means, double value)
{
    means->last[means->next] = value;
    means->next = means->next + 1 == N9_MEAN_MAX ? 0 : means->next + 1;
    means->count += means->count < N9_MEAN_MAX;
}

/* The value `back` rows ago, the oldest one if that is earlier. */
static double means_back(const struct n9_means *means, uint32_t back)
{
    if (back >= means->count)
        back = means->count - 1;
    return means->last[(means->next + N9_MEAN_MAX - 1 - back) % N9_MEAN_MAX];
}

static double means_of(const struct n9_means *means, uint32_t rows)
{
    double sum = 0;
    uint32_t count = rows < means->count ? rows : means->count;
    uint32_t at = (means->next + N9_MEAN_MAX - count) % N9_MEAN_MAX;
    for (uint32_t i = 0; i < count; i++) {
        sum += means->last[at];
        at = at + 1 == N9_MEAN_MAX ? 0 : at + 1;
    }
    return sum / (double)count;
}

/* How far from what is usual at this time of day; 0 before that is known. */
static double residual(const struct n9 *n9, double value)
{
    return usual_known(&n9->usual) ? value - usual_value(&n9->usual, value) : 0;
}

static double rank_take(struct rank *rank, double x, bool above)
{
    double score = above ? rank_score_above(rank, x) : rank_score(rank, x);
    rank_add(rank, x);
    return score;
}

static double mean_novelty(struct novelty *novelties, int count, double value)
{
    double sum = 0;
    for (int i = 0; i < count; i++)
        sum += novelty_step(&novelties[i], value);
    return sum / (double)count;
}

/* Each family of scores of this row, in the order of n9_family. */
static void score_families(struct n9 *n9, double value, double families[N9_FAMILIES])
{
    means_add(&n9->values, value);
    means_add(&n9->residuals, residual(n9, value));
    means_add(&n9->steps, n9->rows == 0 ? 0 : fabs(value - n9->previous));
    double level = means_of(&n9->values, 20);
    means_add(&n9->levels, level);
    families[0] = rank_take(&n9->ranks[0], value, false);
    families[1] = rank_take(&n9->ranks[1], means_of(&n9->values, 12), false);
    families[2] = rank_take(&n9->ranks[2], means_of(&n9->values, 40), false);
    families[3] = rank_take(&n9->ranks[3], means_of(&n9->residuals, 12), false);
    families[4] = rank_take(&n9->ranks[4], means_of(&n9->residuals, 40), false);
    families[5] = rank_take(&n9->ranks[5], fabs(level - means_back(&n9->levels, 20)), true);
    families[6] = rank_take(&n9->ranks[6], means_of(&n9->steps, 12), false);
    families[7] = mean_novelty(n9->shapes, N9_SHAPES, value);
    families[8] = mean_novelty(n9->raws, N9_RAWS, value);
}

struct n9_result n9_step(struct n9 *n9, double value)
{
    struct n9_result result = {0};
    value = fmax(-value_max, fmin(value, value_max));
    score_families(n9, value, result.families);
    for (int i = 0; i < N9_FAMILIES; i++)
        result.u += result.families[i];
    result.u /= N9_FAMILIES;
    n9->previous = value;
    n9->rows++;
    usual_add(&n9->usual, value);
    return result;
}

void n9_skip(struct n9 *n9)
{
    usual_add(&n9->usual, NAN);
}
