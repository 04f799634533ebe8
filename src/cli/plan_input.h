/* SPDX-License-Identifier: MIT
 * What a plan of capacity is made from: a forecast as `forewarm forecast` writes it, or a series,
 * which is forecast first. A forecast in a file has the quantiles of single steps alone; how errors
 * stay together is then assumed, and joint paths are drawn from that. */
#ifndef FOREWARM_CLI_PLAN_INPUT_H
#define FOREWARM_CLI_PLAN_INPUT_H

#include "cli/series_read.h"
#include "forecast/demand.h"
#include "plan/capacity.h"

enum { PLAN_INPUT_LEVELS_MAX = 32, PLAN_INPUT_BYTES_MAX = 1 << 30 };

struct plan_input_how {
    struct series_read_options series; /* columns and step, where they are told */
    struct demand_settings forecast;   /* of a series; path_count for both */
    double service_level; /* and lead time: of the plan; a series is asked for such peaks */
    int64_t lead_time_ns;
    int64_t error_memory_ns; /* of a forecast: errors so far apart are correlated by 1/e beside
                                what they share */
};

struct plan_input {
    bool series; /* a series was read and forecast; else a forecast was read */
    struct series_read read;
    struct demand_forecast made; /* of a series */
    struct paths paths;          /* of a forecast that was read */
    double *p95;                 /* of that */
    struct paths_law law;        /* measured, or assumed (pairs 0) */
    struct capacity_demand demand;
};

/* A CSV with a column expected_value is a forecast. "-" is standard input. FW_INPUT names what was
 * found and what was expected: a forecast must have that column and at least two quantiles (p50,
 * p95, ...), at every step. */
FW_MUST_CHECK enum fw_err plan_input_read(struct plan_input *input, const char *path,
                                          const struct plan_input_how *how,
                                          struct fw_detail *detail);
/* The same from memory; `name` is for messages. */
FW_MUST_CHECK enum fw_err plan_input_parse(struct plan_input *input, const char *name,
                                           struct str text, const struct plan_input_how *how,
                                           struct fw_detail *detail);
/* From the series that lies in input->read already. */
FW_MUST_CHECK enum fw_err plan_input_forecast(struct plan_input *input,
                                              const struct plan_input_how *how,
                                              struct fw_detail *detail);
void plan_input_fini(struct plan_input *input); /* fine on a zeroed one */
/* What was read, and what is assumed, a sentence a line. */
void plan_input_describe(const struct plan_input *input, struct buf *out);

#endif
