/* SPDX-License-Identifier: MIT */
#include "forecast/ensemble_part.h"

#include "base/stats.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

const struct ensemble_settings ensemble_defaults = {.eagerness = 8, .half_life = 10};
#define EVENNESS      6. /* the even mix is so much less eager */
#define MEDIAN_SHARE  .3 /* of an equal share: members below are not asked for the median */
#define EAGERNESS     4. /* of the weights that follow whoever is best of late, */
#define SHARED        .1 /* and how much of them is shared out again */
#define MIX_EAGERNESS 1. /* the same of the mixes */
#define MIX_SHARED    .05
#define QUICK_DAYS    .7 /* half-life of the quick mix */
enum { LEVEL_P95 = 6 };  /* of conformal_levels */

int ensemble_block(const struct members_plan *plan, int h)
{
    int day = plan->day > 0 ? plan->day : 1;
    if (h == 1)
        return 0;
    return h <= day / 4 ? 1 : h <= day ? 2 : 3;
}

enum fw_err ensemble_reserve(struct ensemble *made, const double *y, int n,
                             const struct ensemble_settings *settings, struct fw_detail *detail)
{
    size_t count = (size_t)settings->plan.count, horizon = (size_t)settings->plan.horizon;
    made->settings = *settings;
    if (settings->fixed != NULL) {
        memcpy(made->fixed, settings->fixed, sizeof made->fixed);
        made->settings.fixed = made->fixed;
    }
    FW_TRY(members_init(&made->members, y, n, &settings->plan, detail));
    made->rows = calloc(count * ROWS * horizon, sizeof *made->rows);
    made->said = calloc(count, sizeof *made->said);
    made->size_sum = calloc(2 * horizon, sizeof *made->size_sum);
    made->shaped = calloc(count, sizeof *made->shaped);
    if (made->rows == NULL || made->said == NULL || made->size_sum == NULL || made->shaped == NULL)
        return FW_NOMEM;
    made->size_cases = made->size_sum + horizon;
    for (int i = 0; i < ENSEMBLE_BLOCKS; i++) {
        share_init(&made->blocks[i].members, MEMBERS_COUNT);
        share_init(&made->blocks[i].mixes, MIX_COUNT);
    }
    ensemble_bands_init(made);
    return FW_OK;
}

enum fw_err ensemble_create(struct ensemble **out, const double *y, int n,
                            const struct ensemble_settings *settings, struct fw_detail *detail)
{
    struct ensemble *made = calloc(1, sizeof *made);
    if (made == NULL)
        return FW_NOMEM;
    enum fw_err err = ensemble_reserve(made, y, n, settings, detail);
    if (err != FW_OK) {
        ensemble_free(&made);
        return err;
    }
    *out = made;
    return FW_OK;
}

void ensemble_free(struct ensemble **ensemble)
{
    if (*ensemble == NULL)
        return;
    members_fini(&(*ensemble)->members);
    free((*ensemble)->rows);
    free((*ensemble)->said);
    free((*ensemble)->shaped);
    free((*ensemble)->size_sum);
    free(*ensemble);
    *ensemble = NULL;
}

/* ---- learning from what came ---- */

static void learn_members(struct ensemble *ensemble, struct block *block, int origin, int h,
                          double actual)
{
    double losses[MEMBERS_COUNT], mixes[MIX_COUNT];
    for (int i = 0; i < MEMBERS_COUNT; i++) {
        if (!(ensemble->said[origin] >> i & 1))
            continue;
        double loss = fabs(ensemble_row(ensemble, origin, i)[h - 1] - actual);
        losses[i] = loss;
        block->loss[i] += loss;
        block->beside[i] += fabs(ensemble_row(ensemble, origin, ROW_MEAN)[h - 1] - actual);
        block->quick_loss[i] += loss;
        block->quick_cases[i]++;
        if (i == MEMBERS_DAY || i == MEMBERS_WEEK) {
            block->total_naive[i == MEMBERS_WEEK] += loss;
            block->naive_cases[i == MEMBERS_WEEK]++;
        }
    }
    for (int i = 0; i < MIX_COUNT; i++)
        mixes[i] = fabs(ensemble_row(ensemble, origin, ROW_MIXES + i)[h - 1] - actual);
    share_add(&block->members, losses, ensemble->said[origin]);
    share_add(&block->mixes, mixes, (1u << MIX_COUNT) - 1);
}

