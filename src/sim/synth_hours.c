/* SPDX-License-Identifier: MIT
 * Profiles that follow the calendar: office hours, a time of day, and launches that were announced.
 * Each also says what it expected (synth_expects): the rates the requests were drawn from, which is
 * what a perfect forecast, or whoever plans a launch, would have said. */
#include "base/grow.h"
#include "base/time.h"
#include "sim/synth_part.h"
#include <math.h>
#include <stdlib.h>

enum { HOURS = 24, QUARTERS = 96, WEEK = 7, WORKING_DAYS = 5 };

static enum fw_err expect(struct synth *synth, uint32_t resource, double from_s, double to_s,
                          double requests)
{
    if (synth->expect_count == synth->expect_capacity) {
        size_t capacity =
            grow_capacity(synth->expect_capacity, synth->expect_count + 1, SYNTH_REQUESTS_MAX);
        struct synth_expect *grown = realloc(synth->expects, capacity * sizeof *grown);
        if (!grown)
            return FW_NOMEM;
        synth->expects = grown;
        synth->expect_capacity = capacity;
    }
    synth->expects[synth->expect_count++] = (struct synth_expect){
        resource, time_from_seconds(from_s), time_from_seconds(to_s), requests};
    return FW_OK;
}

struct calendar {
    struct synth *synth;
    const struct synth_settings *settings;
    struct prng prng;
    uint32_t resource;
    double hour_s, day_s, span_s;
};

static struct calendar calendar_of(struct synth *synth, const struct synth_settings *settings,
                                   uint32_t resource)
{
    struct calendar calendar = {.synth = synth, .settings = settings, .resource = resource};
    calendar.day_s = time_to_seconds(settings->day_ns);
    calendar.hour_s = calendar.day_s / HOURS;
    calendar.span_s = time_to_seconds(settings->span_ns);
    prng_init(&calendar.prng, prng_mix(settings->seed, resource));
    return calendar;
}

/* A session of one resource: a few requests, each after the answer to the one before was read. */
static enum fw_err use(struct calendar *calendar, double at_s)
{
    const struct synth_settings *settings = calendar->settings;
    double go_on = settings->session_requests > 1 ? 1 - 1 / settings->session_requests : 0;
    do {
        int64_t duration_ns = synth_duration_ns(&calendar->prng, settings->duration_ns);
        if (at_s >= calendar->span_s)
            return FW_OK;
        FW_TRY(synth_add(calendar->synth, time_from_seconds(at_s), calendar->resource, 0,
                         duration_ns));
        at_s += time_to_seconds(duration_ns) +
                prng_exponential(&calendar->prng, time_to_seconds(settings->think_ns));
    } while (prng_uniform(&calendar->prng) < go_on);
    return FW_OK;
}

/* Sessions by chance between two instants; `every_s`: their mean distance. */
static enum fw_err use_between(struct calendar *calendar, double from_s, double to_s,
                               double every_s)
{
    for (double at_s = from_s;;) {
        at_s += prng_exponential(&calendar->prng, every_s);
        if (at_s >= to_s)
            return FW_OK;
        FW_TRY(use(calendar, at_s));
    }
}

/* Sessions at an even rate within a resource's own office hours on five days of seven. */
enum fw_err synth_office(struct synth *synth, const struct synth_settings *settings)
{
    uint32_t count = synth->resources.count;
    for (uint32_t i = 0; i < count; i++) {
        struct calendar calendar = calendar_of(synth, settings, i);
        double open = 7 + 0.25 * (double)prng_below(&calendar.prng, 13),
               close = open + 8 + 0.5 * (double)prng_below(&calendar.prng, 5);
        double sessions_a_day =
            settings->rate * calendar.day_s / (settings->session_requests * count);
        double every_s = (close - open) * calendar.hour_s / sessions_a_day;
        for (int day = 0; day * calendar.day_s < calendar.span_s; day++) {
            double from_s = day * calendar.day_s + open * calendar.hour_s,
                   to_s = day * calendar.day_s + close * calendar.hour_s;
            if (day % WEEK >= WORKING_DAYS)
                continue;
            FW_TRY(expect(synth, i, from_s, to_s, settings->rate * calendar.day_s / count));
            FW_TRY(use_between(&calendar, from_s, to_s, every_s));
        }
    }
    return FW_OK;
}

/* Work that begins at the resource's own time of day, give or take ten minutes, and lasts about
 * two hours, sometimes four minutes and sometimes six hours; and now and then a stray session. */
enum fw_err synth_daily(struct synth *synth, const struct synth_settings *settings)
{
    uint32_t count = synth->resources.count;
    for (uint32_t i = 0; i < count; i++) {
        struct calendar calendar = calendar_of(synth, settings, i);
        double begin_s = (double)prng_below(&calendar.prng, QUARTERS) * calendar.day_s / QUARTERS;
        double work_s = 2 * calendar.hour_s, sessions_a_day = settings->rate * calendar.day_s /
                                                              (settings->session_requests * count);
        for (int day = 0; day * calendar.day_s < calendar.span_s; day++) {
            double from_s = day * calendar.day_s + begin_s +
                            prng_normal(&calendar.prng, 0, calendar.hour_s / 6);
            double to_s = from_s + prng_exponential(&calendar.prng, work_s);
            if (from_s < 0)
                continue;
            FW_TRY(expect(synth, i, day * calendar.day_s + begin_s,
                          day * calendar.day_s + begin_s + work_s,
                          sessions_a_day * settings->session_requests));
            FW_TRY(use(&calendar, from_s));
            FW_TRY(use_between(&calendar, from_s, to_s, work_s / sessions_a_day));
        }
        FW_TRY(use_between(&calendar, 0, calendar.span_s, 3 * calendar.day_s));
    }
    return FW_OK;
}

/* Seldom used, but for an hour after each launch; launches come at any time and are announced. */
enum fw_err synth_launch(struct synth *synth, const struct synth_settings *settings)
{
    uint32_t count = synth->resources.count;
    for (uint32_t i = 0; i < count; i++) {
        struct calendar calendar = calendar_of(synth, settings, i);
        double every_s = calendar.day_s * count / settings->bursts;
        double background_s = settings->session_requests * count / settings->rate;
        FW_TRY(use_between(&calendar, 0, calendar.span_s, background_s));
        for (double at_s = 0; settings->bursts > 0;) {
            at_s += prng_exponential(&calendar.prng, every_s);
            if (at_s >= calendar.span_s)
                break;
            double to_s = at_s + calendar.hour_s,
                   sessions = settings->burst_requests / settings->session_requests;
            FW_TRY(expect(synth, i, at_s, to_s, settings->burst_requests));
            FW_TRY(use_between(&calendar, at_s, to_s, calendar.hour_s / sessions));
        }
    }
    return FW_OK;
}
