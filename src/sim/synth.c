/* SPDX-License-Identifier: MIT */
#include "sim/synth.h"
#include "base/time.h"
#include "sim/synth_part.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

const char *const synth_profile_names[] = {
#define X(profile, name, sentence) name,
    SYNTH_PROFILES(X)
#undef X
        NULL};
const char *const synth_law_names[] = {
#define X(law, name, sentence) name,
    SYNTH_LAWS(X)
#undef X
        NULL};

void synth_init(struct synth *synth)
{
    *synth = (struct synth){0};
    table_init(&synth->resources, SYNTH_RESOURCES_MAX);
}

void synth_fini(struct synth *synth)
{
    table_fini(&synth->resources);
    free(synth->requests);
    free(synth->expects);
    *synth = (struct synth){0};
}

enum fw_err synth_add(struct synth *synth, int64_t at_ns, uint32_t resource, uint64_t session,
                      int64_t duration_ns)
{
    if (synth->count >= SYNTH_REQUESTS_MAX)
        return FW_LIMIT;
    if (synth->count == synth->capacity) {
        size_t capacity = synth->capacity ? 2 * synth->capacity : 1024;
        struct synth_request *grown = realloc(synth->requests, capacity * sizeof *grown);
        if (!grown)
            return FW_NOMEM;
        synth->requests = grown;
        synth->capacity = capacity;
    }
    synth->requests[synth->count++] = (struct synth_request){at_ns, duration_ns, session, resource};
    return FW_OK;
}

int64_t synth_duration_ns(struct prng *prng, int64_t median_ns)
{
    /* Lognormal with sd 0.6 of the logarithm, cut to milliseconds as a log would write it. */
    double seconds = time_to_seconds(median_ns) * exp(prng_normal(prng, 0, 0.6));
    int64_t ns = time_from_seconds(seconds);
    return ns - ns % TIME_MILLISECOND;
}

/* By time, then in the order in which they were made. */
static int compare_requests(const void *a, const void *b)
{
    const struct synth_request *x = a, *y = b;
    if (x->at_ns != y->at_ns)
        return x->at_ns < y->at_ns ? -1 : 1;
    if (x->resource != y->resource)
        return x->resource < y->resource ? -1 : 1;
    if (x->session != y->session)
        return x->session < y->session ? -1 : 1;
    return x->duration_ns < y->duration_ns ? -1 : x->duration_ns > y->duration_ns;
}

static enum fw_err name_resources(struct synth *synth, const struct synth_settings *settings,
                                  struct fw_detail *detail)
{
    struct str rest = settings->names, name;
    bool added;
    uint32_t number;
    if (settings->names.len == 0) {
        for (uint32_t i = 0; i < settings->resources; i++) {
            char text[32];
            int len = snprintf(text, sizeof text, "model-%u", i + 1);
            FW_TRY(table_add(&synth->resources, (struct str){text, (size_t)len}, &number, &added));
        }
        return FW_OK;
    }
    while (str_cut(&rest, ',', &name)) {
        if (name.len == 0)
            return err_set(detail, FW_USAGE,
                           "--names: found an empty name, expected names separated by commas");
        FW_TRY(table_add(&synth->resources, name, &number, &added));
        if (!added)
            return err_set(detail, FW_USAGE, "--names: \"%.*s\" is there twice", STR_ARG(name));
    }
    return FW_OK;
}

static enum fw_err (*const by_profile[SYNTH_PROFILE_COUNT])(struct synth *,
                                                            const struct synth_settings *) = {
    [SYNTH_DEFAULT] = synth_sessions,    [SYNTH_CRON] = synth_cron,
    [SYNTH_PIPELINES] = synth_pipelines, [SYNTH_OFFICE] = synth_office,
    [SYNTH_DAILY] = synth_daily,         [SYNTH_LAUNCH] = synth_launch};

enum fw_err synth_make(struct synth *synth, const struct synth_settings *settings,
                       struct str clients, const char *name, struct fw_detail *detail)
{
    enum fw_err err;
    if (settings->profile == SYNTH_SERVEGEN) {
        err = synth_servegen(synth, settings, clients, name, detail);
    } else {
        err = name_resources(synth, settings, detail);
        if (err == FW_OK)
            err = by_profile[settings->profile](synth, settings);
    }
    if (err == FW_LIMIT)
        return err_set(detail, err,
                       "more than %d requests: ask for a shorter trace or a lower rate",
                       SYNTH_REQUESTS_MAX);
    if (err == FW_NOMEM)
        return err_set(detail, err, "no memory for %zu requests", synth->count);
    if (err == FW_OK && synth->count > 0)
        qsort(synth->requests, synth->count, sizeof *synth->requests, compare_requests);
    return err;
}

