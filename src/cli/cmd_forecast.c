/* SPDX-License-Identifier: MIT
 * forewarm forecast: a demand series, and what comes next with its quantiles. */
#include "base/json.h"
#include "base/time.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/event_file.h"
#include "cli/output.h"
#include "cli/series_source.h"
#include "forecast/demand.h"
#include <math.h>
#include <stdio.h>

struct forecast_options {
    struct series_source series;
    int64_t horizon_ns, seed;
    int model;
    double capacity_buffer;
    char events[OPTION_TEXT_MAX], quantiles[OPTION_TEXT_MAX], blend[OPTION_TEXT_MAX],
        out[OPTION_TEXT_MAX];
};
#define AT(field) offsetof(struct forecast_options, field)
/* clang-format off */
static const struct args_row rows[] = {
    {{"horizon", OPTION_DURATION, AT(horizon_ns), "7d", 1, 3660 * 86400e9, false, NULL, "how far ahead"}, "DUR", 0},
    {{"model", OPTION_CHOICE, AT(model), "ensemble", 0, 0, false, demand_models, "what foretells; ensemble weighs them all by how they did"}, NULL, 0},
    {{"blend", OPTION_TEXT, AT(blend), "", 0, 0, false, NULL, "fixed weights of prophet and boost instead: 0.7,0.3"}, "A,B", 0},
    {{"events", OPTION_TEXT, AT(events), "", 0, 0, false, NULL, "past and planned events, YAML or JSON: [{date, name, class, expected_multiplier, expected_duration_hours}]"}, "FILE", 0},
    {{"quantiles", OPTION_TEXT, AT(quantiles), "0.5,0.75,0.9,0.95,0.99", 0, 0, false, NULL, "ascending, above 0 and below 1"}, "LIST", 0},
    {{"capacity_buffer", OPTION_DOUBLE, AT(capacity_buffer), "1.3", 1, 100, false, NULL, "recommended capacity over P95"}, "X", 0},
    {{"seed", OPTION_INT, AT(seed), "1", 0, 0, false, NULL, "of what is drawn in learning"}, NULL, 0},
    {{"out", OPTION_TEXT, AT(out), "-", 0, 0, false, NULL, "where the CSV goes; - is standard output"}, "CSV", 'o'},
    SERIES_SOURCE_ROWS(AT(series)),
};
/* clang-format on */
static const struct args_spec spec = {
    .command = "forecast",
    .operands = SERIES_SOURCE_OPERANDS,
    .sentence =
        "Foretells a demand series: CSV with a header in, one row a step out, with quantiles "
        "that its own past errors give.",
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .operands_min = 0,
    .operands_max = 1,
    .more =
        "Columns: timestamp, baseline (trend and seasons), expected_value, spike_probability (more "
        "than twice\n"
        "the usual), the quantiles as p50, p75, ..., recommended_capacity (--capacity-buffer times "
        "P95).\n"
        "Standard error tells what was read, what was put right, and how the forecast did against "
        "the last day\n"
        "and the last week repeated, on this series' own past; where they were better, they are "
        "what is said.\n"
        "Exit status: 0 done, 2 wrong usage or input, 3 the world failed.",
};

/* "0.5,0.9": ascending numbers above `low` and below `high`. */
static enum fw_err read_list(const char *name, const char *list, double *numbers, int most,
                             int *count, struct fw_detail *detail)
{
    struct str rest = str_of(list), part;
    *count = 0;
    while (str_cut(&rest, ',', &part)) {
        if (*count == most)
            return err_set(detail, FW_USAGE, "--%s: more than %d numbers", name, most);
        if (!str_to_double(str_trim(part), &numbers[*count]))
            return err_set(detail, FW_USAGE, "--%s: found \"%.*s\", expected a number", name,
                           STR_ARG(part));
        (*count)++;
    }
    return FW_OK;
}

static enum fw_err read_quantiles(const char *list, struct demand_settings *settings,
                                  struct fw_detail *detail)
{
    FW_TRY(read_list("quantiles", list, settings->quantiles, DEMAND_QUANTILES_MAX,
                     &settings->quantile_count, detail));
    for (int i = 0; i < settings->quantile_count; i++)
        if (!(settings->quantiles[i] > 0 && settings->quantiles[i] < 1) ||
            (i > 0 && settings->quantiles[i] <= settings->quantiles[i - 1]))
            return err_set(
                detail, FW_USAGE,
                "--quantiles: found \"%s\", expected ascending numbers above 0 and below "
                "1, as 0.5,0.9,0.95",
                list);
    if (settings->quantile_count == 0)
        return err_set(detail, FW_USAGE, "--quantiles: found nothing, expected 0.5,0.9,0.95");
    return FW_OK;
}

