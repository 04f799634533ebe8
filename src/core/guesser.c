/* SPDX-License-Identifier: MIT */
#include "core/guesser.h"
#include "base/check.h"
#include "base/time.h"
#include "core/guesser_part.h"
#include "core/prefetcher.h"
#include <stdlib.h>

const struct guesser_settings guesser_defaults = {
    .strategies = 1u << GUESSER_NAMES | 1u << GUESSER_MIX,
    .max_keys = 1 << 16,
    .max_sessions = 1024,
    .max_key_bytes = UINT64_C(16) << 20,
    .max_contexts = 1 << 18,
    .max_successors = 1 << 20,
    .idle_ns = 30 * TIME_MINUTE,
    .seed = 0,
};

static enum fw_err open_strategies(struct guesser *g)
{
    const struct guesser_settings *s = &g->settings;
    struct sequence_settings sequence = sequence_defaults;
    sequence.max_contexts = s->max_contexts;
    sequence.max_entries = s->max_successors;
    if (!sequence_contexts_init(&g->successors, s->max_contexts, s->max_successors))
        return FW_NOMEM;
    if (s->strategies & 1u << GUESSER_MIX)
        FW_TRY(sequence_create(&g->mix, &sequence));
    return s->strategies & 1u << GUESSER_NAMES ? names_create(&g->names, 0) : FW_OK;
}

enum fw_err guesser_create(struct guesser **out, const struct guesser_settings *settings)
{
    const struct guesser_settings *s = settings;
    *out = NULL;
    if (s->strategies >> GUESSER_BUILT_IN || s->max_keys == 0 || s->max_keys > SEQUENCE_ITEMS ||
        s->max_sessions == 0 || s->max_contexts == 0 || s->max_successors == 0 || s->idle_ns <= 0)
        return FW_INPUT;
    struct guesser *g = calloc(1, sizeof *g);
    if (!g)
        return FW_NOMEM;
    g->settings = *s;
    g->item_oldest = g->item_newest = g->session_oldest = g->session_newest = PREFETCHER_NONE;
    prefetcher_names_init(&g->keys, s->max_keys, s->max_key_bytes, s->seed);
    map64_init(&g->session_index, s->max_sessions);
    g->sessions = calloc(s->max_sessions, sizeof(struct guesser_session *));
    enum fw_err err = g->sessions ? open_strategies(g) : FW_NOMEM;
    *out = g;
    if (err != FW_OK)
        guesser_free(out);
    return err;
}

void guesser_free(struct guesser **guesser)
{
    struct guesser *g = *guesser;
    *guesser = NULL;
    if (!g)
        return;
    while (g->session_count > 0)
        guesser_session_drop(g, g->session_count - 1);
    sequence_free(&g->mix);
    names_free(&g->names);
    sequence_contexts_fini(&g->successors);
    prefetcher_names_fini(&g->keys);
    map64_fini(&g->session_index);
    free(g->sessions);
    free(g->items);
    free(g->custom_text);
    free(g);
}

enum fw_err guesser_add(struct guesser *g, const char *name, guesser_custom_fn *fn, void *context,
                        uint32_t *number)
{
    if (g->custom_count == GUESSER_CUSTOM_MAX)
        return FW_LIMIT;
    if (!g->custom_text && !(g->custom_text = malloc(GUESSER_CUSTOM_BYTES)))
        return FW_NOMEM;
    *number = GUESSER_BUILT_IN + g->custom_count;
    g->customs[g->custom_count++] = (struct guesser_custom){name, fn, context};
    return FW_OK;
}

const char *guesser_name(const struct guesser *g, uint32_t strategy)
{
    if (strategy < GUESSER_BUILT_IN)
        return guesser_rows[strategy].name;
    strategy -= GUESSER_BUILT_IN;
    return g && strategy < g->custom_count ? g->customs[strategy].name : NULL;
}

const char *guesser_sentence(uint32_t built_in)
{
    return guesser_rows[built_in].sentence;
}

