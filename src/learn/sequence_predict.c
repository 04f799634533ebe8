/* SPDX-License-Identifier: MIT */
#include "learn/sequence.h"
#include <math.h>
#include <string.h>

enum {
    BESIDE_LOOKED = 5 /* latest items whose neighbours are asked */,
    ROW_TOLD = 64,
    AHEAD = 3 /* sessions fetched */
};
#define DISCOUNT    0.7f
#define FADE        0.6f /* of the neighbours' weight, from item to item back */
#define SHARED_FADE 0.1f /* of a similar session's weight, before its last shared item */

static const float distance_weights[SEQUENCE_BESIDE] = {1.0f,  0.5f,  0.35f, 0.25f, 0.2f,
                                                        0.15f, 0.15f, 0.15f, 0.1f,  0.1f};

/* ---- what the experts say ---- */

/* What is told of an item; the last place when there are too many. */
static inline float *told(struct sequence *s, uint32_t item)
{
    uint32_t now = s->now << 16;
    if ((s->place[item] & 0xffff0000) != now) {
        uint32_t at = s->told_count < SEQUENCE_TOLD_MAX ? s->told_count++ : s->told_count - 1;
        s->place[item] = now | at;
        s->told_items[at] = (uint16_t)item;
        memset(s->told[at], 0, sizeof s->told[at]);
    }
    return s->told[s->place[item] & 0xffff];
}

static void normalise(struct sequence *s, enum sequence_expert expert)
{
    float sum = 0;
    for (uint32_t i = 0; i < s->told_count; i++)
        sum += s->told[i][expert];
    if (sum <= 0)
        return;
    float factor = 1 / sum;
    for (uint32_t i = 0; i < s->told_count; i++)
        s->told[i][expert] *= factor;
}

/* Orders that were counted from a chain, the longest first. */
static void tell_seen(struct sequence *s, float rest[2])
{
    const struct sequence_found *found = &s->found;
    for (int order = found->known; order > found->row_count; order--) {
        uint32_t total = 0, distinct = 0;
        for (uint32_t i = 0; i < found->seen_count; i++) {
            total += found->seen[i].counts[order - 1];
            distinct += found->seen[i].counts[order - 1] > 0;
        }
        float discounted = rest[0] / (float)total, escaped = rest[1] / (float)(total + distinct);
        for (uint32_t i = 0; i < found->seen_count; i++) {
            float n = found->seen[i].counts[order - 1];
            if (n <= 0)
                continue;
            float *p = told(s, found->seen[i].item);
            p[SEQUENCE_DISCOUNT] += discounted * (n - DISCOUNT);
            p[SEQUENCE_ESCAPE] += escaped * n;
        }
        rest[0] *= DISCOUNT * (float)distinct / (float)total;
        rest[1] *= (float)distinct / (float)(total + distinct);
    }
}

/* Both ways of backing off; what is left for items without a context goes to `rest`. */
static void tell_orders(struct sequence *s, float rest[2])
{
    const struct sequence_found *found = &s->found;
    tell_seen(s, rest);
    for (int order = found->row_count; order > 0; order--) {
        const struct sequence_row *row = found->rows[order - 1];
        if (row->count == 0)
            continue;
        const uint16_t *items = sequence_row_items(&s->arena, row);
        const uint16_t *counts = sequence_row_counts(&s->arena, row);
        float total = (float)row->total, distinct = (float)row->count;
        float discounted = rest[0] / total, escaped = rest[1] / (total + distinct);
        for (uint32_t i = 0; i < row->count && i < ROW_TOLD; i++) {
            float *p = told(s, items[i]);
            p[SEQUENCE_DISCOUNT] += discounted * ((float)counts[i] - DISCOUNT);
            p[SEQUENCE_ESCAPE] += escaped * (float)counts[i];
        }
        rest[0] *= DISCOUNT * distinct / total;
        rest[1] *= distinct / (total + distinct);
    }
}

static void tell_row(struct sequence *s, const struct sequence_row *row, float weight)
{
    const uint16_t *items = sequence_row_items(&s->arena, row);
    const uint16_t *counts = sequence_row_counts(&s->arena, row);
    float factor = row->count > 0 ? weight / (float)row->total : 0;
    for (uint32_t i = 0; i < row->count; i++)
        told(s, items[i])[SEQUENCE_TOGETHER] += factor * (float)counts[i];
}

/* What came after the few events of a rare item. */
static void tell_chain(struct sequence *s, const struct sequence_item *item, float weight)
{
    uint32_t chain[SEQUENCE_RARE + 1];
    uint32_t count = sequence_tree_chain(&s->tree, &item->first, chain);
    uint16_t near[(SEQUENCE_RARE + 1) * SEQUENCE_BESIDE];
    float worth[(SEQUENCE_RARE + 1) * SEQUENCE_BESIDE], sum = 0;
    uint32_t near_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = chain[i];
        for (int j = 0; j < SEQUENCE_BESIDE && at != 0; j++) {
            near[near_count] = sequence_past_at(&s->past, at)->item;
            worth[near_count] = distance_weights[j];
            sum += distance_weights[j];
            near_count += near[near_count] < SEQUENCE_BEYOND;
            at = sequence_past_after(&s->past, at);
        }
    }
    float factor = sum > 0 ? weight / sum : 0;
    for (uint32_t i = 0; i < near_count; i++)
        told(s, near[i])[SEQUENCE_TOGETHER] += factor * worth[i];
}

