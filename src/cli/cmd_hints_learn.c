/* SPDX-License-Identifier: MIT
 * forewarm hints learn: what an agent's runs foretell of its next ones, as a trie. */
#include "base/json.h"
#include "base/time.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/hints_flags.h"
#include "cli/hints_json.h"
#include "cli/hints_learner.h"
#include "cli/output.h"
#include <string.h>
#include <time.h>

struct learn_options {
    int compat;
    char agent[OPTION_TEXT_MAX], state[OPTION_TEXT_MAX], output[OPTION_TEXT_MAX];
    struct hints_flags flags;
};
#define AT(field) offsetof(struct learn_options, field)
static const struct args_row learn_rows[] = {
    {{"output", OPTION_TEXT, AT(output), "", 0, 0, false, NULL,
      "where the trie goes; - is standard output"},
     "TRIE.json",
     'o'},
    {{"state", OPTION_TEXT, AT(state), "", 0, 0, false, NULL,
      "where what it was made of goes: the learner's state; relay's accumulators as it stores "
      "them; nat's calls as it sees them"},
     "FILE",
     0},
    {{"compat", OPTION_CHOICE, AT(compat), "none", 0, 0, false, hints_modes,
      "learn as NeMo-Agent-Toolkit (nat) or NeMo-Relay (relay) does, faults and all"},
     NULL,
     0},
    {{"agent", OPTION_TEXT, AT(agent), "", 0, 0, false, NULL,
      "whose runs, where there are several agents'; of runs that do not say whose they are"},
     "ID",
     0},
    HINTS_FLAGS_ROWS(struct learn_options, flags),
};
static const struct args_spec learn_spec = {
    .command = "hints learn",
    .operands = "RUNS...",
    .sentence = "Learns from an agent's runs how many calls remain, how soon the next comes, how "
                "long answers are and how much latency matters, by call path and index.",
    .rows = learn_rows,
    .row_count = sizeof learn_rows / sizeof learn_rows[0],
    .operands_min = 1,
    .operands_max = -1,
    .more = "RUNS: JSON Lines, a run record a line, or one document {\"agent_id\"?, \"config\"?, "
            "\"runs\": [...]};\nplain or zipped, - is standard input. Of a run that comes twice "
            "(by id) the first counts.\nExit status: 0 done, 2 wrong usage or a run that cannot be "
            "read, 3 the world failed.",
};

struct work {
    const struct args *args;
    const struct learn_options *options;
    struct hints_learner learner;
    struct output_progress progress;
};

static enum fw_err begin(struct work *work, const struct hints_head *head, struct fw_detail *detail)
{
    struct callpath_weights weights;
    hints_flags_weights(work->args, &work->options->flags, head, &weights);
    return hints_learner_begin(&work->learner, &weights, head, detail);
}

static enum fw_err take_run(void *context, const struct hints_head *head, const struct json_t *run,
                            const struct run_record_place *place, struct fw_detail *detail)
{
    struct work *work = context;
    FW_TRY(begin(work, head, detail));
    output_progress_step(&work->progress, work->learner.runs, 0);
    return hints_learner_add(&work->learner, run, place, detail);
}

static int64_t wall_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * TIME_SECOND + now.tv_nsec;
}

static enum fw_err write_files(struct work *work, struct hint_trie *trie, struct fw_detail *detail)
{
    struct str agent = {work->learner.agent, work->learner.agent_len};
    struct buf out;
    buf_init(&out, OUTPUT_MAX);
    hints_json_write(trie, agent, wall_ns(), &out);
    enum fw_err err = FW_OK;
    if (work->options->output[0] != '\0')
        err = out.failed ? FW_NOMEM : output_file(work->options->output, buf_str(&out), detail);
    if (err == FW_OK && work->options->state[0] != '\0') {
        buf_clear(&out);
        err = hints_learner_state(&work->learner, &out);
        if (err == FW_OK)
            err = output_file(work->options->state, buf_str(&out), detail);
    }
    buf_fini(&out);
    return err;
}

