/* SPDX-License-Identifier: MIT
 * forewarm synth requests: a trace from a seed. */
#include "base/json.h"
#include "base/time.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "sim/synth.h"
#include "sim/trace.h"
#include <string.h>

struct options {
    int profile, law;
    int64_t seed, duration_ns, compress_ns, resources, think_ns, service_ns, load_draws;
    double rate, zipf, session, bursts, burst_size, client_min, client_max;
    char names[OPTION_TEXT_MAX], clients[OPTION_TEXT_MAX], start[OPTION_TEXT_MAX],
        output[OPTION_TEXT_MAX], expected[OPTION_TEXT_MAX], load_times[OPTION_TEXT_MAX];
};

#define AT(field) offsetof(struct options, field)
#define DAY       86400e9
/* clang-format off */
static const struct args_row rows[] = {
    {{"seed", OPTION_INT, AT(seed), "1", 0, 9e15, false, NULL, "the same seed gives the same trace"}, "N", 0},
    {{"profile", OPTION_CHOICE, AT(profile), "default", 0, 0, false, synth_profile_names, "what the traffic is like"}, NULL, 0},
    {{"duration", OPTION_DURATION, AT(duration_ns), "24h", 0, 3650 * DAY, false, NULL, "how long the trace is; 0s with servegen: as the file"}, "DUR", 0},
    {{"compress", OPTION_DURATION, AT(compress_ns), "24h", 1e9, DAY, false, NULL, "how long a day takes"}, "DUR", 0},
    {{"resources", OPTION_INT, AT(resources), "10", 1, SYNTH_RESOURCES_MAX, false, NULL, "how many resources are asked for"}, "N", 0},
    {{"names", OPTION_TEXT, AT(names), "", 0, 0, false, NULL, "their names, separated by commas, most popular first"}, "A,B,C", 0},
    {{"rate", OPTION_DOUBLE, AT(rate), "0.1", 1e-9, 1e6, false, NULL, "requests a second, mean over a day"}, "X", 0},
    {{"zipf", OPTION_DOUBLE, AT(zipf), "1.1", 0, 10, false, NULL, "popularity of the k-th resource is k^-X"}, "X", 0},
    {{"session", OPTION_DOUBLE, AT(session), "5", 1, 1e6, false, NULL, "mean requests in a session"}, "X", 0},
    {{"think", OPTION_DURATION, AT(think_ns), "20s", 0, DAY, false, NULL, "mean pause within a session"}, "DUR", 0},
    {{"bursts", OPTION_DOUBLE, AT(bursts), "12", 0, 1e6, false, NULL, "bursts a day"}, "X", 0},
    {{"burst_size", OPTION_DOUBLE, AT(burst_size), "15", 0, 1e6, false, NULL, "mean requests in a burst"}, "X", 0},
    {{"service", OPTION_DURATION, AT(service_ns), "1s", 0, DAY, false, NULL, "median time to answer a request"}, "DUR", 0},
    {{"clients", OPTION_TEXT, AT(clients), "", 0, 0, false, NULL, "servegen: client,t_s,rate_rps,cv,dist,p1,p2"}, "FILE", 0},
    {{"client_min", OPTION_DOUBLE, AT(client_min), "0", 0, 1e12, false, NULL, "servegen: leave out clients with fewer requests a day"}, "N", 0},
    {{"client_max", OPTION_DOUBLE, AT(client_max), "1000000000000", 0, 1e12, false, NULL, "servegen: leave out clients with more requests a day"}, "N", 0},
    {{"start", OPTION_TEXT, AT(start), "", 0, 0, false, NULL, "instant of the first second; without it times are seconds from the start"}, "TIME", 0},
    {{"expected", OPTION_TEXT, AT(expected), "", 0, 0, false, NULL, "office, daily, launch: also write what was to be expected, for replay --events"}, "FILE", 0},
    {{"load_times", OPTION_TEXT, AT(load_times), "", 0, 0, false, NULL, "also write load times, for replay --load-times"}, "FILE", 0},
    {{"load_law", OPTION_CHOICE, AT(law), "base", 0, 0, false, synth_law_names, "what is loaded: the law of the load times"}, NULL, 0},
    {{"load_draws", OPTION_INT, AT(load_draws), "10000", 1, 1e8, false, NULL, "how many load times"}, "N", 0},
    {{"output", OPTION_TEXT, AT(output), "-", 0, 0, false, NULL, "where the trace goes"}, "FILE", 'o'},
};
/* clang-format on */
static const struct args_spec spec = {
    .command = "synth requests",
    .operands = "",
    .sentence = "Makes a trace of requests from a seed: CSV with time,resource,session,duration.",
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .more = "With --json a summary is printed instead of the trace (which then needs -o FILE).",
};

