/* SPDX-License-Identifier: MIT
 * Agents: a run goes through a chain of models (plan, code, review, code, review, ...), one call
 * after the other, the next one when the answer before was read. Which chains there are follows
 * from the seed: a planner, two workers that take turns, and for half of the chains a model that
 * sums up. Now and then a call goes to some other model: a tool, a second opinion. */
#include "base/time.h"
#include "sim/synth_part.h"
#include <stdlib.h>

enum { CHAINS = 4, ROLES = 4 };
#define OTHER_SHARE 0.08 /* of calls that leave the chain */

struct chain {
    uint32_t models[ROLES]; /* planner, worker, reviewer, and who sums up */
    bool sums_up;
};

struct pipelines {
    struct synth *synth;
    const struct synth_settings *settings;
    struct chain chains[CHAINS];
    struct prng prng;
    uint32_t models;
    double again; /* probability of another round of work and review */
};

/* Chains share models: what follows a model depends on the one before it, too. */
static void draw_chains(struct pipelines *pipelines)
{
    for (int c = 0; c < CHAINS; c++) {
        struct prng prng;
        prng_init(&prng, prng_mix(pipelines->settings->seed, (uint64_t)c + 7));
        for (int role = 0; role < ROLES; role++)
            pipelines->chains[c].models[role] = (uint32_t)prng_below(&prng, pipelines->models);
        pipelines->chains[c].sums_up = prng_uniform(&prng) < 0.5;
    }
}

/* One call; moves the run's time past it. */
static enum fw_err call(struct pipelines *pipelines, uint32_t model, uint64_t session,
                        int64_t *at_ns)
{
    struct prng *prng = &pipelines->prng;
    if (*at_ns >= pipelines->settings->span_ns)
        return FW_OK;
    if (prng_uniform(prng) < OTHER_SHARE)
        model = (uint32_t)prng_below(prng, pipelines->models);
    int64_t duration_ns = synth_duration_ns(prng, pipelines->settings->duration_ns);
    double think_s = prng_exponential(prng, time_to_seconds(pipelines->settings->think_ns));
    FW_TRY(synth_add(pipelines->synth, *at_ns, model, session, duration_ns));
    *at_ns = time_add(time_add(*at_ns, duration_ns), time_from_seconds(think_s));
    return FW_OK;
}

static enum fw_err one_run(struct pipelines *pipelines, uint64_t session, int64_t at_ns)
{
    struct prng *prng = &pipelines->prng;
    const struct chain *chain = &pipelines->chains[prng_below(prng, CHAINS)];
    FW_TRY(call(pipelines, chain->models[0], session, &at_ns));
    do {
        FW_TRY(call(pipelines, chain->models[1], session, &at_ns));
        FW_TRY(call(pipelines, chain->models[2], session, &at_ns));
    } while (prng_uniform(prng) < pipelines->again);
    return chain->sums_up ? call(pipelines, chain->models[3], session, &at_ns) : FW_OK;
}

/* Runs begin as a Poisson process; their mean length follows from session_requests. */
enum fw_err synth_pipelines(struct synth *synth, const struct synth_settings *settings)
{
    struct pipelines pipelines = {
        .synth = synth, .settings = settings, .models = synth->resources.count};
    double rounds = (settings->session_requests - 1.5) / 2;
    pipelines.again = rounds > 1 ? 1 - 1 / rounds : 0;
    prng_init(&pipelines.prng, settings->seed);
    draw_chains(&pipelines);
    double gap_s =
        (settings->session_requests > 3.5 ? settings->session_requests : 3.5) / settings->rate;
    uint64_t session = 0;
    for (int64_t at_ns = 0;;) {
        at_ns = time_add(at_ns, time_from_seconds(prng_exponential(&pipelines.prng, gap_s)));
        if (at_ns >= settings->span_ns)
            return FW_OK;
        FW_TRY(one_run(&pipelines, ++session, at_ns));
    }
}
