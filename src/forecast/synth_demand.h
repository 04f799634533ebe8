/* SPDX-License-Identifier: MIT
 * Demand for inference from a seed, with every event labelled: what forecasts and detectors are
 * tried on where the truth must be known. A trend, a day with business hours, weekends, months,
 * quarter ends and holidays; launches, viral events, abuse and growth with the sizes and lengths
 * that their classes have (event_class.h); requests, tokens, latency and queue that fit the demand.
 * Additions, multiplications, divisions and square roots alone: the same seed gives the same bytes
 * with any compiler and C library. */
#ifndef FOREWARM_FORECAST_SYNTH_DEMAND_H
#define FOREWARM_FORECAST_SYNTH_DEMAND_H

#include "base/buf.h"
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SYNTH_DEMAND_ROWS_MAX = 1 << 21, SYNTH_DEMAND_EVENTS_MAX = 1000 }; /* events: of a class */

enum synth_demand_class {
    SYNTH_DEMAND_LAUNCH,
    SYNTH_DEMAND_VIRAL,
    SYNTH_DEMAND_ABUSE,
    SYNTH_DEMAND_GROWTH,
    SYNTH_DEMAND_HOLIDAY, /* from here on: by the calendar */
    SYNTH_DEMAND_QUARTER_END,
    SYNTH_DEMAND_CLASSES,
};
extern const char *const synth_demand_class_names[SYNTH_DEMAND_CLASSES];

struct synth_demand_settings {
    uint64_t seed;
    int64_t start_ns, step_ns; /* the step divides a day */
    size_t rows;
    uint32_t events[SYNTH_DEMAND_GROWTH + 1]; /* how many of each class that chance makes */
    double trend_from, trend_to;              /* TFLOPS, mean of a working day */
    double noise;                             /* relative standard deviation */
};

struct synth_demand_event {
    int class; /* enum synth_demand_class */
    size_t begin, end;
    double multiplier; /* highest, times the usual; growth: what stays; by the calendar: on average
                        */
    double expected;   /* launches: the multiplier that was planned with */
    double rise_rows, tokens;
    uint32_t number; /* within its class, from 1, by time */
};

struct synth_demand_row {
    double compute_tflops, requests, tokens, latency_ms, queue, concentration;
    int event; /* by chance; -1 none */
};

struct synth_demand {
    struct synth_demand_settings settings;
    struct synth_demand_row *rows;
    struct synth_demand_event *events; /* by time; those by chance first, then by the calendar */
    size_t count, event_count, chance_count;
    size_t of_class[SYNTH_DEMAND_CLASSES];
};

/* How many events of a class there are by default in so long a time, for such a trend: 8 launches,
 * 15 viral events and 24 bursts of abuse in two years, and two times growth. */
uint32_t synth_demand_default_events(int class, int64_t span_ns, double trend_ratio);

/* FW_INPUT when the events do not fit into the time. */
FW_MUST_CHECK enum fw_err synth_demand_make(struct synth_demand *demand,
                                            const struct synth_demand_settings *settings,
                                            struct fw_detail *detail);
void synth_demand_fini(struct synth_demand *demand);

/* timestamp,compute_tflops,request_count,avg_tokens_per_request,p95_latency_ms,queue_depth; with
 * labels also caller_concentration,class. */
void synth_demand_write_csv(const struct synth_demand *demand, bool labels, struct buf *out);
/* start,end,class,name,multiplier,duration_hours,planned: every event, those by the calendar too.
 */
void synth_demand_write_labels(const struct synth_demand *demand, struct buf *out);
/* The planned launches, for --events of forecast and detect. */
void synth_demand_write_events(const struct synth_demand *demand, struct buf *out);

#endif