static void learn_step(struct ensemble *ensemble, int origin, int h, double actual)
{
    struct block *block = &ensemble->blocks[ensemble_block(&ensemble->settings.plan, h)];
    double mean = ensemble_row(ensemble, origin, ROW_MEAN)[h - 1];
    learn_members(ensemble, block, origin, h, actual);
    ensemble_bands_learn(ensemble, block, origin, h, actual);
    block->total_error += fabs(mean - actual);
    block->total_cases++;
}

static void decay(struct ensemble *ensemble, double factor, double quick)
{
    for (int i = 0; i < ENSEMBLE_BLOCKS; i++) {
        struct block *block = &ensemble->blocks[i];
        for (int j = 0; j < MEMBERS_COUNT; j++) {
            block->loss[j] *= factor;
            block->beside[j] *= factor;
            block->quick_loss[j] *= quick;
            block->quick_cases[j] *= quick;
        }
        block->size_sum *= factor;
        block->size_cases *= factor;
    }
    for (int h = 0; h < 2 * ensemble->settings.plan.horizon; h++)
        ensemble->size_sum[h] *= factor; /* the numbers of cases lie behind */
}

/* How the latest that was said went: what tells whether the errors are still those of before. */
static void learn_drift(struct ensemble *ensemble, int from, int now)
{
    const struct scale *scale = &ensemble->members.scale;
    struct drift_stretch stretch = {0};
    int origin = ensemble->origin - 1;
    const double *mean = ensemble_row(ensemble, origin, ROW_MEAN);
    const double *p95 = ensemble_row(ensemble, origin, ROW_QUANTILES + LEVEL_P95);
    for (int t = from; t < now && t - from < ensemble->settings.plan.horizon; t++) {
        double actual = ensemble->members.y[t];
        if (!isfinite(actual))
            continue;
        double error = scale_in(scale, actual) - scale_in(scale, mean[t - from]);
        stretch.cases++;
        stretch.absolute += fabs(actual - mean[t - from]);
        stretch.size += fabs(error);
        stretch.side += error;
        stretch.over_p95 += actual > p95[t - from];
    }
    drift_add(&ensemble->drift, &stretch);
}

/* What happened since the last origin, in the order of time, to all that was said before. */
static void learn(struct ensemble *ensemble)
{
    const struct members_plan *plan = &ensemble->settings.plan;
    int now = members_origin(plan, ensemble->origin);
    int from = members_origin(plan, ensemble->origin - 1);
    double days = (double)(now - from) / (plan->day > 0 ? plan->day : 1);
    decay(ensemble, pow(.5, days / ensemble->settings.half_life), pow(.5, days / QUICK_DAYS));
    for (int t = from; t < now; t++) {
        double actual = ensemble->members.y[t];
        if (!isfinite(actual))
            continue;
        int reached = (t - plan->first - plan->horizon) / plan->spacing;
        for (int origin = reached > 0 ? reached : 0; origin < ensemble->origin; origin++) {
            int h = t - (plan->first + origin * plan->spacing) + 1;
            if (h <= plan->horizon)
                learn_step(ensemble, origin, h, actual);
        }
    }
    for (int i = 0; i < ENSEMBLE_BLOCKS; i++) {
        share_update(&ensemble->blocks[i].members, EAGERNESS, SHARED);
        share_update(&ensemble->blocks[i].mixes, MIX_EAGERNESS, MIX_SHARED);
    }
    ensemble_bands_update(ensemble);
    learn_drift(ensemble, from, now);
}

static void see_most(struct ensemble *ensemble)
{
    const struct members_plan *plan = &ensemble->settings.plan;
    int now = members_origin(plan, ensemble->origin);
    for (int t = ensemble->origin == 0 ? 0 : members_origin(plan, ensemble->origin - 1); t < now;
         t++)
        if (isfinite(ensemble->members.y[t]))
            ensemble->most = fmax(ensemble->most, ensemble->members.y[t]);
}

/* ---- saying ---- */

static double mean_loss(const struct block *block, int member)
{
    return block->beside[member] > 0 ? block->loss[member] / block->beside[member] : NAN;
}

static double mean_quick(const struct block *block, int member)
{
    return block->quick_cases[member] > 0 ? block->quick_loss[member] / block->quick_cases[member]
                                          : NAN;
}

