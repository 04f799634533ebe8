/* SPDX-License-Identifier: MIT */
#include "core/foretold.h"
#include "base/grow.h"
#include "core/coder.h"
#include "core/state.h"
#include "learn/decay.h"
#include <math.h>
#include <stdlib.h>

#define NONE            UINT32_MAX
#define WINDOW_S        120.0 /* a prediction speaks of so long */
#define WINDOW_NS       (120 * TIME_SECOND)
#define PROBABILITY_MIN 0.02 /* less is not worth remembering */
#define DECILE_MEMORY   200.0f
#define DECILE_SETTLED  20   /* predictions judged before a decile is believed */
#define LOOKED_AT       4096 /* silent sessions stepped over for one that is shown */

static bool foretells(const struct engine *engine)
{
    return engine->policy->ops->follows_sessions && transitions_enabled(&engine->transitions);
}

/* ---- how far a prediction is believed ---- */

static double believed(const struct foretold_decile *decile)
{
    if (decile->settled_ever < DECILE_SETTLED)
        return 0;
    double a = 1 + (double)decile->right, b = 1 + (double)(decile->settled - decile->right);
    double mean = a / (a + b), sd = sqrt(a * b / ((a + b) * (a + b) * (a + b + 1)));
    return mean > sd ? mean - sd : 0;
}

static void judge(struct foretold_decile *decile, bool right)
{
    decile->settled_ever++;
    decile->settled += 1;
    if (right)
        decile->right += 1;
    if (decile->settled > DECILE_MEMORY) {
        decile->right *= DECILE_MEMORY / decile->settled;
        decile->settled = DECILE_MEMORY;
    }
}

double foretold_probability(const struct engine *engine, uint32_t number)
{
    if (number >= engine->foretold.raised_count || engine->foretold.raised[number] == 0)
        return 0;
    return 1 - decay_exp(-(double)engine->foretold.raised[number] / 1e6);
}

/* The same at any time, for people: what has become silent since the latest step counts no more. */
double foretold_shown(const struct engine *engine, uint32_t number, int64_t now_ns)
{
    if (number >= engine->foretold.raised_count)
        return 0;
    uint64_t raised = engine->foretold.raised[number];
    uint32_t at = engine->foretold.oldest_open;
    for (int looked = 0; at != NONE && looked < LOOKED_AT && raised > 0; looked++) {
        const struct session_entry *entry = &engine->sessions.entries[at];
        if (now_ns - entry->last_at_ns < WINDOW_NS)
            break;
        for (int i = 0; i < entry->foretold_count; i++)
            if (entry->foretold[i].resource == number)
                raised -= entry->foretold[i].raised;
        at = entry->newer;
    }
    return 1 - decay_exp(-(double)raised / 1e6);
}

/* ---- opening and settling ---- */

static bool raise(struct engine *engine, const struct foretold_one *one)
{
    struct foretold *foretold = &engine->foretold;
    if (one->resource >= foretold->raised_count) {
        uint64_t count =
            grow_capacity(foretold->raised_count, (uint64_t)one->resource + 1, UINT32_MAX);
        uint64_t *grown = realloc(foretold->raised, (size_t)count * sizeof *grown);
        if (!grown) {
            engine_fail(engine, FW_NOMEM);
            return false;
        }
        for (uint64_t i = foretold->raised_count; i < count; i++)
            grown[i] = 0;
        foretold->raised = grown;
        foretold->raised_count = (uint32_t)count;
    }
    foretold->raised[one->resource] += one->raised;
    return true;
}

/* Takes the session's predictions back, judged against what it asked for; RESOURCE_NONE: nothing in
 * time. */
static void settle(struct engine *engine, struct session_entry *entry, uint32_t asked)
{
    for (int i = 0; i < entry->foretold_count; i++) {
        const struct foretold_one *one = &entry->foretold[i];
        judge(&engine->foretold.deciles[one->decile], one->resource == asked);
        engine->foretold.raised[one->resource] -= one->raised;
    }
    entry->foretold_count = 0;
}

/* Settles what was predicted of sessions that stayed silent. */
void foretold_expire(struct engine *engine)
{
    uint32_t at = engine->foretold.oldest_open;
    while (at != NONE && engine->now_ns - engine->sessions.entries[at].last_at_ns >= WINDOW_NS) {
        struct session_entry *entry = &engine->sessions.entries[at];
        settle(engine, entry, RESOURCE_NONE);
        at = entry->newer;
    }
    engine->foretold.oldest_open = at;
}

static struct why why_of(struct transition_context stands, const struct transition_guess *guess)
{
    bool two = guess->two && stands.before < TRANSITION_START;
    uint64_t pair = (uint64_t)(two ? stands.before : NONE) << 32 |
                    (guess->popular ? NONE : stands.last); /* else sessions with such a past tell */
    return (struct why){REASON_FORETOLD,
                        {(int64_t)pair, (int64_t)(guess->probability * 100 + 0.5),
                         (int64_t)(guess->cases + 0.5),
                         time_from_seconds(transition_quantile_s(guess, 0.5))}};
}

