/* SPDX-License-Identifier: MIT
 * forewarm replay: the production engine over a log, one policy after the other, compared. */
#include "base/json.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/replay_html.h"
#include "cli/replay_report.h"
#include "core/settings.h"
#include "plan/policies.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct options {
    int format, time_style;
    bool skip_bad_rows;
    int64_t hold_timeout_ns, hold_limit, hold_total;
    char columns[OPTION_TEXT_MAX], policy[OPTION_TEXT_MAX], load_times[OPTION_TEXT_MAX],
        sizes[OPTION_TEXT_MAX], score_from[OPTION_TEXT_MAX], hints[OPTION_TEXT_MAX],
        events[OPTION_TEXT_MAX], forecasts[OPTION_TEXT_MAX], csv[OPTION_TEXT_MAX],
        decisions[OPTION_TEXT_MAX], html[OPTION_TEXT_MAX], per_resource[OPTION_TEXT_MAX],
        half_load[OPTION_TEXT_MAX], half_memory[OPTION_TEXT_MAX];
    double half_price;
};

#define AT(field) offsetof(struct options, field)
/* clang-format off */
static const struct args_row rows[] = {
    {{"format", OPTION_CHOICE, AT(format), "auto", 0, 0, false, trace_format_names, "how the trace is written"}, "FORMAT", 0},
    {{"columns", OPTION_TEXT, AT(columns), "", 0, 0, false, NULL, "time=C,resource=C+D,session=C,duration=C: which columns to read; + joins"}, "MAP", 0},
    {{"time_style", OPTION_CHOICE, AT(time_style), "auto", 0, 0, false, trace_time_names, "how times are written"}, "STYLE", 0},
    {{"skip_bad_rows", OPTION_BOOL, AT(skip_bad_rows), "false", 0, 0, false, NULL, "go on without rows that cannot be read, and count them"}, NULL, 0},
    {{"policy", OPTION_TEXT, AT(policy), "all", 0, 0, false, NULL, "policies to compare, separated by commas; none: only read the trace"}, "LIST", 0},
    {{"load_times", OPTION_TEXT, AT(load_times), "", 0, 0, false, NULL, "measured load times to draw from: column `value` (ms) or one ending in _s"}, "CSV", 0},
    {{"sizes", OPTION_TEXT, AT(sizes), "", 0, 0, false, NULL, "resource,memory (5GiB) or resource,bytes, and span for several devices; with --memory or --devices"}, "CSV", 0},
    {{"half_load", OPTION_TEXT, AT(half_load), "", 0, 0, false, NULL, "a level between cold and warm: what a load from there takes, 2s or 0.2 of a cold one; absent: there is none"}, "DUR|SHARE", 0},
    {{"half_memory", OPTION_TEXT, AT(half_memory), "1", 0, 0, false, NULL, "bytes of host memory it keeps, 5GiB or a share of the resource's size; with --host-memory"}, "SIZE|SHARE", 0},
    {{"half_price", OPTION_DOUBLE, AT(half_price), "0.1", 0, 1e6, false, NULL, "price of one second at it"}, "PRICE", 0},
    {{"score_from", OPTION_TEXT, AT(score_from), "", 0, 0, false, NULL, "learn from everything, score what begins at or after this instant, or this long (6d) after the start"}, "TIME", 0},
    {{"hints", OPTION_TEXT, AT(hints), "", 0, 0, false, NULL, "time,resource[,probability][,eta_s][,session][,source]"}, "CSV", 0},
    {{"events", OPTION_TEXT, AT(events), "", 0, 0, false, NULL, "planned events: resource,start[,end][,expected_requests][,source][,known]"}, "CSV", 0},
    {{"forecasts", OPTION_TEXT, AT(forecasts), "", 0, 0, false, NULL, "forecasts: resource,timestamp[,end][,expected_requests][,source][,known]"}, "CSV", 0},
    {{"html", OPTION_TEXT, AT(html), "", 0, 0, false, NULL, "also write a page to look at: one file that opens anywhere"}, "FILE", 0},
    {{"csv", OPTION_TEXT, AT(csv), "", 0, 0, false, NULL, "also write the table there"}, "FILE", 0},
    {{"per_resource", OPTION_TEXT, AT(per_resource), "", 0, 0, false, NULL, "write what each policy cost for each resource"}, "FILE", 0},
    {{"decisions", OPTION_TEXT, AT(decisions), "", 0, 0, false, NULL, "write every action with its reason as JSON lines"}, "FILE", 0},
    {{"hold_timeout", OPTION_DURATION, AT(hold_timeout_ns), "never", 0, 0, false, NULL, "how long a request may be held"}, "DUR", 0},
    {{"hold_limit", OPTION_INT, AT(hold_limit), "100000000", 1, 1e9, false, NULL, "requests held for one resource"}, "N", 0},
    {{"hold_total", OPTION_INT, AT(hold_total), "100000000", 1, 1e9, false, NULL, "requests held in all"}, "N", 0},
};
/* clang-format on */
static const struct args_spec spec = {
    .command = "replay",
    .operands = "TRACE...",
    .sentence = "Runs the production engine over a log on virtual time and compares policies.",
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .operands_min = 1,
    .operands_max = -1,
    .more =
        "Prices: cost = idle_price * idle seconds + load seconds + wait_price * seconds waited.\n"
        "A trace may be zipped; - is standard input. `forewarm options` explains the engine's "
        "options.",
};