static void write_time(int64_t at_ns, struct buf *out)
{
    char text[48];
    int64_t at_ms = at_ns / TIME_MILLISECOND;
    snprintf(text, sizeof text, "%lld.%03d,", (long long)(at_ms / 1000), (int)(at_ms % 1000));
    buf_add_text(out, text);
}

void synth_write_expects(const struct synth *synth, int64_t start_ns, struct buf *out)
{
    buf_add_text(out, "resource,start,end,expected_requests\n");
    for (size_t i = 0; i < synth->expect_count; i++) {
        const struct synth_expect *expected = &synth->expects[i];
        char number[STR_NUMBER_MAX];
        buf_add_str(out, table_key(&synth->resources, expected->resource));
        buf_add_char(out, ',');
        write_time(start_ns + expected->from_ns, out);
        write_time(start_ns + expected->to_ns, out);
        buf_add_text(out, str_from_fixed(expected->requests, 3, number));
        buf_add_char(out, '\n');
    }
}

void synth_write_csv(const struct synth *synth, int64_t start_ns, struct buf *out)
{
    buf_add_text(out, "time,resource,session,duration\n");
    for (size_t i = 0; i < synth->count; i++) {
        const struct synth_request *request = &synth->requests[i];
        int64_t duration_ms = request->duration_ns / TIME_MILLISECOND;
        char line[64];
        write_time(start_ns + request->at_ns, out);
        buf_add_str(out, table_key(&synth->resources, request->resource));
        snprintf(line, sizeof line, request->session ? ",s%llu" : ",",
                 (unsigned long long)request->session);
        buf_add_text(out, line);
        snprintf(line, sizeof line, ",%lld.%03d\n", (long long)(duration_ms / 1000),
                 (int)(duration_ms % 1000));
        buf_add_text(out, line);
    }
}

/* ln(seconds) is a piecewise linear function of a standard normal deviate z, through the published
 * quantiles: median at z = 0, p90 at 1.28155, p99 at 2.32635. Below the median, where only the mean
 * is published (base model), the slope is the one that gives that mean; elsewhere the slope above
 * continues. */
static const struct law {
    double median_s, slope_low, slope_90, slope_99;
} laws[SYNTH_LAW_COUNT] = {
    [SYNTH_LAW_BASE] = {22.7, 1.2727, 0.48013, 0.20257},
    [SYNTH_LAW_LORA] = {4.4, 0.26760, 0.26760, 0.26760},
    [SYNTH_LAW_CONTROLNET] = {3.9, 0.62525, 0.62525, 0.62525},
    [SYNTH_LAW_PIPELINE] = {8.5, 0.89604, 0.89604, 0.67568},
};
enum { LOAD_TIME_MIN_MS = 100 };

double synth_load_time_s(int law, struct prng *prng)
{
    static const double z90 = 1.2815515655446004;
    const struct law *l = &laws[law];
    double z = prng_normal(prng, 0, 1);
    double log_s = log(l->median_s);
    if (z < 0)
        log_s += l->slope_low * z;
    else if (z < z90)
        log_s += l->slope_90 * z;
    else
        log_s += l->slope_90 * z90 + l->slope_99 * (z - z90);
    double seconds = exp(log_s);
    return seconds > LOAD_TIME_MIN_MS / 1e3 ? seconds : LOAD_TIME_MIN_MS / 1e3;
}

void synth_write_load_times(int law, uint64_t seed, uint32_t draws, struct buf *out)
{
    struct prng prng;
    prng_init(&prng, prng_mix(seed, (uint64_t)law + 1));
    buf_add_text(out, "load_s\n");
    for (uint32_t i = 0; i < draws; i++) {
        char number[STR_NUMBER_MAX];
        buf_add_text(out, str_from_fixed(synth_load_time_s(law, &prng), 3, number));
        buf_add_char(out, '\n');
    }
}
