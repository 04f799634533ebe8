/* SPDX-License-Identifier: MIT */
#include "forecast/event_shape.h"
#include "base/stats.h"
#include "base/time.h"
#include <math.h>
#include <stdlib.h>

/* An event differs from the usual by a quarter at least, and by a fifth of its own height. */
static const double differs = 1.25, foot = .2, top = .9, ratio_max = 1e6;
enum {
    PASSES = 3,
    LEAST_ROWS = 8,
    ROUND_HOURS = 12,
    BACK_ROWS = 48,
    AHEAD_HOURS = 6,
    AHEAD_ROWS = 6,
    BRIDGE_HOURS = 6
};

uint32_t event_shape_day_rows(int64_t step_ns)
{
    if (step_ns <= 0 || step_ns > TIME_DAY / 2 || TIME_DAY / step_ns > EVENT_SHAPE_DAY_ROWS_MAX)
        return 1;
    return (uint32_t)((TIME_DAY + step_ns / 2) / step_ns);
}

static size_t rows_of(const struct series *series, int64_t duration_ns)
{
    return (size_t)(duration_ns / series->step_ns);
}

static size_t back_from(size_t row, size_t rows)
{
    return row > rows ? row - rows : 0;
}

static int weekday(const struct series *series, size_t row)
{
    return time_civil(series_at_ns(series, row)).weekday;
}

static size_t phase(const struct event_usual *usual, size_t row)
{
    return row % usual->day_rows;
}

/* Days that say what is usual, the latest first: where each begins. */
struct days {
    size_t begin[7 * EVENT_SHAPE_WEEKS];
    size_t count;
};

/* The last midnight (UTC) not behind the row: days begin and end there, or a block of a day's rows
 * would be part weekday, part weekend. */
static size_t midnight_before(const struct series *series, size_t day_rows, size_t row)
{
    int64_t of_day_ns = (series->start_ns % TIME_DAY + TIME_DAY) % TIME_DAY;
    size_t into = day_rows > 1 ? (row + (size_t)(of_day_ns / series->step_ns)) % day_rows : 0;
    return back_from(row, into);
}

static void choose_days(struct days *days, const struct event_ground *ground, size_t day_rows,
                        size_t until, bool with_taken)
{
    days->count = 0;
    until = midnight_before(ground->series, day_rows, until);
    for (size_t back = 1; back <= EVENT_SHAPE_BACK_DAYS && back * day_rows <= until; back++) {
        size_t begin = until - back * day_rows, taken = 0;
        for (size_t i = begin; ground->taken && i < begin + day_rows; i++)
            taken += ground->taken[i];
        if ((with_taken || 2 * taken <= day_rows) && days->count < 7 * EVENT_SHAPE_WEEKS)
            days->begin[days->count++] = begin;
    }
}

static bool counts(const struct event_ground *ground, size_t row)
{
    return isfinite(ground->series->value[row]) && !(ground->taken && ground->taken[row]);
}

/* The median at one time of day over the first days; NAN where none has a value. */
static double slot_median(const struct event_ground *ground, const struct days *days, size_t offset)
{
    double values[EVENT_SHAPE_DAYS];
    size_t count = 0;
    for (size_t i = 0; i < days->count && i < EVENT_SHAPE_DAYS; i++)
        if (counts(ground, days->begin[i] + offset))
            values[count++] = ground->series->value[days->begin[i] + offset];
    stats_sort_doubles(values, count);
    return count > 0 ? values[count / 2] : NAN;
}

/* Each day's rows against their times of day, then the median day of each kind. */
static void learn_week(struct event_usual *usual, const struct event_ground *ground,
                       const struct days *days)
{
    double kinds[7][EVENT_SHAPE_WEEKS + 1];
    size_t seen[7] = {0}, day_rows = usual->day_rows;
    for (int i = 0; i < 7; i++)
        usual->day[i] = 1;
    if (day_rows == 1 && ground->series->step_ns != TIME_DAY)
        return;
    for (size_t d = 0; d < days->count; d++) {
        size_t from = days->begin[d], count = 0;
        int day = weekday(ground->series, from + day_rows / 2);
        double sum = 0;
        for (size_t i = from; i < from + day_rows; i++) {
            double base = usual->slot[phase(usual, i)];
            if (counts(ground, i) && base > usual->least) {
                sum += fmin(fmax(ground->series->value[i], 0) / base, ratio_max);
                count++;
            }
        }
        if (2 * count > day_rows && seen[day] <= EVENT_SHAPE_WEEKS)
            kinds[day][seen[day]++] = sum / (double)count;
    }
    for (int i = 0; i < 7; i++) {
        if (seen[i] < 2)
            continue;
        stats_sort_doubles(kinds[i], seen[i]);
        usual->day[i] = fmin(fmax(kinds[i][(seen[i] - 1) / 2], .2), 5);
    }
}