/* Everything the command holds; released in one place. */
struct job {
    struct options options;
    struct args args;
    struct engine_settings engine;
    struct trace trace;
    struct score_arrivals arrivals;
    struct loads loads;
    uint64_t *sizes;
    struct replay_half half;
    uint8_t *spans;
    struct replay_hint *hints;
    size_t hint_count;
    struct buf decisions;
    struct trail trail; /* of the policy that the page is about */
    const char *shown;  /* the policy that the page is about; NULL no page */
    struct buf per_resource;
    struct score_sums *by_resource; /* of the run in progress */
    const char *policy;             /* of the run in progress */
    struct output_progress progress;
    uint64_t progress_before, progress_total;
    struct replay_report report;
    char source[64];
};

static double clock_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static enum fw_err load_text(const char *path, struct buf *text, struct fw_detail *detail)
{
    buf_init(text, TRACE_BYTES_MAX);
    return trace_load_file(path, text, detail);
}

static enum fw_err read_trace(struct job *job, struct fw_detail *detail)
{
    struct trace_options options = {.format = job->options.format,
                                    .time = job->options.time_style,
                                    .skip_bad_rows = job->options.skip_bad_rows};
    snprintf(options.columns, sizeof options.columns, "%s", job->options.columns);
    FW_TRY(trace_read(&job->trace, job->args.operands, (size_t)job->args.operand_count, &options,
                      detail));
    return score_arrivals_init(&job->arrivals, &job->trace);
}

static enum fw_err read_loads(struct job *job, struct fw_detail *detail)
{
    loads_init(&job->loads, job->engine.load_time_ns, (uint64_t)job->engine.seed);
    if (job->options.load_times[0] == '\0')
        return FW_OK;
    struct buf text;
    enum fw_err err = load_text(job->options.load_times, &text, detail);
    if (err == FW_OK)
        err = loads_read(&job->loads, job->options.load_times, buf_str(&text), detail);
    buf_fini(&text);
    job->engine.load_time_ns = loads_median(&job->loads);
    return err;
}

static enum fw_err read_sizes(struct job *job, struct fw_detail *detail)
{
    struct devices devices;
    FW_TRY(devices_parse(&devices, str_of(job->engine.devices), job->engine.memory, detail));
    bool limited = devices.named || job->engine.memory != UINT64_MAX;
    const char *budget = devices.named ? "--devices" : "--memory";
    if (limited != (job->options.sizes[0] != '\0'))
        return err_set(detail, FW_USAGE, "%s and --sizes go together: found only %s", budget,
                       limited ? budget : "--sizes");
    if (!limited)
        return FW_OK;
    job->sizes = calloc(job->trace.resources.count, sizeof *job->sizes);
    job->spans = calloc(job->trace.resources.count, sizeof *job->spans);
    if (!job->sizes || !job->spans)
        return FW_NOMEM;
    struct buf text;
    enum fw_err err = load_text(job->options.sizes, &text, detail);
    if (err == FW_OK)
        err = replay_read_sizes(&job->trace, job->options.sizes, buf_str(&text), job->sizes,
                                job->spans, detail);
    buf_fini(&text);
    return err;
}

