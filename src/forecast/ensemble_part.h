/* SPDX-License-Identifier: MIT
 * What the parts of ensemble.h share: what is kept of each origin and of each block. ensemble.c
 * makes one forecast of many, ensemble_bands.c says how wide, ensemble_store.c keeps the walk. */
#ifndef FOREWARM_FORECAST_ENSEMBLE_PART_H
#define FOREWARM_FORECAST_ENSEMBLE_PART_H

#include "forecast/ensemble.h"
#include "forecast/share.h"

/* Ways to make one of many. */
enum { MIX_EAGER, MIX_EVEN, MIX_MEDIAN, MIX_NAIVE, MIX_QUICK, MIX_SHARE, MIX_COUNT };
/* What bounds are made of: the errors' usual size so many steps ahead, or the shape that the
 * boosted quantiles give to what they do not know. */
enum { BAND_SIZE, BAND_SHAPE, BAND_COUNT };
/* What is kept of an origin, beside what the members said. */
enum {
    ROW_MEAN = MEMBERS_COUNT,
    ROW_MIXES,
    ROW_SIZE = ROW_MIXES + MIX_COUNT,          /* what errors are divided by */
    ROW_SPREAD,                                /* of the boosted quantiles above their median */
    ROW_BANDS = ROW_SPREAD + STACK_LEVELS - 1, /* what each kind of band would say */
    ROW_QUANTILES = ROW_BANDS + BAND_COUNT * CONFORMAL_LEVELS, /* what was said */
    ROW_SPLIT = ROW_QUANTILES + CONFORMAL_LEVELS,
    ROWS = ROW_SPLIT + CONFORMAL_LEVELS,
};

struct block {
    /* Decayed sums of absolute errors, and of those of the ensemble in the same cases: a member
       that began to speak late is not judged by other days than the rest. */
    double loss[MEMBERS_COUNT], beside[MEMBERS_COUNT];
    double quick_loss[MEMBERS_COUNT], quick_cases[MEMBERS_COUNT]; /* the same, sooner decayed */
    struct share members, mixes;
    double size_sum, size_cases; /* decayed, of absolute errors on the scale */
    double lowest, highest;      /* errors ever, on the scale; 0 among them */
    struct conformal errors[BAND_COUNT];
    struct share bands;
    double total_error, total_naive[2]; /* not decayed: the verdict */
    int total_cases, naive_cases[2];
};
struct ensemble {
    struct ensemble_settings settings;
    double fixed[MEMBERS_COUNT]; /* what settings.fixed points to */
    struct members members;
    int origin; /* number of the next */
    bool again; /* it was walked before: only what it says is wanted */
    int walked; /* origins ever, those of an earlier walk among them */
    struct drift drift;
    double *rows;                  /* by origin: ROWS x horizon */
    uint32_t *said;                /* by origin: members that said something */
    bool *shaped;                  /* by origin: the spread is known */
    double *size_sum, *size_cases; /* by step ahead: decayed, of absolute errors on the scale */
    double most;                   /* highest value so far */
    struct block blocks[ENSEMBLE_BLOCKS];
};

static inline double *ensemble_row(const struct ensemble *ensemble, int origin, int row)
{
    return ensemble->rows + ((long)origin * ROWS + row) * ensemble->settings.plan.horizon;
}

/* Room for the walk of `settings`, nothing in it. */
FW_MUST_CHECK enum fw_err ensemble_reserve(struct ensemble *ensemble, const double *y, int n,
                                           const struct ensemble_settings *settings,
                                           struct fw_detail *detail);

void ensemble_bands_init(struct ensemble *ensemble);
/* What came h steps after an origin. */
void ensemble_bands_learn(struct ensemble *ensemble, struct block *block, int origin, int h,
                          double actual);
/* After all that came since the last origin. */
void ensemble_bands_update(struct ensemble *ensemble);
/* The quantiles of the block at the present origin, whose mean is said. */
void ensemble_bands_say(struct ensemble *ensemble, int number);

#endif