static void tell_beside(struct sequence *s, const uint32_t *items, uint32_t len)
{
    float weight = 1;
    for (uint32_t i = 1; i <= BESIDE_LOOKED && i <= len; i++, weight *= FADE) {
        if (items[len - i] >= s->item_count)
            continue;
        const struct sequence_item *item = &s->items[items[len - i]];
        if (item->beside != SEQUENCE_NONE)
            tell_row(s, &s->tree.rows.rows[item->beside], weight);
        else if (!sequence_node_open(&item->first))
            tell_chain(s, item, weight);
    }
    normalise(s, SEQUENCE_TOGETHER);
}

static uint32_t latest_of(const struct sequence *s, uint32_t item)
{
    return item < s->item_count ? s->items[item].latest : 0;
}

static void tell_gaps(struct sequence *s, const uint32_t *items, uint32_t len)
{
    struct sequence_gaps *gaps = &s->gaps;
    sequence_gaps_look(gaps, &s->past, len > 0 ? latest_of(s, items[len - 1]) : 0,
                       len > 1 ? latest_of(s, items[len - 2]) : 0, items, len);
    for (uint32_t i = 0; i < gaps->count; i++) {
        float *p = told(s, gaps->gaps[i].item);
        for (int kind = 0; kind < SEQUENCE_GAP_KINDS; kind++)
            p[SEQUENCE_SKIP] += gaps->factors[kind] * (float)gaps->gaps[i].counts[kind];
    }
}

/* The latest different items of the present session. */
struct recent {
    const struct sequence_listed *lists[SEQUENCE_RECENT];
    uint16_t items[SEQUENCE_RECENT];
    uint32_t count;
    uint64_t filter; /* a bit for each item, by its last six bits */
};

static struct recent recent_of(const struct sequence *s, const uint32_t *items, uint32_t len)
{
    struct recent recent = {.count = 0};
    for (uint32_t i = 0; i < SEQUENCE_RECENT && i < len; i++) {
        uint32_t item = items[len - 1 - i];
        bool again = item >= s->item_count;
        for (uint32_t j = 0; j < recent.count && !again; j++)
            again = recent.items[j] == item;
        if (again || s->items[item].listed.seen == 0)
            continue;
        recent.items[recent.count] = (uint16_t)item;
        recent.lists[recent.count++] = &s->items[item].listed;
        recent.filter |= 1ull << (item & 63);
    }
    return recent;
}

static inline bool is_recent(const struct recent *recent, uint16_t item)
{
    if (!(recent->filter >> (item & 63) & 1))
        return false;
    for (uint32_t i = 0; i < recent->count; i++)
        if (recent->items[i] == item)
            return true;
    return false;
}

/* What came in a session after the last item that it shares with the present one, each item once;
 * what came between that and the one shared before it counts a tenth. Returns how many items are
 * heard of by now. */
static uint32_t hear_session(struct sequence *s, uint32_t position, uint32_t session,
                             const struct recent *recent, float weight, uint16_t *items,
                             uint32_t count)
{
    bool shared = false;
    for (int i = 0; i < SEQUENCE_SESSION_ITEMS && position != 0; i++) {
        uint16_t item = sequence_past_at(&s->past, position)->item;
        position = sequence_past_before(&s->past, position);
        if (is_recent(recent, item)) {
            if (shared)
                break;
            shared = true;
            weight *= SHARED_FADE;
        }
        if (item >= s->item_count || s->heard[item].session == session)
            continue;
        if (s->heard[item].session == 0)
            items[count++] = item;
        s->heard[item].sum += weight;
        s->heard[item].session = session;
    }
    return count;
}

/* Sessions lie far apart in memory: what will be read soon is asked for ahead. */
static void fetch_session(const struct sequence *s, uint32_t position)
{
    enum { IN_LINE = 8, LINES = 4 };
    for (uint32_t line = 0; line < LINES; line++)
        __builtin_prefetch(sequence_past_at(&s->past, position - line * IN_LINE));
}

