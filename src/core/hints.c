/* SPDX-License-Identifier: MIT
 * Hints: "this will be wanted". A hint is acted upon when the waiting it is expected to save is
 * worth more than what warming in vain would cost. What a source says counts as two observations;
 * what came of its hints counts for the rest, so a source that lies ends up ignored. */
#include "core/state.h"
#include <math.h>
#include <stdlib.h>

#define LEDGER_FADE    0.98
#define LEDGER_SETTLED 20                  /* predictions judged before they are acted upon */
#define FORETOLD_NS    (120 * TIME_SECOND) /* what a session's prediction speaks of */
#define SAID_WEIGHT    2.0f
#define SOURCE_MEMORY  60.0f
#define HINT_EARLY_NS                                                                              \
    (30 * TIME_SECOND) /* under a budget the loader may be busy: begin to look this much earlier   \
                        */
#define SLACK_NS                                                                                   \
    (60 * TIME_SECOND) /* a request this long after the announced time still counts                \
                        */

static struct source *source_of(struct engine *engine, uint32_t number)
{
    if (number >= SOURCES_MAX)
        number = SOURCES_MAX - 1; /* the latecomers share one record */
    if (number >= engine->source_count) {
        struct source *grown = realloc(engine->sources, (number + 1) * sizeof *grown);
        if (!grown) {
            engine_fail(engine, FW_NOMEM);
            return NULL;
        }
        for (uint32_t i = engine->source_count; i <= number; i++)
            grown[i] = (struct source){0};
        engine->sources = grown;
        engine->source_count = number + 1;
    }
    return &engine->sources[number];
}

static bool is_foretold(const struct open_hint *hint)
{
    return hint->source == HINT_SESSION || hint->source == HINT_KEEP;
}

bool hints_is_planned(const struct open_hint *hint)
{
    return !is_foretold(hint) && hint->begin_at_ns != TIME_NEVER;
}

static void withdraw(struct engine *engine, uint32_t number)
{
    free(engine->resources[number].hint);
    engine->resources[number].hint = NULL;
    engine_set_timer(engine, number, TIMER_HINT, TIME_NEVER);
}

/* The plan itself had it warm when the request that has just come came: nothing is owed to whoever
 * foretold that. Such are jobs by the clock, whose sessions go on with the same resource. */
static bool was_planned(const struct resource *resource, int64_t age_ns)
{
    const struct plan_window *window;
    for (uint8_t i = 0; (window = plan_store_window(&resource->plan, i)) != NULL; i++)
        if (window->start_ns <= resource->previous_gap_ns && age_ns <= window->end_ns)
            return true;
    return false;
}

/* What a session's prediction or a planned event brought or would have brought, in warm seconds:
 * the waiting of one request, less what it was warm before; or else all that it took. */
static double earned_s(const struct engine *engine, const struct resource *resource, bool used,
                       int64_t age_ns)
{
    const struct open_hint *hint = resource->hint;
    const struct engine_settings *settings = &engine->settings;
    bool keeps = hint->source == HINT_KEEP;
    uint8_t cause = is_foretold(hint) ? CAUSE_SESSION : CAUSE_HINT;
    bool ours =
        resource_absent(resource) || (keeps ? resource->protect_until_ns >= hint->expire_at_ns
                                            : resource->prewarm_open && resource->cause == cause);
    double load_s = time_to_seconds(decide_expected_load(engine, resource)),
           passed_s = time_to_seconds(engine->now_ns - hint->begin_at_ns),
           loading_s = keeps ? 0 : load_s;
    double waited_s = keeps || passed_s > load_s ? load_s : passed_s < 0 ? 0 : passed_s;
    double idle_s = passed_s > loading_s ? passed_s - loading_s : 0;
    double earned = -settings->idle_price * idle_s;
    if (used && !ours)
        earned = 0; /* it was warm for another reason: nothing lost, nothing won */
    else if (used && was_planned(resource, age_ns))
        earned = keeps ? earned + load_s : 0; /* a load was spared at most */
    else if (used)
        earned += settings->wait_price * waited_s + (keeps ? load_s : 0);
    else
        earned -= loading_s;
    return earned;
}