/* "2s" or "0.2". */
static enum fw_err read_half(struct job *job, struct fw_detail *detail)
{
    const char *load = job->options.half_load, *memory = job->options.half_memory;
    struct replay_half *half = &job->half;
    half->price = job->options.half_price;
    half->world.fixed_ns = -1;
    if (load[0] == '\0' && job->engine.host_memory != UINT64_MAX)
        return err_set(detail, FW_USAGE,
                       "--host-memory: means nothing without --half-load, which says what a load "
                       "from there takes");
    if (load[0] == '\0')
        return FW_OK;
    bool share = str_to_double(str_of(load), &half->world.share);
    if (share ? !(half->world.share >= 0 && half->world.share <= 1)
              : !time_parse_duration(str_of(load), &half->world.fixed_ns) ||
                    half->world.fixed_ns == TIME_NEVER)
        return err_set(detail, FW_USAGE,
                       "--half-load: found \"%s\", expected a duration such as 2s or a share of a "
                       "cold load such as 0.2",
                       load);
    share = str_to_double(str_of(memory), &half->memory_share);
    if (share ? !(half->memory_share >= 0 && half->memory_share <= 100)
              : !str_to_size(str_of(memory), &half->memory) || half->memory == UINT64_MAX)
        return err_set(detail, FW_USAGE,
                       "--half-memory: found \"%s\", expected a size such as 5GiB or a share of a "
                       "resource's size such as 1",
                       memory);
    return FW_OK;
}

static enum fw_err read_expected(struct job *job, const char *name, bool planned,
                                 struct fw_detail *detail)
{
    if (name[0] == '\0')
        return FW_OK;
    struct buf text;
    enum fw_err err = load_text(name, &text, detail);
    if (err == FW_OK)
        err = replay_read_expected(&job->trace, name, buf_str(&text), planned, &job->hints,
                                   &job->hint_count, &job->report.unknown_hints, detail);
    buf_fini(&text);
    return err;
}

static enum fw_err read_hints(struct job *job, struct fw_detail *detail)
{
    if (job->options.hints[0] == '\0')
        return FW_OK;
    struct buf text;
    enum fw_err err = load_text(job->options.hints, &text, detail);
    if (err == FW_OK)
        err = replay_read_hints(&job->trace, job->options.hints, buf_str(&text), &job->hints,
                                &job->hint_count, &job->report.unknown_hints, detail);
    buf_fini(&text);
    return err;
}

/* "6d" after the first request, or an instant. */
static enum fw_err find_score_from(struct job *job, struct fw_detail *detail)
{
    const char *text = job->options.score_from;
    int64_t first_ns = job->trace.requests[0].at_ns,
            last_ns = job->trace.requests[job->trace.count - 1].at_ns;
    int64_t after_ns = 0;
    job->report.from_ns = first_ns;
    job->report.from_given = text[0] != '\0';
    if (!job->report.from_given)
        return FW_OK;
    if (time_parse_duration(str_of(text), &after_ns)) {
        job->report.from_ns = time_add(first_ns, after_ns);
    } else {
        int style = trace_time_is_offset(job->trace.time)
                        ? job->trace.time
                        : trace_time_guess(str_of(text), (struct str){"", 0}, STR("time"));
        if (!trace_time_parse(str_of(text), style, &job->report.from_ns))
            return err_set(detail, FW_USAGE,
                           "--score-from: found \"%s\", expected an instant as in the trace, or a "
                           "duration such as 6d",
                           text);
    }
    if (job->report.from_ns > last_ns)
        return err_set(detail, FW_USAGE,
                       "--score-from: \"%s\" is after the last request: nothing would be scored",
                       text);
    return FW_OK;
}

