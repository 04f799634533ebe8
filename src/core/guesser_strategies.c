/* SPDX-License-Identifier: MIT
 * The strategies that are built in: the three classic ones by their formulas (specification F2),
 * without the classic design's history over all sessions; strides in names; the mixture. */
#include "base/time.h"
#include "core/guesser_part.h"

enum { SUCCESSORS = 64, USER_TOP = 3, USER_LOOKED_AT = 16 };
static const uint64_t everybody = UINT64_C(0x5eed0001), of_user = UINT64_C(0x5eed0002);
static const double mix_least = 0.02, pattern_least = 0.1;

static void learn_nothing(struct guesser *g, const struct guesser_access *access)
{
    (void)g, (void)access;
}

static void guess_sequential(struct guesser *g, const struct guesser_access *access)
{
    uint32_t count = classic_sequential(access->key, g->sequential);
    for (uint32_t i = 0; i < count; i++)
        guesser_say(g, str_of(g->sequential[i].text), 0, g->sequential[i].priority,
                    g->sequential[i].expected_ns);
}

/* What the session asked for before; PREFETCHER_NONE. */
static uint32_t latest(const struct guesser_access *access)
{
    const struct guesser_session *s = access->session;
    return s && s->count > 0 ? s->items[s->count - 1] : PREFETCHER_NONE;
}

static uint64_t after(uint64_t kind, uint64_t user, uint32_t item)
{
    return sequence_key(sequence_key(kind ^ user, (uint32_t)(user >> 32)), item);
}

static void learn_pattern(struct guesser *g, const struct guesser_access *access)
{
    uint32_t before = latest(access);
    if (before != PREFETCHER_NONE)
        sequence_contexts_learn(&g->successors, after(everybody, 0, before), access->item,
                                SUCCESSORS);
}

static void guess_pattern(struct guesser *g, const struct guesser_access *access)
{
    if (access->item == PREFETCHER_NONE)
        return;
    const struct sequence_list *list =
        sequence_contexts_find(&g->successors, after(everybody, 0, access->item));
    if (!list || list->count == 0)
        return;
    const struct sequence_entry *entry = sequence_list_entries(&g->successors.arena, list);
    for (uint16_t i = 0; i < list->count && i < CLASSIC_WINDOW; i++) {
        double p = (double)entry[i].count / (double)list->total;
        if (p <= pattern_least)
            break;
        int priority = (int)((1 - p) * 10);
        guesser_say(g, prefetcher_names_key(&g->keys, entry[i].item), p, priority,
                    priority * (TIME_SECOND / 2));
    }
}

/* Everybody's successors are those of the pattern strategy: counted once if both are in use. */
static void learn_user(struct guesser *g, const struct guesser_access *access)
{
    uint32_t before = latest(access);
    if (before == PREFETCHER_NONE)
        return;
    if (!(g->settings.strategies & 1u << GUESSER_PATTERN))
        learn_pattern(g, access);
    sequence_contexts_learn(&g->successors, after(of_user, access->user, before), access->item,
                            SUCCESSORS);
}

struct user_guess {
    uint32_t item;
    double p;
};

static double share(const struct guesser *g, const struct sequence_list *list, uint32_t item)
{
    const struct sequence_entry *entry =
        list && list->count > 0 ? sequence_list_entries(&g->successors.arena, list) : NULL;
    for (uint16_t i = 0; entry && i < list->count; i++)
        if (entry[i].item == item)
            return (double)entry[i].count / (double)list->total;
    return 0;
}

static void keep_best(struct user_guess best[USER_TOP], uint32_t item, double p)
{
    for (int i = 0; i < USER_TOP; i++)
        if (best[i].item == item)
            return;
    for (int i = 0; i < USER_TOP; i++) {
        if (best[i].p > p || (best[i].p >= p && best[i].item < item))
            continue;
        memmove(best + i + 1, best + i, (size_t)(USER_TOP - 1 - i) * sizeof *best);
        best[i] = (struct user_guess){item, p};
        return;
    }
}

/* The user's own counts, and everybody's for what they leave open (method C: the more different
 * ones followed, the more is open). */
