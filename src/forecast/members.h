/* SPDX-License-Identifier: MIT
 * The forecasts an ensemble is made of, each asked at every origin with what was known there:
 * seasons repeated, autoregressions on the last weeks, harmonics of day and week. A series is seen
 * on its scale (scale.h), holes filled by what was known before them. */
#ifndef FOREWARM_FORECAST_MEMBERS_H
#define FOREWARM_FORECAST_MEMBERS_H

#include "forecast/fourier.h"
#include "forecast/prophet.h"
#include "forecast/scale.h"
#include "forecast/stack.h"
#include <stdint.h>

enum members_number {
    MEMBERS_LAST,     /* the last value */
    MEMBERS_DAY,      /* the last day again */
    MEMBERS_WEEK,     /* the last week again */
    MEMBERS_DAYS,     /* mean of the same time of the last seven days */
    MEMBERS_WEEKS,    /* median of the same time of the last four weeks */
    MEMBERS_SHIFTED,  /* the last week again, moved to the level of the last day */
    MEMBERS_RIDGE,    /* autoregression on the scale, */
    MEMBERS_LEVELS,   /* on levels, */
    MEMBERS_CHANGES,  /* of changes against the day before (the week, without a day) */
    MEMBERS_HARMONIC, /* day and week, seldom forgotten, */
    MEMBERS_RECENT,   /* sooner forgotten */
    MEMBERS_PROPHET,  /* trend, seasons and holidays of the year (prophet.h), and its errors' law */
    MEMBERS_BOOST,    /* boosted trees (stack.h): steps of an hour, two days ahead */
    MEMBERS_P50,      /* the median by boosted trees of their own (stack.h) */
    MEMBERS_COUNT,
};
extern const char *const members_names[MEMBERS_COUNT];

/* Prophet's model as a user wants it, on the series' own units, in place of ours. */
struct members_prophet {
    struct prophet_options options; /* what they point to is the caller's */
    const double *cap, *floor;      /* n + horizon values; NULL: none */
    /* For each regressor n + horizon finite values, and whether those behind an origin were known
     * there. If not, the last week (or day, or value) before the origin is repeated. */
    const double *const *regressor;
    const bool *foreseen;
};

struct members_plan {
    int day, week;             /* steps; day 0: a step is a day or longer; week 0: neither */
    int horizon;               /* steps ahead */
    int first, spacing, count; /* origins: values before them are known */
    int last;                  /* the last one comes sooner, here; 0: in its turn */
    const struct scale *scale; /* of an earlier walk; NULL: chosen from the values */
    int64_t start_ns, step_ns; /* of the first value; step 0: not told, members that need it rest */
    uint32_t without;          /* bit i: member i is not asked */
    uint64_t seed;
    const struct members_prophet *prophet; /* NULL: ours. Lives as long as the members */
    const double *utilisation, *queue;     /* beside the values (stack_more.h); NULL: not told */
};
struct members {
    struct members_plan plan;
    int n;
    const double *y; /* borrowed; NaN: missing */
    struct scale scale;
    double *filled; /* n + horizon, on the scale */
    double *levels; /* the same, levels */
    struct fourier fits[2];
    struct fourier last_fits[2]; /* at a last origin that comes sooner */
    struct fourier_state states[2];
    bool fits_made;
    int learned; /* values the harmonics know */
    struct prophet *prophet;
    int64_t *at_ns;   /* n + horizon */
    double *rest;     /* n + horizon: what the Prophet-style fit leaves over, on the scale */
    int prophet_made; /* origin at which it was fitted; 0: never */
    struct stack *stack;
    int stack_made;
    /* How far the boosted quantiles above the median lay from it at the origin asked last, by step
       ahead, on the scale, ascending. */
    bool spread_known;
    double spread[STACK_LEVELS - 1][STACK_HORIZON];
};

static inline int members_origin(const struct members_plan *plan, int k)
{
    int at = plan->first + k * plan->spacing;
    return plan->last > 0 && plan->last < at ? plan->last : at;
}

/* FW_INPUT: nothing is known before the first origin. */
FW_MUST_CHECK enum fw_err members_init(struct members *members, const double *y, int n,
                                       const struct members_plan *plan, struct fw_detail *detail);
void members_fini(struct members *members);
/* What each says at origin number k (ascending): paths[member * horizon + h - 1], levels. Bit i of
 * the answer: member i has something to say. */
uint32_t members_ask(struct members *members, int k, double *paths);

/* The models fitted so far as bytes, and back into members of the same series, perhaps a longer
 * one: they are fitted again when they would have been. */
FW_MUST_CHECK enum fw_err members_save(const struct members *members, struct buf *out,
                                       struct fw_detail *detail);
FW_MUST_CHECK enum fw_err members_load(struct members *members, struct buf_reader *in,
                                       struct fw_detail *detail);

#endif
