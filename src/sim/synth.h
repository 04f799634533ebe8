/* SPDX-License-Identifier: MIT
 * Synthetic traffic from a seed: the same settings give the same requests on every machine.
 * Profiles:
 *
 *   default    sessions begin by a daily shape, pick a model by Zipf popularity and move on along
 *              transitions; bursts
 *   cron       every resource is asked for by a clock with jitter
 *   pipelines  agents that go through chains of models, one call after the other
 *              (synth_pipelines.c)
 *   servegen   per-client rates of ten-minute windows with a law of gaps, published as ServeGen
 *              (Alibaba, 2025); gaps are drawn from the law's shape at the window's rate, so the
 *              result is semi-synthetic
 *   office, daily, launch  by the calendar (synth_hours.c)
 *
 * and a law of load times fitted to the published quantiles of GenTD26 (cluster-trace-v2026-GenAI).
 */
#ifndef FOREWARM_SIM_SYNTH_H
#define FOREWARM_SIM_SYNTH_H

#include "base/buf.h"
#include "base/prng.h"
#include "base/table.h"
#include <stdbool.h>

enum {
    SYNTH_REQUESTS_MAX = 100 * 1000 * 1000,
    SYNTH_RESOURCES_MAX = 1 << 20,
    SYNTH_CLIENT_ROWS_MAX = 1 << 24
};

#define SYNTH_PROFILES(X)                                                                          \
    X(SYNTH_DEFAULT, "default",                                                                    \
      "sessions with transitions, Zipf popularity, a daily shape and bursts")                      \
    X(SYNTH_CRON, "cron", "every resource by its own clock, with jitter")                          \
    X(SYNTH_PIPELINES, "pipelines",                                                                \
      "agents that go through chains of models, one call after the other")                         \
    X(SYNTH_SERVEGEN, "servegen",                                                                  \
      "clients with the rates and laws of a ServeGen file (--clients)")                            \
    X(SYNTH_OFFICE, "office", "office hours on five days of seven, each resource its own")         \
    X(SYNTH_DAILY, "daily", "work that begins at each resource's own time of day")                 \
    X(SYNTH_LAUNCH, "launch", "seldom used resources with launches that were announced")
enum synth_profile {
#define X(profile, name, sentence) profile,
    SYNTH_PROFILES(X)
#undef X
        SYNTH_PROFILE_COUNT
};
extern const char *const synth_profile_names[];

struct synth_settings {
    int profile; /* enum synth_profile */
    uint64_t seed;
    int64_t span_ns; /* how long the trace is; 0 with servegen: as long as the file */
    int64_t day_ns;  /* length of a day: 24 h, or less when compressed */
    uint32_t resources;
    struct str
        names; /* "a,b,c": the resources' names, most popular first; empty: model-1, model-2, ... */
    double rate;                   /* requests a second, mean over a day */
    double zipf;                   /* popularity of rank k is k^-zipf */
    double session_requests;       /* mean requests in a session */
    int64_t think_ns;              /* mean pause within a session */
    double bursts;                 /* bursts a day */
    double burst_requests;         /* mean requests in a burst */
    int64_t duration_ns;           /* median service time */
    double client_min, client_max; /* servegen: requests a day a client must have to be used */
};

struct synth_request {
    int64_t at_ns; /* from the start */
    int64_t duration_ns;
    uint64_t session; /* 0 none */
    uint32_t resource;
};
struct synth_expect { /* so many requests were to be expected in [from, to) */
    uint32_t resource;
    int64_t from_ns, to_ns;
    double requests;
};
struct synth {
    struct table resources;
    struct synth_expect
        *expects; /* office, daily and launch: what somebody who knew would have said */
    size_t expect_count, expect_capacity;
    struct synth_request *requests; /* by time */
    size_t count, capacity;
};

void synth_init(struct synth *synth);
void synth_fini(struct synth *synth);
/* `clients`: content of a ServeGen file (client,t_s,rate_rps,cv,dist,p1,p2) for that profile;
 * `name` for messages. */
FW_MUST_CHECK enum fw_err synth_make(struct synth *synth, const struct synth_settings *settings,
                                     struct str clients, const char *name,
                                     struct fw_detail *detail);
/* time,resource,session,duration; times in seconds from the start, or since 1970 when start_ns > 0.
 */
void synth_write_csv(const struct synth *synth, int64_t start_ns, struct buf *out);

/* resource,start,end,expected_requests: what replay --events and --forecasts read. */
void synth_write_expects(const struct synth *synth, int64_t start_ns, struct buf *out);

/* Load times by the published quantiles of measured loads. */
#define SYNTH_LAWS(X)                                                                              \
    X(SYNTH_LAW_BASE, "base", "base model: median 22.7 s, p90 42.0, p99 51.9, mean 22.0")          \
    X(SYNTH_LAW_LORA, "lora", "LoRA adapter: median 4.4 s, p99 8.2")                               \
    X(SYNTH_LAW_CONTROLNET, "controlnet", "ControlNet: median 3.9 s, p99 16.7")                    \
    X(SYNTH_LAW_PIPELINE, "pipeline", "whole pipeline: median 8.5 s, p90 26.8, p99 54.3")
enum synth_law {
#define X(law, name, sentence) law,
    SYNTH_LAWS(X)
#undef X
        SYNTH_LAW_COUNT
};
extern const char *const synth_law_names[];
double synth_load_time_s(int law, struct prng *prng);
/* One draw a row: load_s. What `replay --load-times` reads. */
void synth_write_load_times(int law, uint64_t seed, uint32_t draws, struct buf *out);

#endif