static void settle_foretold(struct engine *engine, uint32_t number, bool used, int64_t age_ns)
{
    const struct resource *resource = &engine->resources[number];
    bool keeps = resource->hint->source == HINT_KEEP;
    struct foretold_ledger *ledger = &engine->foretold.ledgers[keeps];
    ledger->earned = ledger->earned * LEDGER_FADE + earned_s(engine, resource, used, age_ns);
    ledger->settled++;
}

static void settle_hint(struct engine *engine, uint32_t number, bool used, int64_t age_ns)
{
    struct open_hint **hint = &engine->resources[number].hint;
    bool told = !is_foretold(*hint);
    struct source *source = told ? source_of(engine, (*hint)->source) : NULL;
    if (!told)
        settle_foretold(engine, number, used, age_ns);
    if (source && hints_is_planned(*hint))
        source->earned = source->earned * (float)LEDGER_FADE +
                         (float)earned_s(engine, &engine->resources[number], used, age_ns);
    if (source) {
        source->settled += 1;
        source->settled_ever++;
        if (used) {
            source->used += 1;
            source->used_ever++;
        }
        if (source->settled > SOURCE_MEMORY) {
            source->used *= SOURCE_MEMORY / source->settled;
            source->settled = SOURCE_MEMORY;
        }
    }
    free(*hint);
    *hint = NULL;
    engine_set_timer(engine, number, TIMER_HINT, TIME_NEVER);
}

/* Expected waiting saved against the cost of an idle load, both in warm seconds. */
static bool hint_pays(const struct engine *engine, const struct resource *resource,
                      float probability, int64_t patience_ns)
{
    double load_s = time_to_seconds(decide_expected_load(engine, resource));
    double idle_s = time_to_seconds(patience_ns > engine->settings.prewarm_expiry_ns
                                        ? patience_ns
                                        : engine->settings.prewarm_expiry_ns);
    double saved = (double)probability * engine->settings.wait_price * load_s;
    double wasted = (1 - (double)probability) * (load_s + engine->settings.idle_price * idle_s);
    return saved > wasted;
}

/* Under a memory budget idle time costs nothing: there a source's word counts alone. */
bool hints_is_silent(const struct engine *engine, const struct resource *resource, uint32_t source)
{
    if (engine->values || source >= engine->source_count)
        return false;
    double load_s = time_to_seconds(decide_expected_load(engine, resource));
    return (double)engine->sources[source].earned < -load_s * (1 + engine->settings.wait_price);
}

/* One standard deviation below the mean of Beta(1 + used, 1 + unused): a new source earns its
 * weight. */
double hints_probability(const struct engine *engine, const struct resource *resource)
{
    const struct open_hint *hint = resource->hint;
    if (!resource_hinted(resource) || hint->expire_at_ns <= engine->now_ns ||
        hint->source >= engine->source_count)
        return 0;
    const struct source *source = &engine->sources[hint->source];
    double a = 1 + (double)source->used, b = 1 + (double)(source->settled - source->used);
    double mean = a / (a + b), sd = sqrt(a * b / ((a + b) * (a + b) * (a + b + 1)));
    double probability = (mean - sd) * (double)hint->said_millionths / 1e6;
    return probability > 0 ? probability : 0;
}

static void start_hinted(struct engine *engine, uint32_t number)
{
    struct resource *resource = &engine->resources[number];
    struct open_hint *hint = resource->hint;
    struct why why = {REASON_HINTED, {hint->eta_ns, hint->probability_millionths}};
    if (is_foretold(hint)) {
        why.reason = REASON_FORETOLD;
        memcpy(why.numbers, hint->numbers, sizeof why.numbers);
    }
    int64_t until_ns = time_add(hint->expire_at_ns, 0);
    hint->start_at_ns = TIME_NEVER;
    if (resource_absent(resource) && !engine->values &&
        restraint_gives_way(engine, number, is_foretold(hint) ? CAUSE_SESSION : CAUSE_HINT)) {
        hint->start_at_ns = restraint_again_ns(engine, number);
        return;
    }
    if (resource->state == RESOURCE_WARM) {
        if (resource->protect_until_ns < until_ns)
            resource->protect_until_ns = until_ns;
        return;
    }
    if (!resource_absent(resource))
        return;
    if (engine->values) {
        ahead_hint(engine, number);
        return;
    }
    room_want(engine, number, is_foretold(hint) ? CAUSE_SESSION : CAUSE_HINT, &why);
    if (resource->state == RESOURCE_WARMING)
        resource->protect_until_ns = until_ns;
}