static struct synth_settings settings_of(const struct options *options)
{
    return (struct synth_settings){.profile = options->profile,
                                   .seed = (uint64_t)options->seed,
                                   .span_ns = options->duration_ns,
                                   .day_ns = options->compress_ns,
                                   .resources = (uint32_t)options->resources,
                                   .names = str_of(options->names),
                                   .rate = options->rate,
                                   .zipf = options->zipf,
                                   .session_requests = options->session,
                                   .think_ns = options->think_ns,
                                   .bursts = options->bursts,
                                   .burst_requests = options->burst_size,
                                   .duration_ns = options->service_ns,
                                   .client_min = options->client_min,
                                   .client_max = options->client_max};
}

static int print_summary(const struct synth *synth, const struct options *options)
{
    struct buf out;
    struct json json;
    buf_init(&out, OUTPUT_MAX);
    json_init(&json, &out, true);
    json_object(&json);
    json_key_uint(&json, "requests", synth->count);
    json_key_uint(&json, "resources", synth->resources.count);
    json_key_int(&json, "seed", options->seed);
    json_key_text(&json, "profile", synth_profile_names[options->profile]);
    json_key_text(&json, "output", options->output);
    json_object_end(&json);
    buf_add_char(&out, '\n');
    int status = output_print(&out, 0);
    buf_fini(&out);
    return status;
}

static enum fw_err write_files(const struct synth *synth, const struct options *options,
                               struct fw_detail *detail)
{
    int64_t start_ns = 0;
    if (options->start[0] != '\0') {
        int style = trace_time_guess(str_of(options->start), (struct str){"", 0}, STR("start"));
        if (style == TRACE_TIME_AUTO || trace_time_is_offset(style) ||
            !trace_time_parse(str_of(options->start), style, &start_ns))
            return err_set(
                detail, FW_USAGE,
                "--start: found \"%s\", expected an instant such as 2024-11-15T16:57:50Z",
                options->start);
    }
    struct buf out;
    buf_init(&out, OUTPUT_MAX);
    synth_write_csv(synth, start_ns, &out);
    enum fw_err err = out.failed ? FW_NOMEM : output_file(options->output, buf_str(&out), detail);
    if (err == FW_OK && options->load_times[0] != '\0') {
        buf_clear(&out);
        synth_write_load_times(options->law, (uint64_t)options->seed, (uint32_t)options->load_draws,
                               &out);
        err = out.failed ? FW_NOMEM : output_file(options->load_times, buf_str(&out), detail);
    }
    if (err == FW_OK && options->expected[0] != '\0') {
        buf_clear(&out);
        synth_write_expects(synth, start_ns, &out);
        err = out.failed ? FW_NOMEM : output_file(options->expected, buf_str(&out), detail);
    }
    buf_fini(&out);
    return err;
}

static enum fw_err make(const struct args *args, const struct options *options, struct synth *synth,
                        struct fw_detail *detail)
{
    if (args->json && strcmp(options->output, "-") == 0)
        return err_set(detail, FW_USAGE,
                       "--json prints a summary: name a file for the trace with -o");
    if (options->profile == SYNTH_SERVEGEN && options->clients[0] == '\0')
        return err_set(detail, FW_USAGE, "--profile servegen needs --clients FILE");
    if (options->profile != SYNTH_SERVEGEN && options->duration_ns == 0)
        return err_set(detail, FW_USAGE, "--duration: found 0s, expected more");
    struct synth_settings settings = settings_of(options);
    if (options->profile == SYNTH_SERVEGEN && !args_given(args, "duration"))
        settings.span_ns = 0;
    struct buf clients;
    buf_init(&clients, TRACE_BYTES_MAX);
    enum fw_err err = options->profile == SYNTH_SERVEGEN
                          ? trace_load_file(options->clients, &clients, detail)
                          : FW_OK;
    if (err == FW_OK)
        err = synth_make(synth, &settings, buf_str(&clients), options->clients, detail);
    buf_fini(&clients);
    return err != FW_OK ? err : write_files(synth, options, detail);
}

int cmd_synth_requests(int argc, char **argv)
{
    struct options options;
    struct args args = {0};
    struct fw_detail detail = {""};
    enum fw_err err = args_parse(&args, &spec, &options, argc, argv, &detail);
    if (err != FW_OK || args.done)
        return err != FW_OK ? output_fail(spec.command, err, &detail) : 0;
    struct synth synth;
    synth_init(&synth);
    err = make(&args, &options, &synth, &detail);
    int status = err == FW_OK ? 0 : output_fail(spec.command, err, &detail);
    if (err == FW_OK && args.json)
        status = print_summary(&synth, &options);
    synth_fini(&synth);
    return status;
}
