/* SPDX-License-Identifier: MIT
 * Bounds around the one forecast. All are conformal (conformal.h); they differ in what an error is
 * measured by: its usual size so many steps ahead, or the shape that the boosted quantiles give to
 * this very hour, an error being mapped to where a normal one would lie (distributional conformal
 * prediction: Chernozhukov, Wuthrich and Zhu, PNAS 118, 2021). The shape is what is said where the
 * pinball losses of the bounds it would have said are clearly the smaller. */
#include "forecast/ensemble_part.h"
#include <math.h>
#include <string.h>

#define STEP_DOUBT  3. /* errors of the block that count beside those so many steps ahead */
#define MOST_OVER   3. /* no bound is above so many times the highest value so far */
#define SHAPE_LEAST .2 /* of the usual size: a shape does not get narrower */
#define EAGERNESS   1.
#define SHARED      .05
#define CLEARLY     1.7 /* times the weight of the size: what is as good is not better */
/* Where a normal error's quantiles lie above its median, for those of stack_levels. */
static const double normal[STACK_LEVELS - 1] = {.67449, 1.28155, 1.64485, 2.32635};

struct measure {
    double size;                 /* 0: nothing is known of errors yet */
    double at[STACK_LEVELS - 1]; /* ascending, above 0 */
    bool shaped;
};

void ensemble_bands_init(struct ensemble *ensemble)
{
    const struct members_plan *plan = &ensemble->settings.plan;
    for (int i = 0; i < ENSEMBLE_BLOCKS; i++)
        share_init(&ensemble->blocks[i].bands, BAND_COUNT);
    for (int h = 1; h <= plan->horizon; h++)
        for (int i = 0; i < BAND_COUNT; i++)
            ensemble->blocks[ensemble_block(plan, h)].errors[i].together++;
}

/* The block's usual size while few errors so many steps ahead are known. */
static double size_of(const struct ensemble *ensemble, const struct block *block, int h)
{
    double usual = block->size_cases > 0 ? block->size_sum / block->size_cases : 0;
    return (ensemble->size_sum[h - 1] + STEP_DOUBT * usual) /
           (ensemble->size_cases[h - 1] + STEP_DOUBT);
}

static struct measure measure_of(const struct ensemble *ensemble, int origin, int h)
{
    struct measure measure = {.size = ensemble_row(ensemble, origin, ROW_SIZE)[h - 1],
                              .shaped = ensemble->shaped[origin]};
    double least = 0;
    for (int i = 0; i < STACK_LEVELS - 1 && measure.shaped; i++) {
        least += SHAPE_LEAST * measure.size * (normal[i] - (i > 0 ? normal[i - 1] : 0));
        measure.at[i] = fmax(ensemble_row(ensemble, origin, ROW_SPREAD + i)[h - 1], least);
        least = measure.at[i];
    }
    return measure;
}

/* Piecewise linear through the origin and (from[i], to[i]), odd; behind the last as on the whole.
 */
static double bend(double x, const double *from, const double *to)
{
    double low = 0, height = 0, far = fabs(x);
    for (int i = 0; i < STACK_LEVELS - 1; i++) {
        if (far <= from[i])
            return copysign(height + (far - low) / (from[i] - low) * (to[i] - height), x);
        low = from[i];
        height = to[i];
    }
    return copysign(height + (far - low) * height / low, x);
}

static double measured(const struct measure *measure, int band, double error)
{
    return band == BAND_SIZE ? error / measure->size : bend(error, measure->at, normal);
}

/* The value that lies a bound away from what was said. An error that was many times the usual one
 * of quiet weeks is not multiplied by what is usual after it: no bound is beyond all errors seen by
 * more than a usual one. */
static double value_at(const struct ensemble *ensemble, const struct block *block, double said,
                       const struct measure *measure, int band, double bound)
{
    const struct scale *scale = &ensemble->members.scale;
    double most = fmax(ensemble->most > 0 ? MOST_OVER * ensemble->most : INFINITY, said);
    double error = band == BAND_SIZE ? bound * measure->size : bend(bound, normal, measure->at);
    error = fmin(fmax(error, block->lowest - measure->size), block->highest + measure->size);
    return fmin(scale_out(scale, scale_in(scale, said) + error), most);
}

/* ---- learning ---- */

static double pinball(const struct ensemble *ensemble, int origin, int band, int h, double actual)
{
    double sum = 0;
    for (int i = 0; i < CONFORMAL_LEVELS; i++) {
        int row = ROW_BANDS + band * CONFORMAL_LEVELS + i;
        double above = actual - ensemble_row(ensemble, origin, row)[h - 1];
        sum += above * (conformal_levels[i] - (above < 0));
    }
    return sum;
}

void ensemble_bands_learn(struct ensemble *ensemble, struct block *block, int origin, int h,
                          double actual)
{
    const struct scale *scale = &ensemble->members.scale;
    struct measure measure = measure_of(ensemble, origin, h);
    double mean = ensemble_row(ensemble, origin, ROW_MEAN)[h - 1], losses[BAND_COUNT];
    double error = scale_in(scale, actual) - scale_in(scale, mean);
    block->size_sum += fabs(error);
    block->size_cases++;
    block->lowest = fmin(block->lowest, error);
    block->highest = fmax(block->highest, error);
    ensemble->size_sum[h - 1] += fabs(error);
    ensemble->size_cases[h - 1]++;
    if (!(measure.size > 0))
        return;
    if (measure.shaped && block->errors[BAND_SHAPE].count >= CONFORMAL_TRUSTED) {
        for (int i = 0; i < BAND_COUNT; i++)
            losses[i] = pinball(ensemble, origin, i, h, actual);
        share_add(&block->bands, losses, (1u << BAND_COUNT) - 1);
    }
    for (int i = 0; i < BAND_COUNT; i++)
        if (i == BAND_SIZE || measure.shaped)
            conformal_add(&block->errors[i], measured(&measure, i, error));
}