static void write_defaults(const struct hints_learner *learner, struct json *json)
{
    struct callpath_prediction prediction;
    struct compat_relay_hints hints;
    bool any = compat_relay_root(&learner->relay, &prediction);
    if (any)
        compat_relay_default_hints(&prediction, learner->settings.weights.scale, &hints);
    json_key(json, "agent_hints_default");
    hints_write_relay(any ? &hints : NULL, STR("default"), json);
    json_key(json, "after_each_run");
    json_array(json);
    if (learner->runs > 0 && learner->runs <= HINTS_AFTER_MAX)
        json_raw(json, buf_str(&learner->after));
    json_array_end(json);
}

static int print_summary(const struct work *work, const struct hint_trie *trie)
{
    const struct hints_learner *learner = &work->learner;
    struct str agent = {learner->agent, learner->agent_len};
    struct buf out;
    struct json json;
    buf_init(&out, OUTPUT_MAX);
    json_init(&json, &out, true);
    json_object(&json);
    json_key_str(&json, "agent", agent);
    json_key_uint(&json, "runs", learner->runs);
    json_key_uint(&json, "calls", learner->calls);
    json_key_uint(&json, "nodes", trie->count);
    json_key_uint(&json, "duplicates", learner->duplicates);
    json_key_uint(&json, "runs_of_other_agents", learner->others);
    if (learner->mode == HINTS_OURS) {
        struct callpath_counts counts = callpath_counts(learner->ours);
        json_key_uint(&json, "nodes_dropped", counts.nodes_dropped);
        json_key_uint(&json, "paths_cut", counts.paths_cut);
        json_key_uint(&json, "bytes", counts.bytes);
    } else if (learner->mode == HINTS_RELAY) {
        write_defaults(learner, &json);
    }
    json_object_end(&json);
    buf_add_char(&out, '\n');
    int status = output_print(&out, 0);
    buf_fini(&out);
    return status;
}

static enum fw_err learn_all(struct work *work, struct fw_detail *detail)
{
    struct hints_head head = {.configured = false};
    for (int i = 0; i < work->args->operand_count; i++) {
        FW_TRY(hints_read(work->args->operands[i], take_run, work, &head, detail));
        FW_TRY(begin(work, &head, detail)); /* where there was no run */
    }
    return FW_OK;
}

static int run(struct work *work, struct fw_detail *detail)
{
    struct hint_trie trie = {.count = 0};
    struct callpath_settings settings;
    hints_flags_settings(&work->options->flags, &settings);
    enum fw_err err = hints_learner_init(&work->learner, (enum hints_mode)work->options->compat,
                                         &settings, work->options->agent, detail);
    output_progress_init(&work->progress, "runs", work->args->quiet);
    if (err == FW_OK)
        err = learn_all(work, detail);
    output_progress_end(&work->progress);
    if (err == FW_OK)
        err = hints_learner_trie(&work->learner, &trie);
    if (err == FW_OK)
        err = write_files(work, &trie, detail);
    int status = err == FW_OK ? 0 : output_fail(learn_spec.command, err, detail);
    if (err == FW_OK && work->args->json)
        status = print_summary(work, &trie);
    hint_trie_fini(&trie);
    hints_learner_fini(&work->learner);
    return status;
}

int cmd_hints_learn(int argc, char **argv)
{
    struct learn_options options;
    struct args args = {0};
    struct fw_detail detail = {""};
    enum fw_err err = args_parse(&args, &learn_spec, &options, argc, argv, &detail);
    if (args.done)
        return 0;
    if (err == FW_OK && options.output[0] == '\0' && options.state[0] == '\0' && !args.json)
        err = err_set(&detail, FW_USAGE, "name a file for the trie with -o");
    if (err == FW_OK && args.json &&
        (strcmp(options.output, "-") == 0 || strcmp(options.state, "-") == 0))
        err = err_set(&detail, FW_USAGE, "--json prints a summary: name files for the others");
    if (err != FW_OK)
        return output_fail(learn_spec.command, err, &detail);
    struct work work = {.args = &args, .options = &options};
    return run(&work, &detail);
}
