/* SPDX-License-Identifier: MIT */
#include "cli/forecast_output.h"
#include "base/time.h"
#include <math.h>
#include <stdio.h>

enum { STALE_DAYS = 28 }; /* a model is not meant to go on for longer without being trained again */

static void add_number(struct buf *out, double value)
{
    char text[STR_NUMBER_MAX];
    double size = fabs(value);
    buf_add_char(out, ',');
    buf_add_text(out, str_from_fixed(value, size >= 1000 ? 1 : size >= 1 ? 4 : 6, text));
}

static const char *short_number(double value, char text[STR_NUMBER_MAX])
{
    double size = fabs(value);
    return str_from_fixed(value, size >= 1000 ? 0 : size >= 10 ? 1 : 4, text);
}

static void quantile_name(double level, char *name, size_t size)
{
    char text[STR_NUMBER_MAX];
    (void)snprintf(name, size, "p%s", str_from_double(round(level * 1e6) / 1e4, text));
}

void forecast_output_csv(const struct forecast_output *output, struct buf *out)
{
    const struct demand_forecast *forecast = output->forecast;
    const struct demand_settings *settings = output->settings;
    char text[TIME_TEXT_MAX + STR_NUMBER_MAX];
    buf_add_text(out, "timestamp,baseline,expected_value,spike_probability");
    for (int i = 0; i < forecast->quantile_count; i++) {
        quantile_name(settings->quantiles[i], text, sizeof text);
        buf_printf(out, ",%s", text);
    }
    buf_add_text(out, ",recommended_capacity\n");
    for (int h = 0; h < forecast->count; h++) {
        buf_add_text(out, time_format_iso(forecast->start_ns + h * forecast->step_ns, text));
        add_number(out, forecast->baseline[h]);
        add_number(out, forecast->expected[h]);
        add_number(out, forecast->spike[h]);
        for (int i = 0; i < forecast->quantile_count; i++)
            add_number(out, forecast->quantile[i][h]);
        add_number(out, forecast->capacity[h]);
        buf_add_char(out, '\n');
    }
}

static void json_verdict(struct json *json, const struct demand_forecast *forecast)
{
    const struct demand_verdict *verdict = &forecast->verdict;
    json_key(json, "verdict");
    json_array(json);
    for (int i = 0; i < verdict->block_count; i++) {
        json_object(json);
        json_key_uint(json, "up_to_steps", (uint64_t)verdict->usual[i]);
        json_key_uint(json, "cases", (uint64_t)verdict->blocks.cases[i]);
        json_key_double(json, "mean_absolute_error", verdict->blocks.error[i]);
        json_key_double(json, "last_day_error", verdict->blocks.day[i]);
        json_key_double(json, "last_week_error", verdict->blocks.week[i]);
        json_key_bool(json, "fell_back", verdict->blocks.fell_back[i]);
        json_key(json, "weights");
        json_object(json);
        for (int j = 0; j < MEMBERS_COUNT; j++)
            json_key_fixed(json, members_names[j], verdict->blocks.weights[i][j], 4);
        json_object_end(json);
        json_object_end(json);
    }
    json_array_end(json);
}

static void json_row(struct json *json, const struct demand_forecast *forecast,
                     const struct demand_settings *settings, int h)
{
    char text[TIME_TEXT_MAX + STR_NUMBER_MAX];
    json_object(json);
    json_key_text(json, "timestamp",
                  time_format_iso(forecast->start_ns + h * forecast->step_ns, text));
    json_key_double(json, "baseline", forecast->baseline[h]);
    json_key_double(json, "expected_value", forecast->expected[h]);
    json_key_fixed(json, "spike_probability", forecast->spike[h], 6);
    for (int i = 0; i < forecast->quantile_count; i++) {
        quantile_name(settings->quantiles[i], text, sizeof text);
        json_key_double(json, text, forecast->quantile[i][h]);
    }
    json_key_double(json, "recommended_capacity", forecast->capacity[h]);
    json_object_end(json);
}

/* ---- a model that was loaded ---- */

static int64_t days_since(const struct forecast_output *output)
{
    const struct demand_forecast *forecast = output->forecast;
    return (forecast->start_ns - forecast->step_ns - output->model->trained_to_ns) / TIME_DAY;
}

static bool is_stale(const struct forecast_output *output)
{
    return output->forecast->drift.cause != DRIFT_NONE || days_since(output) > STALE_DAYS;
}

/* Why it is time to train again, or that it is not. */
static void say_stale(const struct forecast_output *output, struct buf *out)
{
    static const char *const causes[] = {
        [DRIFT_NONE] = "",
        [DRIFT_SIZE] = "its errors are larger than those it was validated with",
        [DRIFT_ABOVE] = "demand stays above what it foretells",
        [DRIFT_BELOW] = "demand stays below what it foretells"};
    const struct drift_verdict *drift = &output->forecast->drift;
    char sum[STR_NUMBER_MAX], limit[STR_NUMBER_MAX];
    if (drift->cause != DRIFT_NONE)
        buf_printf(out, "%s (cumulative sum %s, limit %s)", causes[drift->cause],
                   str_from_fixed(drift->sum, 1, sum), str_from_fixed(drift->limit, 0, limit));
    else if (days_since(output) > STALE_DAYS)
        buf_printf(out, "it was trained %lld days before the end of the series, more than %d",
                   (long long)days_since(output), (int)STALE_DAYS);
    else if (!drift->known)
        buf_add_text(out, "it was trained on too little to tell whether it still holds");
    else
        buf_add_text(out, "it errs as it did when it was validated");
}