static enum fw_err read_blend(const char *text, struct demand_settings *settings,
                              struct fw_detail *detail)
{
    double both[2];
    int count = 0;
    if (text[0] == '\0')
        return FW_OK;
    FW_TRY(read_list("blend", text, both, 2, &count, detail));
    if (count != 2 || !(both[0] >= 0) || !(both[1] >= 0) || !(both[0] + both[1] > 0))
        return err_set(
            detail, FW_USAGE,
            "--blend: found \"%s\", expected two weights of prophet and boost, as 0.7,0.3", text);
    settings->blend[0] = both[0];
    settings->blend[1] = both[1];
    return FW_OK;
}

/* ---- telling ---- */

static void add_number(struct buf *out, double value)
{
    char text[STR_NUMBER_MAX];
    double size = fabs(value);
    buf_add_char(out, ',');
    buf_add_text(out, str_from_fixed(value, size >= 1000 ? 1 : size >= 1 ? 4 : 6, text));
}

static void quantile_name(double level, char *name, size_t size)
{
    char text[STR_NUMBER_MAX];
    (void)snprintf(name, size, "p%s", str_from_double(round(level * 1e6) / 1e4, text));
}

static void csv_rows(const struct demand_forecast *forecast, const struct demand_settings *settings,
                     struct buf *out)
{
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

static void json_all(const struct demand_forecast *forecast, const struct demand_settings *settings,
                     const struct series_read *read, struct buf *out)
{
    struct json json;
    json_init(&json, out, true);
    json_object(&json);
    json_key(&json, "series");
    series_read_json(read, &json);
    json_key_text(&json, "model", demand_models[settings->model]);
    json_verdict(&json, forecast);
    json_key(&json, "forecast");
    json_array(&json);
    for (int h = 0; h < forecast->count; h++)
        json_row(&json, forecast, settings, h);
    json_array_end(&json);
    json_object_end(&json);
    buf_add_char(out, '\n');
}

static void tell_notes(const struct series_read *read, const struct demand_forecast *forecast)
{
    struct buf notes;
    buf_init(&notes, 1 << 20);
    series_read_describe(read, &notes);
    demand_describe(forecast, &notes);
    (void)fwrite(notes.data, 1, notes.len, stderr);
    buf_fini(&notes);
}

static int tell(const struct demand_forecast *forecast, const struct demand_settings *settings,
                const struct series_read *read, const struct forecast_options *options,
                const struct args *args)
{
    struct buf out;
    struct fw_detail detail = {""};
    buf_init(&out, OUTPUT_MAX);
    enum fw_err err = FW_OK;
    if (!args->json || strcmp(options->out, "-") != 0) {
        csv_rows(forecast, settings, &out);
        err = out.failed ? FW_NOMEM : output_file(options->out, buf_str(&out), &detail);
        buf_clear(&out);
    }
    if (err == FW_OK && args->json) {
        json_all(forecast, settings, read, &out);
        int status = output_print(&out, 0);
        buf_fini(&out);
        return status;
    }
    buf_fini(&out);
    if (err != FW_OK)
        return output_fail(spec.command, err, &detail);
    if (!args->quiet)
        tell_notes(read, forecast);
    return 0;
}

static void show_progress(void *context, uint64_t done, uint64_t total)
{
    output_progress_step(context, done, total);
}

int cmd_forecast(int argc, char **argv)
{
    struct forecast_options options;
    struct args args = {0};
    struct fw_detail detail = {""};
    struct demand_settings settings = demand_defaults;
    struct series_read read = {0};
    struct demand_forecast forecast = {0};
    struct calendar calendar = {0};
    struct output_progress progress;
    enum fw_err err = args_parse(&args, &spec, &options, argc, argv, &detail);
    if (err == FW_OK && args.done)
        return 0;
    if (err == FW_OK)
        err = read_quantiles(options.quantiles, &settings, &detail);
    if (err == FW_OK)
        err = read_blend(options.blend, &settings, &detail);
    if (err == FW_OK)
        err = series_source_read(&read, &args, &options.series, false, &detail);
    if (err == FW_OK && options.events[0] != '\0') {
        err = event_file_read(&calendar, options.events, &detail);
        settings.calendar = &calendar;
    }
    if (err == FW_OK) {
        settings.horizon_ns = options.horizon_ns;
        settings.model = (enum demand_model)options.model;
        settings.capacity_buffer = options.capacity_buffer;
        settings.seed = (uint64_t)options.seed;
        settings.progress = show_progress;
        settings.context = &progress;
        output_progress_init(&progress, "origins", args.quiet);
        err = demand_forecast(&read.value, &settings, &forecast, &detail);
        output_progress_end(&progress);
    }
    int status = err == FW_OK ? tell(&forecast, &settings, &read, &options, &args)
                              : output_fail(spec.command, err, &detail);
    demand_forecast_fini(&forecast);
    event_file_fini(&calendar);
    series_read_fini(&read);
    return status;
}
