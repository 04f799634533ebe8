/* SPDX-License-Identifier: MIT */
#include "learn/callpath_sketch.h"
#include "base/check.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A landmark moves when weights are this much above it. */
static const double heavy = 0x1p32;
enum { HEAVY_EXPONENT = 32, FAR = 400 * CALLPATH_STEPS };

/* ---- weights ---- */

/* 2^(steps / CALLPATH_STEPS); 0 where that is nothing. */
static double power_of_steps(int64_t steps)
{
    static const double eighths[CALLPATH_STEPS] = {
        1.0,
        1.0905077326652577,
        1.1892071150027210,
        1.2968395546510096,
        1.4142135623730951,
        1.5422108254079408,
        1.6817928305074290,
        1.8340080864093424,
    };
    if (steps < -FAR)
        return 0;
    CHECK(steps <= FAR);
    int64_t whole =
        steps >= 0 ? steps / CALLPATH_STEPS : -((-steps + CALLPATH_STEPS - 1) / CALLPATH_STEPS);
    return ldexp(eighths[steps - whole * CALLPATH_STEPS], (int)whole);
}

/* The weight of a sample of this step. `*scale`: what all earlier weights must be multiplied by
 * first, a power of two. */
static double weigh(struct callpath_clock *clock, double growth, int32_t step, double *scale)
{
    *scale = 1;
    int64_t ahead = (int64_t)step - clock->base;
    if (ahead > HEAVY_EXPONENT * CALLPATH_STEPS) {
        int64_t whole = ahead / CALLPATH_STEPS;
        *scale = whole > 1000 ? 0 : ldexp(1, -(int)whole);
        clock->base += (int32_t)(whole * CALLPATH_STEPS);
        ahead -= whole * CALLPATH_STEPS;
    }
    if (clock->gain >= heavy) {
        clock->gain /= heavy;
        *scale /= heavy;
    }
    double weight = clock->gain * power_of_steps(ahead);
    clock->gain *= growth;
    return weight;
}

/* Both clocks brought to one landmark: what the weights of either must be multiplied by. Those of
 * `from` come after all of `into` by number. */
static void meet(struct callpath_clock *into, const struct callpath_clock *from, double *scale_into,
                 double *scale_from)
{
    int64_t ahead = ((int64_t)from->base - into->base) / CALLPATH_STEPS;
    int64_t rest = ((int64_t)from->base - into->base) - ahead * CALLPATH_STEPS;
    *scale_into = 1;
    *scale_from = into->gain * power_of_steps(rest);
    if (ahead > 0) {
        into->base += (int32_t)(ahead * CALLPATH_STEPS);
        *scale_into = ahead > 1000 ? 0 : ldexp(1, -(int)ahead);
    } else if (ahead < 0) {
        *scale_from = ahead < -1000 ? 0 : ldexp(*scale_from, (int)ahead);
    }
    into->gain *= from->gain;
    while (into->gain >= heavy) {
        into->gain /= heavy;
        *scale_into /= heavy;
        *scale_from /= heavy;
    }
}

void callpath_mean_add(struct callpath_mean *mean, const struct callpath_fading *fading,
                       double value, int32_t step)
{
    if (mean->count == 0)
        mean->clock = (struct callpath_clock){step - step % CALLPATH_STEPS, 1};
    double scale = 1;
    double growth = mean->count < CALLPATH_EXACT ? 1 : fading->growth;
    double weight = weigh(&mean->clock, growth, step, &scale);
    mean->weight = mean->weight * scale + weight;
    if (mean->weight > 0)
        mean->mean += (value - mean->mean) * (weight / mean->weight);
    mean->count += mean->count < UINT32_MAX;
}

void callpath_mean_merge(struct callpath_mean *into, const struct callpath_mean *from)
{
    if (from->count == 0)
        return;
    if (into->count == 0) {
        *into = *from;
        return;
    }
    double scale_into = 1, scale_from = 1;
    meet(&into->clock, &from->clock, &scale_into, &scale_from);
    double more = from->weight * scale_from;
    into->weight = into->weight * scale_into + more;
    if (into->weight > 0)
        into->mean += (from->mean - into->mean) * (more / into->weight);
    into->count = from->count > UINT32_MAX - into->count ? UINT32_MAX : into->count + from->count;
}

/* ---- buckets ---- */

/* No padding before the bins: what is copied of the head would be the first of them. */
_Static_assert(offsetof(struct callpath_sketch, bins) == sizeof(struct callpath_sketch), "padding");

