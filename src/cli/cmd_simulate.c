/* SPDX-License-Identifier: MIT
 * forewarm simulate: the engine against a hostile world, seed after seed; the first failing seed
 * and how to rerun it. */
#include "base/check.h"
#include "base/json.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "sim/faults.h"
#include <inttypes.h>
#include <stdio.h>

struct options {
    int64_t seeds, seed, steps;
    char log[OPTION_TEXT_MAX];
};

#define AT(field) offsetof(struct options, field)
static const struct args_row rows[] = {
    {{"seeds", OPTION_INT, AT(seeds), "100", 1, 1e9, false, NULL, "how many seeds to try"}, "N", 0},
    {{"seed", OPTION_INT, AT(seed), "1", 0, 9e15, false, NULL, "the first one"}, "S", 0},
    {{"steps", OPTION_INT, AT(steps), "800", 1, 1e6, false, NULL, "happenings in each"}, "N", 0},
    {{"log", OPTION_TEXT, AT(log), "", 0, 0, false, NULL,
      "write every event and action of the last seed tried"},
     "FILE",
     0},
};
static const struct args_spec spec = {
    .command = "simulate",
    .operands = "",
    .sentence = "Runs the engine against a hostile world, one seed after the other, and checks its "
                "promises.",
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .more = "Exit status 1: a promise was broken. The same seed does the same on every machine.",
};

struct total {
    uint64_t tried, events, actions, snapshots;
    uint64_t faults[FAULT_COUNT];
    bool failed;
    int64_t failed_seed;
    struct faults_result last;
};

/* A CHECK of the engine ends the program: say at least with which seed, and what led to it. */
static struct {
    int64_t seed, steps;
    const struct buf *log;
} running;

static void report_check(const char *file, int line, const char *condition)
{
    enum { TAIL = 4000 };
    fprintf(stderr, "seed %" PRId64 " failed: %s:%d: this should never happen: %s\n", running.seed,
            file, line, condition);
    fprintf(stderr,
            "rerun it: forewarm simulate --seeds 1 --seed %" PRId64 " --steps %" PRId64
            " --log -\n",
            running.seed, running.steps);
    size_t len = running.log->len, from = len > TAIL ? len - TAIL : 0;
    if (len > 0)
        fprintf(stderr, "the last of the log:\n%.*s", (int)(len - from), running.log->data + from);
}

static enum fw_err run(const struct options *options, const struct args *args, struct total *total,
                       struct buf *log)
{
    struct output_progress progress;
    output_progress_init(&progress, "simulate", args->quiet);
    running.log = log;
    running.steps = options->steps;
    check_report = report_check;
    enum fw_err err = FW_OK;
    for (int64_t i = 0; i < options->seeds && err == FW_OK && !total->failed; i++) {
        int64_t seed = options->seed + i;
        buf_clear(log);
        running.seed = seed;
        err = faults_run_checked((uint64_t)seed, (uint32_t)options->steps, &total->last,
                                 options->log[0] ? log : NULL);
        total->tried++;
        total->events += total->last.events;
        total->actions += total->last.actions;
        total->snapshots += total->last.snapshots;
        for (int fault = 0; fault < FAULT_COUNT; fault++)
            total->faults[fault] += total->last.faults[fault];
        total->failed = total->last.failed;
        total->failed_seed = seed;
        progress.checked = 0; /* a seed is much work: look at the clock after each */
        output_progress_step(&progress, (uint64_t)i + 1, (uint64_t)options->seeds + 1);
    }
    output_progress_end(&progress);
    return err;
}

static void write_json(const struct total *total, const struct options *options, struct buf *out)
{
    struct json json;
    json_init(&json, out, true);
    json_object(&json);
    json_key_uint(&json, "seeds", total->tried);
    json_key_int(&json, "first_seed", options->seed);
    json_key_int(&json, "steps", options->steps);
    json_key_uint(&json, "events", total->events);
    json_key_uint(&json, "actions", total->actions);
    json_key_uint(&json, "snapshots", total->snapshots);
    json_key(&json, "faults");
    json_object(&json);
    for (int fault = 0; fault < FAULT_COUNT; fault++)
        json_key_uint(&json, hostile_fault_names[fault], total->faults[fault]);
    json_object_end(&json);
    json_key(&json, "failed");
    if (total->failed) {
        json_object(&json);
        json_key_int(&json, "seed", total->failed_seed);
        json_key_text(&json, "setup", total->last.setup);
        json_key_text(&json, "failure", total->last.failure);
        json_object_end(&json);
    } else {
        json_null(&json);
    }
    json_object_end(&json);
    buf_add_char(out, '\n');
}

static void write_text(const struct total *total, const struct options *options, struct buf *out)
{
    if (total->failed) {
        buf_printf(out, "seed %" PRId64 " failed: %s\n%s\n", total->failed_seed,
                   total->last.failure, total->last.setup);
        buf_printf(out,
                   "rerun it: forewarm simulate --seeds 1 --seed %" PRId64 " --steps %" PRId64
                   " --log -\n",
                   total->failed_seed, options->steps);
        return;
    }
    buf_printf(out,
               "%" PRIu64 " seeds from %" PRId64 ": every promise was kept in %" PRIu64
               " events and %" PRIu64 " actions; %" PRIu64
               " snapshots were loaded and decided alike\n",
               total->tried, options->seed, total->events, total->actions, total->snapshots);
    for (int fault = 0; fault < FAULT_COUNT; fault++)
        buf_printf(out, "%s%" PRIu64 " %s", fault == 0 ? "met: " : ", ", total->faults[fault],
                   hostile_fault_names[fault]);
    buf_add_char(out, '\n');
}

int cmd_simulate(int argc, char **argv)
{
    struct options options;
    struct args args = {0};
    struct fw_detail detail = {""};
    enum fw_err err = args_parse(&args, &spec, &options, argc, argv, &detail);
    if (err != FW_OK || args.done)
        return err != FW_OK ? output_fail(spec.command, err, &detail) : 0;
    static struct total total;
    struct buf out, log;
    buf_init(&out, OUTPUT_MAX);
    buf_init(&log, OUTPUT_MAX);
    err = run(&options, &args, &total, &log);
    if (err == FW_OK && options.log[0] != '\0')
        err = output_file(options.log, buf_str(&log), &detail);
    if (args.json)
        write_json(&total, &options, &out);
    else
        write_text(&total, &options, &out);
    int status = err != FW_OK ? output_fail(spec.command, err, &detail)
                              : output_print(&out, total.failed ? 1 : 0);
    buf_fini(&out);
    buf_fini(&log);
    return status;
}