/* The level over all rows before, or over all there are when hardly any came before. */
static enum fw_err find_level(const struct event_ground *ground, size_t until, size_t rows,
                              double *level)
{
    size_t from = back_from(until, rows), count = 0;
    if (until < LEAST_ROWS) {
        from = 0;
        until = ground->series->count;
    }
    double *values = malloc((until - from + 1) * sizeof *values);
    if (!values)
        return FW_NOMEM;
    for (size_t i = from; i < until; i++)
        if (counts(ground, i) || until - from < LEAST_ROWS)
            values[count++] = isfinite(ground->series->value[i]) ? ground->series->value[i] : 0;
    stats_sort_doubles(values, count);
    *level = count > 0 ? values[count / 2] : NAN;
    free(values);
    return FW_OK;
}

enum fw_err event_usual_init(struct event_usual *usual, const struct event_ground *ground,
                             size_t until)
{
    uint32_t day_rows = event_shape_day_rows(ground->series->step_ns);
    struct days days;
    struct event_ground all = {ground->series, NULL};
    double level;
    choose_days(&days, ground, day_rows, until, false);
    if (days.count == 0) { /* all are taken: then they are the usual */
        ground = &all;
        choose_days(&days, ground, day_rows, until, true);
    }
    *usual = (struct event_usual){.day_rows = day_rows};
    FW_TRY(find_level(ground, until, EVENT_SHAPE_BACK_DAYS * (size_t)day_rows, &level));
    usual->slot = malloc(day_rows * sizeof *usual->slot);
    if (!usual->slot)
        return FW_NOMEM;
    usual->least = isfinite(level) && level > 0 ? .02 * level : INFINITY;
    for (uint32_t offset = 0; offset < day_rows; offset++) {
        double median = slot_median(ground, &days, offset);
        size_t slot = days.count > 0 ? (days.begin[0] + offset) % day_rows : offset;
        usual->slot[slot] = isfinite(median) ? median : level;
    }
    learn_week(usual, ground, &days);
    return FW_OK;
}

void event_usual_fini(struct event_usual *usual)
{
    free(usual->slot);
    *usual = (struct event_usual){0};
}

double event_usual_at(const struct event_usual *usual, const struct series *series, size_t row)
{
    double base = usual->slot[phase(usual, row)] * usual->day[weekday(series, row)];
    return fmax(base, usual->least);
}

struct looking {
    const struct series *series;
    const struct event_ground *ground;
    struct event_usual usual;
    bool fell;
};

/* Times the usual, or the usual times it when demand fell; NAN for a gap. */
static double ratio(const struct looking *looking, size_t row)
{
    double value = looking->series->value[row];
    if (isnan(value))
        return NAN;
    double q = fmax(value, 0) / event_usual_at(&looking->usual, looking->series, row);
    return fmin(looking->fell ? 1 / fmax(q, 1 / ratio_max) : q, ratio_max);
}

/* The row around the alert that differs most, either way. */
static size_t find_seed(struct looking *looking, size_t alert, double *height)
{
    const struct series *series = looking->series;
    size_t ahead = rows_of(series, AHEAD_HOURS * TIME_HOUR), seed = alert;
    size_t back = rows_of(series, ROUND_HOURS * TIME_HOUR);
    ahead = ahead < AHEAD_ROWS ? AHEAD_ROWS : ahead;
    back = back < BACK_ROWS ? BACK_ROWS : back;
    *height = 0;
    bool fell = false;
    for (size_t i = back_from(alert, back); i < series->count && i <= alert + ahead; i++) {
        for (int way = 0; way < 2; way++) {
            looking->fell = way == 1;
            double q = ratio(looking, i);
            if (q > *height) {
                *height = q;
                seed = i;
                fell = looking->fell;
            }
        }
    }
    looking->fell = fell;
    return seed;
}

/* From the seed as far as the level stays above the foot; short returns are bridged once the event
 * is long. `step` is 1 or -1; the row past the last one that belongs to it. */