static size_t size_of(int octaves)
{
    return sizeof(struct callpath_sketch) + (size_t)octaves * CALLPATH_BUCKETS * sizeof(float);
}

/* The octave of a value, below CALLPATH_OCTAVE_FIRST for the smallest, and the bucket in it. */
static int octave_of(double value, uint32_t *bucket)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    int octave = (int)(bits >> 52 & 0x7ff) - 1023;
    *bucket = (uint32_t)(bits >> 46 & (CALLPATH_BUCKETS - 1));
    if (octave > CALLPATH_OCTAVE_LAST) {
        octave = CALLPATH_OCTAVE_LAST;
        *bucket = CALLPATH_BUCKETS - 1;
    }
    return octave;
}

/* The two ends of a bucket. */
static double edge_of(int octave, uint32_t bucket)
{
    return ldexp(1 + (double)bucket / CALLPATH_BUCKETS, octave);
}

/* Moves what there is so that the histogram spans first .. first + octaves - 1, `octaves` more or
 * as many: what falls below the first goes into its lowest bucket. */
static enum fw_err span(struct callpath_sketch **sketch, int first, int octaves, uint64_t *bytes)
{
    struct callpath_sketch *now = *sketch, *next = calloc(1, size_of(octaves));
    if (!next)
        return FW_NOMEM;
    memcpy(next, now, sizeof *next);
    next->first = first;
    next->octaves = octaves;
    for (int o = 0; o < now->octaves; o++) {
        int to = now->first + o - first;
        for (int b = 0; b < CALLPATH_BUCKETS; b++) {
            float weight = now->bins[o * CALLPATH_BUCKETS + b];
            next->bins[to < 0 ? 0 : to * CALLPATH_BUCKETS + b] += weight;
        }
    }
    *bytes += size_of(octaves) - size_of(now->octaves);
    free(now);
    *sketch = next;
    return FW_OK;
}

/* Room for an octave. */
static enum fw_err reach(struct callpath_sketch **sketch, int octave, uint64_t *bytes)
{
    int first = (*sketch)->first, last = first + (*sketch)->octaves - 1;
    if ((*sketch)->octaves == 0)
        return span(sketch, octave, 1, bytes);
    if (octave >= first && octave <= last)
        return FW_OK;
    if (octave < first) {
        int lowest = last - CALLPATH_OCTAVES_MAX + 1;
        first = octave > lowest ? octave : lowest;
    } else {
        last = octave;
        if (last - first + 1 > CALLPATH_OCTAVES_MAX)
            first = last - CALLPATH_OCTAVES_MAX + 1;
    }
    if (first == (*sketch)->first && last - first + 1 == (*sketch)->octaves)
        return FW_OK;
    return span(sketch, first, last - first + 1, bytes);
}

static void scale_all(struct callpath_sketch *sketch, double scale)
{
    if (scale == 1)
        return;
    sketch->weight *= scale;
    sketch->unit *= scale;
    sketch->below *= scale;
    for (int i = 0; i < sketch->octaves * CALLPATH_BUCKETS; i++)
        sketch->bins[i] = (float)(sketch->bins[i] * scale);
}

static void put(struct callpath_sketch *sketch, int octave, uint32_t bucket, double weight)
{
    if (octave < CALLPATH_OCTAVE_FIRST) {
        sketch->below += weight;
        return;
    }
    float *bin = octave < sketch->first
                     ? sketch->bins
                     : &sketch->bins[(octave - sketch->first) * CALLPATH_BUCKETS + (int)bucket];
    *bin = (float)(*bin + weight);
}

static enum fw_err create(struct callpath_sketch **sketch, int32_t step, double value,
                          uint64_t *bytes)
{
    *sketch = calloc(1, size_of(0));
    if (!*sketch)
        return FW_NOMEM;
    *bytes += size_of(0);
    (*sketch)->clock = (struct callpath_clock){step - step % CALLPATH_STEPS, 1};
    (*sketch)->least = (*sketch)->most = value;
    return FW_OK;
}

