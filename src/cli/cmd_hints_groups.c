/* SPDX-License-Identifier: MIT
 * forewarm hints groups: tools that an agent calls side by side. */
#include "base/json.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/hints_read.h"
#include "cli/output.h"
#include "learn/cohorts.h"
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

struct groups_options {
    char agent[OPTION_TEXT_MAX];
    int64_t least;
};
#define AT(field) offsetof(struct groups_options, field)
static const struct args_row groups_rows[] = {
    {{"agent", OPTION_TEXT, AT(agent), "", 0, 0, false, NULL,
      "whose runs those are that do not say"},
     "ID",
     0},
    {{"least", OPTION_INT, AT(least), "1", 1, 1e9, false, NULL,
      "leave out what was seen less often"},
     "N",
     0},
};
static const struct args_spec groups_spec = {
    .command = "hints groups",
    .operands = "RUNS...",
    .sentence = "Finds the tools that an agent calls side by side: what may be called at once, and "
                "from which length of a shared prefix it pays that one caller goes first.",
    .rows = groups_rows,
    .row_count = sizeof groups_rows / sizeof groups_rows[0],
    .operands_min = 1,
    .operands_max = -1,
    .more = "Runs as for `hints learn`; all agents' count together.",
};

struct work {
    const struct groups_options *options;
    struct cohorts cohorts;
    uint64_t runs;
};

static enum fw_err take_run(void *context, const struct hints_head *head, const struct json_t *run,
                            const struct run_record_place *place, struct fw_detail *detail)
{
    struct work *work = context;
    struct run_record record;
    struct str agent = work->options->agent[0] ? str_of(work->options->agent) : head->agent;
    FW_TRY(run_record_from(&record, run, place, agent, detail));
    enum fw_err err = cohorts_learn(&work->cohorts, &record.run);
    run_record_fini(&record);
    work->runs++;
    return err;
}

/* "fanout:" and the first 12 digits of the SHA-256 of the names joined by "|": NeMo-Relay's id. */
static void name_group(struct str key, char text[24])
{
    enum { SHOWN = 6 };
    unsigned char digest[EVP_MAX_MD_SIZE] = {0};
    unsigned int len = 0;
    (void)EVP_Digest(key.data, key.len, digest, &len, EVP_sha256(), NULL);
    size_t at = (size_t)snprintf(text, 24, "fanout:");
    for (int i = 0; i < SHOWN; i++)
        at += (size_t)snprintf(text + at, 24 - at, "%02x", digest[i]);
}

/* The oftenest first; of equals as they came. */
static const struct cohorts *sorted_cohorts;
static int compare_seen(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    uint64_t seen_left = sorted_cohorts->of[left].seen, seen_right = sorted_cohorts->of[right].seen;
    if (seen_left != seen_right)
        return seen_left > seen_right ? -1 : 1;
    return left < right ? -1 : left > right;
}

static void write_json(const struct work *work, const uint32_t *order, struct buf *out)
{
    struct json json;
    json_init(&json, out, true);
    json_object(&json);
    json_key_uint(&json, "runs", work->runs);
    json_key_uint(&json, "left_out", work->cohorts.left_out);
    json_key(&json, "groups");
    json_array(&json);
    for (uint32_t i = 0; i < work->cohorts.keys.count; i++) {
        const struct cohort *cohort = &work->cohorts.of[order[i]];
        struct str key = table_key(&work->cohorts.keys, order[i]), name;
        char id[24];
        if (cohort->seen < (uint64_t)work->options->least)
            continue;
        name_group(key, id);
        json_object(&json);
        json_key_text(&json, "group_id", id);
        json_key(&json, "tool_names");
        json_array(&json);
        while (str_cut(&key, '|', &name))
            json_str(&json, name);
        json_array_end(&json);
        json_key_uint(&json, "seen", cohort->seen);
        json_key_uint(&json, "warm_first_from",
                      cohorts_warm_first_from(cohort->size, cohort->seen));
        json_object_end(&json);
    }
    json_array_end(&json);
    json_object_end(&json);
    buf_add_char(out, '\n');
}

static void write_lines(const struct work *work, const uint32_t *order, struct buf *out)
{
    buf_printf(out, "%llu runs, %u groups of tools side by side\n", (unsigned long long)work->runs,
               work->cohorts.keys.count);
    for (uint32_t i = 0; i < work->cohorts.keys.count; i++) {
        const struct cohort *cohort = &work->cohorts.of[order[i]];
        struct str key = table_key(&work->cohorts.keys, order[i]);
        uint64_t from = cohorts_warm_first_from(cohort->size, cohort->seen);
        if (cohort->seen < (uint64_t)work->options->least)
            continue;
        buf_printf(out, "%8llu  %.*s", (unsigned long long)cohort->seen, STR_ARG(key));
        if (from > 0)
            buf_printf(out, "  (one first from a prefix of %llu)", (unsigned long long)from);
        buf_add_char(out, '\n');
    }
    if (work->cohorts.left_out > 0)
        buf_printf(out, "%llu calls were left out: more than %d side by side, or %d groups\n",
                   (unsigned long long)work->cohorts.left_out, COHORT_SIZE_MAX, COHORTS_MAX);
}

static enum fw_err tell(struct work *work, bool as_json, struct buf *out)
{
    uint32_t count = work->cohorts.keys.count;
    uint32_t *order = malloc(((size_t)count + 1) * sizeof *order);
    if (!order)
        return FW_NOMEM;
    for (uint32_t i = 0; i < count; i++)
        order[i] = i;
    sorted_cohorts = &work->cohorts;
    qsort(order, count, sizeof *order, compare_seen);
    if (as_json)
        write_json(work, order, out);
    else
        write_lines(work, order, out);
    free(order);
    return FW_OK;
}

int cmd_hints_groups(int argc, char **argv)
{
    struct groups_options options;
    struct args args = {0};
    struct fw_detail detail = {""};
    struct hints_head head;
    struct buf out;
    enum fw_err err = args_parse(&args, &groups_spec, &options, argc, argv, &detail);
    if (err != FW_OK || args.done)
        return err != FW_OK ? output_fail(groups_spec.command, err, &detail) : 0;
    struct work work = {.options = &options};
    cohorts_init(&work.cohorts);
    buf_init(&out, OUTPUT_MAX);
    for (int i = 0; err == FW_OK && i < args.operand_count; i++)
        err = hints_read(args.operands[i], take_run, &work, &head, &detail);
    if (err == FW_OK)
        err = tell(&work, args.json, &out);
    int status =
        err == FW_OK ? output_print(&out, 0) : output_fail(groups_spec.command, err, &detail);
    buf_fini(&out);
    cohorts_fini(&work.cohorts);
    return status;
}
