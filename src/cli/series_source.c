/* SPDX-License-Identifier: MIT */
#include "cli/series_source.h"
#include "base/time.h"
#include "edge/jobs.h"
#include "edge/prometheus.h"
#include "sim/trace.h"
#include <curl/curl.h>
#include <math.h>
#include <stdio.h>

static enum fw_err check(const struct args *args, const struct series_source *source,
                         struct fw_detail *detail)
{
    static const char *const others[] = {"query",
                                         "range",
                                         "until",
                                         "prometheus_token_file",
                                         "prometheus_ca_file",
                                         "prometheus_timeout"};
    static const char *const columns[] = {"time", "value"};
    bool asked = source->prometheus[0] != '\0';
    if (args->operand_count == 0 && !asked)
        return err_set(detail, FW_USAGE,
                       "found no SERIES, expected a CSV file, or --prometheus URL --query PROMQL");
    if (args->operand_count > 0 && asked)
        return err_set(detail, FW_USAGE,
                       "--prometheus: found beside the file \"%s\", expected one of them",
                       args->operands[0]);
    for (size_t i = 0; i < sizeof others / sizeof others[0] && !asked; i++)
        if (args_given(args, others[i]))
            return err_set(detail, FW_USAGE,
                           "--%s: found without --prometheus, which it belongs to", others[i]);
    for (size_t i = 0; i < 2 && asked; i++)
        if (args_given(args, columns[i]))
            return err_set(detail, FW_USAGE,
                           "--%s: found beside --prometheus, which has no columns", columns[i]);
    if (asked && !args_given(args, "query"))
        return err_set(detail, FW_USAGE,
                       "--query: missing, expected PromQL that gives one series, such as "
                       "sum(rate(http_requests_total[5m]))");
    return FW_OK;
}

/* Hours as demand is looked at; short ranges would leave too few of them. */
static int64_t step_of(const struct series_source *source)
{
    if (source->file.every_ns > 0)
        return source->file.every_ns;
    return source->range_ns >= 7 * TIME_DAY ? TIME_HOUR
           : source->range_ns >= TIME_DAY   ? 10 * TIME_MINUTE
                                            : TIME_MINUTE;
}

static enum fw_err find_range(const struct series_source *source, struct prometheus_range *range,
                              struct fw_detail *detail)
{
    int64_t until_ns = jobs_wall_ns();
    if (source->until[0] != '\0' && !series_read_instant(str_of(source->until), &until_ns))
        return err_set(detail, FW_USAGE,
                       "--until: found \"%s\", expected a time such as 2026-03-01T09:00:00Z",
                       source->until);
    return prometheus_range(range, until_ns, source->range_ns, step_of(source), detail);
}

/* Points to slots, and what was found in words. */
static enum fw_err lay(struct series_read *read, const struct prometheus_points *points,
                       const struct prometheus_range *range, const struct series_source *source,
                       struct fw_detail *detail)
{
    char from[TIME_TEXT_MAX], to[TIME_TEXT_MAX], age[TIME_TEXT_MAX];
    const struct series_rules rules = {.step_ns = range->step_ns, .merge = SERIES_MEAN};
    (void)time_format_iso(range->from_ns, from);
    (void)time_format_iso(range->to_ns, to);
    for (size_t i = 0; i < points->count; i++)
        read->missing += !isfinite(points->value[i]);
    if (points->count == 0 || read->missing == points->count)
        return err_set(detail, FW_INPUT,
                       "%s: the query gives %s from %s to %s, expected numbers; does the metric "
                       "exist, and did it then?",
                       source->prometheus, points->count == 0 ? "nothing" : "no number", from, to);
    FW_TRY(series_regular(points->at_ns, points->value, points->count, &rules, &read->value,
                          &read->report, detail));
    int64_t last_ns = points->at_ns[points->count - 1];
    if (points->warning[0])
        (void)snprintf(read->note, sizeof read->note, "the server warns: %.200s", points->warning);
    else if (range->to_ns - last_ns > 2 * range->step_ns)
        (void)snprintf(
            read->note, sizeof read->note,
            "the newest value is %s older than the range's end, %s: is it still written?",
            time_format_human(range->to_ns - last_ns, age), to);
    return FW_OK;
}

static enum fw_err ask(struct series_read *read, const struct series_source *source,
                       struct fw_detail *detail)
{
    struct prometheus_source server = {.query = source->query,
                                       .token_file = source->token_file,
                                       .ca_file = source->ca_file,
                                       .timeout_ns = source->timeout_ns};
    struct prometheus_range range = {0};
    struct prometheus_points points = {0};
    if (!config_parse_url(str_of(source->prometheus), &server.url))
        return err_set(detail, FW_USAGE,
                       "--prometheus: found \"%s\", expected an address such as "
                       "http://127.0.0.1:9090",
                       source->prometheus);
    FW_TRY(find_range(source, &range, detail));
    curl_global_init(CURL_GLOBAL_DEFAULT);
    enum fw_err err = prometheus_query(&server, &range, NULL, &points, detail);
    curl_global_cleanup();
    if (err == FW_OK)
        err = lay(read, &points, &range, source, detail);
    (void)snprintf(read->time_name, sizeof read->time_name, "Prometheus");
    (void)snprintf(read->value_name, sizeof read->value_name, "%.*s",
                   (int)sizeof read->value_name - 1, source->query);
    read->time_style = TRACE_TIME_S;
    prometheus_points_fini(&points);
    return err;
}

enum fw_err series_source_read(struct series_read *read, const struct args *args,
                               const struct series_source *source, bool covariates,
                               struct fw_detail *detail)
{
    *read = (struct series_read){0};
    FW_TRY(check(args, source, detail));
    if (source->prometheus[0] == '\0') {
        struct series_read_options how = series_read_flags(&source->file, covariates);
        return series_read(read, args->operands[0], &how, detail);
    }
    enum fw_err err = ask(read, source, detail);
    if (err != FW_OK)
        series_read_fini(read);
    return err;
}