static void say_model(const struct forecast_output *output, struct buf *out)
{
    const struct drift_verdict *drift = &output->forecast->drift;
    char text[TIME_TEXT_MAX], number[STR_NUMBER_MAX];
    const struct series *value = &output->model->history.value;
    buf_printf(out, "model of \"%s\", trained up to %s", output->model->history.value_name,
               time_format_iso(output->model->trained_to_ns, text));
    buf_printf(out, ", goes on to %s\n",
               time_format_iso(series_at_ns(value, value->count - 1), text));
    if (output->news != NULL && output->news->different > 0)
        buf_printf(out,
                   "%zu of %zu steps it knows have other values in the file: the model's "
                   "stay\n",
                   output->news->different, output->news->old);
    if (drift->values > 0) {
        buf_printf(out, "since it was trained: %s values, ",
                   str_from_fixed(drift->values, 0, number));
        buf_printf(out, "off by %s lately, ", short_number(drift->recent, number));
        buf_printf(out, "%s when validated; ", short_number(drift->validated, number));
        buf_printf(out, "P95 held %s %%\n", str_from_fixed(100 * drift->p95_coverage, 1, number));
    }
    buf_add_text(out, is_stale(output) ? "train again: " : "no need to train again: ");
    say_stale(output, out);
    buf_add_char(out, '\n');
}

static void json_model(const struct forecast_output *output, struct json *json)
{
    const struct drift_verdict *drift = &output->forecast->drift;
    char text[TIME_TEXT_MAX];
    struct buf reason;
    buf_init(&reason, 1 << 12);
    say_stale(output, &reason);
    json_key(json, "trained_model");
    json_object(json);
    json_key_text(json, "value", output->model->history.value_name);
    json_key_text(json, "trained_to", time_format_iso(output->model->trained_to_ns, text));
    json_key_double(json, "values_since", drift->values);
    json_key_double(json, "validated_error", drift->validated);
    json_key_double(json, "recent_error", drift->recent);
    json_key_double(json, "p95_coverage", drift->p95_coverage);
    json_key_double(json, "cumulative_sum", drift->sum);
    json_key_double(json, "limit", drift->limit);
    json_key_bool(json, "train_again", is_stale(output));
    json_key_text(json, "reason", reason.data);
    json_object_end(json);
    buf_fini(&reason);
}

static void json_spikes(struct json *json, const struct spike_verdict *spikes)
{
    json_key(json, "spikes");
    json_object(json);
    json_key_uint(json, "past", (uint64_t)spikes->past);
    json_key_double(json, "times_the_usual", spikes->times);
    json_key(json, "by_trees");
    json_array(json);
    for (int i = 0; i < SPIKE_CHANCE_STAGES; i++) {
        if (!spikes->stages[i].by_trees)
            continue;
        json_object(json);
        json_key_uint(json, "up_to_steps", (uint64_t)spikes->stages[i].ahead);
        json_key_double(json, "brier", spikes->stages[i].score);
        json_key_double(json, "brier_without", spikes->stages[i].without);
        json_object_end(json);
    }
    json_array_end(json);
    json_object_end(json);
}

static void json_notes(struct json *json, struct str notes)
{
    struct str line;
    json_key(json, "notes");
    json_array(json);
    while (notes.len > 0 && str_cut(&notes, '\n', &line))
        json_str(json, line);
    json_array_end(json);
}

void forecast_output_json(const struct forecast_output *output, struct buf *out)
{
    struct json json;
    json_init(&json, out, true);
    json_object(&json);
    if (output->read != NULL) {
        json_key(&json, "series");
        series_read_json(output->read, &json);
    }
    if (output->model != NULL)
        json_model(output, &json);
    json_key_text(&json, "model", demand_models[output->settings->model]);
    json_notes(&json, output->notes);
    json_verdict(&json, output->forecast);
    json_spikes(&json, &output->forecast->spikes);
    json_key(&json, "forecast");
    json_array(&json);
    for (int h = 0; h < output->forecast->count; h++)
        json_row(&json, output->forecast, output->settings, h);
    json_array_end(&json);
    json_object_end(&json);
    buf_add_char(out, '\n');
}

void forecast_output_words(const struct forecast_output *output, struct buf *out)
{
    if (output->read != NULL)
        series_read_describe(output->read, out);
    if (output->model != NULL)
        say_model(output, out);
    buf_add_str(out, output->notes);
    demand_describe(output->forecast, out);
}
