/* SPDX-License-Identifier: MIT */
#include "learn/sequence.h"
#include <stdlib.h>
#include <string.h>

enum { BESIDE_SUCCESSORS = 256, SKIP_SALT = 0x5eed };

const struct sequence_settings sequence_defaults = {
    .max_contexts = 1 << 21, .max_entries = 1 << 23, .reach = 1, .rate = 0.003};

enum fw_err sequence_create(struct sequence **out, const struct sequence_settings *settings)
{
    struct sequence *s = calloc(1, sizeof *s);
    *out = s;
    if (!s)
        return FW_NOMEM;
    s->settings = *settings;
    sequence_arena_init(&s->beside_arena, settings->max_entries);
    sequence_arena_init(&s->popular_arena, 2 * SEQUENCE_ITEMS);
    sequence_mixer_init(&s->mixer, settings->rate);
    s->beside = calloc(SEQUENCE_ITEMS, sizeof *s->beside);
    s->popularity = calloc(SEQUENCE_ITEMS, sizeof *s->popularity);
    s->told = calloc(SEQUENCE_ITEMS, sizeof *s->told);
    s->stamp = calloc(SEQUENCE_ITEMS, sizeof *s->stamp);
    s->touched = calloc(SEQUENCE_ITEMS, sizeof *s->touched);
    bool ready =
        sequence_contexts_init(&s->contexts, settings->max_contexts, settings->max_entries);
    ready = sequence_store_init(&s->store, SEQUENCE_ITEMS) && ready;
    if (ready && s->beside && s->popularity && s->told && s->stamp && s->touched)
        return FW_OK;
    sequence_free(out);
    return FW_NOMEM;
}

void sequence_free(struct sequence **sequence)
{
    struct sequence *s = *sequence;
    *sequence = NULL;
    if (!s)
        return;
    sequence_contexts_fini(&s->contexts);
    sequence_arena_fini(&s->beside_arena);
    sequence_arena_fini(&s->popular_arena);
    sequence_store_fini(&s->store);
    free(s->beside);
    free(s->popularity);
    free(s->told);
    free(s->stamp);
    free(s->touched);
    free(s);
}

uint64_t sequence_bytes(const struct sequence *s)
{
    uint64_t slots = (uint64_t)s->contexts.bucket_count * SEQUENCE_BUCKET, items = 0;
    for (uint32_t i = 0; i < SEQUENCE_ITEMS; i++)
        items += s->popularity[i] > 0;
    return slots * (sizeof *s->contexts.keys + sizeof *s->contexts.lists) +
           (uint64_t)(s->contexts.arena.used + s->beside_arena.used) *
               sizeof(struct sequence_entry) +
           items * (sizeof *s->beside + sizeof *s->popularity) + sequence_store_bytes(&s->store);
}

/* ---- contexts ---- */

/* Keys of the orders 1..; returns how many the session is long enough for. */
static int order_keys(const uint32_t *items, uint32_t len, uint64_t keys[SEQUENCE_ORDERS])
{
    int count = len < SEQUENCE_ORDERS ? (int)len : SEQUENCE_ORDERS;
    uint64_t key = 0;
    for (int k = 0; k < count; k++) {
        key = sequence_key(key, items[len - 1 - (uint32_t)k]);
        keys[k] = key;
    }
    return count;
}

static uint64_t skip_key(int kind, uint32_t a, uint32_t b, uint32_t c)
{
    return sequence_key(sequence_key(sequence_key(SKIP_SALT + (uint64_t)kind, a), b), c);
}

/* Keys of the contexts with gaps, and of the last two and three as sets. */
static int skip_keys(const uint32_t *items, uint32_t len, uint64_t keys[SEQUENCE_SKIPS])
{
    int count = 0;
    if (len < 2)
        return 0;
    const uint32_t *last = items + len - 1;
    uint32_t a = last[0], b = last[-1], low = a < b ? a : b, high = a < b ? b : a;
    keys[count++] = skip_key(0, b, 0, 0);
    keys[count++] = skip_key(1, low, high, 0);
    if (len < 3)
        return count;
    uint32_t c = last[-2];
    keys[count++] = skip_key(2, a, c, 0);
    keys[count++] = skip_key(3, b, c, 0);
    uint32_t middle = c < low ? low : c > high ? high : c;
    keys[count++] = skip_key(4, c < low ? c : low, middle, c > high ? c : high);
    if (len >= 4)
        keys[count++] = skip_key(5, a, last[-3], 0);
    return count;
}

static void learn_orders(struct sequence *s, const uint32_t *items, uint32_t len, uint32_t next)
{
    uint64_t keys[SEQUENCE_ORDERS];
    for (uint32_t back = 0; back < s->settings.reach && back < len; back++) {
        int count = order_keys(items, len - back, keys);
        for (int k = 0; k < count; k++)
            sequence_contexts_learn(&s->contexts, keys[k], next,
                                    k == 0 ? BESIDE_SUCCESSORS : SEQUENCE_SUCCESSORS);
    }
}