void guesser_say(struct guesser *g, struct str key, double told, int priority, int64_t use_in_ns)
{
    if (g->raw_count == GUESSER_CANDIDATES || key.len > PREFETCHER_KEY_MAX)
        return;
    told = told > 0 ? (told < 1 ? told : 1) : 0;
    priority = priority > 0 ? (priority < INT16_MAX ? priority : INT16_MAX) : 0;
    int class = told > 0 ? (int)(told * GUESSER_CLASSES) : priority;
    class = class < GUESSER_CLASSES ? class : GUESSER_CLASSES - 1;
    g->raw[g->raw_count++] = (struct guesser_raw){
        .key = key,
        .hash = prefetcher_names_hash(&g->keys, key),
        .told = told,
        .use_in_ns = use_in_ns,
        .priority = (int16_t)priority,
        .source = (uint16_t)(g->strategy * GUESSER_CLASSES + (uint32_t) class),
    };
}

bool guesser_tell(struct guesser *g, struct str key, double probability, int priority,
                  int64_t use_in_ns)
{
    if (g->raw_count == GUESSER_CANDIDATES || key.len > PREFETCHER_KEY_MAX ||
        key.len > GUESSER_CUSTOM_BYTES - g->custom_len)
        return false;
    char *copy = g->custom_text + g->custom_len;
    if (key.len > 0)
        memcpy(copy, key.data, key.len);
    g->custom_len += key.len;
    guesser_say(g, (struct str){copy, key.len}, probability, priority, use_in_ns);
    return true;
}

static void learn(struct guesser *g, const struct guesser_access *access)
{
    struct guesser_session *s = access->session;
    for (uint32_t n = 0; n < GUESSER_BUILT_IN; n++)
        if (g->settings.strategies & 1u << n &&
            (access->item != PREFETCHER_NONE || n == GUESSER_NAMES))
            guesser_rows[n].learn(g, access);
    if (!s || access->item == PREFETCHER_NONE)
        return;
    if (s->count == GUESSER_HISTORY) {
        memmove(s->items, s->items + 1, (GUESSER_HISTORY - 1) * sizeof *s->items);
        s->count--;
    }
    s->items[s->count++] = access->item;
}

static void guess(struct guesser *g, const struct guesser_access *access)
{
    g->raw_count = 0;
    g->custom_len = 0;
    for (uint32_t n = 0; n < GUESSER_BUILT_IN; n++) {
        g->strategy = n;
        if (g->settings.strategies & 1u << n)
            guesser_rows[n].guess(g, access);
    }
    if (g->custom_count > 0)
        guesser_ask_custom(g, access);
}

/* The place of a candidate in the list: surer first, then more urgent, then as they were said. */
static uint32_t place(const struct guesser *g, uint32_t count, const struct guesser_candidate *one)
{
    uint32_t at = count;
    while (at > 0) {
        const struct guesser_candidate *before = &g->candidates[at - 1];
        if (before->probability > one->probability ||
            (before->probability >= one->probability && before->priority <= one->priority))
            break;
        at--;
    }
    return at;
}

static uint32_t insert(struct guesser *g, uint32_t count, const struct guesser_candidate *one)
{
    uint32_t at = place(g, count, one);
    memmove(g->candidates + at + 1, g->candidates + at, (count - at) * sizeof *g->candidates);
    g->candidates[at] = *one;
    return count + 1;
}

/* Takes the earlier word for the same key out of the list, and joins it to this one. */
static uint32_t join(struct guesser *g, uint32_t count, struct guesser_candidate *one)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct guesser_candidate *other = &g->candidates[i];
        if (!str_equal(other->key, one->key))
            continue;
        if (other->probability >= one->probability) {
            one->probability = other->probability;
            one->source = other->source;
        }
        if (other->priority < one->priority)
            one->priority = other->priority;
        if (other->use_in_ns >= 0 && (one->use_in_ns < 0 || other->use_in_ns < one->use_in_ns))
            one->use_in_ns = other->use_in_ns;
        memmove(g->candidates + i, g->candidates + i + 1, (count - i - 1) * sizeof *g->candidates);
        return count - 1;
    }
    return count;
}

