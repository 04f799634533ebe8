/* SPDX-License-Identifier: MIT
 * Series come and go, time goes on. */
#include "edge/demand/foresight.h"
#include "base/check.h"
#include "edge/demand/foresight_part.h"
#include <math.h>
#include <stdlib.h>

enum { IDS_SHARE = 4, IDLE_DAYS = 7 }; /* names are remembered for so many times the series */

const char *const foresight_quantile_names[FORESIGHT_QUANTILES] = {"p5",  "p50", "p75",
                                                                   "p90", "p95", "p99"};

/* ---- life ---- */

static void series_free(struct foresight_series **series)
{
    if (!*series)
        return;
    counts_fini(&(*series)->counts);
    demand_forecast_fini(&(*series)->forecast.table);
    foresight_capacity_fini(&(*series)->capacity);
    free(*series);
    *series = NULL;
}

struct foresight_series *foresight_add(struct foresight *foresight, struct str id)
{
    struct foresight_series *series = calloc(1, sizeof *series);
    if (!series || id.len >= sizeof series->id || counts_init(&series->counts) != FW_OK) {
        free(series);
        return NULL;
    }
    memcpy(series->id, id.data, id.len);
    series->foretold = id.len == 0;
    foresight->series[foresight->series_count] = series;
    foresight->generations[foresight->series_count]++;
    foresight->series_count++;
    return series;
}

enum fw_err foresight_create(struct foresight **out, const struct foresight_settings *settings)
{
    CHECK(settings->series_max >= 0 && settings->series_max <= FORESIGHT_SERIES_MAX);
    struct foresight *made = calloc(1, sizeof *made);
    *out = made;
    if (!made)
        return FW_NOMEM;
    made->settings = *settings;
    made->series_capacity = (uint32_t)settings->series_max + 1;
    uint32_t names = IDS_SHARE * made->series_capacity;
    table_init(&made->ids, names);
    made->series = calloc(made->series_capacity, sizeof *made->series);
    made->generations = calloc(made->series_capacity, sizeof *made->generations);
    made->of_id = malloc(names * sizeof *made->of_id);
    made->plans = calloc(FORESIGHT_PLANS_MAX, sizeof *made->plans);
    made->anomalies = calloc(FORESIGHT_ANOMALIES_MAX, sizeof *made->anomalies);
    if (made->series && made->generations && made->of_id && made->plans && made->anomalies &&
        foresight_add(made, STR("")))
        return FW_OK;
    foresight_destroy(out);
    return FW_NOMEM;
}

void foresight_destroy(struct foresight **foresight)
{
    struct foresight *gone = *foresight;
    if (!gone)
        return;
    foresight_work_free(&gone->out);
    for (uint32_t i = 0; i < gone->series_count; i++)
        series_free(&gone->series[i]);
    free(gone->series);
    free(gone->generations);
    free(gone->of_id);
    free(gone->plans);
    free(gone->anomalies);
    table_fini(&gone->ids);
    free(gone);
    *foresight = NULL;
}

void foresight_set(struct foresight *foresight, const struct foresight_settings *settings)
{
    int64_t series_max = foresight->settings.series_max;
    foresight->settings = *settings;
    foresight->settings.series_max = series_max;
    foresight->chosen_ns = 0;
}

/* ---- series ---- */

uint32_t foresight_find(const struct foresight *foresight, const char *id)
{
    if (id[0] == '\0')
        return FORESIGHT_TOTAL;
    uint32_t number = table_find(&foresight->ids, str_of(id));
    if (number == TABLE_NONE || foresight->of_id[number] == FORESIGHT_NONE)
        return FORESIGHT_NONE;
    return foresight->of_id[number];
}

/* One that nobody asked for in a week, the longest of all; FORESIGHT_NONE: there is none. */
static uint32_t find_idle(const struct foresight *foresight, int64_t now_ns)
{
    uint32_t idle = FORESIGHT_NONE;
    for (uint32_t i = 1; i < foresight->series_count; i++)
        if (now_ns - foresight->series[i]->asked_ns > IDLE_DAYS * TIME_DAY &&
            (idle == FORESIGHT_NONE ||
             foresight->series[i]->asked_ns < foresight->series[idle]->asked_ns))
            idle = i;
    return idle;
}

