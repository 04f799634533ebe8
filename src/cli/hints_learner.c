/* SPDX-License-Identifier: MIT */
#include "cli/hints_learner.h"
#include "base/json.h"
#include "cli/hints_json.h"
#include "cli/output.h"
#include <stdlib.h>
#include <string.h>

const char *const hints_modes[] = {"none", "nat", "relay", NULL};

enum fw_err hints_learner_init(struct hints_learner *learner, enum hints_mode mode,
                               const struct callpath_settings *settings, const char *agent,
                               struct fw_detail *detail)
{
    *learner = (struct hints_learner){.mode = mode, .settings = *settings};
    learner->agent_len = strlen(agent);
    if (learner->agent_len > CALLPATH_NAME_MAX)
        return err_set(detail, FW_USAGE, "--agent: found %zu bytes, expected at most %d",
                       learner->agent_len, CALLPATH_NAME_MAX);
    memcpy(learner->agent, agent, learner->agent_len);
    learner->agent_known = learner->agent_chosen = learner->agent_len > 0;
    table_init(&learner->ids, HINTS_RUNS_MAX);
    buf_init(&learner->contexts, OUTPUT_MAX);
    buf_init(&learner->after, OUTPUT_MAX);
    return FW_OK;
}

void hints_learner_fini(struct hints_learner *learner)
{
    callpath_free(&learner->ours);
    compat_nat_fini(&learner->nat);
    compat_relay_fini(&learner->relay);
    table_fini(&learner->ids);
    buf_fini(&learner->contexts);
    buf_fini(&learner->after);
}

static void take_agent(struct hints_learner *learner, struct str agent, bool chosen)
{
    if (learner->agent_known || agent.len == 0 || agent.len > CALLPATH_NAME_MAX)
        return;
    memcpy(learner->agent, agent.data, agent.len);
    learner->agent_len = agent.len;
    learner->agent_known = true;
    learner->agent_chosen = chosen;
}

enum fw_err hints_learner_begin(struct hints_learner *learner,
                                const struct callpath_weights *weights,
                                const struct hints_head *head, struct fw_detail *detail)
{
    /* nat has no agents: its trie is called what its evaluation is. */
    take_agent(learner, learner->mode == HINTS_NAT ? head->name : head->agent, true);
    if (learner->begun)
        return FW_OK;
    learner->begun = true;
    learner->settings.weights = *weights;
    if (learner->mode == HINTS_NAT)
        compat_nat_init(&learner->nat, weights);
    else if (learner->mode == HINTS_RELAY)
        return compat_relay_init(&learner->relay, weights);
    else
        return callpath_create(&learner->ours, &learner->settings, detail);
    return FW_OK;
}

/* ---- nat ---- */

static void write_context(const struct compat_nat_context *context, struct json *json)
{
    json_object(json);
    json_key(json, "path");
    json_array(json);
    for (uint32_t i = 0; i < context->depth; i++)
        json_str(json, context->path[i]);
    json_array_end(json);
    json_key_uint(json, "call_index", context->index);
    json_key_uint(json, "remaining_calls", context->remaining);
    json_key(json, "time_to_next_ms");
    if (context->has_gap)
        json_double(json, context->gap_ms);
    else
        json_null(json);
    json_key_double(json, "output_tokens", context->tokens);
    json_key_double(json, "call_duration_s", context->call.took_s);
    json_key_double(json, "workflow_duration_s", context->run_s);
    json_key_double(json, "parallel_slack_ratio", context->call.slack);
    json_key_double(json, "span_start", context->call.start_s);
    json_key_double(json, "span_end", context->call.end_s);
    json_key_double(json, "sensitivity_score", context->call.score);
    json_key_uint(json, "logical_position", context->call.group);
    json_object_end(json);
}

static enum fw_err add_steps(struct hints_learner *learner, const struct json_t *run,
                             const struct run_record_place *place, struct fw_detail *detail)
{
    struct compat_nat_step *steps = NULL;
    struct compat_nat_context *contexts = NULL;
    uint32_t count = 0, context_count = 0;
    struct json json;
    FW_TRY(hints_steps(run, place, &steps, &count, detail));
    enum fw_err err = compat_nat_add(&learner->nat, steps, count, &contexts, &context_count);
    json_init(&json, &learner->contexts, false);
    if (learner->runs > 0)
        buf_add_char(&learner->contexts, ',');
    json_array(&json);
    for (uint32_t i = 0; err == FW_OK && i < context_count; i++)
        write_context(&contexts[i], &json);
    json_array_end(&json);
    learner->runs++;
    learner->calls += context_count;
    free(contexts);
    free(steps);
    return err;
}

