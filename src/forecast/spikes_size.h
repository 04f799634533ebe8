/* SPDX-License-Identifier: MIT
 * How high a spike is, if one comes (spikes.h says how likely that is): learned from the spikes of
 * many series at once, as quantiles of ln(how many times what makes a spike) by boosted trees
 * (boost.h), each moved so that it held on later spikes than those learned from (split conformal:
 * Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005). */
#ifndef FOREWARM_FORECAST_SPIKES_SIZE_H
#define FOREWARM_FORECAST_SPIKES_SIZE_H

#include "base/buf.h"
#include "forecast/spikes.h"

enum { SPIKES_SIZE_LEVELS = 2, SPIKES_SIZE_MIN = 20 /* spikes to learn, and to calibrate, from */ };
extern const double spikes_size_levels[SPIKES_SIZE_LEVELS]; /* .5, .9 */

struct spikes_size;
/* Of the settings, those of the rules, of `calibrate` and the seed count. FW_INPUT: less than
 * SPIKES_SIZE_MIN spikes to learn or to calibrate from. The same series, settings and seed give the
 * same bytes. */
FW_MUST_CHECK enum fw_err spikes_size_train(struct spikes_size **out,
                                            const struct spikes_series *series, int count,
                                            const struct spikes_settings *settings,
                                            struct fw_detail *detail);
void spikes_size_free(struct spikes_size **size);
/* times[level * count + i]: if a spike comes `ahead` steps from knowing y[0] to
 * y[first + i - 1], it is at most so many times the reference (spikes_reference) with that
 * probability; at least `rules.times`, rising with the level; NaN where nothing can be said. */
FW_MUST_CHECK enum fw_err spikes_size_predict(struct spikes_size *size, const double *y, int first,
                                              int count, double *times, struct fw_detail *detail);

/* The model as bytes, versioned; and back (FW_VERSION, FW_CORRUPT). */
FW_MUST_CHECK enum fw_err spikes_size_save(struct spikes_size *size, struct buf *out,
                                           struct fw_detail *detail);
FW_MUST_CHECK enum fw_err spikes_size_load(struct spikes_size **out, struct buf_reader *in,
                                           struct fw_detail *detail);

#endif
