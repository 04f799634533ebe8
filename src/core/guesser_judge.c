/* SPDX-License-Identifier: MIT
 * How far a strategy is believed. */
#include "base/time.h"
#include "core/guesser_part.h"

static const double doubt = 4; /* verdicts that a class's own word counts for */
static const uint32_t delays_least = 4;
static const int64_t silence = 4;          /* times as long as 95 % of guesses take */
static const double delay_quantile = 0.25; /* early rather than late */

static struct guesser_class *class_of(struct guesser *g, uint16_t source)
{
    return &g->classes[source / GUESSER_CLASSES][source % GUESSER_CLASSES];
}

/* A class that was seldom judged is believed as its strategy is. */
double guesser_believe(const struct guesser *g, uint16_t source, double told)
{
    const struct guesser_class *c = &g->classes[source / GUESSER_CLASSES][source % GUESSER_CLASSES];
    const struct guesser_word *word = &g->words[source / GUESSER_CLASSES];
    double honest = ((double)word->right + doubt) / ((double)word->told + doubt);
    told *= honest < 1 ? honest : 1;
    return ((double)c->right + doubt * told) / ((double)c->judged + doubt);
}

static uint8_t urgency_of(const struct guesser_raw *raw)
{
    return (uint8_t)(raw->priority < GUESSER_CLASSES ? raw->priority : GUESSER_CLASSES - 1);
}

int64_t guesser_delay(const struct guesser *g, const struct guesser_raw *raw)
{
    const struct durations *delays = &g->delays[raw->source / GUESSER_CLASSES][urgency_of(raw)];
    if (delays->count < delays_least)
        return raw->use_in_ns;
    return durations_quantile(delays, delay_quantile, raw->use_in_ns);
}

static void pop(struct guesser *g, struct guesser_session *session)
{
    const struct guesser_watch *watch = &session->watched[session->watched_at];
    struct guesser_class *c = class_of(g, watch->source);
    c->judged += 1;
    c->right += watch->right;
    if (c->judged >= (float)GUESSER_REMEMBERED) {
        c->judged /= 2;
        c->right /= 2;
    }
    struct guesser_word *word = &g->words[watch->source / GUESSER_CLASSES];
    if (watch->told > 0) {
        word->told += watch->told;
        word->right += watch->right;
    }
    if (word->told >= (float)GUESSER_REMEMBERED) {
        word->told /= 2;
        word->right /= 2;
    }
    g->records[watch->source / GUESSER_CLASSES].judged++;
    g->records[watch->source / GUESSER_CLASSES].right += watch->right;
    session->watched_at = (session->watched_at + 1) % GUESSER_WATCHED;
    session->watched_count--;
}

static struct guesser_watch *watch_at(struct guesser_session *session, uint32_t n)
{
    return &session->watched[(session->watched_at + n) % GUESSER_WATCHED];
}

void guesser_watch(struct guesser *g, struct guesser_session *session,
                   const struct guesser_raw *raw, int64_t at_ns)
{
    for (uint32_t n = 0; n < session->watched_count; n++) {
        const struct guesser_watch *watch = watch_at(session, n);
        if (watch->hash == raw->hash && !watch->right && watch->source == raw->source &&
            watch->urgency == urgency_of(raw))
            return; /* judged as the guess it was first */
    }
    if (session->watched_count == GUESSER_WATCHED)
        pop(g, session);
    g->records[raw->source / GUESSER_CLASSES].guesses++;
    *watch_at(session, session->watched_count++) =
        (struct guesser_watch){.hash = raw->hash,
                               .at_ns = at_ns,
                               .until = session->accesses + GUESSER_WITHIN,
                               .told = (float)raw->told,
                               .source = raw->source,
                               .urgency = urgency_of(raw)};
}

void guesser_verdicts(struct guesser *g, struct guesser_session *session, uint64_t hash,
                      int64_t at_ns)
{
    for (uint32_t n = 0; n < session->watched_count; n++) {
        struct guesser_watch *watch = watch_at(session, n);
        if (watch->hash != hash || watch->right || session->accesses > watch->until)
            continue;
        watch->right = true;
        durations_add(&g->delays[watch->source / GUESSER_CLASSES][watch->urgency],
                      at_ns - watch->at_ns);
        durations_add(&g->all_delays, at_ns - watch->at_ns);
    }
    while (session->watched_count > 0 &&
           (watch_at(session, 0)->right || watch_at(session, 0)->until <= session->accesses))
        pop(g, session);
}

void guesser_last_verdicts(struct guesser *g, struct guesser_session *session)
{
    while (session->watched_count > 0)
        pop(g, session);
}

void guesser_look_around(struct guesser *g, int64_t at_ns)
{
    int64_t usual_ns = durations_quantile(&g->all_delays, 0.95, g->settings.idle_ns);
    int64_t limit_ns =
        usual_ns < g->settings.idle_ns / silence ? silence * usual_ns : g->settings.idle_ns;
    for (int i = 0; i < GUESSER_LOOKED_AT && g->session_count > 0; i++) {
        struct guesser_session *s = g->sessions[g->looked_at++ % g->session_count];
        if (s->watched_count > 0 && at_ns > time_add(s->at_ns, limit_ns))
            guesser_last_verdicts(g, s);
    }
}