static void set_engine(struct job *job)
{
    job->engine.hold_timeout_ns = job->options.hold_timeout_ns;
    job->engine.hold_limit = job->options.hold_limit;
    job->engine.hold_total = job->options.hold_total;
    if (job->engine.max_resources < job->trace.resources.count)
        job->engine.max_resources = job->trace.resources.count;
    job->report.prices = (struct score_prices){job->engine.idle_price, job->engine.wait_price,
                                               job->options.half_price};
}

static struct str name_of(const void *context, uint32_t resource)
{
    return table_key(context, resource);
}

static void note_decision(struct job *job, const struct action *action)
{
    struct json json;
    char at[TIME_TEXT_MAX];
    struct buf reason;
    buf_init(&reason, 4096);
    reason_describe(action->reason, action->numbers, name_of, &job->trace.resources, &reason);
    json_init(&json, &job->decisions, false);
    json_object(&json);
    json_key_text(&json, "policy", job->policy);
    json_key_text(&json, "at", time_format_iso(action->at_ns, at));
    json_key_text(&json, "after",
                  time_format_duration(action->at_ns - job->trace.requests[0].at_ns, at));
    json_key_text(&json, "action", action_kind_name(action->kind));
    json_key_str(&json, "resource", table_key(&job->trace.resources, action->resource));
    if (action->kind == ACTION_STATE)
        json_key_text(&json, "state", resource_state_name(action->status));
    if (action->kind == ACTION_REFUSE)
        json_key_text(&json, "error", err_row((enum fw_err)action->status)->name);
    if (action->cause != CAUSE_NONE)
        json_key_text(&json, "cause", cause_name(action->cause));
    if (action->request != 0)
        json_key_uint(&json, "request", action->request);
    if (action->attempt != 0)
        json_key_uint(&json, "attempt", action->attempt);
    json_key_text(&json, "reason", reason_name(action->reason));
    json_key_str(&json, "because", buf_str(&reason));
    json_object_end(&json);
    buf_add_char(&job->decisions, '\n');
    buf_fini(&reason);
}

static void note_action(void *context, const struct action *action)
{
    struct job *job = context;
    if (job->options.decisions[0] != '\0')
        note_decision(job, action);
    if (job->policy == job->shown)
        trail_action(&job->trail, action);
}

static void note_arrival(void *context, size_t request, bool ready)
{
    struct job *job = context;
    if (job->policy == job->shown)
        trail_arrival(&job->trail, request, ready);
}

static void note_progress(void *context, uint64_t done)
{
    struct job *job = context;
    output_progress_step(&job->progress, job->progress_before + done, job->progress_total);
}

/* The names to run: the list that was given, or the usual table. */
static enum fw_err choose_policies(struct job *job, struct fw_detail *detail)
{
    static const char usual[] =
        "cold,ttl:1m,ttl:5m,ttl:10m,ttl:1h,breakeven,median,hybrid,planner,oracle-reactive,oracle";
    static const char limited[] = "cold,ttl:5m,lru,planner,oracle-reactive,oracle";
    bool all = strcmp(job->options.policy, "all") == 0;
    struct str rest = str_of(!all ? job->options.policy : job->sizes ? limited : usual), name;
    if (rest.len == 0 || strcmp(job->options.policy, "none") == 0)
        return FW_OK;
    while (str_cut(&rest, ',', &name)) {
        if (job->report.count == REPLAY_POLICIES_MAX || name.len == 0 ||
            name.len >= REPLAY_NAME_MAX)
            return err_set(detail, FW_USAGE,
                           "--policy: found \"%.*s\", expected up to %d names separated by commas",
                           (int)(name.len < 80 ? name.len : 80), name.data, REPLAY_POLICIES_MAX);
        struct replay_row *row = &job->report.rows[job->report.count++];
        memcpy(row->name, name.data, name.len);
        row->name[name.len] = '\0';
    }
    return FW_OK;
}