static uint32_t merge(struct guesser *g, const struct guesser_access *access)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < g->raw_count; i++) {
        const struct guesser_raw *raw = &g->raw[i];
        if (str_equal(raw->key, access->key))
            continue;
        struct guesser_candidate one = {
            .key = raw->key,
            .probability = guesser_believe(g, raw->source, raw->told),
            .use_in_ns = guesser_delay(g, raw),
            .source = raw->source,
            .priority = raw->priority,
        };
        if (access->session)
            guesser_watch(g, access->session, raw, access->at_ns);
        if (one.probability > 0) {
            count = join(g, count, &one);
            count = insert(g, count, &one);
        }
    }
    return count;
}

uint32_t guesser_observe(struct guesser *g, uint64_t session, uint64_t user, struct str key,
                         int64_t at_ns, const struct guesser_candidate **candidates)
{
    *candidates = g->candidates;
    if (key.len > PREFETCHER_KEY_MAX)
        return 0;
    struct guesser_access access = {
        .session = guesser_session_at(g, session, user, at_ns),
        .key = key,
        .user = user,
        .at_ns = at_ns,
    };
    if (access.session) {
        access.session->accesses++;
        guesser_verdicts(g, access.session, prefetcher_names_hash(&g->keys, key), at_ns);
    }
    guesser_look_around(g, at_ns);
    access.item = guesser_number(g, key);
    learn(g, &access);
    guess(g, &access);
    return merge(g, &access);
}

void guesser_teach(struct guesser *g, uint64_t user, const struct str *keys, uint32_t count,
                   int64_t at_ns)
{
    /* A session of its own, with a number that no session of the caller has: 0 is none there. */
    struct guesser_session *s = calloc(1, sizeof *s);
    if (!s)
        return; /* what is not learned harms nothing */
    if (g->names)
        names_session_init(&s->names, g->names);
    for (uint32_t i = 0; i < count; i++) {
        struct guesser_access access = {s, keys[i], user, 0, at_ns};
        if (keys[i].len > PREFETCHER_KEY_MAX)
            continue;
        access.item = guesser_number(g, keys[i]);
        g->mix_session = 1; /* of another: it must say first what it would have said here */
        learn(g, &access);
    }
    if (g->mix && s->count > 0)
        sequence_end(g->mix, s->items, s->count);
    if (g->names) {
        names_end(g->names, &s->names);
        names_session_fini(&s->names);
    }
    g->mix_session = 0;
    free(s);
}

void guesser_session_end(struct guesser *g, uint64_t session)
{
    uint64_t at;
    if (map64_get(&g->session_index, session, &at))
        guesser_session_drop(g, (uint32_t)at);
}

void guesser_absent(struct guesser *g, struct str key)
{
    if (g->names)
        names_absent(g->names, key);
}

void guesser_read(const struct guesser *g, uint32_t strategy, struct guesser_record *record)
{
    CHECK(strategy < GUESSER_STRATEGIES);
    *record = g->records[strategy];
}

uint32_t guesser_sessions(const struct guesser *g)
{
    return g->session_count;
}

uint32_t guesser_keys(const struct guesser *g)
{
    return g->keys.used;
}

uint32_t guesser_think(struct guesser *g, struct prefetcher *prefetcher, int64_t now_ns,
                       uint32_t most)
{
    struct prefetcher_access_row access;
    uint32_t done = 0;
    for (; done < most && prefetcher_access(prefetcher, &access); done++) {
        const struct guesser_candidate *candidates;
        if (access.ended) {
            guesser_session_end(g, access.session);
            continue;
        }
        uint32_t count =
            guesser_observe(g, access.session, access.user, access.key, access.at_ns, &candidates);
        for (uint32_t i = 0; i < count; i++) {
            struct prefetcher_wish wish;
            guesser_wish(&candidates[i], access.session, &wish);
            (void)prefetcher_offer(prefetcher, candidates[i].key, &wish, now_ns);
        }
    }
    return done;
}

void guesser_wish(const struct guesser_candidate *candidate, uint64_t session,
                  struct prefetcher_wish *wish)
{
    *wish = (struct prefetcher_wish){.probability = candidate->probability,
                                     .weight = 1,
                                     .use_in_ns = candidate->use_in_ns,
                                     .session = session,
                                     .source = candidate->source,
                                     .priority = candidate->priority};
}
