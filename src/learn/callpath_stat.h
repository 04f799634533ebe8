/* SPDX-License-Identifier: MIT
 * Statistics of one quantity at one place of the trie. Up to 32 samples are kept as they are, and
 * percentiles interpolate between them (Hyndman and Fan, type 7), those as old as whole half-lives
 * counting half, a quarter, ... Then a histogram of 64 buckets an octave, which is at most 0.8 %
 * off; in it the newest sample weighs most and the others fade by age and by number. Weights are
 * kept relative to a landmark (Cormode, Shkapenyuk, Srivastava and Xu, "Forward decay", ICDE 2009)
 * that moves by powers of two, so that moving it loses nothing. Means: Welford 1962, weighted. */
#ifndef FOREWARM_LEARN_CALLPATH_STAT_H
#define FOREWARM_LEARN_CALLPATH_STAT_H

#include "base/buf.h"
#include "base/err.h"
#include "learn/callpath_view.h"
#include <stdbool.h>
#include <stdint.h>

enum {
    CALLPATH_EXACT = 32,   /* samples kept as they are */
    CALLPATH_STEPS = 8,    /* of age in a half-life */
    CALLPATH_BUCKETS = 64, /* an octave */
    CALLPATH_OCTAVE_FIRST = -10,
    CALLPATH_OCTAVE_LAST = 52,
    CALLPATH_OCTAVES_MAX = 32, /* of one histogram; beyond, its lowest become one */
};

/* How samples fade, the same in the whole trie. */
struct callpath_fading {
    int64_t step_ns; /* of age; 0: age does not matter */
    double growth;   /* of a sample's weight over the one before it */
};
void callpath_fading_init(struct callpath_fading *fading, const struct callpath_settings *settings);
/* The step of age that an instant lies in. */
int32_t callpath_step(const struct callpath_fading *fading, int64_t at_ns);

/* Weights relative to a landmark. */
struct callpath_clock {
    int32_t base; /* step */
    double gain;  /* of the next sample by number */
};
struct callpath_mean {
    struct callpath_clock clock;
    double weight, mean;
    uint32_t count;
};
void callpath_mean_add(struct callpath_mean *mean, const struct callpath_fading *fading,
                       double value, int32_t step);
void callpath_mean_merge(struct callpath_mean *into, const struct callpath_mean *from);

struct callpath_sketch {
    struct callpath_clock clock;
    double weight, mean, least, most;
    double unit;  /* the weight of the sample that weighs most */
    double below; /* weight of what is under the first octave, zero above all */
    int32_t first, octaves;
    float bins[];
};
struct callpath_stat {
    uint32_t count; /* ever */
    uint8_t held, capacity;
    double *values;                 /* ascending, `held`; their steps (int32_t) behind capacity */
    struct callpath_sketch *sketch; /* NULL while they are exact */
};
/* `bytes` is moved by what is allocated or freed. Values >= 0. */
FW_MUST_CHECK enum fw_err callpath_stat_add(struct callpath_stat *stat,
                                            const struct callpath_fading *fading, double value,
                                            int32_t step, uint64_t *bytes);
void callpath_stat_fini(struct callpath_stat *stat, uint64_t *bytes);
/* `whole`: its values are whole numbers. */
void callpath_stat_read(const struct callpath_stat *stat, bool whole,
                        struct callpath_metric *metric);
FW_MUST_CHECK enum fw_err callpath_stat_merge(struct callpath_stat *into,
                                              const struct callpath_fading *fading,
                                              const struct callpath_stat *from, uint64_t *bytes);

/* Ages in steps of another length: of what was kept without age, all is as old as the latest. */
struct callpath_restep {
    int64_t from_ns, to_ns; /* 0: age does not matter */
    int64_t latest_ns;
};
void callpath_clock_restep(struct callpath_clock *clock, const struct callpath_restep *how);
void callpath_stat_restep(struct callpath_stat *stat, const struct callpath_restep *how);

void callpath_mean_save(const struct callpath_mean *mean, struct buf *out);
void callpath_mean_load(struct callpath_mean *mean, struct buf_reader *in);
void callpath_stat_save(const struct callpath_stat *stat, struct buf *out);
/* FW_CORRUPT, FW_NOMEM; to be freed either way. */
FW_MUST_CHECK enum fw_err callpath_stat_load(struct callpath_stat *stat, struct buf_reader *in,
                                             uint64_t *bytes);

#endif