/* Before any error is known: the seasons, in the order of trust. */
static int first_choice(uint32_t said)
{
    static const int order[] = {MEMBERS_WEEKS, MEMBERS_DAYS, MEMBERS_DAY};
    for (unsigned i = 0; i < sizeof order / sizeof *order; i++)
        if (said >> order[i] & 1)
            return order[i];
    return MEMBERS_LAST;
}

typedef double loss_fn(const struct block *block, int member);
static void weigh(const struct block *block, uint32_t said, loss_fn *mean_of, double eagerness,
                  double weights[MEMBERS_COUNT])
{
    double least = INFINITY, sum = 0;
    for (int i = 0; i < MEMBERS_COUNT; i++) {
        weights[i] = 0;
        if (said >> i & 1)
            least = fmin(least, mean_of(block, i));
    }
    if (!isfinite(least)) {
        weights[first_choice(said)] = 1;
        return;
    }
    for (int i = 0; i < MEMBERS_COUNT; i++) {
        double loss = mean_of(block, i);
        if (said >> i & 1 && isfinite(loss))
            weights[i] = least > 0 ? exp(-eagerness * (loss / least - 1)) : loss <= 0;
        sum += weights[i];
    }
    for (int i = 0; i < MEMBERS_COUNT; i++)
        weights[i] /= sum;
}

/* Given weights, those of members that have nothing to say going to the others. */
static void weigh_fixed(const double *fixed, uint32_t said, double weights[MEMBERS_COUNT])
{
    double sum = 0;
    for (int i = 0; i < MEMBERS_COUNT; i++)
        sum += weights[i] = said >> i & 1 ? fixed[i] : 0;
    for (int i = 0; i < MEMBERS_COUNT; i++)
        weights[i] = sum > 0 ? weights[i] / sum : i == MEMBERS_LAST;
}

/* The seasonal naive that was better in this block; the last value where there is no season. */
static int best_naive(const struct block *block, uint32_t said)
{
    bool day = said >> MEMBERS_DAY & 1, week = said >> MEMBERS_WEEK & 1;
    if (day && week)
        return mean_loss(block, MEMBERS_WEEK) < mean_loss(block, MEMBERS_DAY) ? MEMBERS_WEEK
                                                                              : MEMBERS_DAY;
    return week ? MEMBERS_WEEK : day ? MEMBERS_DAY : MEMBERS_LAST;
}

static double median_of(const struct ensemble *ensemble, int h, const double *weights)
{
    double values[MEMBERS_COUNT];
    size_t count = 0;
    for (int i = 0; i < MEMBERS_COUNT; i++)
        if (weights[i] > MEDIAN_SHARE / MEMBERS_COUNT)
            values[count++] = ensemble_row(ensemble, ensemble->origin, i)[h - 1];
    stats_sort_doubles(values, count);
    return stats_quantile(values, count, .5);
}

static double mean_by(const struct ensemble *ensemble, int h, const double *weights)
{
    double mean = 0;
    for (int i = 0; i < MEMBERS_COUNT; i++)
        if (weights[i] > 0)
            mean += weights[i] * ensemble_row(ensemble, ensemble->origin, i)[h - 1];
    return mean;
}

/* Before any error is known the eager mix, which then is the season first in trust. */
static void mix_weights(const struct ensemble *ensemble, const struct block *block,
                        double weights[MIX_COUNT])
{
    if (!ensemble->settings.plain && block->mixes.updates > 0) {
        share_weights(&block->mixes, (1u << MIX_COUNT) - 1, weights);
        return;
    }
    for (int i = 0; i < MIX_COUNT; i++)
        weights[i] = i == MIX_EAGER;
}

