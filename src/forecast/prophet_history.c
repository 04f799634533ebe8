/* SPDX-License-Identifier: MIT */
#include "forecast/prophet_part.h"
#include "base/stats.h"
#include "base/time.h"
#include <math.h>
#include <stdlib.h>

double prophet_floor(const struct prophet *p, const struct prophet_rows *rows, size_t row)
{
    return p->growth == PROPHET_LOGISTIC && rows->floor ? rows->floor[row] : p->y_floor;
}

/* y as it is modelled. */
static double modelled(const struct prophet *p, double y)
{
    return p->logarithm ? log(y + p->log_shift) : y;
}

struct place {
    int64_t at_ns;
    uint32_t row;
};

static int compare_places(const void *left, const void *right)
{
    const struct place *a = left, *b = right;
    if (a->at_ns != b->at_ns)
        return a->at_ns < b->at_ns ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

static bool sort_order(struct prophet_history *history)
{
    const int64_t *at_ns = history->rows->at_ns;
    bool ascending = true;
    for (size_t i = 1; i < history->n && ascending; i++)
        ascending = at_ns[history->order[i - 1]] <= at_ns[history->order[i]];
    if (ascending)
        return true;
    struct place *place = calloc(history->n, sizeof *place);
    if (!place)
        return false;
    for (size_t i = 0; i < history->n; i++)
        place[i] = (struct place){at_ns[history->order[i]], history->order[i]};
    qsort(place, history->n, sizeof *place, compare_places);
    for (size_t i = 0; i < history->n; i++)
        history->order[i] = place[i].row;
    free(place);
    return true;
}

/* Zeros keep a logarithm out of reach: a hundredth of the median is added to all; what is negative
 * has none. */
static bool choose_shift(struct prophet *p, const struct prophet_history *history)
{
    const double *y = history->rows->y;
    double least = INFINITY;
    for (size_t i = 0; i < history->n; i++)
        least = fmin(least, y[history->order[i]]);
    p->log_shift = 0;
    if (least > 0)
        return true;
    if (least < 0) {
        p->logarithm = false;
        p->logarithm_refused = true;
        return true;
    }
    double *sorted = malloc((history->n + 1) * sizeof *sorted);
    if (!sorted)
        return false;
    size_t n = 0;
    for (size_t i = 0; i < history->n; i++)
        if (y[history->order[i]] > 0)
            sorted[n++] = y[history->order[i]];
    stats_sort_doubles(sorted, n);
    double median = stats_quantile(sorted, n, 0.5);
    p->log_shift = n > 0 ? 0.01 * median : 1;
    free(sorted);
    return true;
}

static enum fw_err choose_scales(struct prophet *p, const struct prophet_history *history,
                                 struct fw_detail *detail)
{
    const struct prophet_rows *rows = history->rows;
    bool floors = p->growth == PROPHET_LOGISTIC && rows->floor;
    double least = INFINITY, most = -INFINITY, widest = 0, top = -INFINITY, bottom = INFINITY;
    for (size_t i = 0; i < history->n; i++) {
        uint32_t row = history->order[i];
        double y = modelled(p, rows->y[row]), floor = floors ? rows->floor[row] : 0;
        least = fmin(least, y);
        most = fmax(most, y);
        widest = fmax(widest, fabs(y - floor));
        bottom = fmin(bottom, floor);
        if (p->growth == PROPHET_LOGISTIC)
            top = fmax(top, rows->cap[row]);
    }
    p->y_floor = p->scaling == PROPHET_MINMAX ? (floors ? bottom : least) : 0;
    p->y_scale = p->scaling == PROPHET_MINMAX ? (floors ? top : most) - p->y_floor : widest;
    /* Scales so small that dividing by them would overflow are as good as none. */
    if (!(p->y_scale > 1e-280))
        p->y_scale = 1;
    p->start_ns = rows->at_ns[history->order[0]];
    p->span_ns = (double)time_between(p->start_ns, rows->at_ns[history->order[history->n - 1]]);
    p->one_instant = p->span_ns == 0;
    if (p->one_instant)
        p->span_ns = (double)TIME_DAY;
    p->constant = most == least;
    if (!isfinite(p->y_scale))
        return err_set(detail, FW_INPUT, "the values are too far apart: from %g to %g", least,
                       most);
    return FW_OK;
}

/* Which rows count, and that they have what the model asks for. */
static enum fw_err choose_rows(struct prophet_history *history, const struct prophet *p,
                               bool with_y, struct fw_detail *detail)
{
    const struct prophet_rows *rows = history->rows;
    bool logistic = p->growth == PROPHET_LOGISTIC;
    const int64_t most_ns = 290 * 365 * TIME_DAY;
    for (size_t i = 0; i < rows->count; i++) {
        if (rows->at_ns[i] < -most_ns || rows->at_ns[i] > most_ns)
            return err_set(detail, FW_INPUT, "row %zu: its time is more than 290 years from 1970",
                           i + 1);
        if (with_y && !isfinite(rows->y[i]))
            continue;
        if (logistic && (!isfinite(rows->cap[i]) || (rows->floor && !isfinite(rows->floor[i]))))
            return err_set(detail, FW_INPUT,
                           "row %zu: logistic growth expects a number as cap (and floor)", i + 1);
        if (logistic && rows->cap[i] <= (rows->floor ? rows->floor[i] : 0) &&
            p->scaling == PROPHET_ABSMAX)
            return err_set(detail, FW_INPUT,
                           "row %zu: cap must be greater than floor, which is 0 unless given",
                           i + 1);
        history->order[history->n++] = (uint32_t)i;
    }
    return FW_OK;
}

static enum fw_err check_rows(const struct prophet *p, bool with_y, const struct prophet_rows *rows,
                              struct fw_detail *detail)
{
    if (rows->count == 0)
        return err_set(detail, FW_INPUT, "there is no row");
    if (rows->count >= UINT32_MAX)
        return err_set(detail, FW_LIMIT, "there are more than %u rows", UINT32_MAX - 1);
    if (with_y && !rows->y)
        return err_set(detail, FW_INPUT, "the rows have no y");
    if (p->growth == PROPHET_LOGISTIC && !rows->cap)
        return err_set(detail, FW_INPUT, "logistic growth expects a cap in every row");
    return FW_OK;
}

enum fw_err prophet_history_scale(struct prophet_history *history, const struct prophet *p,
                                  bool with_y, struct fw_detail *detail)
{
    const struct prophet_rows *rows = history->rows;
    for (size_t i = 0; i < history->n; i++) {
        uint32_t row = history->order[i];
        double floor = prophet_floor(p, rows, row);
        history->t[i] = (double)time_between(p->start_ns, rows->at_ns[row]) / p->span_ns;
        history->z[i] = with_y ? (modelled(p, rows->y[row]) - floor) / p->y_scale : 0;
        history->cap[i] = p->growth == PROPHET_LOGISTIC ? (rows->cap[row] - floor) / p->y_scale : 0;
        if (!isfinite(history->z[i]) || !isfinite(history->cap[i]))
            return err_set(detail, FW_INPUT,
                           p->logarithm ? "row %u: its y has no logarithm"
                                        : "row %u: a value is out of all scale",
                           row + 1);
        if (p->growth == PROPHET_LOGISTIC && history->cap[i] <= 0)
            return err_set(detail, FW_INPUT, "row %u: cap must be greater than the least y",
                           row + 1);
    }
    return FW_OK;
}

static enum fw_err history_of(struct prophet_history *history, const struct prophet *p, bool with_y,
                              struct fw_detail *detail)
{
    size_t count = history->rows->count;
    history->order = calloc(count, sizeof *history->order);
    history->t = malloc(3 * count * sizeof *history->t);
    if (!history->order || !history->t)
        return err_set(detail, FW_NOMEM, "no memory for %zu rows", count);
    history->z = history->t + count;
    history->cap = history->z + count;
    FW_TRY(choose_rows(history, p, with_y, detail));
    if (history->n == 0)
        return err_set(detail, FW_INPUT, "no row has a number as its y");
    return sort_order(history) ? FW_OK : err_set(detail, FW_NOMEM, "no memory for %zu rows", count);
}

enum fw_err prophet_history_init(struct prophet_history *history, const struct prophet *p,
                                 bool with_y, const struct prophet_rows *rows,
                                 struct fw_detail *detail)
{
    *history = (struct prophet_history){.rows = rows};
    FW_TRY(check_rows(p, with_y, rows, detail));
    enum fw_err err = history_of(history, p, with_y, detail);
    if (err != FW_OK)
        prophet_history_fini(history);
    return err;
}

enum fw_err prophet_choose_scales(struct prophet *p, const struct prophet_history *history,
                                  struct fw_detail *detail)
{
    if (p->logarithm && !choose_shift(p, history))
        return err_set(detail, FW_NOMEM, "no memory for %zu rows", history->n);
    return choose_scales(p, history, detail);
}

void prophet_history_fini(struct prophet_history *history)
{
    free(history->order);
    free(history->t);
    free(history->cells);
    *history = (struct prophet_history){0};
}
