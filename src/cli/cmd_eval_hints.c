/* SPDX-License-Identifier: MIT
 * forewarm eval hints: how good the hints learned from some runs are for others. */
#include <jansson.h>

#include "base/json.h"
#include "base/grow.h"
#include "base/table.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/eval_hints.h"
#include "cli/hints_flags.h"
#include "cli/output.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS_MAX = 1 << 22 };

struct eval_options {
    double split;
    char agent[OPTION_TEXT_MAX], group[OPTION_TEXT_MAX];
    struct hints_flags flags;
};
#define AT(field) offsetof(struct eval_options, field)
static const struct args_row eval_rows[] = {
    {{"split", OPTION_DOUBLE, AT(split), "0.8", 0.01, 0.99, false, NULL,
      "the share of the runs that teaches, from the beginning; the others are asked about"},
     "X",
     0},
    {{"group", OPTION_TEXT, AT(group), "", 0, 0, false, NULL,
      "a field of the runs, such as a task: runs with one value of it stay on one side, and those "
      "that are asked about lie spread among the others"},
     "FIELD",
     0},
    {{"agent", OPTION_TEXT, AT(agent), "", 0, 0, false, NULL,
      "whose runs those are that do not say"},
     "ID",
     0},
    HINTS_FLAGS_ROWS(struct eval_options, flags),
};
static const struct args_spec eval_spec = {
    .command = "eval hints",
    .operands = "RUNS...",
    .sentence = "Learns call hints from the first runs and scores them on the others, beside the "
                "average over all calls and the reference program.",
    .rows = eval_rows,
    .row_count = sizeof eval_rows / sizeof eval_rows[0],
    .operands_min = 1,
    .operands_max = -1,
    .more = "Runs as for `hints learn`. Exit status: 0 done, 2 wrong usage or a run that cannot be "
            "read, 3 the world failed.",
};

struct work {
    const struct args *args;
    const struct eval_options *options;
    struct callpath_settings settings;
    struct run_record *runs;
    uint32_t *groups; /* of each run */
    size_t count, capacity;
    struct table names; /* of groups, as they come */
};

/* ---- reading ---- */

static enum fw_err make_room(struct work *work)
{
    if (work->count < work->capacity)
        return FW_OK;
    uint64_t capacity = grow_capacity(work->capacity, work->count + 1, RUNS_MAX);
    if (capacity <= work->count)
        return FW_LIMIT;
    struct run_record *runs = realloc(work->runs, capacity * sizeof *runs);
    if (!runs)
        return FW_NOMEM;
    work->runs = runs;
    uint32_t *groups = realloc(work->groups, capacity * sizeof *groups);
    if (!groups)
        return FW_NOMEM;
    work->groups = groups;
    work->capacity = (size_t)capacity;
    return FW_OK;
}

/* Without a field every run is a group of its own. */
static enum fw_err group_of(struct work *work, const json_t *run,
                            const struct run_record_place *place, uint32_t *group,
                            struct fw_detail *detail)
{
    char number[32];
    const json_t *value = json_object_get(run, work->options->group);
    if (work->options->group[0] == '\0') {
        snprintf(number, sizeof number, "%zu", work->count);
        return table_add(&work->names, str_of(number), group, NULL);
    }
    char *text = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    if (!text)
        return err_set(detail, FW_INPUT, "%s: run %zu has no field %s", place->file,
                       place->line > 0 ? place->line : place->number, work->options->group);
    enum fw_err err = table_add(&work->names, str_of(text), group, NULL);
    free(text);
    return err;
}

static enum fw_err take_run(void *context, const struct hints_head *head, const struct json_t *run,
                            const struct run_record_place *place, struct fw_detail *detail)
{
    struct work *work = context;
    struct str agent = work->options->agent[0] ? str_of(work->options->agent) : head->agent;
    if (work->count == 0)
        hints_flags_weights(work->args, &work->options->flags, head, &work->settings.weights);
    FW_TRY(make_room(work));
    struct run_record *record = &work->runs[work->count];
    FW_TRY(run_record_from(record, run, place, agent, detail));
    work->count++;
    return group_of(work, run, place, &work->groups[work->count - 1], detail);
}

/* Does the group teach? Runs are in the order of time, so the first teach. Other groups, tasks for
 * one, are in no such order, and neighbours are alike: every so many of them is asked about. */
static bool teaches(const struct work *work, uint32_t group, uint32_t taught)
{
    uint64_t groups = work->names.count;
    if (work->options->group[0] == '\0')
        return group < taught;
    return (group + UINT64_C(1)) * taught / groups > (uint64_t)group * taught / groups;
}

/* Puts the runs of the groups that teach before the others, each side in its order. */
static enum fw_err part(struct work *work, size_t *split, struct fw_detail *detail)
{
    uint32_t groups = work->names.count;
    uint32_t taught = (uint32_t)floor(work->options->split * groups + 0.5);
    size_t at = 0;
    if (taught == 0 || taught >= groups)
        return err_set(detail, FW_INPUT,
                       "found %u %s, expected enough for both sides of --split %g", groups,
                       work->options->group[0] ? "groups" : "runs", work->options->split);
    struct run_record *parted = calloc(work->count, sizeof *parted);
    if (!parted)
        return FW_NOMEM;
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < work->count; i++)
            if (teaches(work, work->groups[i], taught) == (side == 0))
                parted[at++] = work->runs[i];
        if (side == 0)
            *split = at;
    }
    free(work->runs);
    work->runs = parted;
    return FW_OK;
}

