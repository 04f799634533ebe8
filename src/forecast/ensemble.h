/* SPDX-License-Identifier: MIT
 * One forecast of many, and how wide it must be, learned while walking through a series' own past:
 * at each origin every member (members.h) says what comes; what they said before, and how it came,
 * weighs them, for each stretch of the horizon apart (exponential weights: Cesa-Bianchi and Lugosi,
 * Prediction, Learning, and Games, 2006, 2.1). Several ways of making one of many, one that follows
 * whoever is best of late (share.h) and a plain season repeated among them, are weighed again by
 * fixed share, so that where the naive is best it is what is said. Quantiles are conformal
 * (conformal.h), of errors on the series' scale divided by their usual size so many steps ahead. */
#ifndef FOREWARM_FORECAST_ENSEMBLE_H
#define FOREWARM_FORECAST_ENSEMBLE_H

#include "forecast/conformal.h"
#include "forecast/drift.h"
#include "forecast/members.h"

enum { ENSEMBLE_BLOCKS = 4 };

struct ensemble_settings {
    struct members_plan plan;
    double eagerness;    /* of the weights: eta */
    double half_life;    /* of errors, in days (steps where there is none) */
    bool plain;          /* the weighed mean alone: no median, no plain season beside it */
    const double *fixed; /* weights by member that take the place of the learned ones; or NULL */
};
extern const struct ensemble_settings ensemble_defaults; /* but for the plan */

/* What is said at one origin; horizon values each. */
struct ensemble_said {
    const double *mean;
    const double *naive;                       /* the seasonal naive that was better so far */
    const double *quantiles[CONFORMAL_LEVELS]; /* never crossing */
    const double *split[CONFORMAL_LEVELS];     /* of split conformal alone, to compare with */
    const double *members[MEMBERS_COUNT];      /* NULL: had nothing to say */
};
/* How it went, by block, over the origins walked whose truth is known: mean absolute errors. */
struct ensemble_verdict {
    int origins; /* walked, those before it was saved among them */
    int cases[ENSEMBLE_BLOCKS];
    double error[ENSEMBLE_BLOCKS];
    double day[ENSEMBLE_BLOCKS], week[ENSEMBLE_BLOCKS]; /* of the seasonal naives; NaN: none */
    double weights[ENSEMBLE_BLOCKS][MEMBERS_COUNT];     /* at the last origin */
    bool fell_back[ENSEMBLE_BLOCKS]; /* at the last origin a seasonal naive was best */
};

struct ensemble;
FW_MUST_CHECK enum fw_err ensemble_create(struct ensemble **out, const double *y, int n,
                                          const struct ensemble_settings *settings,
                                          struct fw_detail *detail);
void ensemble_free(struct ensemble **ensemble);
/* The next origin; `said` points into the ensemble and lives as long as it. False when all were
 * walked. */
bool ensemble_step(struct ensemble *ensemble, struct ensemble_said *said);
/* Of the last origin, h steps ahead: any quantile (levels ascending give values ascending), and the
 * probability that more comes than `value`. */
double ensemble_quantile(const struct ensemble *ensemble, int h, double level);
double ensemble_above(const struct ensemble *ensemble, int h, double value);
/* How far the value h steps after an origin already walked (0 the first) lay from what was said
 * there, on the series' scale, divided by its usual size; NaN: not known yet. */
double ensemble_error(const struct ensemble *ensemble, int origin, int h);
int ensemble_walked(const struct ensemble *ensemble); /* origins */
/* What was said at one of them, horizon values. */
const double *ensemble_mean(const struct ensemble *ensemble, int origin);
void ensemble_judge(const struct ensemble *ensemble, struct ensemble_verdict *verdict);
/* Do the errors since it was loaded differ from those before it was saved? */
struct drift_verdict ensemble_drift(const struct ensemble *ensemble);

/* Where the walk stands as bytes, versioned: all that what is to come depends on, but for the
 * series. The last origin walked must not be one that came sooner (members.h). */
FW_MUST_CHECK enum fw_err ensemble_save(const struct ensemble *ensemble, struct buf *out,
                                        struct fw_detail *detail);
/* And back, over the same series or one that has gone on: the next step says again what the last
 * one said, to the last bit; those that follow walk on, a last one to the end of the series.
 * `prophet` as in the plan of the walk that was saved, over this series.
 * FW_VERSION, FW_CORRUPT; FW_INPUT: the series is shorter, or has values the scale does not have.
 */
FW_MUST_CHECK enum fw_err ensemble_load(struct ensemble **out, const double *y, int n,
                                        const struct members_prophet *prophet,
                                        struct buf_reader *in, struct fw_detail *detail);
const struct members_plan *ensemble_plan(const struct ensemble *ensemble);
/* Will the next step come sooner than its turn? Save before it. */
bool ensemble_ends_early(const struct ensemble *ensemble);

/* The block of h = 1 .. horizon: the first step; a quarter of a day; the day; beyond. */
int ensemble_block(const struct members_plan *plan, int h);

#endif