static void tell_sessions(struct sequence *s, const uint32_t *items, uint32_t len)
{
    uint16_t sessions[SEQUENCE_SUPERSETS], heard[SEQUENCE_SUPERSETS * SEQUENCE_SESSION_ITEMS];
    float weights[SEQUENCE_SUPERSETS];
    if (s->settings.similar == 0)
        return;
    const struct recent recent = recent_of(s, items, len);
    uint32_t count = 0, found = sequence_store_search(&s->store, recent.lists, recent.count,
                                                      s->settings.similar, sessions, weights);
    for (uint32_t i = 0; i < found; i++) {
        uint32_t soon = i + AHEAD < found ? s->store.sessions[sessions[i + AHEAD]] : 0;
        uint32_t position = s->store.sessions[sessions[i]];
        if (sequence_past_holds(&s->past, soon))
            fetch_session(s, soon);
        if (sequence_past_holds(&s->past, position))
            count = hear_session(s, position, i + 1, &recent, weights[i], heard, count);
    }
    for (uint32_t i = 0; i < count; i++) {
        told(s, heard[i])[SEQUENCE_SUBSET] += s->heard[heard[i]].sum;
        s->heard[heard[i]] = (struct sequence_heard){0};
    }
    normalise(s, SEQUENCE_SUBSET);
}

static void tell_popular(struct sequence *s, const float rest[2])
{
    const float total = s->total > 0 ? (float)s->total : 1;
    for (uint32_t i = 0; i < s->popular_count; i++)
        told(s, s->popular[i]);
    for (uint32_t i = 0; i < s->told_count; i++) {
        float share = (float)s->items[s->told_items[i]].count / total;
        s->told[i][SEQUENCE_POPULAR] = share;
        s->told[i][SEQUENCE_SKIP] += s->gaps.rest * share;
        s->told[i][SEQUENCE_DISCOUNT] += rest[0] * share;
        s->told[i][SEQUENCE_ESCAPE] += rest[1] * share;
        s->told[i][SEQUENCE_AGAIN] = s->told[i][SEQUENCE_LAST] = 0;
    }
}

/* ---- from all items told of to the few that are weighed ---- */

enum { STEPS = 512 /* of a score: exponent and three bits; below 2^-32 all are alike */ };

static uint32_t step_of(float score)
{
    uint32_t bits;
    memcpy(&bits, &score, sizeof bits);
    uint32_t step = bits >> 20, low = (127 - 32) * 8;
    step = step > low ? step - low : 0;
    return step < STEPS ? step : STEPS - 1;
}

/* The best by the linear mixture: whole steps of scores, and of the last the first told of. */
static void choose(struct sequence *s)
{
    static const uint32_t wanted = SEQUENCE_CANDIDATES;
    const float *w = s->mixer.linear;
    uint16_t steps[SEQUENCE_TOLD_MAX], bins[STEPS] = {0};
    for (uint32_t i = 0; i < s->told_count; i++) {
        const float *p = s->told[i];
        float linear = ((w[0] * p[0] + w[1] * p[1]) + (w[2] * p[2] + w[3] * p[3])) +
                       (w[4] * p[4] + w[5] * p[5]);
        steps[i] = (uint16_t)step_of(linear);
        bins[steps[i]]++;
    }
    uint32_t over = 0, last = STEPS;
    while (last > 0 && over + bins[last - 1] <= wanted)
        over += bins[--last];
    uint32_t rest = wanted - over, count = 0;
    for (uint32_t i = 0; i < s->told_count; i++) {
        if (steps[i] < last && (steps[i] + 1u < last || rest == 0))
            continue;
        rest -= steps[i] < last;
        s->candidates.item[count] = s->told_items[i];
        memcpy(s->candidates.told[count++], s->told[i], sizeof s->told[i]);
    }
    s->candidates.count = count;
}

static void set_flags(struct sequence *s, const uint32_t *items, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        if (items[i] < s->item_count && (s->place[items[i]] & 0xffff0000) == s->now << 16)
            s->told[s->place[items[i]] & 0xffff][SEQUENCE_AGAIN] = 1;
    if (len > 0 && items[len - 1] < s->item_count &&
        (s->place[items[len - 1]] & 0xffff0000) == s->now << 16)
        s->told[s->place[items[len - 1]] & 0xffff][SEQUENCE_LAST] = 1;
}

static uint32_t best(const struct sequence_candidates *candidates, struct sequence_guess *guesses,
                     uint32_t max)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < candidates->count; i++) {
        struct sequence_guess guess = {candidates->item[i], (double)candidates->corrected[i]};
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

uint32_t sequence_predict(struct sequence *s, const uint32_t *items, uint32_t len,
                          struct sequence_guess *guesses, uint32_t max)
{
    float rest[2] = {1, 1};
    s->told_count = 0;
    (void)sequence_moment(s);
    s->found.row_count = s->found.known = 0;
    s->found.seen_count = 0;
    if (len > 0 && items[len - 1] < s->item_count)
        sequence_tree_find(&s->tree, &s->items[items[len - 1]].first, items, len, &s->found);
    s->order = s->found.known;
    tell_orders(s, rest);
    tell_beside(s, items, len);
    tell_gaps(s, items, len);
    tell_sessions(s, items, len);
    tell_popular(s, rest);
    set_flags(s, items, len);
    choose(s);
    sequence_mixer_weigh(&s->mixer, s->order, &s->candidates);
    return best(&s->candidates, guesses, max);
}
