/* SPDX-License-Identifier: MIT */
#include "cli/eval_rolling.h"

#include "base/json.h"
#include "base/stats.h"
#include "cli/output.h"
#include "forecast/demand.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { P95 = 6, FIRST_DAYS = 3 };

struct sums {
    double error, actual, members[MEMBERS_COUNT], pinball, split;
    double parts, day_parts; /* of the demand of an hour, of a day, that the forecast was off by */
    double day_said, day_actual;
    int cases, member_cases[MEMBERS_COUNT], part_cases, day_cases, day_steps;
    int covered[EVAL_STEPS], step_cases[EVAL_STEPS];
    double *widths[EVAL_STEPS];
};

static double pinball(double actual, double bound)
{
    return fmax(.95 * (actual - bound), -.05 * (actual - bound));
}

/* Shares of the demand, step by step and of the sums of whole days from the origin on. */
static void add_parts(struct sums *sums, int day, int h, double mean, double actual)
{
    if (actual > 0) {
        sums->parts += fabs(mean - actual) / actual;
        sums->part_cases++;
    }
    if (day < 2)
        return;
    if ((h - 1) % day == 0)
        sums->day_said = sums->day_actual = sums->day_steps = 0;
    sums->day_said += mean;
    sums->day_actual += actual;
    if (++sums->day_steps == day && h % day == 0 && sums->day_actual > 0) {
        sums->day_parts += fabs(sums->day_said - sums->day_actual) / sums->day_actual;
        sums->day_cases++;
    }
}

static void add(struct sums *sums, const struct eval_rolling *result,
                const struct ensemble_said *said, int h, double actual)
{
    double mean = said->mean[h - 1], bound = said->quantiles[P95][h - 1];
    sums->error += fabs(mean - actual);
    sums->actual += fabs(actual);
    sums->cases++;
    add_parts(sums, result->day, h, mean, actual);
    sums->pinball += pinball(actual, bound);
    sums->split += pinball(actual, said->split[P95][h - 1]);
    for (int i = 0; i < MEMBERS_COUNT; i++)
        if (said->members[i] != NULL) {
            sums->members[i] += fabs(said->members[i][h - 1] - actual);
            sums->member_cases[i]++;
        }
    for (int i = 0; i < EVAL_STEPS; i++)
        if (result->steps[i] == 0 || result->steps[i] == h) {
            sums->covered[i] += actual <= bound;
            sums->widths[i][sums->step_cases[i]++] = mean > 0 ? bound / mean : NAN;
        }
}

static double median_width(double *widths, int count)
{
    size_t known = 0;
    for (int i = 0; i < count; i++)
        if (isfinite(widths[i]))
            widths[known++] = widths[i];
    stats_sort_doubles(widths, known);
    return known > 0 ? stats_quantile(widths, known, .5) : NAN;
}

static void finish(struct eval_rolling *result, struct sums *sums)
{
    result->mae = sums->error / sums->cases;
    result->wape = sums->actual > 0 ? sums->error / sums->actual : NAN;
    result->mape = sums->part_cases > 0 ? sums->parts / sums->part_cases : NAN;
    result->mape_day = sums->day_cases > 0 ? sums->day_parts / sums->day_cases : NAN;
    result->pinball = sums->pinball / sums->cases;
    result->split = sums->split / sums->cases;
    result->naive = NAN;
    for (int i = 0; i < MEMBERS_COUNT; i++) {
        result->members[i] =
            sums->member_cases[i] > 0 ? sums->members[i] / sums->member_cases[i] : NAN;
        bool whole = sums->member_cases[i] == sums->cases;
        if ((i == MEMBERS_DAY || i == MEMBERS_WEEK) && whole)
            result->naive =
                fmin(isfinite(result->naive) ? result->naive : INFINITY, result->members[i]);
    }
    for (int i = 0; i < EVAL_STEPS; i++) {
        result->coverage[i] =
            sums->step_cases[i] > 0 ? (double)sums->covered[i] / sums->step_cases[i] : NAN;
        result->width[i] = median_width(sums->widths[i], sums->step_cases[i]);
    }
}

static enum fw_err plan_for(const struct series *series, int horizon, int spacing, int origins,
                            struct members_plan *plan, struct fw_detail *detail)
{
    int n = (int)series->count;
    *plan = (struct members_plan){.horizon = horizon,
                                  .spacing = spacing,
                                  .start_ns = series->start_ns,
                                  .step_ns = series->step_ns};
    demand_seasons(series->step_ns, &plan->day, &plan->week);
    int first = FIRST_DAYS * (plan->day > 0 ? plan->day : plan->week > 0 ? plan->week : 1);
    if (n < first + horizon)
        return err_set(detail, FW_INPUT, "%d values, at least %d are needed to look back", n,
                       first + horizon);
    int most = (n - first) / spacing + 1;
    plan->count = most < origins ? most : origins;
    plan->first = n - (plan->count - 1) * spacing;
    return FW_OK;
}