/* ---- telling ---- */

static double mean(double sum, uint64_t count)
{
    return count > 0 ? sum / (double)count : 0;
}

static void write_json(const struct work *work, size_t split, const struct eval_hints_score *scores,
                       struct buf *out)
{
    struct json json;
    json_init(&json, out, true);
    json_object(&json);
    json_key_uint(&json, "runs_learned", split);
    json_key_uint(&json, "runs_asked", work->count - split);
    json_key_uint(&json, "calls", scores[0].calls);
    json_key(&json, "ways");
    json_array(&json);
    for (size_t i = 0; i < EVAL_HINTS_WAYS; i++) {
        const struct eval_hints_score *score = &scores[i];
        json_object(&json);
        json_key_text(&json, "name", eval_hints_ways[i]);
        json_key_fixed(&json, "answered", mean((double)score->answered, score->calls), 4);
        json_key_fixed(&json, "remaining_mae", mean(score->remaining, score->calls), 4);
        json_key_fixed(&json, "remaining_median_mae", mean(score->remaining_median, score->calls),
                       4);
        json_key_fixed(&json, "total_requests_mae", mean(score->total, score->calls), 4);
        json_key_fixed(&json, "output_tokens_pinball_90", mean(score->pinball, score->sizes), 4);
        json_key_fixed(&json, "interarrival_ms_mae", mean(score->gap_ms, score->gaps), 3);
        json_object_end(&json);
    }
    json_array_end(&json);
    json_object_end(&json);
    buf_add_char(out, '\n');
}

static void write_table(const struct work *work, size_t split,
                        const struct eval_hints_score *scores, struct buf *out)
{
    enum { COLUMNS = 6 };
    const char *cells[(EVAL_HINTS_WAYS + 1) * COLUMNS] = {"",      "answered", "remaining",
                                                          "total", "tokens",   "gap ms"};
    char texts[EVAL_HINTS_WAYS][COLUMNS][STR_NUMBER_MAX];
    for (size_t i = 0; i < EVAL_HINTS_WAYS; i++) {
        const struct eval_hints_score *score = &scores[i];
        const double values[COLUMNS] = {0,
                                        mean((double)score->answered, score->calls),
                                        mean(score->remaining, score->calls),
                                        mean(score->total, score->calls),
                                        mean(score->pinball, score->sizes),
                                        mean(score->gap_ms, score->gaps)};
        cells[(i + 1) * COLUMNS] = eval_hints_ways[i];
        for (size_t c = 1; c < COLUMNS; c++)
            cells[(i + 1) * COLUMNS + c] = str_from_fixed(values[c], c == 1 ? 3 : 2, texts[i][c]);
    }
    buf_printf(out, "%zu runs teach, %zu are asked about, %llu calls\n\n", split,
               work->count - split, (unsigned long long)scores[0].calls);
    output_table(out, cells, EVAL_HINTS_WAYS + 1, COLUMNS);
    buf_add_text(out, "\nremaining, total, gap: mean absolute error; tokens: pinball loss of the "
                      "90th percentile\n");
}

static enum fw_err work_all(struct work *work, struct buf *out, struct fw_detail *detail)
{
    struct hints_head head;
    struct eval_hints_score scores[EVAL_HINTS_WAYS];
    size_t split = 0;
    for (int i = 0; i < work->args->operand_count; i++)
        FW_TRY(hints_read(work->args->operands[i], take_run, work, &head, detail));
    FW_TRY(part(work, &split, detail));
    FW_TRY(eval_hints(work->runs, work->count, split, &work->settings, scores, detail));
    if (work->args->json)
        write_json(work, split, scores, out);
    else
        write_table(work, split, scores, out);
    return FW_OK;
}

int cmd_eval_hints(int argc, char **argv)
{
    struct eval_options options;
    struct args args = {0};
    struct fw_detail detail = {""};
    enum fw_err err = args_parse(&args, &eval_spec, &options, argc, argv, &detail);
    if (err != FW_OK || args.done)
        return err != FW_OK ? output_fail(eval_spec.command, err, &detail) : 0;
    struct work work = {.args = &args, .options = &options};
    struct buf out;
    hints_flags_settings(&options.flags, &work.settings);
    table_init(&work.names, RUNS_MAX);
    buf_init(&out, OUTPUT_MAX);
    err = work_all(&work, &out, &detail);
    int status =
        err == FW_OK ? output_print(&out, 0) : output_fail(eval_spec.command, err, &detail);
    for (size_t i = 0; i < work.count; i++)
        run_record_fini(&work.runs[i]);
    free(work.runs);
    free(work.groups);
    table_fini(&work.names);
    buf_fini(&out);
    return status;
}
