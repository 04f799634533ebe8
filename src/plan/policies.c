/* SPDX-License-Identifier: MIT */
#include "base/grow.h"
#include "base/option.h"
#include "plan/policy_tools.h"
#include <stdlib.h>
#include <string.h>

enum { POLICY_COUNT = 12 };

const struct policy_ops *const policy_table[] = {
    &policy_planner, &policy_hazard_stop, &policy_median, &policy_hybrid, &policy_breakeven,
    &policy_ttl,     &policy_cold,        &policy_lru,    &policy_oracle, &policy_oracle_reactive,
    &policy_belady,  &policy_clairvoyant, NULL,
};
_Static_assert(sizeof policy_table / sizeof policy_table[0] == POLICY_COUNT + 1,
               "POLICY_COUNT counts the table");

static enum fw_err unknown(struct str name, struct fw_detail *detail)
{
    struct option_row rows[POLICY_COUNT];
    char known[256] = "";
    memset(rows, 0, sizeof rows);
    for (int i = 0; i < POLICY_COUNT; i++) {
        rows[i].name = policy_table[i]->name;
        strncat(known, i > 0 ? ", " : "", sizeof known - strlen(known) - 1);
        strncat(known, policy_table[i]->syntax, sizeof known - strlen(known) - 1);
    }
    const char *close = option_suggest(rows, POLICY_COUNT, name);
    return err_set(detail, FW_INPUT, "policy: found '%.*s', expected one of %s%s%s%s",
                   (int)(name.len < 64 ? name.len : 64), name.data, known,
                   close ? " (did you mean '" : "", close ? close : "", close ? "'?)" : "");
}

enum fw_err policy_create(struct policy **policy, const struct policy_settings *settings,
                          struct str spec, struct fw_detail *detail)
{
    struct str argument = spec, name;
    *policy = NULL;
    if (!str_cut(&argument, ':', &name))
        name = STR("");
    for (int i = 0; i < POLICY_COUNT; i++) {
        const struct policy_ops *ops = policy_table[i];
        if (!str_equal(str_of(ops->name), name))
            continue;
        if (ops->needs_future && (!settings->next_arrival || !settings->burst_wait))
            return err_set(detail, FW_INPUT,
                           "policy '%s' looks into the future: it can be replayed, not served",
                           ops->name);
        return ops->create(policy, settings, argument, detail);
    }
    return unknown(name, detail);
}

void policy_destroy(struct policy **policy)
{
    if (*policy)
        (*policy)->ops->destroy(*policy);
    *policy = NULL;
}

enum fw_err policy_array_grow(void **items, uint32_t *count, uint32_t *capacity, uint32_t wanted,
                              uint32_t max, size_t size)
{
    if (wanted > max)
        return FW_LIMIT;
    if (wanted > *capacity) {
        uint64_t room = grow_capacity(*capacity, wanted, max);
        void *grown = realloc(*items, (size_t)room * size);
        if (!grown)
            return FW_NOMEM;
        *items = grown;
        *capacity = (uint32_t)room;
    }
    if (wanted > *count) {
        memset((char *)*items + (size_t)*count * size, 0, (size_t)(wanted - *count) * size);
        *count = wanted;
    }
    return FW_OK;
}

enum fw_err policy_no_argument(const char *name, struct str argument, struct fw_detail *detail)
{
    if (!argument.data)
        return FW_OK;
    return err_set(detail, FW_INPUT, "policy '%s': found argument '%.*s', expected none", name,
                   (int)(argument.len < 64 ? argument.len : 64), argument.data);
}

enum fw_err policy_duration(const char *name, struct str argument, bool never, int64_t *duration_ns,
                            struct fw_detail *detail)
{
    if (argument.data && time_parse_duration(argument, duration_ns) && *duration_ns >= 0 &&
        (never || *duration_ns != TIME_NEVER))
        return FW_OK;
    if (!argument.data || argument.len == 0)
        return err_set(detail, FW_INPUT,
                       "policy '%s': found no duration, expected one such as %s:10m", name, name);
    return err_set(detail, FW_INPUT,
                   "policy '%s': found '%.*s', expected a duration with a unit, such as %s:10m",
                   name, (int)(argument.len < 64 ? argument.len : 64), argument.data, name);
}

enum fw_err policy_create_plain(struct policy **policy, const struct policy_ops *ops)
{
    *policy = malloc(sizeof **policy);
    if (!*policy)
        return FW_NOMEM;
    (*policy)->ops = ops;
    return FW_OK;
}

void policy_destroy_plain(struct policy *policy)
{
    free(policy);
}

enum fw_err policy_grow_nothing(struct policy *policy, uint32_t count)
{
    (void)policy;
    (void)count;
    return FW_OK;
}

void policy_request_nothing(struct policy *policy, const struct policy_request *request)
{
    (void)policy;
    (void)request;
}

void policy_save_nothing(const struct policy *policy, struct buf *out)
{
    (void)policy;
    (void)out;
}

bool policy_load_nothing(struct policy *policy, struct buf_reader *in)
{
    (void)policy;
    return !in->failed;
}

void policy_keep(struct keep_plan *plan, int64_t keep_ns)
{
    plan->count = keep_ns > 0;
    plan->windows[0] = (struct plan_window){0, keep_ns};
    plan->cold_cost_ns = 0;
}