/* ---- records ---- */

static enum fw_err add_relay(struct hints_learner *learner, const struct run_record *record)
{
    struct callpath_prediction prediction;
    struct compat_relay_hints hints;
    struct json json;
    FW_TRY(compat_relay_add(&learner->relay, &record->run));
    if (learner->runs > HINTS_AFTER_MAX)
        return FW_OK;
    bool any = compat_relay_root(&learner->relay, &prediction);
    if (any)
        compat_relay_default_hints(&prediction, learner->settings.weights.scale, &hints);
    if (learner->runs > 1)
        buf_add_char(&learner->after, ',');
    json_init(&json, &learner->after, false);
    json_object(&json);
    json_key_str(&json, "run_id", record->id);
    json_key(&json, "agent_hints_default");
    hints_write_relay(any ? &hints : NULL, STR("default"), &json);
    json_object_end(&json);
    return FW_OK;
}

/* FW_EXISTS: a run that was learned; FW_NO: another agent's. */
static enum fw_err is_wanted(struct hints_learner *learner, const struct run_record *record,
                             const struct run_record_place *place, struct fw_detail *detail)
{
    struct str agent = {learner->agent, learner->agent_len};
    bool added = true;
    uint32_t number;
    take_agent(learner, record->run.agent, false);
    agent.len = learner->agent_len;
    if (!str_equal(record->run.agent, agent)) {
        if (learner->agent_chosen)
            return FW_NO;
        return err_set(detail, FW_INPUT,
                       "%s: runs of the agents \"%.*s\" and \"%.*s\": say which with --agent",
                       place->file, STR_ARG(agent), STR_ARG(record->run.agent));
    }
    if (learner->mode != HINTS_OURS || record->id.len == 0)
        return FW_OK;
    FW_TRY(table_add(&learner->ids, record->id, &number, &added));
    return added ? FW_OK : FW_EXISTS;
}

static enum fw_err add_record(struct hints_learner *learner, const struct run_record *record,
                              const struct run_record_place *place, struct fw_detail *detail)
{
    enum fw_err err = is_wanted(learner, record, place, detail);
    if (err == FW_NO || err == FW_EXISTS) {
        learner->others += err == FW_NO;
        learner->duplicates += err == FW_EXISTS;
        return FW_OK;
    }
    FW_TRY(err);
    learner->runs++;
    for (uint32_t i = 0; i < record->run.count; i++)
        learner->calls += record->run.calls[i].kind == CALLPATH_LLM;
    if (learner->mode == HINTS_RELAY)
        return add_relay(learner, record);
    return callpath_learn(learner->ours, &record->run, detail);
}

enum fw_err hints_learner_add(struct hints_learner *learner, const struct json_t *run,
                              const struct run_record_place *place, struct fw_detail *detail)
{
    struct run_record record;
    struct run_record_place as_it_is = *place;
    if (learner->mode == HINTS_NAT)
        return add_steps(learner, run, place, detail);
    as_it_is.as_it_is = learner->mode == HINTS_RELAY;
    struct str agent = {learner->agent, learner->agent_known ? learner->agent_len : 0};
    FW_TRY(run_record_from(&record, run, &as_it_is, agent, detail));
    enum fw_err err = add_record(learner, &record, place, detail);
    run_record_fini(&record);
    return err;
}

/* ---- what was learned ---- */

enum fw_err hints_learner_trie(struct hints_learner *learner, struct hint_trie *trie)
{
    struct callpath_view *view = NULL;
    struct str agent = {learner->agent, learner->agent_len};
    if (learner->mode == HINTS_RELAY)
        return compat_relay_build(&learner->relay, trie);
    if (learner->mode == HINTS_NAT) {
        FW_TRY(compat_nat_build(&learner->nat));
        *trie = learner->nat.trie; /* the caller's now */
        learner->nat.trie = (struct hint_trie){.count = 0};
        return FW_OK;
    }
    FW_TRY(callpath_view_create(&view, learner->ours));
    enum fw_err err = hints_json_from_view(view, agent, trie);
    callpath_view_free(&view);
    return err;
}