/* The idle series begins anew under another name. */
static void replace(struct foresight *foresight, uint32_t at, struct str id)
{
    struct foresight_series *series = foresight->series[at];
    uint32_t number = table_find(&foresight->ids, str_of(series->id));
    if (number != TABLE_NONE)
        foresight->of_id[number] = FORESIGHT_NONE;
    struct counts counts = series->counts;
    demand_forecast_fini(&series->forecast.table);
    foresight_capacity_fini(&series->capacity);
    *series = (struct foresight_series){.counts = counts};
    counts_clear(&series->counts);
    memcpy(series->id, id.data, id.len);
    foresight->generations[at]++;
}

static uint32_t make_series(struct foresight *foresight, struct str id, int64_t now_ns)
{
    uint32_t number, at = foresight->series_count;
    bool added;
    if (id.len == 0 || id.len >= FORESIGHT_ID_MAX)
        return FORESIGHT_NONE;
    if (at == foresight->series_capacity && (at = find_idle(foresight, now_ns)) == FORESIGHT_NONE)
        return FORESIGHT_NONE;
    if (table_add(&foresight->ids, id, &number, &added) != FW_OK)
        return FORESIGHT_NONE;
    if (added)
        foresight->of_id[number] = FORESIGHT_NONE;
    if (at < foresight->series_count)
        replace(foresight, at, id);
    else if (!foresight_add(foresight, id))
        return FORESIGHT_NONE;
    foresight->of_id[number] = at;
    foresight->series[at]->asked_ns = now_ns;
    foresight->chosen_ns = 0; /* it may be among the most demanded */
    return at;
}

uint32_t foresight_series(struct foresight *foresight, struct str id, int64_t now_ns)
{
    uint32_t number = table_find(&foresight->ids, id);
    if (number != TABLE_NONE && foresight->of_id[number] != FORESIGHT_NONE)
        return foresight->of_id[number];
    uint32_t at = make_series(foresight, id, now_ns);
    if (at != FORESIGHT_NONE && foresight->loaded)
        counts_begin(&foresight->series[at]->counts, 0, now_ns);
    return at;
}

void foresight_request(struct foresight *foresight, uint32_t series, int64_t now_ns)
{
    struct foresight_series *total = foresight->series[FORESIGHT_TOTAL];
    if (!foresight->loaded)
        return;
    counts_move(&total->counts, now_ns);
    if (!total->counts.fed)
        counts_add(&total->counts, 1);
    total->asked_ns = now_ns;
    if (series == FORESIGHT_NONE || series >= foresight->series_count) {
        foresight->stats.dropped++;
        return;
    }
    struct foresight_series *of = foresight->series[series];
    counts_move(&of->counts, now_ns);
    if (!of->counts.fed)
        counts_add(&of->counts, 1);
    of->asked_ns = now_ns;
}

/* ---- time ---- */

struct candidate {
    uint64_t requests;
    uint32_t series;
};

static int by_requests(const void *left, const void *right)
{
    const struct candidate *a = left, *b = right;
    if (a->requests != b->requests)
        return a->requests > b->requests ? -1 : 1;
    return a->series < b->series ? -1 : 1;
}

