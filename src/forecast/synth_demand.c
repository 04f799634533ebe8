/* SPDX-License-Identifier: MIT */
#include "forecast/synth_demand.h"
#include "forecast/synth_demand_part.h"
#include <math.h>
#include <stdlib.h>

/* A token costs so many TFLOP: 7e9 weights, two operations each, at 40 % use of the device. */
static const double token_tflop = .035, usual_tokens = 480;
static const double persists = .7; /* of the noise, from row to row */
/* Devices for the busiest hour at two thirds, and more after some hours of need. */
static const double room = 2.2, follow = 1.5, follow_hours = 6;
static const double busy = .95, base_latency_ms = 420, least = .01;
enum { NOISE_STREAM = 100, UNIFORMS = 12 };

/* Nearly normal, of variance 1, and never beyond 6: a sum of uniforms. */
static double bell(struct prng *prng)
{
    double sum = 0;
    for (int i = 0; i < UNIFORMS; i++)
        sum += prng_uniform(prng);
    return sum - UNIFORMS / 2.0;
}

struct making {
    const struct synth_demand *demand;
    struct prng prng;
    double noise, served; /* served: what devices are there for */
    double grown;         /* by growth events that are over */
    double sudden;        /* all that growth events will have made */
    size_t next;          /* the first event that is not over */
};

static double trend(const struct making *making, size_t row)
{
    const struct synth_demand_settings *settings = &making->demand->settings;
    double part = settings->rows > 1 ? (double)row / (double)(settings->rows - 1) : 0;
    double end = settings->trend_to / making->sudden;
    return settings->trend_from + (end - settings->trend_from) * part;
}

/* The event of this row, by chance; NULL when there is none. */
static const struct synth_demand_event *advance(struct making *making, size_t row)
{
    const struct synth_demand *demand = making->demand;
    while (making->next < demand->chance_count && demand->events[making->next].end <= row) {
        const struct synth_demand_event *over = &demand->events[making->next++];
        if (over->class == SYNTH_DEMAND_GROWTH)
            making->grown *= over->multiplier;
    }
    const struct synth_demand_event *event = &demand->events[making->next];
    return making->next < demand->chance_count && event->begin <= row ? event : NULL;
}

static void fill_service(struct making *making, double level, struct synth_demand_row *row)
{
    const struct synth_demand_settings *settings = &making->demand->settings;
    double step_hours = (double)settings->step_ns / (double)TIME_HOUR;
    double devices = fmax(room * level, follow * making->served);
    double use = row->compute_tflops / devices, calm = fmin(use, busy), over = fmax(use - busy, 0);
    double waits = calm * calm / (1 - calm);
    making->served +=
        (row->compute_tflops - making->served) * step_hours / (step_hours + follow_hours);
    row->queue = floor(fmax((4 * waits + 600 * over) * (1 + .15 * bell(&making->prng)), 0) + .5);
    row->latency_ms = (base_latency_ms * (1 + .6 * waits) + 8000 * over) * row->tokens /
                      usual_tokens * fmax(1 + .05 * bell(&making->prng), .5);
}

static void fill_row(struct making *making, size_t i, struct synth_demand_row *row)
{
    const struct synth_demand_settings *settings = &making->demand->settings;
    const struct synth_demand_event *event = advance(making, i);
    double season = synth_demand_season(synth_demand_at_ns(settings, i));
    double level = trend(making, i) * making->grown, lift = event ? synth_demand_lift(event, i) : 1;
    if (i == 0)
        making->served = level;
    making->noise = persists * making->noise +
                    sqrt(1 - persists * persists) * settings->noise * bell(&making->prng);
    row->event = event ? (int)(event - making->demand->events) : -1;
    row->compute_tflops = fmax(level * season * lift * (1 + making->noise), least);
    row->tokens = usual_tokens * (event ? event->tokens : 1) * (1 + .02 * bell(&making->prng));
    row->tokens = floor(10 * row->tokens + .5) / 10;
    double step_s = time_to_seconds(settings->step_ns);
    row->requests = floor(row->compute_tflops * step_s / (token_tflop * row->tokens) + .5);
    double share = prng_uniform(&making->prng);
    row->concentration =
        event && event->class == SYNTH_DEMAND_ABUSE ? .6 + .3 * share : .06 + .08 * share;
    fill_service(making, level, row);
}

static enum fw_err check(const struct synth_demand_settings *settings, struct fw_detail *detail)
{
    if (settings->step_ns <= 0 || TIME_DAY % settings->step_ns != 0)
        return err_set(detail, FW_USAGE, "every: expected a step that divides a day");
    if (settings->rows < 1 || settings->rows > SYNTH_DEMAND_ROWS_MAX)
        return err_set(detail, FW_USAGE, "%zu rows, expected 1 to %d", settings->rows,
                       SYNTH_DEMAND_ROWS_MAX);
    if (!(settings->trend_from > 0) || !(settings->trend_to > 0) ||
        !isfinite(settings->trend_from + settings->trend_to))
        return err_set(detail, FW_USAGE, "growth: expected two numbers above 0");
    return FW_OK;
}

enum fw_err synth_demand_make(struct synth_demand *demand,
                              const struct synth_demand_settings *settings,
                              struct fw_detail *detail)
{
    *demand = (struct synth_demand){.settings = *settings};
    FW_TRY(check(settings, detail));
    demand->rows = calloc(settings->rows, sizeof *demand->rows);
    if (!demand->rows)
        return FW_NOMEM;
    demand->count = settings->rows;
    FW_TRY(synth_demand_place(demand, detail));
    struct making making = {.demand = demand, .grown = 1, .sudden = 1};
    prng_init(&making.prng, prng_mix(settings->seed, NOISE_STREAM));
    for (size_t i = 0; i < demand->chance_count; i++)
        if (demand->events[i].class == SYNTH_DEMAND_GROWTH)
            making.sudden *= demand->events[i].multiplier;
    for (size_t i = 0; i < settings->rows; i++)
        fill_row(&making, i, &demand->rows[i]);
    return FW_OK;
}

void synth_demand_fini(struct synth_demand *demand)
{
    free(demand->rows);
    free(demand->events);
    *demand = (struct synth_demand){.count = 0};
}
