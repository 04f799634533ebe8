/* SPDX-License-Identifier: MIT */
#include "forecast/novelty.h"
#include "base/check.h"
#include <math.h>
#include <string.h>

enum { BLOCK = 6 };

void novelty_init(struct novelty *novelty, uint32_t stride, uint32_t width, bool shape)
{
    CHECK(stride > 0 && width > 0 && width <= NOVELTY_WIDTH_MAX && width % BLOCK == 0);
    memset(novelty, 0, sizeof *novelty);
    novelty->stride = stride;
    novelty->width = width;
    novelty->shape = shape;
}

/* Two doubles side by side, which every 64-bit machine adds in one instruction. */
typedef double pair __attribute__((vector_size(16)));
typedef int64_t bits __attribute__((vector_size(16)));

static inline pair apart(const double *a, const double *b)
{
    pair x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (pair)((bits)(x - y) & INT64_MAX); /* without the sign */
}

/* Sum of absolute differences, given up as soon as it is no less than `limit`. Two sums side by
 * side, always in the same order: what is returned below the limit does not depend on it. */
static double distance(const double *a, const double *b, uint32_t width, double limit)
{
    pair sum = {0, 0};
    for (uint32_t i = 0; i < width; i += BLOCK) {
        sum += apart(a + i, b + i);
        sum += apart(a + i + 2, b + i + 2);
        sum += apart(a + i + 4, b + i + 4);
        if (sum[0] + sum[1] >= limit)
            break;
    }
    return sum[0] + sum[1];
}

/* The window that followed the last nearest one is likely near again, and makes the limit of the
 * other comparisons small. The smallest distance is the same from wherever the scan begins. */
static double nearest(struct novelty *novelty, const double *window)
{
    double best = INFINITY;
    uint32_t count = novelty->kept_count, at = novelty->nearest;
    for (uint32_t i = 0; i < count; i++) {
        at = at + 1 >= count ? 0 : at + 1;
        double d = distance(window, novelty->kept[at], novelty->width, best);
        if (d < best) {
            best = d;
            novelty->nearest = at;
        }
    }
    return best / (double)novelty->width;
}

static double spread(const struct novelty *novelty)
{
    const struct rank *samples = &novelty->samples;
    double median = samples->sorted[samples->count / 2];
    return fmax(rank_at(samples, .95) - rank_at(samples, .05), 1e-9 * (fabs(median) + 1e-9));
}

static void shape(double *window, uint32_t width, double least)
{
    double mean = 0, square = 0;
    for (uint32_t i = 0; i < width; i++)
        mean += window[i];
    mean /= (double)width;
    for (uint32_t i = 0; i < width; i++)
        square += (window[i] - mean) * (window[i] - mean);
    double scale = fmax(sqrt(square / (double)width), least);
    for (uint32_t i = 0; i < width; i++)
        window[i] = (window[i] - mean) / scale;
}

static void keep(struct novelty *novelty, const double *window)
{
    memcpy(novelty->kept[novelty->kept_next], window, novelty->width * sizeof *window);
    novelty->kept_next = novelty->kept_next + 1 == NOVELTY_KEPT ? 0 : novelty->kept_next + 1;
    novelty->kept_count += novelty->kept_count < NOVELTY_KEPT;
}

/* Its novelty; 0 while there is none to compare it with. */
static double take_window(struct novelty *novelty)
{
    double window[NOVELTY_WIDTH_MAX], scale = spread(novelty), novel = 0;
    memcpy(window, novelty->last, novelty->width * sizeof *window);
    if (novelty->shape)
        shape(window, novelty->width, .1 * scale);
    if (novelty->kept_count > 0)
        novel = nearest(novelty, window) / (novelty->shape ? 1 : scale);
    keep(novelty, window);
    return novel;
}

static void take_sample(struct novelty *novelty, double sample)
{
    rank_add(&novelty->samples, sample);
    if (novelty->last_count == novelty->width)
        memmove(novelty->last, novelty->last + 1, (novelty->width - 1) * sizeof *novelty->last);
    else
        novelty->last_count++;
    novelty->last[novelty->last_count - 1] = sample;
    double novel = novelty->last_count == novelty->width ? take_window(novelty) : 0;
    novelty->value = rank_score_above(&novelty->scores, novel);
    rank_add(&novelty->scores, novel);
}

double novelty_step(struct novelty *novelty, double value)
{
    novelty->sum += value;
    if (++novelty->rows == novelty->stride) {
        take_sample(novelty, novelty->sum / (double)novelty->stride);
        novelty->rows = 0;
        novelty->sum = 0;
    }
    return novelty->value;
}
