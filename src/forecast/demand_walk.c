/* SPDX-License-Identifier: MIT
 * The walk a forecast is made by: origins through the latest past, each foretold from what was
 * known there, and what they tell of errors and of spikes. */
#include "forecast/demand_part.h"

#include "base/grow.h"
#include "base/stats.h"
#include "base/time.h"
#include <math.h>
#include <stdlib.h>

enum { ORIGINS_MAX = 60, SPACINGS_A_DAY = 2, FIRST_DAYS = 3, CASES_MAX = 1 << 20 };

static uint32_t only(uint32_t members)
{
    return ~members;
}

static uint32_t without_for(const struct demand_settings *settings)
{
    switch (settings->model) {
    case DEMAND_PROPHET:
        return only(1u << MEMBERS_PROPHET);
    case DEMAND_RIDGE:
        return only(1u << MEMBERS_RIDGE);
    case DEMAND_BOOST:
        return only(1u << MEMBERS_BOOST);
    case DEMAND_NAIVE:
        return only(1u << MEMBERS_DAY | 1u << MEMBERS_WEEK);
    default:
        return 0;
    }
}

/* Origins through the latest past, the last at the series' end. */
static struct members_plan plan_for(const struct series *series,
                                    const struct demand_settings *settings, int horizon)
{
    struct members_plan plan = {.horizon = horizon,
                                .start_ns = series->start_ns,
                                .step_ns = series->step_ns,
                                .without = without_for(settings),
                                .seed = settings->seed,
                                .utilisation = settings->utilisation,
                                .queue = settings->queue,
                                .prophet = settings->prophet};
    int n = (int)series->count, known = 0;
    demand_seasons(series->step_ns, &plan.day, &plan.week);
    int day = plan.day > 0 ? plan.day : plan.week > 0 ? plan.week : 1;
    while (known < n && !isfinite(series->value[known]))
        known++;
    plan.spacing = day / SPACINGS_A_DAY > 0 ? day / SPACINGS_A_DAY : 1;
    int first = known + FIRST_DAYS * day < n ? known + FIRST_DAYS * day : n;
    int most = (n - first) / plan.spacing + 1;
    plan.count = most < ORIGINS_MAX ? most : ORIGINS_MAX;
    plan.first = n - plan.spacing * (plan.count - 1);
    return plan;
}

double demand_usual(const double *y, int n, int day, int h)
{
    int count = 0, quarter = day / 4 > 0 ? day / 4 : 1;
    double sum = 0, latest[64];
    size_t known = 0;
    for (int t = n + h - 1; t >= 0 && day > 0 && count < 2; t -= day)
        if (t < n && isfinite(y[t])) {
            sum += y[t];
            count++;
        }
    int stride = quarter > 64 ? quarter / 64 + 1 : 1;
    for (int t = n - 1; t >= 0 && t >= n - quarter; t -= stride)
        if (isfinite(y[t]) && known < 64)
            latest[known++] = y[t];
    stats_sort_doubles(latest, known);
    return fmax(count > 0 ? sum / count : 0, known > 0 ? stats_quantile(latest, known, .5) : 0);
}

static enum fw_err begin(struct ensemble **ensemble, const struct series *series,
                         const struct demand_settings *settings, const struct members_plan *plan,
                         struct fw_detail *detail)
{
    struct ensemble_settings how = ensemble_defaults;
    double fixed[MEMBERS_COUNT] = {0};
    how.plan = *plan;
    how.plain = settings->model != DEMAND_ENSEMBLE && settings->model != DEMAND_NAIVE;
    if (settings->blend[0] + settings->blend[1] > 0) {
        fixed[MEMBERS_PROPHET] = settings->blend[0];
        fixed[MEMBERS_BOOST] = settings->blend[1];
        how.fixed = fixed;
        how.plain = true;
    }
    return ensemble_create(ensemble, series->value, (int)series->count, &how, detail);
}

static enum fw_err begin_again(struct demand_walked *walked, const struct series *series,
                               const struct demand_settings *settings, int steps,
                               struct fw_detail *detail)
{
    char most[TIME_TEXT_MAX];
    struct buf_reader *in = &walked->in;
    *in = (struct buf_reader){.data = (const uint8_t *)settings->resume.data,
                              .len = settings->resume.len};
    FW_TRY(ensemble_load(&walked->ensemble, series->value, (int)series->count, settings->prophet,
                         in, detail));
    FW_TRY(spike_chance_load(&walked->chance, in, detail));
    if (in->at != in->len)
        return err_set(detail, FW_CORRUPT, "the model is damaged behind byte %zu", in->at);
    const struct members_plan *plan = ensemble_plan(walked->ensemble);
    if (plan->start_ns != series->start_ns || plan->step_ns != series->step_ns)
        return err_set(detail, FW_INPUT, "the model was trained on another series");
    if (steps > plan->horizon)
        return err_set(detail, FW_INPUT,
                       "the model was trained to foretell %s, which is less than the horizon asked "
                       "for: train again",
                       time_format_duration(plan->horizon * plan->step_ns, most));
    return FW_OK;
}

