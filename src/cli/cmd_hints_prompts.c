/* SPDX-License-Identifier: MIT
 * forewarm hints prompts: which part of each agent's prompts is worth caching. */
#include <jansson.h>

#include "base/json.h"
#include "base/grow.h"
#include "base/table.h"
#include "base/time.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/hints_read.h"
#include "cli/output.h"
#include "learn/prompts.h"
#include <stdlib.h>
#include <string.h>

enum { KINDS_MAX = 4096 };

struct prompts_options {
    char agent[OPTION_TEXT_MAX];
    double write, read;
    int64_t least_tokens;
};
#define AT(field) offsetof(struct prompts_options, field)
static const struct args_row prompts_rows[] = {
    {{"agent", OPTION_TEXT, AT(agent), "", 0, 0, false, NULL,
      "whose runs those are that do not say"},
     "ID",
     0},
    {{"write_price", OPTION_DOUBLE, AT(write), "1.25", 1, 100, false, NULL,
      "of writing a token to the cache, in prices of a token read without"},
     "X",
     0},
    {{"read_price", OPTION_DOUBLE, AT(read), "0.1", 0, 1, false, NULL,
      "of reading a cached token, in the same"},
     "X",
     0},
    {{"least_tokens", OPTION_INT, AT(least_tokens), "1024", 0, 1e9, false, NULL,
      "the shortest prefix that is cached"},
     "N",
     0},
};
static const struct args_spec prompts_spec = {
    .command = "hints prompts",
    .operands = "RUNS...",
    .sentence = "Tells for each agent and model which part of its prompts stays the same, and what "
                "caching that would save.",
    .rows = prompts_rows,
    .row_count = sizeof prompts_rows / sizeof prompts_rows[0],
    .operands_min = 1,
    .operands_max = -1,
    .more = "Runs as for `hints learn` whose calls have \"annotated_request\": {\"tools\"?: "
            "[...], \"messages\": [...]}.\nThe latest 100 prompts of an agent and model count.",
};

struct work {
    const struct prompts_options *options;
    struct table kinds; /* agent, a line end, model */
    struct prompts *of;
    uint32_t capacity;
    uint64_t runs, without; /* calls without a request */
};

/* ---- reading ---- */