static void arm(struct engine *engine, uint32_t number)
{
    const struct open_hint *hint = engine->resources[number].hint;
    engine_set_timer(engine, number, TIMER_HINT,
                     hint->start_at_ns < hint->expire_at_ns ? hint->start_at_ns
                                                            : hint->expire_at_ns);
}

double hints_believed(const struct engine *engine, uint32_t number, double said)
{
    static const struct source unknown;
    const struct source *source =
        number < engine->source_count ? &engine->sources[number] : &unknown;
    return (double)((SAID_WEIGHT * (float)said + source->used) / (SAID_WEIGHT + source->settled));
}

void hints_hear(struct engine *engine, const struct event *event)
{
    hints_hear_planned(engine, event, NULL);
}

void hints_hear_planned(struct engine *engine, const struct event *event,
                        const struct planned *planned)
{
    struct resource *resource = &engine->resources[event->resource];
    struct source *source = source_of(engine, event->source);
    if (!source || !resource->configured)
        return;
    if (resource_hinted(resource) && is_foretold(resource->hint))
        withdraw(engine, event->resource); /* somebody who knows it speaks */
    if (resource_hinted(resource))
        return; /* the hint before it is still open: one question at a time keeps the score honest
                 */
    float said = (float)(event->probability < 0   ? 0
                         : event->probability > 1 ? 1
                                                  : event->probability);
    float probability = (float)hints_believed(engine, event->source, (double)said);
    int64_t eta_ns = event->eta_ns < 0 ? 0 : event->eta_ns;
    int64_t slack_ns = event->duration_ns > SLACK_NS ? event->duration_ns : SLACK_NS;
    int64_t load_ns = decide_expected_load(engine, resource);
    bool pays = engine->settings.enable_prewarming &&
                (engine->values || (engine->now_ns >= resource->cooldown_until_ns &&
                                    hint_pays(engine, resource, probability, event->duration_ns)));
    if (planned && hints_is_silent(engine, resource, event->source))
        pays = false;
    if (!pays && engine->settings.enable_prewarming &&
        engine->now_ns < resource->cooldown_until_ns) {
        const struct why why = {REASON_COOLDOWN, {resource->cooldown_until_ns - engine->now_ns}};
        restraint_decline(engine, event->resource, CAUSE_HINT, &why, resource->cooldown_until_ns);
    }
    int64_t early_ns = load_ns + (engine->values ? HINT_EARLY_NS : 0);
    int64_t start_ns = time_add(engine->now_ns, eta_ns > early_ns ? eta_ns - early_ns : 0);
    if (!resource->hint)
        resource->hint = malloc(sizeof *resource->hint);
    if (!resource->hint) {
        engine_fail(engine, FW_NOMEM);
        return;
    }
    *resource->hint = (struct open_hint){
        .start_at_ns = pays ? start_ns : TIME_NEVER,
        .begin_at_ns = planned ? start_ns : TIME_NEVER,
        .expire_at_ns = time_add(engine->now_ns, time_add(eta_ns, slack_ns + load_ns)),
        .eta_ns = eta_ns,
        .source = event->source,
        .probability_millionths = (uint32_t)(probability * 1e6f),
        .said_millionths = (uint32_t)(said * 1e6f),
    };
    if (planned) {
        const int64_t numbers[] = {planned->from_ns, planned->to_ns, (int64_t)planned->requests};
        memcpy(resource->hint->numbers, numbers, sizeof numbers);
    }
    if (resource->hint->start_at_ns <= engine->now_ns)
        start_hinted(engine, event->resource);
    arm(engine, event->resource);
    decide_settle(engine, event->resource);
}

void hints_request(struct engine *engine, uint32_t number, int64_t age_ns)
{
    if (resource_hinted(&engine->resources[number]))
        settle_hint(engine, number, true, age_ns);
}

