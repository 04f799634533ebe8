/* SPDX-License-Identifier: MIT */
#include "forecast/series.h"
#include "base/check.h"
#include "base/stats.h"
#include "base/time.h"
#include <math.h>
#include <stdlib.h>

struct row {
    int64_t at_ns;
    double value;
    size_t rank; /* its place in the input: equal times keep their order */
};

static int compare_rows(const void *left, const void *right)
{
    const struct row *a = left, *b = right;
    if (a->at_ns != b->at_ns)
        return a->at_ns < b->at_ns ? -1 : 1;
    return (a->rank > b->rank) - (a->rank < b->rank);
}

/* The round durations that people sample at. */
static const int64_t round_steps_ns[] = {
    TIME_SECOND,      5 * TIME_SECOND,  10 * TIME_SECOND, 15 * TIME_SECOND, 20 * TIME_SECOND,
    30 * TIME_SECOND, TIME_MINUTE,      2 * TIME_MINUTE,  3 * TIME_MINUTE,  5 * TIME_MINUTE,
    6 * TIME_MINUTE,  10 * TIME_MINUTE, 15 * TIME_MINUTE, 20 * TIME_MINUTE, 30 * TIME_MINUTE,
    TIME_HOUR,        2 * TIME_HOUR,    3 * TIME_HOUR,    4 * TIME_HOUR,    6 * TIME_HOUR,
    8 * TIME_HOUR,    12 * TIME_HOUR,   TIME_DAY,         7 * TIME_DAY};

/* The round duration within a tenth of the median distance, if two thirds of the distances are; or
 * 0. */
static int64_t round_step_ns(const int64_t *ascending, size_t n)
{
    for (size_t i = 0; i < sizeof round_steps_ns / sizeof *round_steps_ns; i++) {
        int64_t step_ns = round_steps_ns[i], margin_ns = step_ns / 10;
        size_t near = 0;
        if (ascending[n / 2] < step_ns - margin_ns || ascending[n / 2] > step_ns + margin_ns)
            continue;
        for (size_t j = 0; j < n; j++)
            near += ascending[j] >= step_ns - margin_ns && ascending[j] <= step_ns + margin_ns;
        return 3 * near >= 2 * n ? step_ns : 0;
    }
    return 0;
}

/* The step that ascending distances keep. Rows that jitter often share a wrong distance: where a
 * round one is near, the mean of the distances without a hole decides. */
static int64_t step_of_distances(const int64_t *ascending, size_t n)
{
    int64_t median = ascending[n / 2], common = 0;
    size_t run = 0, most = 0, whole = 0;
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        run = i > 0 && ascending[i] == ascending[i - 1] ? run + 1 : 1;
        if (run > most) {
            most = run;
            common = ascending[i];
        }
        if ((double)ascending[i] <= 1.5 * (double)median) {
            sum += (double)ascending[i];
            whole++;
        }
    }
    if (3 * most < 2 * n)
        common = 0;
    if (common >= 28 * TIME_DAY && common <= 31 * TIME_DAY && most < n)
        return 0; /* calendar months */
    int64_t round_ns = round_step_ns(ascending, n);
    double mean = sum / (double)whole;
    bool prefer_round = common == 0 || fabs(mean - (double)round_ns) < fabs(mean - (double)common);
    return round_ns > 0 && prefer_round ? round_ns : common;
}

int64_t series_infer_step_ns(const int64_t *ascending, size_t n)
{
    if (n < 2)
        return 0;
    int64_t *distance = malloc((n - 1) * sizeof *distance);
    if (!distance)
        return 0;
    for (size_t i = 0; i + 1 < n; i++)
        distance[i] = ascending[i + 1] - ascending[i];
    stats_sort_int64(distance, n - 1);
    int64_t step_ns = step_of_distances(distance, n - 1);
    free(distance);
    return step_ns;
}

/* Sunday nights in spring and autumn: when wall clocks are set, on either half of the globe. */
static bool clocks_are_set(int64_t at_ns)
{
    struct time_civil civil = time_civil(at_ns);
    bool season = (civil.month >= 3 && civil.month <= 4) || (civil.month >= 9 && civil.month <= 11);
    return season && civil.weekday == 6 && civil.hour <= 3;
}