static void guess_user(struct guesser *g, const struct guesser_access *access)
{
    if (access->item == PREFETCHER_NONE)
        return;
    const struct sequence_list *lists[2] = {
        sequence_contexts_find(&g->successors, after(of_user, access->user, access->item)),
        sequence_contexts_find(&g->successors, after(everybody, 0, access->item))};
    double total = lists[0] && lists[0]->count > 0 ? (double)lists[0]->total : 0;
    double distinct = lists[0] && lists[0]->count > 0 ? (double)lists[0]->count : 1;
    double own = total / (total + distinct);
    struct user_guess best[USER_TOP] = {
        {PREFETCHER_NONE, 0}, {PREFETCHER_NONE, 0}, {PREFETCHER_NONE, 0}};
    for (int n = 0; n < 2; n++) {
        const struct sequence_list *list = lists[n];
        for (uint16_t i = 0; list && i < list->count && i < USER_LOOKED_AT; i++) {
            uint32_t item = sequence_list_entries(&g->successors.arena, list)[i].item;
            keep_best(best, item,
                      own * share(g, lists[0], item) + (1 - own) * share(g, lists[1], item));
        }
    }
    for (int i = 0; i < USER_TOP && best[i].p > 0; i++)
        guesser_say(g, prefetcher_names_key(&g->keys, best[i].item), best[i].p, i + 1,
                    (i + 1) * TIME_SECOND);
}

static void learn_names(struct guesser *g, const struct guesser_access *access)
{
    if (access->session)
        names_observe(g->names, &access->session->names, access->key);
}

static void guess_names(struct guesser *g, const struct guesser_access *access)
{
    if (!access->session)
        return;
    uint32_t count = names_predict(g->names, &access->session->names, g->named, GUESSER_NAMES_MOST,
                                   GUESSER_NAMES_MOST);
    for (uint32_t i = 0; i < count; i++)
        guesser_say(g, (struct str){g->named[i].text, g->named[i].len}, g->named[i].soon,
                    g->named[i].steps, -1);
}

/* Its weights learn from what it had said before this access. */
static void learn_mix(struct guesser *g, const struct guesser_access *access)
{
    const struct guesser_session *s = access->session;
    struct sequence_guess guesses[GUESSER_MIX_MOST];
    if (!s || access->item >= SEQUENCE_ITEMS)
        return;
    if (s->count > 0) {
        if (g->mix_session != s->id)
            (void)!sequence_predict(g->mix, s->items, s->count, guesses, GUESSER_MIX_MOST);
        sequence_adapt(g->mix, &access->item, 1);
    }
    sequence_learn(g->mix, s->items, s->count, access->item);
    g->mix_session = 0;
}

static void guess_mix(struct guesser *g, const struct guesser_access *access)
{
    const struct guesser_session *s = access->session;
    struct sequence_guess guesses[GUESSER_MIX_MOST];
    if (!s || s->count == 0)
        return;
    uint32_t count = sequence_predict(g->mix, s->items, s->count, guesses, GUESSER_MIX_MOST);
    g->mix_session = s->id;
    for (uint32_t i = 0; i < count && guesses[i].probability >= mix_least; i++)
        if (guesses[i].item < g->keys.count && g->keys.items[guesses[i].item].data)
            guesser_say(g, prefetcher_names_key(&g->keys, guesses[i].item), guesses[i].probability,
                        (int)i + 1, -1);
}

const struct guesser_row guesser_rows[GUESSER_BUILT_IN] = {
    [GUESSER_SEQUENTIAL] = {"sequential", "the next three numbers at the end of a name, after _",
                            learn_nothing, guess_sequential},
    [GUESSER_PATTERN] = {"pattern", "what followed the latest key in more than 10 %", learn_pattern,
                         guess_pattern},
    [GUESSER_USER] = {"user", "the three that followed most, the user's own first", learn_user,
                      guess_user},
    [GUESSER_NAMES] = {"names", "strides in the numbers of names, as far as they are confirmed",
                       learn_names, guess_names},
    [GUESSER_MIX] = {"mix", "contexts of order 1 to 5, similar sessions, popularity, calibrated",
                     learn_mix, guess_mix},
};

void guesser_ask_custom(struct guesser *g, const struct guesser_access *access)
{
    struct str before[GUESSER_SEEN];
    struct guesser_question question = {access->key,  access->session ? access->session->id : 0,
                                        access->user, access->at_ns,
                                        before,       0};
    const struct guesser_session *s = access->session;
    /* The latest is the key itself, if it has a number. */
    uint32_t count = s ? s->count - (s->count > 0 && s->items[s->count - 1] == access->item) : 0;
    while (question.before_count < count && question.before_count < GUESSER_SEEN) {
        uint32_t item = s->items[count - 1 - question.before_count];
        if (!g->keys.items[item].data)
            break;
        before[question.before_count++] = prefetcher_names_key(&g->keys, item);
    }
    for (uint32_t i = 0; i < g->custom_count; i++) {
        g->strategy = GUESSER_BUILT_IN + i;
        g->customs[i].fn(g->customs[i].context, &question, g);
    }
}
