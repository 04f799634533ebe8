/* SPDX-License-Identifier: MIT
 * The linear models whose rolling forecasts become columns of the boosted one (stack.h): four
 * autoregressions and four harmonic regressions, asked at every sixth hour of a series.
 * A series is seen on two scales: z, its logarithm where all is positive (else ln(1 + max(y, 0))),
 * and y itself, both standardised by its first two weeks. */
#ifndef FOREWARM_FORECAST_STACK_MEMBERS_H
#define FOREWARM_FORECAST_STACK_MEMBERS_H

#include "forecast/fourier.h"
#include "forecast/ridge.h"

enum {
    STACK_DAY = 24,
    STACK_WEEK = 168,
    STACK_HORIZON = 48,
    STACK_STEP = 6,          /* hours between origins */
    STACK_FIRST = 300,       /* earliest origin at which the members are asked, */
    STACK_LEARN_FIRST = 342, /* and from which rows are learned */
    STACK_SCALE = 336,       /* hours that standardise a series */
    STACK_ORIGINS_MAX = 192, /* the latest ones of a longer series */
    STACK_LENGTH_MIN = 360,  /* hours a series must have */
};

enum stack_member {
    MEMBER_ARLOG, /* 25 lags, of z */
    MEMBER_ARLVL, /* the same of y */
    MEMBER_ARFOR, /* of z, with forgetting */
    MEMBER_ARD24, /* of the change against the day before */
    MEMBER_AR_COUNT,
    MEMBER_DHR = MEMBER_AR_COUNT, /* day and week, seldom forgotten, */
    MEMBER_DHRS,                  /* sooner forgotten, */
    MEMBER_DDAY,                  /* the day alone, of the last two days or so, */
    MEMBER_DFULL,                 /* every hour of the week */
    MEMBER_COUNT,
    MEMBER_FOURIER_COUNT = MEMBER_COUNT - MEMBER_DHR,
};

/* A series prepared: borrowed by the run. */
struct stack_view {
    int n;
    bool positive;   /* z = ln y; else ln(1 + max(y, 0)) */
    double *z;       /* n values */
    double *scaled;  /* z standardised, with room for the horizon */
    double *levels;  /* y standardised, with room for the horizon */
    double *changes; /* scaled[t] - scaled[t - 24], 0 on the first day, with room for the horizon */
    double z_mean, z_sd, y_mean, y_sd, y_least; /* y_least: of all of y */
    int origin_first, origin_count;             /* every STACK_STEP hours, the last before n */
};
FW_MUST_CHECK enum fw_err stack_view_init(struct stack_view *view, const double *y, int n);
void stack_view_fini(struct stack_view *view);
double stack_view_level(const struct stack_view *view, double z); /* z back to y */

/* What the members say at an origin. */
struct stack_said {
    double path[MEMBER_COUNT][STACK_HORIZON]; /* on the scale of z */
    double residual[MEMBER_FOURIER_COUNT][3]; /* last hour's, mean of 3 and of 24 hours */
};

/* Gram matrices for the origins of series of one length. */
struct stack_grams {
    struct fourier fits[MEMBER_FOURIER_COUNT];
};
FW_MUST_CHECK enum fw_err stack_grams_init(struct stack_grams *grams, int first, int count);
void stack_grams_fini(struct stack_grams *grams);

struct stack_run {
    struct stack_view *view;
    const struct stack_grams *grams;
    struct ridge autoregressions[MEMBER_AR_COUNT];
    struct fourier_state fits[MEMBER_FOURIER_COUNT];
    int known;                       /* values learned */
    double low[2], high[2], y_least; /* of what was learned: scaled, levels */
};
void stack_run_start(struct stack_run *run, struct stack_view *view,
                     const struct stack_grams *grams);
/* Learns up to the origin (ascending from call to call), and asks. */
void stack_run_ask(struct stack_run *run, int origin, struct stack_said *said);

#endif
