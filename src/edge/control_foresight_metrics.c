/* SPDX-License-Identifier: MIT
 * What /metrics says of demand, forecasts and anomalies. */
#include "base/time.h"
#include "edge/control_part.h"
#include <math.h>

static void collect_hour(const struct foresight_view *view, int64_t now_ns,
                         struct metrics_writer *writer)
{
    const struct demand_forecast *table = &view->forecast->table;
    int64_t h = table->count > 0 ? (now_ns - table->start_ns) / table->step_ns : -1;
    if (h < 0 || h >= table->count || now_ns < table->start_ns)
        return;
    for (int i = 0; i < FORESIGHT_QUANTILES; i++) {
        const struct str labels[] = {str_of(view->id), str_of(foresight_quantile_names[i])};
        metrics_sample(writer, labels, 2, table->quantile[i][h]);
    }
}

static void collect_series(const struct foresight_view *view, enum metric_id metric, int64_t now_ns,
                           struct metrics_writer *writer)
{
    const struct str id = str_of(view->id);
    const struct foresight_forecast *forecast = view->forecast;
    const struct foresight_validity *validity = view->validity;
    if (metric == METRIC_FORECAST)
        collect_hour(view, now_ns, writer);
    else if (metric == METRIC_FORECAST_AGE && forecast->made_ns > 0)
        metrics_sample(writer, &id, 1, time_to_seconds(now_ns - forecast->made_ns));
    else if (metric == METRIC_FORECAST_STALE && forecast->tried_ns > 0)
        metrics_sample(writer, &id, 1, foresight_is_stale(forecast, now_ns));
    else if (metric == METRIC_FORECAST_RATIO && isfinite(validity->ratio) && validity->at_ns > 0)
        metrics_sample(writer, &id, 1, validity->ratio);
    else if (metric == METRIC_FORECAST_COVERAGE && validity->at_ns > 0)
        metrics_sample(writer, &id, 1, validity->coverage);
}

static void collect_open(const struct foresight *foresight, struct metrics_writer *writer)
{
    const struct anomaly_record *record;
    for (size_t i = 0; (record = foresight_anomaly(foresight, i)) != NULL; i++) {
        const struct str labels[] = {str_of(record->resource), str_of(record->class_name)};
        bool again = false; /* two of one class: one series */
        for (size_t j = 0; j < i && record->open; j++) {
            const struct anomaly_record *other = foresight_anomaly(foresight, j);
            again |= other->open && strcmp(other->resource, record->resource) == 0 &&
                     strcmp(other->class_name, record->class_name) == 0;
        }
        if (record->open && !again)
            metrics_sample(writer, labels, 2, 1);
    }
}

static void collect_work(const struct foresight_stats *stats, struct metrics_writer *writer)
{
    const struct {
        struct str label;
        uint64_t value;
    } samples[] = {{STR("refresh"), stats->refreshes},
                   {STR("train"), stats->trainings},
                   {STR("validate"), stats->validations},
                   {STR("failed"), stats->failures}};
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++)
        metrics_sample(writer, &samples[i].label, 1, (double)samples[i].value);
}

void control_collect_demand(struct brain *brain, enum metric_id metric,
                            struct metrics_writer *writer)
{
    const struct foresight *foresight = brain_foresight(brain);
    struct foresight_stats stats;
    struct foresight_view view;
    foresight_count(foresight, &stats);
    switch (metric) {
    case METRIC_DEMAND_SERIES:
        metrics_sample(writer, NULL, 0, stats.series);
        break;
    case METRIC_DEMAND_DROPPED:
        metrics_sample(writer, NULL, 0, (double)stats.dropped);
        break;
    case METRIC_DEMAND_KEPT:
        if (brain_demand_kept_ns(brain) > 0)
            metrics_sample(writer, NULL, 0, time_to_seconds(brain_demand_kept_ns(brain)));
        break;
    case METRIC_FORECASTS:
        collect_work(&stats, writer);
        break;
    case METRIC_ANOMALIES:
        metrics_sample(writer, NULL, 0, (double)stats.opened);
        break;
    case METRIC_ANOMALY:
        collect_open(foresight, writer);
        break;
    case METRIC_FORECAST:
    case METRIC_FORECAST_AGE:
    case METRIC_FORECAST_STALE:
    case METRIC_FORECAST_RATIO:
    case METRIC_FORECAST_COVERAGE:
        for (uint32_t i = 0; foresight_see(foresight, i, &view); i++)
            collect_series(&view, metric, brain_now_ns(brain), writer);
        break;
    default:
        break;
    }
}
