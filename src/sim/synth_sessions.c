/* SPDX-License-Identifier: MIT
 * The default and the cron profile. */
#include "base/time.h"
#include "sim/synth_part.h"
#include <math.h>
#include <stdlib.h>

enum { HOURS = 24, SUCCESSORS = 3 };

/* Requests by hour of a working day, in percent of the mean: quiet at night, two humps. */
static const double hour_percent[HOURS] = {35,  25,  20,  18,  20,  30,  50,  85,
                                           130, 165, 180, 170, 145, 155, 175, 180,
                                           170, 150, 130, 125, 120, 105, 75,  52};

/* The daily shape at an instant, linear between hours; its mean over a day is close to 1. */
static double daily_shape(int64_t at_ns, int64_t day_ns)
{
    static const double mean = 2510.0 / HOURS;
    double hour = (double)(at_ns % day_ns) / (double)day_ns * HOURS;
    int h = (int)hour % HOURS;
    double part = hour - (double)h;
    return ((1 - part) * hour_percent[h] + part * hour_percent[(h + 1) % HOURS]) / mean;
}

/* Cumulated popularity by rank, for drawing by bisection. */
static double *zipf_table(uint32_t count, double exponent)
{
    double *cumulated = malloc(count * sizeof *cumulated);
    double sum = 0;
    for (uint32_t i = 0; cumulated && i < count; i++) {
        sum += pow((double)i + 1, -exponent);
        cumulated[i] = sum;
    }
    return cumulated;
}