/* A wall clock that is set back repeats an hour: its rows come once more, in the same order.
 * Returns the rows that are repeats. */
static size_t find_repeated_hours(const int64_t *at_ns, size_t rows, int64_t step_ns,
                                  struct series_report *report)
{
    size_t repeats = 0;
    if (step_ns <= 0 || step_ns > TIME_HOUR || TIME_HOUR % step_ns != 0)
        return 0;
    size_t hour = (size_t)(TIME_HOUR / step_ns);
    for (size_t i = hour; i + hour <= rows; i++) {
        if (at_ns[i] != at_ns[i - 1] - (TIME_HOUR - step_ns) || !clocks_are_set(at_ns[i]))
            continue;
        bool again = i + hour == rows || at_ns[i + hour] > at_ns[i + hour - 1];
        for (size_t j = 0; j < hour && again; j++)
            again = at_ns[i + j] == at_ns[i - hour + j];
        report->set_back += again;
        repeats += again ? hour : 0;
        report->backwards -= again && hour > 1;
    }
    return repeats;
}

static void count_gap(const struct series *series, size_t from, size_t to,
                      struct series_report *report)
{
    int64_t missing_ns = (int64_t)(to - from) * series->step_ns;
    report->gaps++;
    report->gap_slots += to - from;
    if (missing_ns > report->longest_gap_ns)
        report->longest_gap_ns = missing_ns;
    report->set_forward += missing_ns == TIME_HOUR && clocks_are_set(series_at_ns(series, from));
}

/* The grid's beginning: where the first row stands when most rows share its place in the step, else
 * the multiples of the step. */
static int64_t grid_phase_ns(const struct row *sorted, size_t rows, int64_t step_ns)
{
    int64_t phase_ns = sorted[0].at_ns % step_ns;
    size_t same = 0;
    for (size_t i = 0; i < rows; i++)
        same += sorted[i].at_ns % step_ns == phase_ns;
    if (2 * same <= rows)
        phase_ns = 0;
    return phase_ns < 0 ? phase_ns + step_ns : phase_ns;
}

static int64_t floor_to(int64_t at_ns, int64_t phase_ns, int64_t step_ns)
{
    int64_t rest = (at_ns - phase_ns) % step_ns;
    return at_ns - (rest < 0 ? rest + step_ns : rest);
}

/* One slot's rows to one value; NaN when none of them is a number. */
static double merged(const struct row *rows, size_t n, enum series_merge merge)
{
    double sum = 0, last = NAN;
    size_t numbers = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(rows[i].value))
            continue;
        sum += rows[i].value;
        last = rows[i].value;
        numbers++;
    }
    if (numbers == 0)
        return NAN;
    if (merge == SERIES_LAST)
        return last;
    double value = merge == SERIES_SUM ? sum : sum / (double)numbers;
    return isfinite(value) ? value : NAN; /* a sum may overflow */
}

static size_t slot_of(const struct series *series, int64_t at_ns)
{
    return (size_t)((uint64_t)(at_ns - series->start_ns) / (uint64_t)series->step_ns);
}

/* Returns how many slots have a row. */
static size_t fill(const struct row *sorted, size_t rows, enum series_merge merge,
                   struct series *series, struct series_report *report)
{
    size_t slot = 0, taken = 0;
    for (size_t i = 0; i < rows; taken++) {
        size_t at = slot_of(series, sorted[i].at_ns), end = i;
        while (end < rows && slot_of(series, sorted[end].at_ns) == at)
            end++;
        if (at > slot)
            count_gap(series, slot, at, report);
        for (; slot < at; slot++)
            series->value[slot] = NAN;
        series->value[slot++] = merged(sorted + i, end - i, merge);
        i = end;
    }
    return taken;
}