static enum fw_err walk(const struct series *series, const struct ensemble_settings *settings,
                        double from, struct eval_rolling *result, struct sums *sums,
                        struct fw_detail *detail)
{
    struct ensemble *ensemble = NULL;
    struct ensemble_said said;
    const struct members_plan *plan = &settings->plan;
    FW_TRY(ensemble_create(&ensemble, series->value, (int)series->count, settings, detail));
    for (int k = 0; ensemble_step(ensemble, &said); k++) {
        int at = plan->first + k * plan->spacing, before = sums->cases;
        if (k < from * plan->count)
            continue;
        for (int h = 1; h <= plan->horizon && at + h <= (int)series->count; h++)
            if (isfinite(series->value[at + h - 1]))
                add(sums, result, &said, h, series->value[at + h - 1]);
        result->scored += sums->cases > before;
    }
    ensemble_free(&ensemble);
    return sums->cases > 0 ? FW_OK : err_set(detail, FW_INPUT, "no value is left to score");
}

enum fw_err eval_rolling(const struct series *series, int horizon, int spacing, int origins,
                         double from, uint64_t seed, struct eval_rolling *result,
                         struct fw_detail *detail)
{
    struct ensemble_settings settings = ensemble_defaults;
    struct sums sums = {0};
    clock_t begun = clock();
    *result = (struct eval_rolling){.horizon = horizon};
    FW_TRY(plan_for(series, horizon, spacing, origins, &settings.plan, detail));
    settings.plan.seed = seed;
    result->origins = settings.plan.count;
    result->day = settings.plan.day;
    result->steps[0] = 1;
    result->steps[1] = settings.plan.day >= 4 ? settings.plan.day / 4 : 2;
    result->steps[2] = settings.plan.day > 0 ? settings.plan.day : 7;
    size_t cases = (size_t)settings.plan.count * (size_t)horizon;
    double *widths = calloc(EVAL_STEPS * cases, sizeof *widths);
    if (widths == NULL)
        return FW_NOMEM;
    for (int i = 0; i < EVAL_STEPS; i++)
        sums.widths[i] = widths + (size_t)i * cases;
    enum fw_err err = walk(series, &settings, from, result, &sums, detail);
    if (err == FW_OK)
        finish(result, &sums);
    free(widths);
    result->cpu_s = (double)(clock() - begun) / CLOCKS_PER_SEC;
    return err;
}

void eval_rolling_json(const struct eval_rolling *result, struct buf *out)
{
    struct json json;
    json_init(&json, out, true);
    json_object(&json);
    json_key_uint(&json, "horizon", (uint64_t)result->horizon);
    json_key_uint(&json, "origins", (uint64_t)result->origins);
    json_key_uint(&json, "scored_origins", (uint64_t)result->scored);
    json_key_double(&json, "mae", result->mae);
    json_key_fixed(&json, "wape", result->wape, 4);
    json_key_fixed(&json, "mape", result->mape, 4);
    json_key_fixed(&json, "mape_of_days", result->mape_day, 4);
    json_key_fixed(&json, "mase_ratio_to_naive", result->mae / result->naive, 4);
    json_key(&json, "members_ratio_to_naive");
    json_object(&json);
    for (int i = 0; i < MEMBERS_COUNT; i++)
        json_key_fixed(&json, members_names[i], result->members[i] / result->naive, 4);
    json_object_end(&json);
    json_key(&json, "p95");
    json_array(&json);
    for (int i = 0; i < EVAL_STEPS; i++) {
        json_object(&json);
        json_key_uint(&json, "steps_ahead", (uint64_t)result->steps[i]);
        json_key_fixed(&json, "coverage", result->coverage[i], 4);
        json_key_fixed(&json, "width", result->width[i], 4);
        json_object_end(&json);
    }
    json_array_end(&json);
    json_key_double(&json, "pinball_p95", result->pinball);
    json_key_fixed(&json, "pinball_ratio_to_split", result->pinball / result->split, 4);
    json_key_fixed(&json, "cpu_seconds", result->cpu_s, 2);
    json_object_end(&json);
    buf_add_char(out, '\n');
}

void eval_rolling_table(const struct eval_rolling *result, struct buf *out)
{
    buf_printf(out, "%d steps ahead from %d origins, scored at the last %d\n", result->horizon,
               result->origins, result->scored);
    buf_printf(out,
               "off by %.6g on average, %.1f %% of the demand; the better seasonal naive by %.6g "
               "(ratio %.3f)\n",
               result->mae, 100 * result->wape, result->naive, result->mae / result->naive);
    buf_add_text(out, "its members, relative to that naive:");
    for (int i = 0; i < MEMBERS_COUNT; i++)
        if (isfinite(result->members[i]))
            buf_printf(out, " %s %.3f", members_names[i], result->members[i] / result->naive);
    buf_add_char(out, '\n');
    for (int i = 0; i < EVAL_STEPS; i++) {
        if (!isfinite(result->coverage[i]))
            continue;
        if (result->steps[i] > 0)
            buf_printf(out, "P95, %d ahead: ", result->steps[i]);
        else
            buf_add_text(out, "P95, all: ");
        buf_printf(out, "covers %.1f %%, %.3f times what is expected\n", 100 * result->coverage[i],
                   result->width[i]);
    }
    buf_printf(out, "pinball loss of P95: %.3f times that of split conformal alone\n",
               result->pinball / result->split);
}