static void open_one(struct engine *engine, struct session_entry *entry,
                     const struct transition_guess *guess)
{
    double predicted = guess->probability * transition_within(guess, WINDOW_S);
    if (predicted < PROBABILITY_MIN)
        return;
    int decile = predicted < 1 ? (int)(predicted * FORETOLD_DECILES) : FORETOLD_DECILES - 1;
    double probability = believed(&engine->foretold.deciles[decile]);
    struct foretold_one one = {.resource = guess->resource,
                               .raised = (uint32_t)(-decay_log(1 - probability) * 1e6),
                               .decile = (uint8_t)decile};
    if (!raise(engine, &one))
        return;
    entry->foretold[entry->foretold_count++] = one;
    if (probability <= 0)
        return;
    struct why why = why_of(following_stands(&entry->past), guess);
    if (engine->values)
        ahead_foretell(engine, one.resource, &why);
    else if (!engine->limited && one.resource != entry->past.latest[0])
        hints_foretell(engine, one.resource, probability, guess, &why);
}

static void open_all(struct engine *engine, struct session_entry *entry)
{
    struct transition_guess guesses[FORETOLD_KEPT];
    size_t count = following_guess(&engine->following, &engine->transitions, &entry->past,
                                   PROBABILITY_MIN, guesses, FORETOLD_KEPT);
    for (size_t i = 0; i < count; i++)
        open_one(engine, entry, &guesses[i]);
}

/* The session leaves the order of use, or moves to its end. */
static void step_past(struct engine *engine, uint32_t number)
{
    if (engine->foretold.oldest_open == number)
        engine->foretold.oldest_open = engine->sessions.entries[number].newer;
}

/* A session not known yet may take the place of another. */
static void make_way(struct engine *engine)
{
    uint32_t leaving = sessions_leaving(&engine->sessions);
    if (leaving == NONE)
        return;
    step_past(engine, leaving);
    settle(engine, &engine->sessions.entries[leaving], RESOURCE_NONE);
}

/* The session whose past this is has asked for `number`. */
static void learn_next(struct engine *engine, const struct session_entry *entry, uint32_t number)
{
    int64_t delay_ns = engine->now_ns - entry->last_at_ns;
    if (!transitions_enabled(&engine->transitions))
        return;
    following_learn(&engine->following, &engine->transitions, &entry->past, number, delay_ns);
    transitions_learn(&engine->transitions, following_stands(&entry->past), number, delay_ns);
}

void foretold_request(struct engine *engine, uint32_t number, uint64_t session)
{
    struct sessions *sessions = &engine->sessions;
    uint32_t at = sessions_find(sessions, session);
    foretold_expire(engine);
    if (at == NONE) {
        make_way(engine);
    } else {
        struct session_entry *entry = &sessions->entries[at];
        step_past(engine, at);
        settle(engine, entry, number);
        learn_next(engine, entry, number);
    }
    enum fw_err err = sessions_request(sessions, session, number, engine->now_ns, &at);
    engine_fail(engine, err);
    if (err != FW_OK)
        return;
    if (engine->foretold.oldest_open == NONE)
        engine->foretold.oldest_open = at;
    struct session_entry *entry = &sessions->entries[at];
    if (!transitions_enabled(&engine->transitions))
        return;
    following_visit(&engine->following, &entry->past);
    engine_fail(engine, transitions_visit(&engine->transitions, following_stands(&entry->past),
                                          engine->now_ns));
    if (foretells(engine))
        open_all(engine, entry);
}

size_t foretold_next(const struct engine *engine, uint64_t session, struct next_resource *next,
                     size_t max)
{
    struct transition_guess guesses[TRANSITION_GUESSES];
    uint32_t at = sessions_find(&engine->sessions, session);
    if (at == NONE)
        return 0;
    size_t count = following_guess(&engine->following, &engine->transitions,
                                   &engine->sessions.entries[at].past, 0, guesses,
                                   max < TRANSITION_GUESSES ? max : TRANSITION_GUESSES);
    for (size_t i = 0; i < count; i++)
        next[i] = (struct next_resource){guesses[i].resource, guesses[i].probability,
                                         transition_quantile_s(&guesses[i], 0.5),
                                         transition_quantile_s(&guesses[i], 0.9)};
    return count;
}

/* ---- as bytes ---- */

void foretold_code(struct engine *engine, struct coder *coder)
{
    struct foretold *foretold = &engine->foretold;
    for (int i = 0; i < FORETOLD_DECILES; i++) {
        code_float(coder, &foretold->deciles[i].right);
        code_float(coder, &foretold->deciles[i].settled);
        code_u64(coder, &foretold->deciles[i].settled_ever);
        if (!(foretold->deciles[i].right >= 0 &&
              foretold->deciles[i].settled >= foretold->deciles[i].right))
            coder_fail(coder);
    }
    for (int i = 0; i < 2; i++) {
        code_double(coder, &foretold->ledgers[i].earned);
        code_u64(coder, &foretold->ledgers[i].settled);
    }
    sessions_code(&engine->sessions, coder, engine->resource_count);
    if (!coder->in) {
        following_save(&engine->following, coder->out);
        transitions_save(&engine->transitions, coder->out);
        return;
    }
    if (coder_failed(coder))
        return;
    /* Sums are made anew; what has been settled long ago is walked past once more. */
    foretold->oldest_open = engine->sessions.oldest;
    for (uint32_t i = 0; i < engine->sessions.count; i++)
        for (int j = 0; j < engine->sessions.entries[i].foretold_count; j++)
            if (!raise(engine, &engine->sessions.entries[i].foretold[j]))
                coder_fail(coder);
    if (!following_load(&engine->following, coder->in) ||
        !transitions_load(&engine->transitions, coder->in, engine->resource_count))
        coder_fail(coder);
}
