/* SPDX-License-Identifier: MIT
 * What a Prometheus server, or one that speaks its API, knows of one series: a range query
 * (GET or POST /api/v1/query_range, Prometheus documentation, "HTTP API"), in pieces that stay
 * under the server's limit of 11,000 points each. Blocks: for the command line and for job threads.
 *
 * A time at which the server has nothing (a scrape failed, the series was marked stale) is simply
 * not among the points; values that are NaN or infinite come as they are. */
#ifndef FOREWARM_EDGE_PROMETHEUS_H
#define FOREWARM_EDGE_PROMETHEUS_H

#include "base/str.h"
#include "edge/config.h"
#include <stdatomic.h>

enum {
    PROMETHEUS_PIECE_POINTS = 11000,  /* of one question; the server takes no more */
    PROMETHEUS_POINTS_MAX = 5000000,  /* of the whole range */
    PROMETHEUS_ANSWER_MAX = 64 << 20, /* bytes of one answer */
    PROMETHEUS_QUERY_MAX = 8191,      /* bytes */
    PROMETHEUS_NAME_MAX = 256,        /* of a series' labels in words; longer ones are cut */
    PROMETHEUS_NAMED_MAX = 5          /* series that an error names */
};

struct prometheus_source {
    struct config_url url;            /* of the server; the API is under its path */
    const char *query;                /* PromQL; one series must come of it */
    const char *token_file, *ca_file; /* "" or NULL: none, the system's */
    int64_t timeout_ns;               /* of one question */
};

/* Points at from, from + step, ... up to and with `to`. All three whole milliseconds, step > 0. */
struct prometheus_range {
    int64_t from_ns, to_ns, step_ns;
};

struct prometheus_points {
    int64_t *at_ns; /* ascending, on the range's grid */
    double *value;  /* NaN and infinities among them, as the server has them */
    size_t count, capacity;
    uint32_t questions;
    char name[PROMETHEUS_NAME_MAX];    /* labels of the series, "{}" for none; "" nothing came */
    char warning[PROMETHEUS_NAME_MAX]; /* the first the server gave with its answer; "" none */
};

/* The range that ends with the last whole step at or before `now_ns`, or `range_ns` of it. Steps
 * are counted from 1970, so that the same question comes back the same. FW_INPUT: range shorter
 * than a step, a step that is no whole number of milliseconds, more than PROMETHEUS_POINTS_MAX. */
FW_MUST_CHECK enum fw_err prometheus_range(struct prometheus_range *range, int64_t now_ns,
                                           int64_t range_ns, int64_t step_ns,
                                           struct fw_detail *detail);
/* FW_OK: the points, also none at all. FW_INPUT: the query is refused, or several series come of
 * it: the detail names them. FW_UNREACHABLE, FW_TIMEOUT, FW_UPSTREAM: the server is away, slow, or
 * answers what is no answer; FW_FORBIDDEN: it wants another token; FW_CANCELLED. `cancel` may be
 * NULL. Free with prometheus_points_fini in every case. */
FW_MUST_CHECK enum fw_err prometheus_query(const struct prometheus_source *source,
                                           const struct prometheus_range *range,
                                           const atomic_bool *cancel,
                                           struct prometheus_points *points,
                                           struct fw_detail *detail);
void prometheus_points_fini(struct prometheus_points *points);

/* One answer: its points behind those that are there. `place` is for messages. A later piece must
 * be of the same series as the first one. What the fuzzer calls. */
FW_MUST_CHECK enum fw_err prometheus_answer(struct prometheus_points *points, struct str body,
                                            long status, const struct prometheus_range *piece,
                                            const char *place, struct fw_detail *detail);

#endif