static enum fw_err lay_grid(const struct row *sorted, size_t rows, int64_t phase_ns,
                            int64_t step_ns, struct series *series, struct fw_detail *detail)
{
    series->step_ns = step_ns;
    series->start_ns = floor_to(sorted[0].at_ns, phase_ns, step_ns);
    uint64_t slots = (uint64_t)(sorted[rows - 1].at_ns - series->start_ns) / (uint64_t)step_ns + 1;
    if (slots > SERIES_SLOTS_MAX) {
        char text[TIME_TEXT_MAX];
        return err_set(detail, FW_LIMIT,
                       "from the first row to the last there are more than %d steps of %s: give a "
                       "longer step, or "
                       "look for a wrong timestamp",
                       (int)SERIES_SLOTS_MAX, time_format_duration(step_ns, text));
    }
    series->count = (size_t)slots;
    series->value = malloc(series->count * sizeof *series->value);
    return series->value ? FW_OK
                         : err_set(detail, FW_NOMEM, "no memory for %zu slots", series->count);
}

/* To the nearest place of the grid, so that a row slightly early falls into the slot it means. */
static void round_to_grid(struct row *sorted, size_t rows, int64_t phase_ns, int64_t step_ns,
                          struct series_report *report)
{
    for (size_t i = 0; i < rows; i++) {
        int64_t low_ns = floor_to(sorted[i].at_ns, phase_ns, step_ns);
        int64_t off_ns = sorted[i].at_ns - low_ns;
        report->moved += off_ns != 0;
        sorted[i].at_ns = off_ns >= step_ns - off_ns ? low_ns + step_ns : low_ns;
    }
}

/* Of int64_t nanoseconds (292 years on either side of 1970): no instant with a phase and a step
 * more or less overflows, nor does the distance of two instants. The sunspots of 1749 are within.
 */
#define YEAR_NS (365 * TIME_DAY)
enum { YEARS_MOST = 230, STEP_YEARS_MOST = 30 };

static enum fw_err copy_rows(const int64_t *at_ns, const double *value, size_t rows,
                             struct row *sorted, struct series_report *report,
                             struct fw_detail *detail)
{
    const int64_t most_ns = YEARS_MOST * YEAR_NS;
    bool ascending = true;
    for (size_t i = 0; i < rows; i++) {
        if (at_ns[i] < -most_ns || at_ns[i] > most_ns)
            return err_set(detail, FW_INPUT, "row %zu: its time is more than %d years from 1970",
                           i + 1, (int)YEARS_MOST);
        sorted[i] = (struct row){at_ns[i], value[i], i};
        report->not_numbers += !!isnan(value[i]);
        report->infinite += !!isinf(value[i]);
        if (i > 0 && at_ns[i] < at_ns[i - 1]) {
            report->backwards++;
            ascending = false;
        }
    }
    if (!ascending)
        qsort(sorted, rows, sizeof *sorted, compare_rows);
    if (sorted[0].at_ns < 0 && sorted[rows - 1].at_ns > sorted[0].at_ns + most_ns)
        return err_set(detail, FW_INPUT,
                       "from the first to the last time there are more than %d years",
                       (int)YEARS_MOST);
    return FW_OK;
}

/* The step of the sorted rows themselves, 0 when they have none; and how many times are not
 * another's. */
static enum fw_err own_step(const struct row *sorted, size_t rows, int64_t *step_ns,
                            size_t *distinct, struct fw_detail *detail)
{
    int64_t *times = malloc(rows * sizeof *times);
    if (!times)
        return err_set(detail, FW_NOMEM, "no memory for %zu times", rows);
    size_t n = 0;
    for (size_t i = 0; i < rows; i++)
        if (n == 0 || sorted[i].at_ns != times[n - 1])
            times[n++] = sorted[i].at_ns;
    *step_ns = series_infer_step_ns(times, n);
    *distinct = n;
    free(times);
    return FW_OK;
}

static enum fw_err choose_step(int64_t own_ns, const struct series_rules *rules,
                               struct series_report *report, struct fw_detail *detail)
{
    report->step_inferred = rules->step_ns == 0;
    report->step_ns = report->step_inferred ? own_ns : rules->step_ns;
    if (rules->step_ns < 0)
        return err_set(detail, FW_INPUT, "the step must be longer than nothing");
    if (report->step_ns > STEP_YEARS_MOST * YEAR_NS)
        return err_set(detail, FW_INPUT, "a step is more than %d years long", (int)STEP_YEARS_MOST);
    if (report->step_ns == 0)
        return err_set(detail, FW_INPUT,
                       report->rows == 1
                           ? "one row has no step: expected two rows or more, or a given step"
                           : "the rows keep no common step (months do not, they differ in length): "
                             "expected one distance between most neighbours, or a given step");
    return FW_OK;
}

