/* SPDX-License-Identifier: MIT
 * How high the highest demand of a window will be, calibrated on past windows of the same series.
 * Of each origin an ensemble walks through, the highest that came in a window is divided by what
 * was to be expected of it: half the highest expected, half the higher of that and the highest
 * usual (the median of the same time of the last days), so that what looks small after an outage is
 * not taken for it. The quantiles of these ratios (split conformal prediction: Vovk, Gammerman and
 * Shafer, Algorithmic Learning in a Random World, 2005), their levels moved by what was missed
 * since (Gibbs and Candes, NeurIPS 2021), times what is expected now, are what is said. The law of
 * the maximum is measured; nothing is assumed of how its hours depend on each other. */
#ifndef FOREWARM_FORECAST_PEAKS_H
#define FOREWARM_FORECAST_PEAKS_H

#include "forecast/ensemble.h"

enum { PEAKS_LEVELS = 16, PEAKS_LEAST = 20 };

struct peaks;
struct peaks_settings {
    int window; /* steps; 1 .. the plan's horizon */
    int level_count;
    double levels[PEAKS_LEVELS]; /* asked for, each in (0, 1) */
};
/* For an ensemble with this plan over the same values, which must stay where they are. */
FW_MUST_CHECK enum fw_err peaks_create(struct peaks **out, const double *y, int n,
                                       const struct members_plan *plan,
                                       const struct peaks_settings *settings);
void peaks_free(struct peaks **peaks);
/* The next origin that the ensemble has walked, 0 the first: learns which windows are over there.
 */
void peaks_step(struct peaks *peaks, const struct ensemble *ensemble, int origin);
/* What is usual h = 1 .. horizon steps after the last origin; 0: nothing is known of that time. */
double peaks_usual(const struct peaks *peaks, int h);
/* What the highest of a window is compared with: its highest expected value and highest usual. */
double peaks_reference(double expected, double usual);
/* For a window that begins h steps after the last origin: the ratio at levels[number], and at any
 * level, not moved by what was missed. Further ahead than a day it is that of a day: what is
 * decided for then is decided again before then. NaN: fewer than PEAKS_LEAST windows are over. */
double peaks_ratio(const struct peaks *peaks, int h, int number);
double peaks_ratio_at(const struct peaks *peaks, int h, double level);
/* values[t] becomes the highest of values[t .. t + window - 1], as far as there are n. */
void peaks_maxima(double *values, int n, int window);

#endif