void sequence_learn(struct sequence *s, const uint32_t *items, uint32_t len, uint32_t next)
{
    if (next >= SEQUENCE_ITEMS)
        return;
    learn_orders(s, items, len, next);
    uint64_t keys[SEQUENCE_SKIPS];
    int count = skip_keys(items, len, keys);
    for (int k = 0; k < count; k++)
        sequence_contexts_learn(&s->contexts, keys[k], next, SEQUENCE_SUCCESSORS);
    for (uint32_t i = 1; i <= SEQUENCE_BESIDE && i <= len; i++)
        if (items[len - i] < SEQUENCE_ITEMS)
            sequence_list_add(&s->beside_arena, &s->beside[items[len - i]], next, 1 / (float)i,
                              BESIDE_SUCCESSORS);
    sequence_list_add(&s->popular_arena, &s->popular, next, 1, BESIDE_SUCCESSORS);
    s->popularity[next] += 1;
    s->popularity_total += 1;
    if (s->popularity[next] < (float)SEQUENCE_TOTAL_MAX)
        return;
    s->popularity_total = 0;
    for (uint32_t i = 0; i < SEQUENCE_ITEMS; i++) {
        s->popularity[i] *= 0.5f;
        s->popularity_total += (double)s->popularity[i];
    }
}

void sequence_end(struct sequence *s, const uint32_t *items, uint32_t len)
{
    sequence_store_end(&s->store, items, len);
}

/* ---- what the experts say ---- */

static void tell(void *context, uint32_t item, float weight)
{
    struct sequence *s = context;
    if (item >= SEQUENCE_ITEMS)
        return;
    if (s->stamp[item] != s->now) {
        s->stamp[item] = s->now;
        s->touched[s->touched_count++] = item;
        s->told[item] = (struct sequence_counts){0};
    }
    s->told[item].p[s->expert] += weight;
}

static void normalise(struct sequence *s, enum sequence_expert expert)
{
    double sum = 0;
    for (uint32_t i = 0; i < s->touched_count; i++)
        sum += (double)s->told[s->touched[i]].p[expert];
    if (sum <= 0)
        return;
    float factor = (float)(1 / sum);
    for (uint32_t i = 0; i < s->touched_count; i++)
        s->told[s->touched[i]].p[expert] *= factor;
}

/* Both ways of backing off; returns what is left for items without a context, in `rest`. */
static void tell_orders(struct sequence *s, const uint32_t *items, uint32_t len, double rest[2])
{
    uint64_t keys[SEQUENCE_ORDERS];
    const struct sequence_list *lists[SEQUENCE_ORDERS];
    int count = order_keys(items, len, keys), known = 0;
    for (int k = 0; k < count; k++) {
        lists[k] = sequence_contexts_find(&s->contexts, keys[k]);
        if (lists[k] && lists[k]->count == 0)
            lists[k] = NULL;
        if (lists[k] && known == k)
            known = k + 1;
    }
    s->order = known;
    rest[0] = rest[1] = 1;
    for (int k = count; k-- > 0;) {
        if (!lists[k])
            continue;
        const struct sequence_entry *entry = sequence_list_entries(&s->contexts.arena, lists[k]);
        float total = lists[k]->total, discounts = 0, distinct = (float)lists[k]->count;
        for (uint16_t i = 0; i < lists[k]->count; i++) {
            float n = entry[i].count, discount = n < 0.7f ? n : 0.7f;
            discounts += discount;
            s->expert = SEQUENCE_DISCOUNT;
            tell(s, entry[i].item, (float)rest[0] * (n - discount) / total);
            s->told[entry[i].item].p[SEQUENCE_ESCAPE] += (float)rest[1] * n / (total + distinct);
        }
        rest[0] *= (double)(discounts / total);
        rest[1] *= (double)(distinct / (total + distinct));
    }
}

static void tell_beside(struct sequence *s, const uint32_t *items, uint32_t len)
{
    float weight = 1;
    s->expert = SEQUENCE_TOGETHER;
    for (uint32_t i = 1; i <= 5 && i <= len; i++, weight *= 0.6f) {
        uint32_t item = items[len - i];
        const struct sequence_list *list = item < SEQUENCE_ITEMS ? &s->beside[item] : NULL;
        if (!list || list->count == 0)
            continue;
        const struct sequence_entry *entry = sequence_list_entries(&s->beside_arena, list);
        for (uint16_t j = 0; j < list->count; j++)
            tell(s, entry[j].item, weight * entry[j].count / list->total);
    }
    normalise(s, SEQUENCE_TOGETHER);
}

static void tell_skips(struct sequence *s, const uint32_t *items, uint32_t len)
{
    uint64_t keys[SEQUENCE_SKIPS];
    int count = skip_keys(items, len, keys);
    s->expert = SEQUENCE_SKIP;
    for (int k = 0; k < count; k++) {
        const struct sequence_list *list = sequence_contexts_find(&s->contexts, keys[k]);
        if (!list || list->count == 0)
            continue;
        const struct sequence_entry *entry = sequence_list_entries(&s->contexts.arena, list);
        float sure = list->total / (list->total + (float)list->count);
        for (uint16_t i = 0; i < list->count; i++)
            tell(s, entry[i].item, sure * sure * entry[i].count / list->total);
    }
    normalise(s, SEQUENCE_SKIP);
}