static enum fw_err run_policies(struct job *job, struct fw_detail *detail)
{
    bool watched = job->options.decisions[0] != '\0' || job->shown;
    struct replay_settings settings = {.trace = &job->trace,
                                       .arrivals = &job->arrivals,
                                       .loads = &job->loads,
                                       .engine = job->engine,
                                       .sizes = job->sizes,
                                       .half = job->options.half_load[0] ? &job->half : NULL,
                                       .spans = job->spans,
                                       .hints = job->hints,
                                       .hint_count = job->hint_count,
                                       .from_ns = job->report.from_ns,
                                       .by_resource = job->by_resource,
                                       .on_arrival = job->shown ? note_arrival : NULL,
                                       .on_action = watched ? note_action : NULL,
                                       .on_progress = note_progress,
                                       .context = job};
    output_progress_init(&job->progress, "replay", job->args.quiet);
    job->progress_total = job->trace.count * job->report.count;
    enum fw_err err = FW_OK;
    for (size_t i = 0; i < job->report.count && err == FW_OK; i++) {
        struct replay_row *row = &job->report.rows[i];
        double from_s = clock_s();
        job->policy = row->name;
        job->progress_before = i * job->trace.count;
        err = replay_run(&settings, row->name, &row->result, detail);
        row->seconds = clock_s() - from_s;
        if (err == FW_OK && job->by_resource)
            replay_report_resources(&job->report, row->name, job->by_resource, &job->per_resource);
    }
    output_progress_end(&job->progress);
    return err;
}

static void find_hindsight(struct job *job)
{
    struct replay_report *report = &job->report;
    report->memory_limited = job->sizes != NULL;
    report->has_ttl = !report->memory_limited;
    score_ttl(&job->arrivals, &job->loads, 10 * TIME_MINUTE, report->from_ns, &report->ttl600);
    report->best_ttl_ns = score_best_ttl(&job->arrivals, &job->loads, &report->prices,
                                         report->from_ns, &report->best);
}

/* The page is about the planner if it runs, else about the first policy. */
static enum fw_err start_page(struct job *job, struct fw_detail *detail)
{
    if (job->options.html[0] == '\0')
        return FW_OK;
    if (job->report.count == 0)
        return err_set(detail, FW_USAGE, "--html: found no policy to show, expected --policy LIST");
    job->shown = job->report.rows[0].name;
    for (size_t i = 0; i < job->report.count; i++)
        if (strcmp(job->report.rows[i].name, "planner") == 0)
            job->shown = job->report.rows[i].name;
    return trail_init(&job->trail, &job->trace, &job->report.prices, job->report.from_ns);
}

static enum fw_err write_page(struct job *job, struct fw_detail *detail)
{
    if (!job->shown)
        return FW_OK;
    struct buf page;
    const struct replay_page contents = {&job->report, &job->arrivals, &job->trail, job->shown};
    trail_finish(&job->trail);
    buf_init(&page, OUTPUT_MAX);
    enum fw_err err = replay_html(&contents, &page);
    if (err == FW_OK)
        err = output_file(job->options.html, buf_str(&page), detail);
    buf_fini(&page);
    return err;
}

static void describe_source(struct job *job)
{
    snprintf(job->source, sizeof job->source, "%d files", job->args.operand_count);
    job->report.source = job->args.operand_count == 1 ? job->args.operands[0] : job->source;
    job->report.trace = &job->trace;
    job->report.loads = &job->loads;
}

/* The best time to live in hindsight stands beside the policies, resource by resource. */
static enum fw_err write_per_resource(struct job *job, struct fw_detail *detail)
{
    struct replay_report *report = &job->report;
    for (uint32_t i = 0; report->has_ttl && i < job->trace.resources.count; i++) {
        struct score_result ttl = {0};
        score_ttl_resource(&job->arrivals, &job->loads, i, report->best_ttl_ns, report->from_ns,
                           &ttl);
        job->by_resource[i] = (struct score_sums){ttl.requests, ttl.cold,    ttl.loads, ttl.idle_ns,
                                                  ttl.load_ns,  ttl.wait_ns, 0};
    }
    if (report->has_ttl)
        replay_report_resources(report, "best-ttl", job->by_resource, &job->per_resource);
    if (job->per_resource.failed)
        return err_set(detail, FW_LIMIT,
                       "--per-resource: more text than memory allows; replay fewer policies");
    return output_file(job->options.per_resource, buf_str(&job->per_resource), detail);
}

static enum fw_err start_per_resource(struct job *job)
{
    if (job->options.per_resource[0] == '\0')
        return FW_OK;
    job->report.trace = &job->trace;
    job->by_resource = calloc(job->trace.resources.count, sizeof *job->by_resource);
    return job->by_resource ? FW_OK : FW_NOMEM;
}