void ensemble_bands_update(struct ensemble *ensemble)
{
    for (int i = 0; i < ENSEMBLE_BLOCKS; i++)
        share_update(&ensemble->blocks[i].bands, EAGERNESS, SHARED);
}

/* ---- saying ---- */

static int band_of(const struct ensemble *ensemble, const struct block *block, int origin)
{
    double weights[BAND_COUNT];
    share_weights(&block->bands, (1u << BAND_COUNT) - 1, weights);
    bool better = block->bands.updates > 0 && weights[BAND_SHAPE] > CLEARLY * weights[BAND_SIZE];
    return better && ensemble->shaped[origin] ? BAND_SHAPE : BAND_SIZE;
}

static void say_step(struct ensemble *ensemble, const struct block *block, int h,
                     double bounds[BAND_COUNT + 1][CONFORMAL_LEVELS])
{
    int origin = ensemble->origin, chosen = band_of(ensemble, block, origin);
    double mean = ensemble_row(ensemble, origin, ROW_MEAN)[h - 1];
    ensemble_row(ensemble, origin, ROW_SIZE)[h - 1] = size_of(ensemble, block, h);
    struct measure measure = measure_of(ensemble, origin, h);
    for (int i = 0; i < CONFORMAL_LEVELS; i++) {
        double *said = ensemble_row(ensemble, origin, ROW_QUANTILES + i);
        for (int band = 0; band < BAND_COUNT; band++) {
            bool known = measure.size > 0 && (band == BAND_SIZE || measure.shaped);
            double *row = ensemble_row(ensemble, origin, ROW_BANDS + band * CONFORMAL_LEVELS + i);
            row[h - 1] =
                known ? value_at(ensemble, block, mean, &measure, band, bounds[band][i]) : mean;
            if (band == chosen)
                said[h - 1] = row[h - 1];
        }
        ensemble_row(ensemble, origin, ROW_SPLIT + i)[h - 1] =
            value_at(ensemble, block, mean, &measure, BAND_SIZE, bounds[BAND_COUNT][i]);
    }
}

void ensemble_bands_say(struct ensemble *ensemble, int number)
{
    const struct block *block = &ensemble->blocks[number];
    double bounds[BAND_COUNT + 1][CONFORMAL_LEVELS];
    for (int i = 0; i < BAND_COUNT; i++)
        conformal_bounds(&block->errors[i], bounds[i]);
    conformal_split(&block->errors[BAND_SIZE], bounds[BAND_COUNT]);
    for (int h = 1; h <= ensemble->settings.plan.horizon; h++)
        if (ensemble_block(&ensemble->settings.plan, h) == number)
            say_step(ensemble, block, h, bounds);
}

/* ---- asked about the last origin ---- */

double ensemble_quantile(const struct ensemble *ensemble, int h, double level)
{
    const struct block *block = &ensemble->blocks[ensemble_block(&ensemble->settings.plan, h)];
    int origin = ensemble->origin - 1, band = band_of(ensemble, block, origin);
    double mean = ensemble_row(ensemble, origin, ROW_MEAN)[h - 1];
    struct measure measure = measure_of(ensemble, origin, h);
    if (!(measure.size > 0))
        return mean;
    return value_at(ensemble, block, mean, &measure, band,
                    conformal_at(&block->errors[band], level));
}

double ensemble_above(const struct ensemble *ensemble, int h, double value)
{
    const struct scale *scale = &ensemble->members.scale;
    const struct block *block = &ensemble->blocks[ensemble_block(&ensemble->settings.plan, h)];
    int origin = ensemble->origin - 1, band = band_of(ensemble, block, origin);
    double mean = ensemble_row(ensemble, origin, ROW_MEAN)[h - 1];
    struct measure measure = measure_of(ensemble, origin, h);
    if (!(measure.size > 0))
        return mean > value;
    double error = scale_in(scale, value) - scale_in(scale, mean);
    return conformal_above(&block->errors[band], measured(&measure, band, error));
}

int ensemble_walked(const struct ensemble *ensemble)
{
    return ensemble->origin;
}

const double *ensemble_mean(const struct ensemble *ensemble, int origin)
{
    return ensemble_row(ensemble, origin, ROW_MEAN);
}

double ensemble_error(const struct ensemble *ensemble, int origin, int h)
{
    const struct members_plan *plan = &ensemble->settings.plan;
    const struct scale *scale = &ensemble->members.scale;
    int at = members_origin(plan, origin) + h - 1;
    int now = members_origin(plan, ensemble->origin - 1);
    double size = ensemble_row(ensemble, origin, ROW_SIZE)[h - 1];
    if (at >= now || !isfinite(ensemble->members.y[at]) || !(size > 0))
        return NAN;
    double said = ensemble_row(ensemble, origin, ROW_MEAN)[h - 1];
    return (scale_in(scale, ensemble->members.y[at]) - scale_in(scale, said)) / size;
}