void hints_fire(struct engine *engine, uint32_t number)
{
    const struct open_hint *hint = engine->resources[number].hint;
    if (hint->expire_at_ns <= engine->now_ns) {
        settle_hint(engine, number, false, -1);
    } else {
        start_hinted(engine, number);
        arm(engine, number);
    }
    decide_settle(engine, number);
}

/* ---- sessions' predictions, with unlimited memory ---- */

static bool has_earned(const struct foretold_ledger *ledger)
{
    return ledger->settled >= LEDGER_SETTLED && ledger->earned > 0;
}

static struct open_hint *open_foretold(struct engine *engine, struct resource *resource,
                                       uint32_t source, double probability)
{
    if (!resource->hint)
        resource->hint = malloc(sizeof *resource->hint);
    if (!resource->hint) {
        engine_fail(engine, FW_NOMEM);
        return NULL;
    }
    *resource->hint = (struct open_hint){.start_at_ns = TIME_NEVER,
                                         .begin_at_ns = engine->now_ns,
                                         .source = source,
                                         .probability_millionths = (uint32_t)(probability * 1e6)};
    return resource->hint;
}

void hints_foretell(struct engine *engine, uint32_t number, double probability,
                    const struct transition_guess *guess, const struct why *why)
{
    struct resource *resource = &engine->resources[number];
    const struct engine_settings *settings = &engine->settings;
    if (resource_hinted(resource) || !resource->configured || resource->dismissed ||
        !settings->enable_prewarming || !resource_absent(resource) || resource->queued)
        return;
    double load_s = time_to_seconds(decide_expected_load(engine, resource)),
           hold_s = time_to_seconds(FORETOLD_NS),
           early_s =
               transition_quantile_s(guess, 0.1) - time_to_seconds(decide_lead(engine, resource)),
           start_s = early_s > 0 ? early_s : 0,
           spared_s = transition_quantile_s(guess, 0.5) - start_s;
    double saved = settings->wait_price * (spared_s < load_s ? spared_s : load_s);
    double idle_s = spared_s > load_s ? spared_s - load_s : 0;
    double cost = probability * settings->idle_price * idle_s +
                  (1 - probability) * (load_s + settings->idle_price * hold_s);
    if (start_s >= hold_s || probability * saved <= cost)
        return;
    struct open_hint *hint = open_foretold(engine, resource, HINT_SESSION, probability);
    if (!hint)
        return;
    hint->begin_at_ns = time_add(engine->now_ns, time_from_seconds(start_s));
    hint->expire_at_ns = time_add(hint->begin_at_ns, time_from_seconds(hold_s + load_s));
    hint->eta_ns = why->numbers[3];
    memcpy(hint->numbers, why->numbers, sizeof hint->numbers);
    if (has_earned(&engine->foretold.ledgers[0]))
        hint->start_at_ns = hint->begin_at_ns;
    if (hint->start_at_ns <= engine->now_ns)
        start_hinted(engine, number);
    arm(engine, number);
}

/* The plan would let it go: until when a session's prediction keeps it, or 0. */
int64_t hints_keep(struct engine *engine, uint32_t number)
{
    struct resource *resource = &engine->resources[number];
    const struct engine_settings *settings = &engine->settings;
    if (engine->limited || resource_hinted(resource) || !resource->configured)
        return 0;
    foretold_expire(engine);
    double probability = foretold_probability(engine, number);
    double load_s = time_to_seconds(decide_expected_load(engine, resource)),
           hold_s = time_to_seconds(FORETOLD_NS);
    double saved = (settings->wait_price + 1) * load_s, cost = settings->idle_price * hold_s;
    if (probability * saved <= cost)
        return 0;
    struct open_hint *hint = open_foretold(engine, resource, HINT_KEEP, probability);
    if (!hint)
        return 0;
    hint->expire_at_ns = time_add(engine->now_ns, FORETOLD_NS);
    arm(engine, number);
    if (!has_earned(&engine->foretold.ledgers[1]))
        return 0;
    resource->protect_until_ns = hint->expire_at_ns;
    return resource->protect_until_ns;
}

bool engine_hint_precision(const struct engine *engine, uint32_t source, uint64_t *used,
                           uint64_t *settled)
{
    if (source >= engine->source_count)
        return false;
    *used = engine->sources[source].used_ever;
    *settled = engine->sources[source].settled_ever;
    return true;
}