static uint32_t zipf_draw(const double *cumulated, uint32_t count, struct prng *prng)
{
    double u = prng_uniform(prng) * cumulated[count - 1];
    uint32_t low = 0, high = count - 1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (cumulated[middle] > u)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Where a session goes next: mostly on to one of three fixed successors, else it stays, seldom
 * anywhere. */
static uint32_t next_resource(uint32_t from, const double *cumulated, uint32_t count, uint64_t seed,
                              struct prng *prng)
{
    static const double upto[SUCCESSORS] = {0.45, 0.65, 0.75};
    double u = prng_uniform(prng);
    for (uint32_t i = 0; i < SUCCESSORS; i++) {
        if (u < upto[i]) {
            struct prng fixed;
            prng_init(&fixed, prng_mix(prng_mix(seed, from), 77 + i));
            return zipf_draw(cumulated, count, &fixed);
        }
    }
    return u < 0.95 ? from : zipf_draw(cumulated, count, prng);
}

struct sessions {
    struct synth *synth;
    const struct synth_settings *settings;
    struct prng prng;
    const double *cumulated;
    uint32_t count;
    uint64_t next_session;
};

static enum fw_err one_session(struct sessions *sessions, int64_t at_ns)
{
    const struct synth_settings *settings = sessions->settings;
    struct prng *prng = &sessions->prng;
    uint64_t session = ++sessions->next_session;
    uint32_t resource = zipf_draw(sessions->cumulated, sessions->count, prng);
    double go_on = settings->session_requests > 1 ? 1 - 1 / settings->session_requests : 0;
    for (;;) {
        int64_t duration_ns = synth_duration_ns(prng, settings->duration_ns);
        FW_TRY(synth_add(sessions->synth, at_ns, resource, session, duration_ns));
        if (prng_uniform(prng) >= go_on)
            return FW_OK;
        /* The next request comes after the answer was read. */
        double think_s = prng_exponential(prng, time_to_seconds(settings->think_ns));
        at_ns = time_add(time_add(at_ns, duration_ns), time_from_seconds(think_s));
        if (at_ns >= settings->span_ns)
            return FW_OK;
        resource =
            next_resource(resource, sessions->cumulated, sessions->count, settings->seed, prng);
    }
}

/* Many clients at once ask one model, without a session: each within a hundredth of an hour of the
 * burst's begin. */
static enum fw_err one_burst(struct sessions *sessions, int64_t at_ns)
{
    const struct synth_settings *settings = sessions->settings;
    uint32_t resource = zipf_draw(sessions->cumulated, sessions->count, &sessions->prng);
    uint64_t requests = 1 + prng_poisson(&sessions->prng, settings->burst_requests);
    int64_t width_ns = settings->day_ns / HOURS / 100;
    for (uint64_t i = 0; i < requests; i++) {
        int64_t request_at_ns = at_ns + (int64_t)(prng_uniform(&sessions->prng) * (double)width_ns);
        int64_t duration_ns = synth_duration_ns(&sessions->prng, settings->duration_ns);
        if (request_at_ns < settings->span_ns)
            FW_TRY(synth_add(sessions->synth, request_at_ns, resource, 0, duration_ns));
    }
    return FW_OK;
}

/* Beginnings of sessions: a Poisson process whose rate follows the day (thinning); then the bursts.
 */
static enum fw_err all_sessions(struct sessions *sessions)
{
    const struct synth_settings *settings = sessions->settings;
    static const double peak = 1.75; /* above the daily shape's maximum */
    double mean_requests = settings->session_requests > 1 ? settings->session_requests : 1;
    double mean_gap_s = mean_requests / (settings->rate * peak);
    for (int64_t at_ns = 0;;) {
        at_ns = time_add(at_ns, time_from_seconds(prng_exponential(&sessions->prng, mean_gap_s)));
        if (at_ns >= settings->span_ns)
            break;
        if (prng_uniform(&sessions->prng) * peak < daily_shape(at_ns, settings->day_ns))
            FW_TRY(one_session(sessions, at_ns));
    }
    if (settings->bursts <= 0)
        return FW_OK;
    double burst_gap_s = time_to_seconds(settings->day_ns) / settings->bursts;
    for (int64_t at_ns = 0;;) {
        at_ns = time_add(at_ns, time_from_seconds(prng_exponential(&sessions->prng, burst_gap_s)));
        if (at_ns >= settings->span_ns)
            return FW_OK;
        FW_TRY(one_burst(sessions, at_ns));
    }
}

enum fw_err synth_sessions(struct synth *synth, const struct synth_settings *settings)
{
    struct sessions sessions = {
        .synth = synth, .settings = settings, .count = synth->resources.count};
    prng_init(&sessions.prng, settings->seed);
    double *cumulated = zipf_table(sessions.count, settings->zipf);
    if (!cumulated)
        return FW_NOMEM;
    sessions.cumulated = cumulated;
    enum fw_err err = all_sessions(&sessions);
    free(cumulated);
    return err;
}

enum fw_err synth_cron(struct synth *synth, const struct synth_settings *settings)
{
    static const double period_minutes[] = {1, 5, 10, 15, 30, 60, 120, 360, 1440};
    enum { PERIODS = sizeof period_minutes / sizeof period_minutes[0] };
    for (uint32_t resource = 0; resource < synth->resources.count; resource++) {
        struct prng prng;
        prng_init(&prng, prng_mix(settings->seed, resource));
        double day_s = time_to_seconds(settings->day_ns);
        double period_s = period_minutes[prng_below(&prng, PERIODS)] / 1440 * day_s;
        double phase_s = prng_uniform(&prng) * period_s;
        for (uint64_t tick = 0;; tick++) {
            double due_s = phase_s + (double)tick * period_s;
            if (due_s >= time_to_seconds(settings->span_ns))
                break;
            /* Two per cent of jitter, and sometimes a job makes more than one call. */
            double at_s = due_s + fabs(prng_normal(&prng, 0, 0.02 * period_s));
            for (uint64_t calls = 1 + prng_poisson(&prng, 0.5); calls > 0; calls--) {
                int64_t duration_ns = synth_duration_ns(&prng, settings->duration_ns);
                if (at_s < time_to_seconds(settings->span_ns))
                    FW_TRY(synth_add(synth, time_from_seconds(at_s), resource, resource + 1,
                                     duration_ns));
                at_s += time_to_seconds(duration_ns);
            }
        }
    }
    return FW_OK;
}
