/* SPDX-License-Identifier: MIT
 * How likely a spike of one series is, so many steps ahead, and how high: by boosted trees learned
 * from that series alone (spikes.h, spikes_size.h), but only where on the series' own latest past
 * they were better by Brier's score than the share of the forecast's past errors that would make a
 * spike; one series has few spikes, and mostly they are not. Three stages: the next step, a quarter
 * of a day and a day ahead; what is nearer than a stage is foretold as from its distance. */
#ifndef FOREWARM_FORECAST_SPIKE_CHANCE_H
#define FOREWARM_FORECAST_SPIKE_CHANCE_H

#include "base/buf.h"
#include "base/err.h"
#include "forecast/spikes.h"
#include "forecast/spikes_size.h"

enum { SPIKE_CHANCE_STAGES = 3 };

/* What was said from errors alone, h steps behind an origin, and whether a spike came. */
struct spike_case {
    int target, ahead; /* step of the series; h */
    double said;
    bool came;
};

struct spike_stage {
    int ahead;
    struct spikes *chance; /* NULL: what errors say is said */
    struct spikes_size *size;
    int cases, came;       /* it was judged on; 0: it was not */
    double score, without; /* Brier's scores of the trees, trained on what was before, and of what
                              would be said without them */
};
struct spike_chance {
    int day;      /* steps; 0: a day does not have steps as spikes.h wants them */
    int past;     /* spikes in the series */
    double times; /* their mean height, times what was usual; at least what makes a spike */
    struct spike_stage stages[SPIKE_CHANCE_STAGES];
};

/* Counts the spikes: `day` steps of a day (0: none), a spike above `times` the reference. */
void spike_chance_init(struct spike_chance *chance, const double *y, int n, int day, double times);
/* Are there enough of them to learn from? If not there is no use in cases. */
bool spike_chance_may(const struct spike_chance *chance);
/* Judges on cases that lie at `first` and behind, and trains for good what was better. FW_NOMEM. */
FW_MUST_CHECK enum fw_err spike_chance_train(struct spike_chance *chance, const double *y, int n,
                                             int first, const struct spike_case *cases,
                                             size_t count, double times, uint64_t seed,
                                             struct fw_detail *detail);
/* Of steps 1 .. horizon behind y[n - 1]: p NaN where errors have the word; times: how many times
 * what is usual a spike would be. */
FW_MUST_CHECK enum fw_err spike_chance_say(struct spike_chance *chance, const double *y, int n,
                                           int horizon, double *p, double *times,
                                           struct fw_detail *detail);
void spike_chance_fini(struct spike_chance *chance);

FW_MUST_CHECK enum fw_err spike_chance_save(const struct spike_chance *chance, struct buf *out,
                                            struct fw_detail *detail);
FW_MUST_CHECK enum fw_err spike_chance_load(struct spike_chance *chance, struct buf_reader *in,
                                            struct fw_detail *detail);

/* What was found, in numbers and in words. */
struct spike_verdict {
    int past;
    double times;
    struct {
        int ahead;
        bool by_trees;
        double score, without; /* Brier's; both 0: not judged */
    } stages[SPIKE_CHANCE_STAGES];
};
struct spike_verdict spike_chance_verdict(const struct spike_chance *chance);
void spike_chance_describe(const struct spike_verdict *verdict, struct buf *out);

#endif