static enum fw_err run(struct job *job, struct fw_detail *detail)
{
    FW_TRY(read_trace(job, detail));
    set_engine(job);
    FW_TRY(read_loads(job, detail));
    FW_TRY(read_sizes(job, detail));
    FW_TRY(read_half(job, detail));
    FW_TRY(read_hints(job, detail));
    FW_TRY(read_expected(job, job->options.events, true, detail));
    FW_TRY(read_expected(job, job->options.forecasts, false, detail));
    FW_TRY(find_score_from(job, detail));
    FW_TRY(choose_policies(job, detail));
    FW_TRY(start_page(job, detail));
    FW_TRY(start_per_resource(job));
    FW_TRY(run_policies(job, detail));
    find_hindsight(job);
    describe_source(job);
    FW_TRY(write_page(job, detail));
    if (job->by_resource)
        FW_TRY(write_per_resource(job, detail));
    if (job->options.decisions[0] != '\0') {
        if (job->decisions.failed)
            return err_set(detail, FW_LIMIT,
                           "--decisions: more text than memory allows; replay fewer policies");
        FW_TRY(output_file(job->options.decisions, buf_str(&job->decisions), detail));
    }
    if (job->options.csv[0] == '\0')
        return FW_OK;
    struct buf csv;
    buf_init(&csv, OUTPUT_MAX);
    replay_report_csv(&job->report, &csv);
    enum fw_err err = csv.failed ? FW_NOMEM : output_file(job->options.csv, buf_str(&csv), detail);
    buf_fini(&csv);
    return err;
}

static int print_report(struct job *job)
{
    struct buf out;
    buf_init(&out, OUTPUT_MAX);
    if (job->args.json)
        replay_report_json(&job->report, &out);
    else
        replay_report_text(&job->report, &out);
    int status = output_print(&out, 0);
    buf_fini(&out);
    return status;
}

/* Files that go to standard output instead of the report. */
static int piped(const struct job *job)
{
    return (strcmp(job->options.csv, "-") == 0) + (strcmp(job->options.decisions, "-") == 0) +
           (strcmp(job->options.html, "-") == 0) + (strcmp(job->options.per_resource, "-") == 0);
}

/* Two things on standard output would be no document. */
static enum fw_err check_outputs(const struct job *job, struct fw_detail *detail)
{
    if (piped(job) + job->args.json > 1)
        return err_set(detail, FW_USAGE,
                       "found %s, expected one thing on standard output: --json or one of --csv, "
                       "--decisions, --html and --per-resource with -",
                       job->args.json ? "--json and a file -" : "two files -");
    return FW_OK;
}

int cmd_replay(int argc, char **argv)
{
    struct job *job = calloc(1, sizeof *job);
    struct fw_detail detail = {""};
    if (!job)
        return output_fail(spec.command, FW_NOMEM, NULL);
    job->args.tables[0] = (struct args_table){
        "Any engine option may be given too: --wait-price, --idle-price, --memory, --load-time, "
        "--seed, ... (`forewarm options`)",
        engine_option_rows, engine_option_count, &job->engine};
    enum fw_err err = args_parse(&job->args, &spec, &job->options, argc, argv, &detail);
    if (err == FW_OK && job->args.done) {
        free(job);
        return 0;
    }
    trace_init(&job->trace);
    buf_init(&job->decisions, OUTPUT_MAX);
    buf_init(&job->per_resource, OUTPUT_MAX);
    if (err == FW_OK)
        err = check_outputs(job, &detail);
    if (err == FW_OK)
        err = run(job, &detail);
    int status = err != FW_OK ? output_fail(spec.command, err, &detail)
                 : piped(job) ? 0
                              : print_report(job);
    buf_fini(&job->decisions);
    trail_fini(&job->trail);
    buf_fini(&job->per_resource);
    free(job->by_resource);
    free(job->hints);
    free(job->sizes);
    free(job->spans);
    loads_fini(&job->loads);
    score_arrivals_fini(&job->arrivals);
    trace_fini(&job->trace);
    free(job);
    return status;
}