/* ---- spikes on the way ---- */

struct cases {
    struct spike_case *rows;
    size_t count, capacity;
};

/* What the errors say of spikes at the origin just walked, and what came. */
static bool collect(struct cases *cases, const struct ensemble *ensemble,
                    const struct series *series, int day)
{
    const struct members_plan *plan = ensemble_plan(ensemble);
    int n = (int)series->count, origin = members_origin(plan, ensemble_walked(ensemble) - 1);
    for (int h = 1; h <= plan->horizon && h <= day && origin + h - 1 < n; h++) {
        double actual = series->value[origin + h - 1];
        double usual = demand_usual(series->value, origin, day, h);
        if (!isfinite(actual) || !(usual > 0))
            continue;
        if (cases->count == cases->capacity) {
            size_t capacity = (size_t)grow_capacity(cases->capacity, cases->count + 1, CASES_MAX);
            struct spike_case *more = realloc(cases->rows, capacity * sizeof *more);
            if (more == NULL)
                return false;
            cases->rows = more;
            cases->capacity = capacity;
        }
        cases->rows[cases->count++] =
            (struct spike_case){.target = origin + h - 1,
                                .ahead = h,
                                .said = ensemble_above(ensemble, h, DEMAND_SPIKE * usual),
                                .came = actual > DEMAND_SPIKE * usual};
    }
    return true;
}

/* ---- the walk ---- */

/* Through all origins; what was trained is kept as it was at the last one that came in its turn. */
static enum fw_err go_through(struct demand_walked *walked, const struct series *series,
                              const struct demand_settings *settings, struct cases *cases,
                              struct fw_detail *detail)
{
    struct ensemble *ensemble = walked->ensemble;
    bool kept = settings->trained == NULL, more = true;
    bool look = settings->resume.data == NULL && spike_chance_may(&walked->chance);
    int count = ensemble_plan(ensemble)->count;
    for (int k = 0; more; k++) {
        if (!kept && ensemble_ends_early(ensemble)) {
            FW_TRY(ensemble_save(ensemble, settings->trained, detail));
            kept = true;
        }
        more = ensemble_step(ensemble, &walked->said);
        if (more && look && !collect(cases, ensemble, series, walked->chance.day))
            return FW_NOMEM;
        if (more && settings->progress != NULL)
            settings->progress(settings->context, (uint64_t)k + 1,
                               (uint64_t)(k < count ? count : k + 1));
    }
    return kept ? FW_OK : ensemble_save(ensemble, settings->trained, detail);
}

static enum fw_err say_spikes(struct demand_walked *walked, const struct series *series, int steps,
                              struct fw_detail *detail)
{
    walked->spike_p = calloc(2 * (size_t)steps, sizeof *walked->spike_p);
    if (walked->spike_p == NULL)
        return FW_NOMEM;
    walked->spike_times = walked->spike_p + steps;
    return spike_chance_say(&walked->chance, series->value, (int)series->count, steps,
                            walked->spike_p, walked->spike_times, detail);
}

enum fw_err demand_walk(struct demand_walked *walked, const struct series *series,
                        const struct demand_settings *settings, int steps, struct fw_detail *detail)
{
    struct members_plan plan = plan_for(series, settings, steps);
    struct cases cases = {0};
    bool resumed = settings->resume.data != NULL;
    int n = (int)series->count;
    *walked = (struct demand_walked){0};
    if (!resumed)
        spike_chance_init(&walked->chance, series->value, n, plan.day, DEMAND_SPIKE);
    enum fw_err err = resumed ? begin_again(walked, series, settings, steps, detail)
                              : begin(&walked->ensemble, series, settings, &plan, detail);
    if (err == FW_OK)
        err = go_through(walked, series, settings, &cases, detail);
    if (err == FW_OK && !resumed)
        err = spike_chance_train(&walked->chance, series->value, n, plan.first, cases.rows,
                                 cases.count, DEMAND_SPIKE, settings->seed, detail);
    if (err == FW_OK && settings->trained != NULL)
        err = spike_chance_save(&walked->chance, settings->trained, detail);
    free(cases.rows);
    return err == FW_OK ? say_spikes(walked, series, steps, detail) : err;
}

void demand_walked_fini(struct demand_walked *walked)
{
    ensemble_free(&walked->ensemble);
    spike_chance_fini(&walked->chance);
    free(walked->spike_p);
}