static size_t walk(const struct looking *looking, size_t seed, int step, double least)
{
    const struct series *series = looking->series;
    size_t bridge_max = rows_of(series, BRIDGE_HOURS * TIME_HOUR), last = seed, away = 0;
    for (size_t i = seed; step > 0 ? i + 1 < series->count : i > 0;) {
        i = step > 0 ? i + 1 : i - 1;
        double q = ratio(looking, i);
        size_t length = last > seed ? last - seed : seed - last;
        size_t bridge = length >= 4 * bridge_max ? bridge_max : length / 4 < 1 ? 1 : length / 4;
        if (!isnan(q) && q >= least) {
            last = i;
            away = 0;
        } else if (++away > bridge) {
            break;
        }
    }
    return last;
}

/* The level that one row of twenty passes: of short events the highest. */
static enum fw_err measure_height(const struct looking *looking, size_t begin, size_t end,
                                  double *height)
{
    double *ratios = malloc((end - begin) * sizeof *ratios);
    if (!ratios)
        return FW_NOMEM;
    size_t count = 0;
    for (size_t i = begin; i < end; i++) {
        double q = ratio(looking, i);
        if (!isnan(q))
            ratios[count++] = q;
    }
    stats_sort_doubles(ratios, count);
    *height = count > 0 ? ratios[(size_t)ceil(.95 * (double)(count - 1))] : 1;
    free(ratios);
    return FW_OK;
}

static double hours(const struct series *series, size_t rows)
{
    return (double)rows * (double)series->step_ns / (double)TIME_HOUR;
}

static enum fw_err measure(const struct looking *looking, size_t seed, double height,
                           struct event_shape *shape)
{
    const struct series *series = looking->series;
    for (int pass = 0; pass < 2; pass++) {
        double least = fmax(differs, 1 + foot * (height - 1));
        shape->begin = walk(looking, seed, -1, least);
        shape->end = walk(looking, seed, 1, least) + 1;
        FW_TRY(measure_height(looking, shape->begin, shape->end, &height));
    }
    size_t risen = shape->begin;
    while (risen + 1 < shape->end && !(ratio(looking, risen) >= 1 + top * (height - 1)))
        risen++;
    shape->multiplier = looking->fell ? 1 / height : height;
    shape->ongoing = shape->end == series->count;
    shape->rise_hours = hours(series, risen - shape->begin);
    shape->duration_hours = hours(series, shape->end - shape->begin);
    return FW_OK;
}

static enum fw_err look(struct looking *looking, size_t alert, size_t until,
                        struct event_shape *shape)
{
    double height;
    FW_TRY(event_usual_init(&looking->usual, looking->ground, until));
    *shape = (struct event_shape){.begin = alert,
                                  .end = alert + 1,
                                  .multiplier = NAN,
                                  .duration_hours = hours(looking->series, 1)};
    enum fw_err err = FW_OK;
    if (isfinite(looking->usual.least)) {
        size_t seed = find_seed(looking, alert, &height);
        if (height >= differs)
            err = measure(looking, seed, height, shape);
        else
            shape->multiplier = looking->fell ? 1 / height : height;
    }
    event_usual_fini(&looking->usual);
    return err;
}

enum fw_err event_shape_find(const struct event_ground *ground, size_t alert,
                             struct event_shape *shape)
{
    const struct series *series = ground->series;
    struct looking looking = {.series = series, .ground = ground};
    size_t until = back_from(alert, rows_of(series, ROUND_HOURS * TIME_HOUR));
    for (int pass = 0; pass < PASSES; pass++) {
        FW_TRY(look(&looking, alert, until, shape));
        /* It began before what was taken for the usual ended: look again from there. */
        if (shape->begin >= until || shape->begin < LEAST_ROWS)
            break;
        until = shape->begin;
    }
    return FW_OK;
}

double event_shape_mean(const struct series *series, size_t begin, size_t end)
{
    double sum = 0;
    size_t count = 0;
    for (size_t i = begin; i < end && i < series->count; i++) {
        if (isfinite(series->value[i])) {
            sum += series->value[i];
            count++;
        }
    }
    return count > 0 ? sum / (double)count : NAN;
}

double event_shape_shift(const struct series *series, const struct event_shape *shape)
{
    size_t weeks = EVENT_SHAPE_DAYS * (size_t)event_shape_day_rows(series->step_ns);
    double before = event_shape_mean(series, back_from(shape->begin, weeks), shape->begin);
    double within = event_shape_mean(series, shape->begin, shape->end);
    return before > 0 && within >= 0 ? fmin(within / before, ratio_max) : NAN;
}