static void say_block(struct ensemble *ensemble, int number)
{
    const struct block *block = &ensemble->blocks[number];
    double eager[MEMBERS_COUNT], even[MEMBERS_COUNT], quick[MEMBERS_COUNT], share[MEMBERS_COUNT],
        mixes[MIX_COUNT], of_mix[MIX_COUNT];
    int origin = ensemble->origin;
    uint32_t said = ensemble->said[origin];
    weigh(block, said, mean_loss, ensemble->settings.eagerness, eager);
    weigh(block, said, mean_loss, ensemble->settings.eagerness / EVENNESS, even);
    weigh(block, said, mean_quick, ensemble->settings.eagerness, quick);
    if (ensemble->settings.fixed != NULL)
        weigh_fixed(ensemble->settings.fixed, said, eager);
    share_weights(&block->members, said, share);
    mix_weights(ensemble, block, of_mix);
    for (int h = 1; h <= ensemble->settings.plan.horizon; h++) {
        if (ensemble_block(&ensemble->settings.plan, h) != number)
            continue;
        double mean = 0;
        mixes[MIX_EAGER] = mean_by(ensemble, h, eager);
        mixes[MIX_EVEN] = mean_by(ensemble, h, even);
        mixes[MIX_QUICK] = mean_by(ensemble, h, quick);
        mixes[MIX_SHARE] = mean_by(ensemble, h, block->members.updates > 0 ? share : eager);
        mixes[MIX_MEDIAN] = median_of(ensemble, h, even);
        mixes[MIX_NAIVE] = ensemble_row(ensemble, origin, best_naive(block, said))[h - 1];
        for (int i = 0; i < MIX_COUNT; i++) {
            ensemble_row(ensemble, origin, ROW_MIXES + i)[h - 1] = mixes[i];
            mean += of_mix[i] * mixes[i];
        }
        ensemble_row(ensemble, origin, ROW_MEAN)[h - 1] = mean;
    }
}

/* What the boosted quantiles say of the spread, where they say something. */
static void keep_spread(struct ensemble *ensemble)
{
    const struct members *members = &ensemble->members;
    int origin = ensemble->origin;
    ensemble->shaped[origin] = members->spread_known;
    for (int i = 0; i < STACK_LEVELS - 1 && members->spread_known; i++)
        memcpy(ensemble_row(ensemble, origin, ROW_SPREAD + i), members->spread[i],
               (size_t)ensemble->settings.plan.horizon * sizeof(double));
}

bool ensemble_step(struct ensemble *ensemble, struct ensemble_said *said)
{
    int origin = ensemble->origin;
    if (origin == ensemble->settings.plan.count)
        return false;
    if (!ensemble->again) {
        see_most(ensemble);
        if (origin > 0)
            learn(ensemble);
        ensemble->walked++;
    }
    ensemble->again = false;
    ensemble->said[origin] =
        members_ask(&ensemble->members, origin, ensemble_row(ensemble, origin, 0));
    keep_spread(ensemble);
    for (int i = 0; i < ENSEMBLE_BLOCKS; i++) {
        say_block(ensemble, i);
        ensemble_bands_say(ensemble, i);
    }
    for (int i = 0; i < MEMBERS_COUNT; i++)
        said->members[i] =
            ensemble->said[origin] >> i & 1 ? ensemble_row(ensemble, origin, i) : NULL;
    for (int i = 0; i < CONFORMAL_LEVELS; i++) {
        said->quantiles[i] = ensemble_row(ensemble, origin, ROW_QUANTILES + i);
        said->split[i] = ensemble_row(ensemble, origin, ROW_SPLIT + i);
    }
    said->mean = ensemble_row(ensemble, origin, ROW_MEAN);
    said->naive = ensemble_row(ensemble, origin, ROW_MIXES + MIX_NAIVE);
    ensemble->origin++;
    return true;
}

void ensemble_judge(const struct ensemble *ensemble, struct ensemble_verdict *verdict)
{
    uint32_t said = ensemble->origin > 0 ? ensemble->said[ensemble->origin - 1] : 0;
    verdict->origins = ensemble->walked;
    for (int i = 0; i < ENSEMBLE_BLOCKS; i++) {
        const struct block *block = &ensemble->blocks[i];
        double mixes[MIX_COUNT];
        verdict->cases[i] = block->total_cases;
        verdict->error[i] = block->total_cases > 0 ? block->total_error / block->total_cases : NAN;
        verdict->day[i] =
            block->naive_cases[0] > 0 ? block->total_naive[0] / block->naive_cases[0] : NAN;
        verdict->week[i] =
            block->naive_cases[1] > 0 ? block->total_naive[1] / block->naive_cases[1] : NAN;
        weigh(block, said, mean_loss, ensemble->settings.eagerness, verdict->weights[i]);
        mix_weights(ensemble, block, mixes);
        verdict->fell_back[i] = mixes[MIX_NAIVE] > .5;
    }
}

struct drift_verdict ensemble_drift(const struct ensemble *ensemble)
{
    return drift_judge(&ensemble->drift);
}
