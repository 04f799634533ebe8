/* SPDX-License-Identifier: MIT
 * Hints made of predictions. */
#include "learn/callpath_view.h"
#include "base/check.h"

static uint32_t round_u32(double value)
{
    if (!(value > 0))
        return 0;
    return value < (double)UINT32_MAX ? (uint32_t)(value + 0.5) : UINT32_MAX;
}

void callpath_hints(const struct callpath_found *found, uint32_t ordinal, uint32_t mark,
                    struct callpath_hints *hints)
{
    *hints = (struct callpath_hints){0};
    if (found && found->prediction) {
        const struct callpath_metric *metrics = found->prediction->metrics;
        hints->depth = found->depth;
        hints->index = found->index;
        hints->samples = metrics[CALLPATH_REMAINING].samples;
        if (metrics[CALLPATH_TOKENS].samples > 0) {
            hints->known |= CALLPATH_HINT_OSL;
            hints->osl = round_u32(metrics[CALLPATH_TOKENS].p90);
        }
        if (metrics[CALLPATH_INTERARRIVAL].samples > 0) {
            hints->known |= CALLPATH_HINT_IAT;
            hints->iat_ms = round_u32(metrics[CALLPATH_INTERARRIVAL].p50);
        }
        if (hints->samples > 0) {
            hints->known |= CALLPATH_HINT_TOTAL;
            hints->remaining = round_u32(metrics[CALLPATH_REMAINING].mean);
            hints->total_requests =
                hints->remaining > UINT32_MAX - ordinal ? UINT32_MAX : ordinal + hints->remaining;
        }
        hints->level = found->prediction->level;
    }
    if (mark > 0)
        hints->level = mark;
    if (hints->level > 0)
        hints->known |= CALLPATH_HINT_LEVEL;
}

uint32_t callpath_priority(enum callpath_dialect dialect, uint32_t level, uint32_t scale,
                           uint32_t cap)
{
    uint32_t priority = level;
    if (dialect == CALLPATH_LEGACY)
        priority = scale > level ? scale - level : 0;
    return priority < cap ? priority : cap;
}

void callpath_prefix(struct str agent, struct str run, const struct str *scope, uint32_t depth,
                     char text[CALLPATH_PREFIX_LEN + 1])
{
    uint64_t hash = str_hash(run.data, run.len, str_hash(agent.data, agent.len, depth));
    for (uint32_t i = 0; i < depth; i++)
        hash = str_hash(scope[i].data, scope[i].len, hash);
    for (int i = CALLPATH_PREFIX_LEN - 1; i >= 0; i--, hash >>= 4)
        text[i] = "0123456789abcdef"[hash & 15];
    text[CALLPATH_PREFIX_LEN] = '\0';
}