enum fw_err callpath_sketch_add(struct callpath_sketch **sketch,
                                const struct callpath_fading *fading, double value, int32_t step,
                                uint64_t *bytes)
{
    uint32_t bucket;
    int octave = octave_of(value, &bucket);
    if (!*sketch)
        FW_TRY(create(sketch, step, value, bytes));
    if (octave >= CALLPATH_OCTAVE_FIRST)
        FW_TRY(reach(sketch, octave, bytes));
    struct callpath_sketch *to = *sketch;
    double scale = 1, weight = weigh(&to->clock, fading->growth, step, &scale);
    scale_all(to, scale);
    to->weight += weight;
    if (to->weight > 0)
        to->mean += (value - to->mean) * (weight / to->weight);
    to->least = value < to->least ? value : to->least;
    to->most = value > to->most ? value : to->most;
    to->unit = weight > to->unit ? weight : to->unit;
    put(to, octave, bucket, weight);
    return FW_OK;
}

void callpath_sketch_free(struct callpath_sketch **sketch, uint64_t *bytes)
{
    if (!*sketch)
        return;
    *bytes -= size_of((*sketch)->octaves);
    free(*sketch);
    *sketch = NULL;
}

enum fw_err callpath_sketch_merge(struct callpath_sketch **into, const struct callpath_sketch *from,
                                  uint64_t *bytes)
{
    if (!*into) {
        *into = malloc(size_of(from->octaves));
        if (!*into)
            return FW_NOMEM;
        memcpy(*into, from, size_of(from->octaves));
        *bytes += size_of(from->octaves);
        return FW_OK;
    }
    if (from->octaves > 0) {
        FW_TRY(reach(into, from->first + from->octaves - 1, bytes));
        FW_TRY(reach(into, from->first, bytes));
    }
    struct callpath_sketch *to = *into;
    double scale_into = 1, scale_from = 1;
    meet(&to->clock, &from->clock, &scale_into, &scale_from);
    scale_all(to, scale_into);
    double more = from->weight * scale_from;
    to->weight += more;
    if (to->weight > 0)
        to->mean += (from->mean - to->mean) * (more / to->weight);
    to->least = from->least < to->least ? from->least : to->least;
    to->most = from->most > to->most ? from->most : to->most;
    to->below += from->below * scale_from;
    to->unit = from->unit * scale_from > to->unit ? from->unit * scale_from : to->unit;
    for (int i = 0; i < from->octaves * CALLPATH_BUCKETS; i++)
        if (from->bins[i] > 0)
            put(to, from->first + i / CALLPATH_BUCKETS, (uint32_t)i % CALLPATH_BUCKETS,
                from->bins[i] * scale_from);
    return FW_OK;
}

/* ---- reading ---- */

/* A walk over the buckets in ascending order: the value below which `passed` weight lies. */
struct walk {
    const struct callpath_sketch *sketch;
    int at;        /* -1: what is below the first octave */
    double passed; /* up to and with `at` */
    bool whole;
};

/* What stands for a bucket: of whole numbers the one number in it while it has but one, else its
 * middle. */
static double value_of(const struct walk *walk)
{
    const struct callpath_sketch *sketch = walk->sketch;
    double value = 0;
    if (walk->at >= 0) {
        int octave = sketch->first + walk->at / CALLPATH_BUCKETS;
        uint32_t bucket = (uint32_t)walk->at % CALLPATH_BUCKETS;
        double from = edge_of(octave, bucket), to = edge_of(octave, bucket + 1);
        value = walk->whole && to - from <= 1 ? from : (from + to) / 2;
    }
    value = value > sketch->least ? value : sketch->least;
    return value < sketch->most ? value : sketch->most;
}

/* The value at place `rank` (from 0) of samples that weigh `unit` each. Ranks must not fall. */
static double value_at(struct walk *walk, double rank, double unit)
{
    int last = walk->sketch->octaves * CALLPATH_BUCKETS - 1;
    /* Half a unit of slack: sums of floats are not exact. */
    while (walk->at < last && walk->passed <= (rank + 0.5) * unit) {
        double next = walk->sketch->bins[walk->at + 1];
        walk->at++;
        walk->passed += next;
    }
    return value_of(walk);
}

void callpath_sketch_read(const struct callpath_sketch *sketch, bool whole,
                          struct callpath_metric *metric)
{
    double *const to[] = {&metric->p50, &metric->p90, &metric->p95};
    static const double at[] = {0.5, 0.9, 0.95};
    /* The samples are counted in those that weigh as the heaviest does. */
    double unit = sketch->unit, n = unit > 0 ? sketch->weight / unit : 1;
    n = n > 1 ? n : 1;
    metric->mean = sketch->mean;
    struct walk walk = {sketch, -1, sketch->below, whole};
    for (size_t i = 0; i < 3; i++) {
        double place = (n - 1) * at[i], low = floor(place);
        double from = value_at(&walk, low, unit);
        struct walk ahead = walk;
        double next = value_at(&ahead, low + 1, unit);
        *to[i] = from + (next - from) * (place - low);
    }
}