/* The most demanded of the last week are foretold, each of them asked for in it. */
static void choose(struct foresight *foresight)
{
    struct candidate *candidates = calloc(foresight->series_count + 1, sizeof *candidates);
    size_t count = 0;
    if (!candidates)
        return;
    for (uint32_t i = 1; i < foresight->series_count; i++) {
        const struct counts *counts = &foresight->series[i]->counts;
        uint32_t known;
        uint64_t sum = counts_sum(counts, COUNT_HOUR, 7 * 24, &known);
        uint32_t open = counts_get(counts, COUNT_HOUR, counts->slot[COUNT_HOUR]);
        sum += open == COUNT_MISSING ? 0 : open;
        foresight->series[i]->foretold = false;
        if (sum > 0)
            candidates[count++] = (struct candidate){sum, i};
    }
    qsort(candidates, count, sizeof *candidates, by_requests);
    for (size_t i = 0; i < count && i < (size_t)foresight->settings.forecast_max; i++)
        foresight->series[candidates[i].series]->foretold = true;
    foresight->series[FORESIGHT_TOTAL]->foretold = foresight->settings.forecast_max > 0;
    free(candidates);
}

void foresight_tick(struct foresight *foresight, int64_t now_ns)
{
    if (!foresight->loaded || now_ns <= foresight->now_ns)
        return;
    bool minute = now_ns / TIME_MINUTE > foresight->now_ns / TIME_MINUTE;
    foresight->now_ns = now_ns;
    if (!minute && foresight->chosen_ns != 0)
        return;
    foresight->idle = false;
    for (uint32_t i = 0; i < foresight->series_count; i++)
        counts_move(&foresight->series[i]->counts, now_ns);
    if (now_ns / TIME_HOUR > foresight->chosen_ns / TIME_HOUR) {
        choose(foresight);
        foresight->chosen_ns = now_ns;
    }
    for (uint32_t i = 0; i < foresight->series_count; i++)
        if (foresight->series[i]->foretold)
            foresight_validate(foresight, foresight->series[i]);
}

void foresight_hurry(struct foresight *foresight, const char *id)
{
    uint32_t series = foresight_find(foresight, id);
    foresight->idle = false;
    foresight->series[FORESIGHT_TOTAL]->hurried = true;
    for (uint32_t i = 1; i < foresight->series_count; i++)
        if (id[0] == '\0' || i == series)
            foresight->series[i]->hurried = true;
}

/* ---- seeing ---- */

bool foresight_see(const struct foresight *foresight, uint32_t number, struct foresight_view *view)
{
    if (number >= foresight->series_count)
        return false;
    const struct foresight_series *series = foresight->series[number];
    *view = (struct foresight_view){.id = series->id,
                                    .foretold = series->foretold,
                                    .counts = &series->counts,
                                    .forecast = &series->forecast,
                                    .model = &series->model,
                                    .validity = &series->validity,
                                    .capacity = &series->capacity};
    return true;
}

bool foresight_is_stale(const struct foresight_forecast *forecast, int64_t now_ns)
{
    return forecast->table.count > 0 &&
           (forecast->failed || now_ns - forecast->made_ns > FORESIGHT_STALE_NS);
}

double foresight_rate(const struct foresight_forecast *forecast, int quantile, int64_t now_ns,
                      int64_t lead_ns)
{
    const struct demand_forecast *table = &forecast->table;
    double most = NAN;
    for (int h = 0; h < table->count; h++) {
        int64_t from_ns = table->start_ns + h * table->step_ns;
        if (from_ns + table->step_ns <= now_ns || from_ns >= time_add(now_ns, lead_ns))
            continue;
        double rate = table->quantile[quantile][h] / time_to_seconds(table->step_ns);
        most = isnan(most) || rate > most ? rate : most;
    }
    return most;
}

void foresight_count(const struct foresight *foresight, struct foresight_stats *stats)
{
    *stats = foresight->stats;
    stats->series = foresight->series_count - 1;
    stats->open = 0;
    for (size_t i = 0; foresight_anomaly(foresight, i); i++)
        stats->open += foresight_anomaly(foresight, i)->open;
}

void foresight_watch(struct foresight *foresight, foresight_watch_fn *fn, void *context)
{
    foresight->watch = fn;
    foresight->watch_context = context;
    for (size_t i = 0; fn && foresight_anomaly(foresight, i); i++)
        if (foresight_anomaly(foresight, i)->open)
            fn(context, foresight_anomaly(foresight, i), ANOMALY_CHANGED);
}
