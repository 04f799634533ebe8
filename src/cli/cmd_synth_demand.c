/* SPDX-License-Identifier: MIT
 * forewarm synth demand: a demand series from a seed, with its events labelled. */
#include "base/json.h"
#include "base/time.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/series_read.h"
#include "forecast/synth_demand.h"
#include <string.h>

struct options {
    int64_t days, hours, every_ns, seed, launches, viral, abuse;
    double noise;
    bool with_labels;
    char start[OPTION_TEXT_MAX], growth[OPTION_TEXT_MAX], output[OPTION_TEXT_MAX],
        labels[OPTION_TEXT_MAX], events[OPTION_TEXT_MAX];
};

enum { DAYS_MAX = 36500, FIRST_YEAR = 1970, LAST_YEAR = 2100 };
#define AT(field) offsetof(struct options, field)
/* clang-format off */
static const struct args_row rows[] = {
    {{"days", OPTION_INT, AT(days), "730", 1, DAYS_MAX, false, NULL, "how long the series is"}, "N", 0},
    {{"hours", OPTION_INT, AT(hours), "0", 0, DAYS_MAX * 24.0, false, NULL, "the same in hours, instead of --days"}, "N", 0},
    {{"start", OPTION_TEXT, AT(start), "2024-01-01", 0, 0, false, NULL, "its first instant (UTC)"}, "TIME", 0},
    {{"every", OPTION_DURATION, AT(every_ns), "1h", 60e9, 86400e9, false, NULL, "from row to row; divides a day"}, "DUR", 0},
    {{"seed", OPTION_INT, AT(seed), "1", 0, 9e15, false, NULL, "the same seed gives the same bytes"}, "N", 0},
    {{"launches", OPTION_INT, AT(launches), "8", 0, SYNTH_DEMAND_EVENTS_MAX, false, NULL, "launches: 5 to 7 times the usual, 3 to 14 days; unless given, in proportion to two years"}, "N", 0},
    {{"viral", OPTION_INT, AT(viral), "15", 0, SYNTH_DEMAND_EVENTS_MAX, false, NULL, "viral events: 2 to 4 times, 1 to 4 days; likewise"}, "N", 0},
    {{"abuse", OPTION_INT, AT(abuse), "24", 0, SYNTH_DEMAND_EVENTS_MAX, false, NULL, "bursts of abuse: 2 to 5 times, 1 to 6 hours; likewise"}, "N", 0},
    {{"growth", OPTION_TEXT, AT(growth), "100,500", 0, 0, false, NULL, "the trend's first and last level, TFLOPS on an average working day"}, "LO,HI", 0},
    {{"noise", OPTION_DOUBLE, AT(noise), "0.04", 0, 0.15, false, NULL, "relative standard deviation of what nothing explains"}, "X", 0},
    {{"labels", OPTION_TEXT, AT(labels), "", 0, 0, false, NULL, "also write every event: start,end,class,name,multiplier,duration_hours,planned"}, "FILE", 0},
    {{"events", OPTION_TEXT, AT(events), "", 0, 0, false, NULL, "also write the planned launches: --events of forecast and detect"}, "FILE", 0},
    {{"with_labels", OPTION_BOOL, AT(with_labels), "false", 0, 0, false, NULL, "two more columns: caller_concentration and class"}, NULL, 0},
    {{"output", OPTION_TEXT, AT(output), "-", 0, 0, false, NULL, "where the series goes"}, "CSV", 'o'},
};
/* clang-format on */
static const struct args_spec spec = {
    .command = "synth demand",
    .operands = "",
    .sentence = "Makes a demand series from a seed: trend, seasons, holidays, launches, viral "
                "events, abuse, growth.",
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .more = "Columns: timestamp, compute_tflops, request_count, avg_tokens_per_request, "
            "p95_latency_ms, queue_depth.\n"
            "The first 28 days (or a quarter of a short series) have no event, and events are two "
            "days apart.\n"
            "With --json a summary is printed instead of the series (which then needs -o FILE).",
};

/* "100,500" */
static enum fw_err read_growth(const char *text, struct synth_demand_settings *settings,
                               struct fw_detail *detail)
{
    struct str rest = str_of(text), low, high;
    if (str_cut(&rest, ',', &low) && str_cut(&rest, ',', &high) && rest.len == 0 &&
        str_to_double(str_trim(low), &settings->trend_from) &&
        str_to_double(str_trim(high), &settings->trend_to) && settings->trend_from >= 1e-3 &&
        settings->trend_to >= 1e-3 && settings->trend_from <= 1e9 && settings->trend_to <= 1e9)
        return FW_OK;
    return err_set(detail, FW_USAGE,
                   "--growth: found \"%s\", expected two numbers from 0.001 to 1e9: LO,HI", text);
}

