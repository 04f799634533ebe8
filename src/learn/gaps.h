/* SPDX-License-Identifier: MIT
 * How long a resource stays quiet: inter-arrival times in 80 logarithmic bins, a law pooled over
 * all resources that counts gaps still open (Kaplan and Meier, 1958), and what the two say about
 * the next request.
 *
 * Bin 0 is [0, 1 s); edges e_i = q^(i-1) s for i = 1..79 with q = 172800^(1/78), so that e_79 = 48
 * h; bin 79 is [48 h, for ever) and is given a width of 24 h. A gap equal to an edge belongs to the
 * bin above it. */
#ifndef FOREWARM_LEARN_GAPS_H
#define FOREWARM_LEARN_GAPS_H

#include <stdint.h>

enum { GAPS_BINS = 80, GAPS_OPEN = GAPS_BINS - 1 };

extern const int64_t
    gaps_edges_ns[GAPS_BINS + 1]; /* e_0 = 0 .. e_80 = 72 h; e_i rounded to the nanosecond */
extern const double gaps_edges_s[GAPS_BINS + 1];
extern const double gaps_widths_s[GAPS_BINS];

/* An eighth of an octave holds one edge at most: gaps_eighths[] is the bin in which it begins. */
enum { GAPS_OCTAVE = 29, GAPS_EIGHTHS = 8 * 19 }; /* from 2^29 ns, half a second, on */
extern const uint8_t gaps_eighths[GAPS_EIGHTHS];

/* Negative gaps count as 0. */
static inline uint32_t gaps_bin(int64_t gap_ns)
{
    if (gap_ns < INT64_C(1000000000)) /* e_1 */
        return 0;
    if (gap_ns >= INT64_C(172800000000000)) /* e_79 */
        return GAPS_OPEN;
    int octave = 63 - __builtin_clzll((uint64_t)gap_ns);
    uint32_t bin = gaps_eighths[8 * (octave - GAPS_OCTAVE) + (gap_ns >> (octave - 3) & 7)];
    return bin + (gaps_edges_ns[bin + 1] <= gap_ns);
}

/* One resource: everything learned so far fades to 0.99, and the bin counts one more. */
#define GAPS_DECAY 0.99f
void gaps_learn(float counts[GAPS_BINS], uint32_t bin);

/* All resources: gaps that ended in a bin, and open gaps that have outlived it. */
struct gaps_pool {
    double counts[GAPS_BINS];
    double at_risk[GAPS_BINS];
};
/* From the numbers of open gaps whose age lies in each bin: at_risk[k] = those in the bins above k.
 */
void gaps_at_risk(const uint32_t open[GAPS_BINS], double at_risk[GAPS_BINS]);
/* P(a gap ends in bin k | it reached bin k), with a pseudo-count of 0.02 a bin. */
void gaps_hazards(const struct gaps_pool *pool, double hazards[GAPS_BINS]);
/* The same for a part of the gaps, drawn towards `prior` by `weight` pseudo-gaps. */
void gaps_hazards_towards(const struct gaps_pool *part, const double prior[GAPS_BINS],
                          double weight, double hazards[GAPS_BINS]);
/* P(a gap ends in bin k); sums to 1, the rest is in bin 79. */
void gaps_law(const double hazards[GAPS_BINS], double law[GAPS_BINS]);
/* What is believed of one resource: its own counts and `pseudo` gaps of the pooled law. Need not
 * sum to 1. */
void gaps_mass(const float counts[GAPS_BINS], const double law[GAPS_BINS], double pseudo,
               double mass[restrict GAPS_BINS]);
/* p_k = P(request in bin k | none before), 1 where no mass is left. */
void gaps_conditional(const double mass[GAPS_BINS], double hazards[GAPS_BINS]);

/* Mass beyond an age, linear inside a bin; 0 past 72 h. */
double gaps_survival(const double mass[GAPS_BINS], int64_t age_ns);
/* P(a request within `horizon_ns` | none for `age_ns`); 0 where no mass is left. */
double gaps_probability(const double mass[GAPS_BINS], int64_t age_ns, int64_t horizon_ns);

#endif