static void add_blocks(const json_t *list, struct prompts_block *blocks, uint32_t *count)
{
    size_t i;
    const json_t *one;
    json_array_foreach(list, i, one)
    {
        if (*count == PROMPTS_BLOCKS_MAX)
            return;
        char *text = json_dumps(one, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
        size_t len = text ? strlen(text) : 0;
        blocks[(*count)++] =
            (struct prompts_block){str_hash(text ? text : "", len, 0), (uint32_t)len};
        free(text);
    }
}

static enum fw_err kind_of(struct work *work, struct str agent, struct str model,
                           struct prompts **prompts)
{
    char key[2 * CALLPATH_NAME_MAX + 1];
    uint32_t number;
    memcpy(key, agent.data, agent.len);
    key[agent.len] = '\n';
    if (model.len > 0)
        memcpy(key + agent.len + 1, model.data, model.len);
    FW_TRY(table_add(&work->kinds, (struct str){key, agent.len + 1 + model.len}, &number, NULL));
    if (number >= work->capacity) {
        uint64_t capacity = grow_capacity(work->capacity, number + UINT64_C(1), KINDS_MAX);
        struct prompts *of = realloc(work->of, (size_t)capacity * sizeof *of);
        if (!of)
            return FW_NOMEM;
        memset(of + work->capacity, 0, (size_t)(capacity - work->capacity) * sizeof *of);
        work->of = of;
        work->capacity = (uint32_t)capacity;
    }
    *prompts = &work->of[number];
    return FW_OK;
}

static enum fw_err take_call(struct work *work, const struct run_record *record, uint32_t number,
                             const json_t *call)
{
    struct prompts_block blocks[PROMPTS_BLOCKS_MAX];
    struct prompts *prompts;
    uint32_t count = 0;
    const json_t *request = json_object_get(call, "annotated_request");
    const struct run_record_call *more = &record->more[number];
    if (record->run.calls[number].kind != CALLPATH_LLM)
        return FW_OK;
    add_blocks(json_object_get(request, "tools"), blocks, &count);
    add_blocks(json_object_get(request, "messages"), blocks, &count);
    if (count == 0) {
        work->without++;
        return FW_OK;
    }
    struct str model = more->model.len > 0 ? more->model : more->name;
    FW_TRY(kind_of(work, record->run.agent, model, &prompts));
    return prompts_add(prompts, blocks, count, record->run.calls[number].start_ns);
}

static enum fw_err take_run(void *context, const struct hints_head *head, const struct json_t *run,
                            const struct run_record_place *place, struct fw_detail *detail)
{
    struct work *work = context;
    struct run_record record;
    struct str agent = work->options->agent[0] ? str_of(work->options->agent) : head->agent;
    FW_TRY(run_record_from(&record, run, place, agent, detail));
    enum fw_err err = FW_OK;
    const json_t *calls = json_object_get(run, "calls");
    for (uint32_t i = 0; err == FW_OK && i < record.run.count; i++)
        err = take_call(work, &record, i, json_array_get(calls, i));
    run_record_fini(&record);
    work->runs++;
    return err;
}

/* ---- telling ---- */

static void write_kind(const struct prompts_report *report, struct str agent, struct str model,
                       struct json *json)
{
    static const char *const classes[] = {"stable", "semi-stable", "variable"};
    json_object(json);
    json_key_str(json, "agent", agent);
    json_key_str(json, "model", model);
    json_key_uint(json, "requests", report->requests);
    json_key_uint(json, "stable_blocks", report->stable_blocks);
    json_key_uint(json, "stable_tokens", report->stable_tokens);
    json_key_fixed(json, "expected_reads", report->reads, 2);
    json_key_fixed(json, "net_tokens", report->net_tokens, 0);
    json_key_bool(json, "worth_caching", report->net_tokens > 0);
    json_key_fixed(json, "median_gap_s", time_to_seconds(report->median_gap_ns), 3);
    json_key_text(json, "life", prompts_lives[report->life]);
    json_key(json, "blocks");
    json_array(json);
    for (uint32_t i = 0; i < report->place_count; i++) {
        json_object(json);
        json_key_fixed(json, "score", report->places[i].score, 4);
        json_key_fixed(json, "confidence", report->places[i].confidence, 2);
        json_key_uint(json, "bytes", report->places[i].bytes);
        json_key_text(json, "class", classes[report->places[i].class]);
        json_object_end(json);
    }
    json_array_end(json);
    json_object_end(json);
}

static void write_line(const struct prompts_report *report, struct str agent, struct str model,
                       struct buf *out)
{
    buf_printf(out, "%.*s, %.*s: %u requests, apart by %s; the first %u blocks stay, %u tokens: ",
               STR_ARG(agent), STR_ARG(model), report->requests, prompts_lives[report->life],
               report->stable_blocks, report->stable_tokens);
    char text[STR_NUMBER_MAX];
    if (report->net_tokens > 0)
        buf_printf(out, "caching them saves the price of %s tokens\n",
                   str_from_fixed(report->net_tokens, 0, text));
    else
        buf_add_text(out, "not worth caching\n");
}

static void tell(const struct work *work, bool as_json, struct buf *out)
{
    struct prompts_prices prices = {work->options->write, work->options->read,
                                    (uint32_t)work->options->least_tokens};
    struct prompts_report report;
    struct json json;
    json_init(&json, out, true);
    if (as_json) {
        json_object(&json);
        json_key_uint(&json, "runs", work->runs);
        json_key_uint(&json, "calls_without_request", work->without);
        json_key(&json, "prompts");
        json_array(&json);
    }
    for (uint32_t i = 0; i < work->kinds.count; i++) {
        struct str model = table_key(&work->kinds, i), agent;
        (void)str_cut(&model, '\n', &agent);
        prompts_report(&work->of[i], &prices, &report);
        if (as_json)
            write_kind(&report, agent, model, &json);
        else
            write_line(&report, agent, model, out);
    }
    if (as_json) {
        json_array_end(&json);
        json_object_end(&json);
        buf_add_char(out, '\n');
    } else if (work->kinds.count == 0) {
        buf_add_text(out, "no call has an \"annotated_request\" with messages\n");
    }
}

int cmd_hints_prompts(int argc, char **argv)
{
    struct prompts_options options;
    struct args args = {0};
    struct fw_detail detail = {""};
    struct hints_head head;
    struct buf out;
    enum fw_err err = args_parse(&args, &prompts_spec, &options, argc, argv, &detail);
    if (err != FW_OK || args.done)
        return err != FW_OK ? output_fail(prompts_spec.command, err, &detail) : 0;
    struct work work = {.options = &options};
    table_init(&work.kinds, KINDS_MAX);
    buf_init(&out, OUTPUT_MAX);
    for (int i = 0; err == FW_OK && i < args.operand_count; i++)
        err = hints_read(args.operands[i], take_run, &work, &head, &detail);
    if (err == FW_OK)
        tell(&work, args.json, &out);
    int status =
        err == FW_OK ? output_print(&out, 0) : output_fail(prompts_spec.command, err, &detail);
    for (uint32_t i = 0; i < work.kinds.count && i < work.capacity; i++)
        prompts_fini(&work.of[i]);
    free(work.of);
    table_fini(&work.kinds);
    buf_fini(&out);
    return status;
}