static void tell_sessions(struct sequence *s, const uint32_t *items, uint32_t len)
{
    sequence_store_search(&s->store, items, len);
    s->expert = SEQUENCE_NEIGHBOURS;
    sequence_store_after(&s->store, tell, s);
    s->expert = SEQUENCE_SUBSET;
    sequence_store_subset(&s->store, tell, s);
    normalise(s, SEQUENCE_NEIGHBOURS);
    normalise(s, SEQUENCE_SUBSET);
}

static void tell_popular(struct sequence *s, const double rest[2])
{
    const double total = s->popularity_total > 0 ? s->popularity_total : 1;
    s->expert = SEQUENCE_POPULAR;
    if (s->popular.count > 0) {
        const struct sequence_entry *entry = sequence_list_entries(&s->popular_arena, &s->popular);
        for (uint16_t i = 0; i < s->popular.count && i < 20; i++)
            tell(s, entry[i].item, 0);
    }
    for (uint32_t i = 0; i < s->touched_count; i++) {
        struct sequence_counts *told = &s->told[s->touched[i]];
        float share = (float)((double)s->popularity[s->touched[i]] / total);
        told->p[SEQUENCE_POPULAR] = share;
        told->p[SEQUENCE_DISCOUNT] += (float)rest[0] * share;
        told->p[SEQUENCE_ESCAPE] += (float)rest[1] * share;
    }
}

/* ---- from all items told of to the few that are weighed ---- */

static bool linear_before(const struct sequence_candidate *a, float linear, uint32_t item)
{
    return a->linear != linear ? a->linear > linear : a->item < item;
}

static void choose(struct sequence *s, const uint32_t *items, uint32_t len)
{
    float weights[SEQUENCE_EXPERTS];
    uint32_t count = 0;
    for (int e = 0; e < SEQUENCE_EXPERTS; e++)
        weights[e] = (float)s->mixer.linear[e];
    struct sequence_guess best[SEQUENCE_CANDIDATES];
    for (uint32_t i = 0; i < s->touched_count; i++) {
        const struct sequence_counts *told = &s->told[s->touched[i]];
        float linear = 0;
        for (int e = 0; e < SEQUENCE_EXPERTS; e++)
            linear += weights[e] * told->p[e];
        uint32_t at = count < SEQUENCE_CANDIDATES ? count : SEQUENCE_CANDIDATES;
        struct sequence_candidate probe;
        while (at > 0) {
            probe.item = best[at - 1].item;
            probe.linear = (float)best[at - 1].probability;
            if (linear_before(&probe, linear, s->touched[i]))
                break;
            at--;
        }
        if (at >= SEQUENCE_CANDIDATES)
            continue;
        count += count < SEQUENCE_CANDIDATES;
        memmove(best + at + 1, best + at, (count - 1 - at) * sizeof *best);
        best[at] = (struct sequence_guess){s->touched[i], (double)linear};
    }
    s->candidate_count = count;
    for (uint32_t i = 0; i < count; i++) {
        struct sequence_candidate *c = &s->candidates[i];
        *c = (struct sequence_candidate){.item = best[i].item};
        memcpy(c->p, s->told[best[i].item].p, sizeof c->p);
        for (uint32_t j = 0; j < len && !c->flags[0]; j++)
            c->flags[0] = items[j] == c->item;
        c->flags[1] = len > 0 && items[len - 1] == c->item;
    }
}

uint32_t sequence_predict(struct sequence *s, const uint32_t *items, uint32_t len,
                          struct sequence_guess *guesses, uint32_t max)
{
    double rest[2];
    s->touched_count = 0;
    if (++s->now == 0) {
        memset(s->stamp, 0, SEQUENCE_ITEMS * sizeof *s->stamp);
        s->now = 1;
    }
    tell_orders(s, items, len, rest);
    tell_beside(s, items, len);
    tell_skips(s, items, len);
    tell_sessions(s, items, len);
    tell_popular(s, rest);
    choose(s, items, len);
    sequence_mixer_weigh(&s->mixer, s->order, s->candidates, s->candidate_count);
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->candidate_count; i++) {
        struct sequence_guess guess = {s->candidates[i].item, s->candidates[i].corrected};
        uint32_t at = count;
        while (at > 0 && (guesses[at - 1].probability < guess.probability ||
                          (guesses[at - 1].probability == guess.probability &&
                           guesses[at - 1].item > guess.item)))
            at--;
        if (at >= max)
            continue;
        count += count < max;
        memmove(guesses + at + 1, guesses + at, (count - 1 - at) * sizeof *guesses);
        guesses[at] = guess;
    }
    return count;
}

void sequence_adapt(struct sequence *s, const uint32_t *came, uint32_t count)
{
    sequence_mixer_learn(&s->mixer, s->order, s->candidates, s->candidate_count, came, count);
}
