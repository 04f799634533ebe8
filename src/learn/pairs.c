/* SPDX-License-Identifier: MIT */
#include "learn/pairs.h"
#include "base/check.h"
#include "base/fetch.h"
#include "base/prng.h"
#include <stdbool.h>
#include <stdlib.h>

void pairs_init(struct pairs *pairs, uint64_t contexts_max)
{
    uint64_t sets = contexts_max / PAIRS_WAYS;
    CHECK(sets >= PAIRS_SETS_FIRST && (sets & (sets - 1)) == 0);
    *pairs = (struct pairs){.sets_max = sets};
}

void pairs_fini(struct pairs *pairs)
{
    free(pairs->contexts);
    *pairs = (struct pairs){0};
}

static uint64_t name_of_one(uint64_t key)
{
    return prng_scramble(key + PRNG_GOLDEN) | 1;
}

static uint64_t name_of_two(uint64_t key, uint64_t before)
{
    return prng_mix(key, before + 1) | 1;
}

static struct pairs_context *set_of(const struct pairs *pairs, uint64_t name)
{
    return &pairs->contexts[(name >> 1 & (pairs->sets - 1)) * PAIRS_WAYS];
}

/* NULL: it made way. */
static struct pairs_context *context_of(const struct pairs *pairs,
                                        const struct pairs_recent *recent, int order)
{
    struct pairs_context *context = &pairs->contexts[recent->at[order - 1]];
    return context->name == recent->names[order - 1] ? context : NULL;
}

static enum fw_err grow(struct pairs *pairs)
{
    struct pairs bigger = *pairs;
    bigger.sets = pairs->sets > 0 ? pairs->sets * 2 : PAIRS_SETS_FIRST;
    bigger.contexts = calloc((size_t)bigger.sets * PAIRS_WAYS, sizeof *bigger.contexts);
    if (!bigger.contexts)
        return FW_NOMEM;
    /* what is in a set goes to one of two: neither can overflow; recent ones are found no more */
    for (uint64_t i = 0; i < pairs->sets * PAIRS_WAYS; i++) {
        if (pairs->contexts[i].name == 0)
            continue;
        struct pairs_context *to = set_of(&bigger, pairs->contexts[i].name);
        while (to->name != 0)
            to++;
        *to = pairs->contexts[i];
    }
    free(pairs->contexts);
    *pairs = bigger;
    return FW_OK;
}

static void forget_half(struct pairs_context *context)
{
    context->visits /= 2;
    for (int i = 0; i < PAIRS_NEXT; i++)
        context->counts[i] /= 2;
}

/* The context has come once more; a new one takes the place of the one that came longest ago. */
static uint32_t visit(struct pairs *pairs, uint64_t name)
{
    struct pairs_context *set = set_of(pairs, name), *to = &set[0];
    uint32_t now = (uint32_t)pairs->count;
    for (int way = 0; way < PAIRS_WAYS && to->name != name; way++)
        if (set[way].name == name || set[way].name == 0 ||
            (to->name != 0 && now - set[way].came > now - to->came))
            to = &set[way];
    if (to->name != name) {
        pairs->used += to->name == 0;
        *to = (struct pairs_context){.name = name};
    }
    to->came = now;
    if (to->visits == PAIRS_COUNT_MAX)
        forget_half(to);
    to->visits++;
    return (uint32_t)(to - pairs->contexts);
}

/* `key` came after it: counted, or instead of the rarest, which loses one each time. */
static void note(struct pairs_context *context, uint64_t key)
{
    int rarest = 0;
    for (int i = 0; i < PAIRS_NEXT; i++) {
        if (context->counts[i] > 0 && context->next[i] == key) {
            context->counts[i] += context->counts[i] < context->visits;
            return;
        }
        if (context->counts[i] < context->counts[rarest])
            rarest = i;
    }
    if (context->counts[rarest] > 0) {
        context->counts[rarest]--;
        return;
    }
    context->next[rarest] = key;
    context->counts[rarest] = 1;
}

/* The latest key that came at least `later_ns` before now, or NULL. */
static const struct pairs_recent *partner(struct pairs *pairs, int64_t at_ns, int64_t later_ns)
{
    const struct pairs_recent *recent = pairs->recent;
    if (pairs->count - pairs->lag >= PAIRS_RECENT)
        pairs->lag = pairs->count - PAIRS_RECENT + 1;
    while (pairs->lag < pairs->count &&
           at_ns - recent[(pairs->lag + 1) % PAIRS_RECENT].at_ns >= later_ns)
        pairs->lag++;
    const struct pairs_recent *with = &recent[pairs->lag % PAIRS_RECENT];
    int64_t apart_ns = at_ns - with->at_ns;
    bool pair = pairs->lag > 0 && apart_ns >= later_ns && apart_ns / PAIRS_LATER <= later_ns;
    return pair ? with : NULL;
}

enum fw_err pairs_observe(struct pairs *pairs, uint64_t key, int64_t at_ns, int64_t later_ns)
{
    const struct pairs_recent *with = partner(pairs, at_ns, later_ns);
    for (int order = 1; with && with->key != key && order <= PAIRS_ORDERS; order++) {
        struct pairs_context *context = context_of(pairs, with, order);
        if (context)
            note(context, key);
    }
    if (pairs->used * 2 >= pairs->sets * PAIRS_WAYS && pairs->sets < pairs->sets_max)
        FW_TRY(grow(pairs));
    uint64_t before = pairs->recent[pairs->count % PAIRS_RECENT].key;
    pairs->count++;
    struct pairs_recent *latest = &pairs->recent[pairs->count % PAIRS_RECENT];
    *latest = (struct pairs_recent){.key = key, .at_ns = at_ns};
    latest->names[0] = name_of_one(key);
    latest->names[1] = name_of_two(key, before);
    for (int order = 1; order <= PAIRS_ORDERS; order++)
        latest->at[order - 1] = visit(pairs, latest->names[order - 1]);
    return FW_OK;
}

void pairs_fetch(const struct pairs *pairs, uint64_t key)
{
    uint64_t before = pairs->recent[pairs->count % PAIRS_RECENT].key;
    if (pairs->sets == 0)
        return;
    fetch(set_of(pairs, name_of_one(key)), PAIRS_WAYS * sizeof *pairs->contexts);
    fetch(set_of(pairs, name_of_two(key, before)), PAIRS_WAYS * sizeof *pairs->contexts);
}

const struct pairs_context *pairs_latest(const struct pairs *pairs, int order)
{
    return pairs->count > 0 ? context_of(pairs, &pairs->recent[pairs->count % PAIRS_RECENT], order)
                            : NULL;
}