/* ---- keeping ---- */

static void save_clock(const struct callpath_clock *clock, struct buf *out)
{
    buf_put_u32(out, (uint32_t)clock->base);
    buf_put_double(out, clock->gain);
}

static void load_clock(struct callpath_clock *clock, struct buf_reader *in)
{
    clock->base = (int32_t)buf_get_u32(in);
    clock->gain = buf_get_double(in);
    if (!(clock->gain >= 0x1p-1 && clock->gain <= heavy * 4) || clock->base < 0)
        in->failed = true;
}

static double get_finite(struct buf_reader *in)
{
    double value = buf_get_double(in);
    if (!(value >= 0) || !isfinite(value))
        in->failed = true;
    return value;
}

void callpath_mean_save(const struct callpath_mean *mean, struct buf *out)
{
    buf_put_u32(out, mean->count);
    if (mean->count == 0)
        return;
    save_clock(&mean->clock, out);
    buf_put_double(out, mean->weight);
    buf_put_double(out, mean->mean);
}

void callpath_mean_load(struct callpath_mean *mean, struct buf_reader *in)
{
    *mean = (struct callpath_mean){.count = buf_get_u32(in)};
    if (mean->count == 0)
        return;
    load_clock(&mean->clock, in);
    mean->weight = get_finite(in);
    mean->mean = get_finite(in);
}

void callpath_sketch_save(const struct callpath_sketch *sketch, struct buf *out)
{
    int bins = sketch->octaves * CALLPATH_BUCKETS;
    uint32_t filled = 0;
    save_clock(&sketch->clock, out);
    buf_put_double(out, sketch->weight);
    buf_put_double(out, sketch->mean);
    buf_put_double(out, sketch->least);
    buf_put_double(out, sketch->most);
    buf_put_double(out, sketch->unit);
    buf_put_double(out, sketch->below);
    buf_put_u32(out, (uint32_t)(sketch->first - CALLPATH_OCTAVE_FIRST));
    buf_put_u32(out, (uint32_t)sketch->octaves);
    for (int i = 0; i < bins; i++)
        filled += sketch->bins[i] > 0;
    buf_put_u32(out, filled);
    for (int i = 0; i < bins; i++) {
        if (sketch->bins[i] > 0) {
            buf_put_u32(out, (uint32_t)i);
            buf_put_float(out, sketch->bins[i]);
        }
    }
}

static bool load_head(struct callpath_sketch *head, struct buf_reader *in, uint32_t *filled)
{
    load_clock(&head->clock, in);
    head->weight = get_finite(in);
    head->mean = get_finite(in);
    head->least = get_finite(in);
    head->most = get_finite(in);
    head->unit = get_finite(in);
    head->below = get_finite(in);
    uint32_t first = buf_get_u32(in), octaves = buf_get_u32(in);
    *filled = buf_get_u32(in);
    if (in->failed || octaves > CALLPATH_OCTAVES_MAX || head->least > head->most ||
        first + octaves > CALLPATH_OCTAVE_LAST - CALLPATH_OCTAVE_FIRST + 1 ||
        *filled > octaves * CALLPATH_BUCKETS)
        return false;
    head->first = (int32_t)first + CALLPATH_OCTAVE_FIRST;
    head->octaves = (int32_t)octaves;
    return true;
}

enum fw_err callpath_sketch_load(struct callpath_sketch **sketch, struct buf_reader *in,
                                 uint64_t *bytes)
{
    struct callpath_sketch head = {0};
    uint32_t filled = 0;
    if (!load_head(&head, in, &filled))
        return FW_CORRUPT;
    struct callpath_sketch *made = calloc(1, size_of(head.octaves));
    if (!made)
        return FW_NOMEM;
    memcpy(made, &head, sizeof head);
    *bytes += size_of(head.octaves);
    *sketch = made;
    for (uint32_t i = 0; i < filled; i++) {
        uint32_t bin = buf_get_u32(in);
        float weight = buf_get_float(in);
        if (in->failed || bin >= (uint32_t)head.octaves * CALLPATH_BUCKETS || !(weight > 0) ||
            !isfinite(weight))
            return FW_CORRUPT;
        made->bins[bin] = weight;
    }
    return FW_OK;
}