static enum fw_err read_times(const struct args *args, const struct options *options,
                              struct synth_demand_settings *settings, struct fw_detail *detail)
{
    if (args_given(args, "days") && args_given(args, "hours"))
        return err_set(detail, FW_USAGE, "--hours: found beside --days, expected one of the two");
    if (args_given(args, "hours") && options->hours == 0)
        return err_set(detail, FW_USAGE, "--hours: found 0, expected more");
    if (!series_read_instant(str_of(options->start), &settings->start_ns))
        return err_set(detail, FW_USAGE,
                       "--start: found \"%s\", expected YYYY-MM-DD, YYYY-MM-DD HH:MM or ISO 8601",
                       options->start);
    int year = time_civil(settings->start_ns).year;
    if (year < FIRST_YEAR || year > LAST_YEAR)
        return err_set(detail, FW_USAGE, "--start: found \"%s\", expected a year from %d to %d",
                       options->start, FIRST_YEAR, LAST_YEAR);
    if (TIME_DAY % options->every_ns != 0)
        return err_set(detail, FW_USAGE, "--every: expected what divides a day, such as 1h or 10m");
    int64_t hours = options->hours > 0 ? options->hours : 24 * options->days;
    int64_t count = hours * TIME_HOUR / options->every_ns;
    if (count < 1 || count > SYNTH_DEMAND_ROWS_MAX)
        return err_set(detail, FW_USAGE,
                       "--every: so long a series has %lld rows, expected 1 to %d",
                       (long long)count, SYNTH_DEMAND_ROWS_MAX);
    settings->step_ns = options->every_ns;
    settings->rows = (size_t)count;
    return FW_OK;
}

static enum fw_err read_settings(const struct args *args, const struct options *options,
                                 struct synth_demand_settings *settings, struct fw_detail *detail)
{
    static const char *const names[SYNTH_DEMAND_GROWTH] = {"launches", "viral", "abuse"};
    const int64_t given[SYNTH_DEMAND_GROWTH] = {options->launches, options->viral, options->abuse};
    *settings =
        (struct synth_demand_settings){.seed = (uint64_t)options->seed, .noise = options->noise};
    if (args->json && strcmp(options->output, "-") == 0)
        return err_set(detail, FW_USAGE,
                       "--json prints a summary: name a file for the series with -o");
    FW_TRY(read_times(args, options, settings, detail));
    FW_TRY(read_growth(options->growth, settings, detail));
    int64_t span_ns = (int64_t)settings->rows * settings->step_ns;
    for (int i = 0; i <= SYNTH_DEMAND_GROWTH; i++)
        settings->events[i] = i < SYNTH_DEMAND_GROWTH && args_given(args, names[i])
                                  ? (uint32_t)given[i]
                                  : synth_demand_default_events(
                                        i, span_ns, settings->trend_to / settings->trend_from);
    return FW_OK;
}

static int print_summary(const struct synth_demand *demand, const struct options *options)
{
    struct buf out;
    struct json json;
    char text[TIME_TEXT_MAX];
    const struct synth_demand_settings *settings = &demand->settings;
    buf_init(&out, OUTPUT_MAX);
    json_init(&json, &out, true);
    json_object(&json);
    json_key_bool(&json, "synthetic", true);
    json_key_int(&json, "seed", options->seed);
    json_key_uint(&json, "rows", demand->count);
    json_key_text(&json, "start", time_format_iso(settings->start_ns, text));
    json_key_text(&json, "every", time_format_duration(settings->step_ns, text));
    json_key(&json, "events");
    json_object(&json);
    for (int i = 0; i < SYNTH_DEMAND_CLASSES; i++)
        json_key_uint(&json, synth_demand_class_names[i], demand->of_class[i]);
    json_object_end(&json);
    json_key_text(&json, "output", options->output);
    json_object_end(&json);
    buf_add_char(&out, '\n');
    int status = output_print(&out, 0);
    buf_fini(&out);
    return status;
}

static enum fw_err write_files(const struct synth_demand *demand, const struct options *options,
                               struct fw_detail *detail)
{
    struct buf out;
    buf_init(&out, OUTPUT_MAX);
    synth_demand_write_csv(demand, options->with_labels, &out);
    enum fw_err err = out.failed ? FW_NOMEM : output_file(options->output, buf_str(&out), detail);
    if (err == FW_OK && options->labels[0] != '\0') {
        buf_clear(&out);
        synth_demand_write_labels(demand, &out);
        err = out.failed ? FW_NOMEM : output_file(options->labels, buf_str(&out), detail);
    }
    if (err == FW_OK && options->events[0] != '\0') {
        buf_clear(&out);
        synth_demand_write_events(demand, &out);
        err = out.failed ? FW_NOMEM : output_file(options->events, buf_str(&out), detail);
    }
    buf_fini(&out);
    return err;
}

int cmd_synth_demand(int argc, char **argv)
{
    struct options options;
    struct args args = {0};
    struct fw_detail detail = {""};
    struct synth_demand_settings settings;
    struct synth_demand demand = {.count = 0};
    enum fw_err err = args_parse(&args, &spec, &options, argc, argv, &detail);
    if (err != FW_OK || args.done)
        return err != FW_OK ? output_fail(spec.command, err, &detail) : 0;
    err = read_settings(&args, &options, &settings, &detail);
    if (err == FW_OK)
        err = synth_demand_make(&demand, &settings, &detail);
    if (err == FW_OK)
        err = write_files(&demand, &options, &detail);
    int status = err == FW_OK ? 0 : output_fail(spec.command, err, &detail);
    if (err == FW_OK && args.json)
        status = print_summary(&demand, &options);
    synth_demand_fini(&demand);
    return status;
}
