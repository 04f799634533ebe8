/* SPDX-License-Identifier: MIT */
#include "forecast/prophet_part.h"
#include "base/time.h"
#include <math.h>
#include <stdlib.h>

static const double PI = 3.14159265358979323846;
enum { CELLS_KEPT_MOST = 1 << 25 }; /* 256 MiB of them */

/* sin and cos of 1..order times the angle, from the first by the addition theorem. The days since
 * 1970 are taken apart into whole ones and the rest, so that nothing is lost of the angle. */
static void season(const struct prophet_part *part, int64_t at_ns, double *cells)
{
    int64_t day = at_ns / TIME_DAY, rest_ns = at_ns % TIME_DAY;
    double days = fmod((double)day, part->period_days) + (double)rest_ns / (double)TIME_DAY;
    double angle = 2 * PI * (days / part->period_days), s1 = sin(angle), c1 = cos(angle), s = s1,
           c = c1;
    for (uint32_t i = 0; i + 2 < part->count; i += 2) {
        cells[i] = s;
        cells[i + 1] = c;
        double next = s * c1 + c * s1;
        c = c * c1 - s * s1;
        s = next;
    }
    cells[part->count - 2] = s;
    cells[part->count - 1] = c;
}

static void holidays(const struct prophet *p, int64_t at_ns, double *cells)
{
    int64_t day = at_ns / TIME_DAY - (at_ns % TIME_DAY < 0);
    size_t low = 0, high = p->days;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (p->day[middle].day < day)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < p->days && p->day[low].day == day; low++)
        cells[p->day[low].column] = 1;
}

/* How much of an event is felt: all of it an hour after its beginning, half after its half-life
 * more. */
static double felt(const struct prophet_shape *shape, int64_t at_ns)
{
    double hours = (double)time_between(shape->at_ns, at_ns) / (double)TIME_HOUR;
    if (hours <= 0)
        return 0;
    double share = hours < 1 ? hours : exp2(-(hours - 1) / shape->half_life_hours);
    return share > 1e-4 ? share : 0;
}

static void row_of(const struct prophet *p, const struct prophet_rows *rows, uint32_t row,
                   double *cells)
{
    int64_t at_ns = rows->at_ns[row];
    for (size_t i = 0; i < p->parts; i++) {
        const struct prophet_part *part = &p->part[i];
        double *own = cells + part->first;
        bool off = part->conditional && rows->condition && rows->condition[part->input] &&
                   !rows->condition[part->input][row];
        if (part->public.kind == PROPHET_SEASON && !off)
            season(part, at_ns, own);
        else if (part->public.kind == PROPHET_REGRESSOR)
            *own = (rows->regressor[part->input][row] - part->mean) / part->sd;
        else
            for (uint32_t j = 0; j < part->count; j++)
                own[j] = 0;
    }
    if (p->days > 0)
        holidays(p, at_ns, cells);
    for (size_t i = 0; i < p->shapes; i++)
        cells[p->shape[i].column] += felt(&p->shape[i], at_ns);
}

void prophet_features(const struct prophet *p, const struct prophet_history *history, size_t from,
                      size_t count, double *cells, size_t stride)
{
    for (size_t i = 0; i < count; i++)
        row_of(p, history->rows, history->order[from + i], cells + i * stride);
}

void prophet_keep_cells(const struct prophet *p, struct prophet_history *history)
{
    size_t stride = dense_width(p->columns);
    history->stride = stride;
    if (stride == 0 || history->n > CELLS_KEPT_MOST / stride)
        return;
    history->cells = calloc(history->n * stride, sizeof *history->cells);
    if (history->cells) /* without it they are made again each time */
        prophet_features(p, history, 0, history->n, history->cells, stride);
}

const double *prophet_cells(const struct prophet *p, const struct prophet_history *history,
                            size_t from, size_t count, double *scratch)
{
    if (history->cells)
        return history->cells + from * history->stride;
    prophet_features(p, history, from, count, scratch, history->stride);
    return scratch;
}