static enum fw_err regular_of(struct row *sorted, size_t rows, const int64_t *at_ns,
                              const struct series_rules *rules, struct series *series,
                              struct series_report *report, struct fw_detail *detail)
{
    int64_t own_ns = 0;
    size_t distinct = 0;
    FW_TRY(own_step(sorted, rows, &own_ns, &distinct, detail));
    FW_TRY(choose_step(own_ns, rules, report, detail));
    size_t same_time = rows - distinct, repeats = find_repeated_hours(at_ns, rows, own_ns, report);
    report->same_time = same_time > repeats ? same_time - repeats : 0;
    /* A step that was given and is longer than the rows' own gathers rows: each belongs to the slot
     * it falls into. Otherwise rows jitter around the grid, and are rounded to it. */
    int64_t step_ns = report->step_ns, phase_ns = 0;
    CHECK(step_ns > 0);
    bool gathers = !report->step_inferred && own_ns < step_ns;
    if (!gathers) {
        phase_ns = grid_phase_ns(sorted, rows, step_ns);
        round_to_grid(sorted, rows, phase_ns, step_ns, report);
    }
    FW_TRY(lay_grid(sorted, rows, phase_ns, step_ns, series, detail));
    size_t taken = fill(sorted, rows, rules->merge, series, report);
    report->same_slot = gathers ? 0 : distinct - taken;
    report->slots = series->count;
    return FW_OK;
}

enum fw_err series_regular(const int64_t *at_ns, const double *value, size_t rows,
                           const struct series_rules *rules, struct series *series,
                           struct series_report *report, struct fw_detail *detail)
{
    *series = (struct series){0};
    *report = (struct series_report){.rows = rows};
    if (rows == 0)
        return err_set(detail, FW_INPUT, "there is no row");
    struct row *sorted = calloc(rows, sizeof *sorted);
    if (!sorted)
        return err_set(detail, FW_NOMEM, "no memory for %zu rows", rows);
    enum fw_err err = copy_rows(at_ns, value, rows, sorted, report, detail);
    if (err == FW_OK)
        err = regular_of(sorted, rows, at_ns, rules, series, report, detail);
    free(sorted);
    if (err != FW_OK)
        series_fini(series);
    return err;
}

void series_fini(struct series *series)
{
    free(series->value);
    *series = (struct series){0};
}

static void sentence(struct buf *out, size_t n, const char *one, const char *many)
{
    if (n > 0)
        buf_printf(out, "%zu %s\n", n, n == 1 ? one : many);
}

void series_describe(const struct series_report *report, struct buf *out)
{
    char text[TIME_TEXT_MAX];
    if (report->step_inferred && report->step_ns > 0)
        buf_printf(out, "one value every %s, inferred from the rows\n",
                   time_format_duration(report->step_ns, text));
    sentence(out, report->backwards, "row was earlier than the one before it: sorted",
             "rows were earlier than the one before them: sorted");
    sentence(out, report->same_time, "row had the time of another: merged",
             "rows had the time of another: merged");
    sentence(out, report->moved, "row was off the grid: moved to it",
             "rows were off the grid: moved to it");
    sentence(out, report->same_slot, "row fell into a slot already taken: merged",
             "rows fell into slots already taken: merged");
    sentence(out, report->set_back, "hour occurred twice (a clock was set back): merged",
             "hours occurred twice (a clock was set back): merged");
    sentence(out, report->set_forward, "hour is missing because a clock was set forward",
             "hours are missing because a clock was set forward");
    sentence(out, report->not_numbers, "row has no value: missing", "rows have no value: missing");
    sentence(out, report->infinite, "row has an infinite value: taken as missing",
             "rows have an infinite value: taken as missing");
    if (report->gaps > 0)
        buf_printf(out, "%zu %s missing in %zu %s, the longest %s: left out, not taken as zero\n",
                   report->gap_slots, report->gap_slots == 1 ? "value is" : "values are",
                   report->gaps, report->gaps == 1 ? "gap" : "gaps",
                   time_format_duration(report->longest_gap_ns, text));
}
