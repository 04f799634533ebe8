/* SPDX-License-Identifier: MIT
 * Anomalies in a stream, one row at a time, by one of six detectors: n9 (n9.h), the z-score, the
 * rate of change (zscore.h), an isolation forest over value, change and distance from what is
 * usual at this time of day, the distance from the usual alone (seasonal.h), and, for demand, n9 or
 * that. Whatever the detector: a score in [0, 1], the score's conformal
 * p-value among those before it, and one alert an event. Bounded memory, no look-ahead. */
#ifndef FOREWARM_FORECAST_ANOMALY_H
#define FOREWARM_FORECAST_ANOMALY_H

#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

/* X(method, name, default threshold, what the threshold is of) */
#define ANOMALY_METHODS(X)                                                                         \
    X(ANOMALY_N9, "n9", .75, "mean of nine scores, each 1 at the outer 1 % of its past")           \
    X(ANOMALY_ZSCORE, "zscore", 3.5, "standard deviations from the mean of a week")                \
    X(ANOMALY_RATE, "rate", 5, "standard deviations of the change from row to row")                \
    X(ANOMALY_FOREST, "iforest", .7, "score of an isolation forest, about .5 for what is usual")   \
    X(ANOMALY_SEASONAL, "seasonal", 8, "robust deviations from this time of day and of the week")  \
    X(ANOMALY_DEMAND, "demand", 1, "the stranger of n9 and seasonal, in thresholds of theirs")
enum anomaly_method {
#define X(method, name, threshold, words) method,
    ANOMALY_METHODS(X)
#undef X
        ANOMALY_METHOD_COUNT
};
const char *anomaly_method_name(int method);
double anomaly_threshold(int method);

enum { ANOMALY_LEARN_ROWS = 600, ANOMALY_WHY_MAX = 160 };

struct anomaly_settings {
    int method;               /* enum anomaly_method */
    double threshold;         /* 0: the method's */
    uint32_t day_rows;        /* rows a day, from the sampling step; 0 or 1: no time of day */
    uint32_t learn_rows;      /* events before are silent, but restart the refractory period */
    uint32_t refractory_rows; /* from one event to the next at least; 0: a quarter of learn_rows */
    uint64_t seed;            /* of the forest */
    bool cautious;            /* n9: what has no past yet to be compared with counts nothing */
};

struct anomaly_result {
    double strangeness; /* what the threshold is compared with */
    double score;       /* in [0, 1] */
    double p;   /* share of the last 4,000 rows at least as strange, this one counted; rows of the
                 * learning period are not among them */
    bool event; /* raises an alert */
    bool silenced;   /* would, but learns still or follows another event too closely */
    int family;      /* the family of n9 that says most, -1: not n9 said it */
    double seasonal; /* robust deviations; 0 where that detector does not run */
};

struct anomaly;
FW_MUST_CHECK enum fw_err anomaly_create(struct anomaly **anomaly,
                                         const struct anomaly_settings *settings);
void anomaly_destroy(struct anomaly **anomaly);
FW_MUST_CHECK enum fw_err anomaly_step(struct anomaly *anomaly, double value,
                                       struct anomaly_result *result); /* a finite value */
/* A row without a value. */
void anomaly_skip(struct anomaly *anomaly);
/* Why a row scored as it did, in words. */
const char *anomaly_why(int method, const struct anomaly_result *result,
                        char text[ANOMALY_WHY_MAX]);

#endif
