/* SPDX-License-Identifier: MIT */
#include "learn/following.h"
#include "base/check.h"
#include "learn/decay.h"
#include "learn/transitions_part.h"
#include <math.h>
#include <string.h>

#define NONE       UINT32_MAX
#define RATE       0.1   /* of the weights' steps */
#define WEIGHT_MAX 8.0   /* either way */
#define FADE       0.998 /* of what a kind counts */
#define STAY_FADE  0.9f  /* of what one session's moves count */
#define GATE_FADE  0.98  /* of what guesses won over the last */
#define PRIOR      2.0   /* cases' worth of belief before there are any */
#define STAY_PRIOR 0.7
#define FLOOR      1e-3 /* the least share the transitions may give */
#define OWN_FLOOR  1e-2
#define FLOOR_LOG  (-6.907755278982137) /* logs of these two */
#define OWN_LOG    (-4.605170185988091)
#define LOSS_FLOOR 1e-4

/* Features of a candidate. */
enum {
    SHARE,  /* log of its share of what the transitions say */
    KNOWN,  /* the same, where they know the context and not only what is popular */
    AGAIN,  /* log of its share of what this session did after the same resource */
    OFTEN,  /* log of its share of what this session did at all */
    STAY,   /* it is the last again */
    STAYER, /* it is, as log odds of this session's own staying */
    BACK,   /* this session asked for it before, and it is not the last */
    RETURN, /* it is what the last one took the place of */
};
struct candidate {
    uint32_t resource;
    double told;       /* by the transitions */
    double own, after; /* the session's own requests for it, and those after its last resource */
    double features[FOLLOWING_FEATURES];
    double by[FOLLOWING_SOURCES]; /* probability, given that one of the candidates comes */
    double probability;           /* by the source that speaks */
};

/* All that may come next for one session. */
struct scene {
    struct transition_guess told[FOLLOWING_TOLD];
    struct candidate candidates[FOLLOWING_CANDIDATES]; /* those told of first, in the same order */
    uint32_t told_count, count, last;
    bool context; /* the transitions know it, and not only what is popular */
    double sum, own, after;
};

/* ---- a session's past ---- */

struct transition_context following_stands(const struct following_past *past)
{
    CHECK(past->count > 0);
    return (struct transition_context){past->count > 1 ? past->latest[1] : TRANSITION_START,
                                       past->latest[0]};
}

void following_remember(struct following_past *past, uint32_t resource)
{
    if (past->count > 0) {
        past->moves = past->moves * STAY_FADE + 1;
        past->stays = past->stays * STAY_FADE + (past->latest[0] == resource ? 1 : 0);
    }
    if (past->count < FOLLOWING_PAST)
        past->count++;
    for (int i = past->count - 1; i > 0; i--)
        past->latest[i] = past->latest[i - 1];
    past->latest[0] = resource;
}

/* By the latest four: how many there are, how long it has stayed, how many different ones. */
static int kind_of(const struct following_past *past)
{
    static const uint8_t first[4] = {0, 1, 3, 7};
    CHECK(past->count > 0);
    int count = past->count < 4 ? past->count : 4, run = 1, different = 0;
    while (run < count && past->latest[run] == past->latest[0])
        run++;
    for (int i = 0; i < count; i++) {
        bool seen = false;
        for (int j = 0; j < i; j++)
            seen = seen || past->latest[j] == past->latest[i];
        different += !seen;
    }
    /* The rest after the run is one for a run of all, all but one; then its variety tells. */
    int rest = count - run;
    int before = rest <= 1 ? rest : rest == 2 ? different : different + 2;
    return first[count - 1] + before;
}

void following_init(struct following *following)
{
    *following = (struct following){0};
    for (int i = 0; i < FOLLOWING_KINDS; i++) {
        struct following_kind *kind = &following->kinds[i];
        for (int f = 0; f < FOLLOWING_FEATURES; f++)
            kind->weights.squares[f] = 1;
    }
    following->weights = following->kinds[0].weights;
    following->weights.of[SHARE] = 0.3;
    following->weights.of[KNOWN] = 0.7;
    following->weights.of[AGAIN] = 0.5;
}

/* ---- candidates ---- */

/* ln x for ordinary x > 0: exponent and an odd series in (m - 1) / (m + 1), |error| < 1e-5; only
 * additions, multiplications and one division, the same on every machine. */
static double short_log(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int exponent = (int)(bits >> 52) - 1023;
    bits = (bits & UINT64_C(0xfffffffffffff)) | UINT64_C(0x3ff0000000000000);
    double m;
    memcpy(&m, &bits, sizeof m);
    double t = (m - 1) / (m + 1), s = t * t;
    return exponent * 0.6931471805599453 +
           2 * t * (1 + s * (1.0 / 3 + s * (1.0 / 5 + s * (1.0 / 7 + s * (1.0 / 9)))));
}

static uint32_t find(const struct scene *scene, uint32_t resource)
{
    uint32_t at = 0;
    while (at < scene->count && scene->candidates[at].resource != resource)
        at++;
    return at;
}

/* What the session had, and the likeliest of the transitions. The older its own past, the less it
 * counts: at all, and what came after the resource it asked for last. */
static void gather(struct scene *scene, const struct transitions *transitions,
                   const struct following_past *past)
{
    static const double weight[FOLLOWING_PAST] = {1,      0.8,     0.64,     0.512,
                                                  0.4096, 0.32768, 0.262144, 0.2097152};
    scene->told_count = (uint32_t)transitions_rank(transitions, following_stands(past), 0,
                                                   scene->told, FOLLOWING_TOLD);
    scene->context = scene->told_count > 0 && !scene->told[0].popular;
    scene->sum = scene->own = scene->after = 0;
    scene->count = scene->told_count;
    for (uint32_t i = 0; i < scene->told_count; i++) {
        scene->candidates[i] = (struct candidate){.resource = scene->told[i].resource,
                                                  .told = scene->told[i].probability};
        scene->sum += scene->told[i].probability;
    }
    uint32_t newer = 0; /* the candidate of the request after */
    for (int i = 0; i < past->count; i++) {
        uint32_t at = find(scene, past->latest[i]);
        if (at == scene->count)
            scene->candidates[scene->count++] = (struct candidate){.resource = past->latest[i]};
        scene->candidates[at].own += weight[i];
        scene->own += weight[i];
        if (i == 0) {
            scene->last = at;
        } else if (at == scene->last) {
            scene->candidates[newer].after += weight[i];
            scene->after += weight[i];
        }
        newer = at;
    }
}

static void describe(struct scene *scene, const struct following_past *past)
{
    double own = short_log(scene->own + 1), after = short_log(scene->after + 1),
           stays = (double)past->stays + PRIOR * STAY_PRIOR, moves = (double)past->moves + PRIOR;
    for (uint32_t i = 0; i < scene->count; i++) {
        struct candidate *of = &scene->candidates[i];
        of->features[SHARE] = of->told > 0 ? short_log(of->told / scene->sum + FLOOR) : FLOOR_LOG;
        of->features[KNOWN] = scene->context ? of->features[SHARE] : 0;
        of->features[AGAIN] = (of->after > 0 ? short_log(of->after + OWN_FLOOR) : OWN_LOG) - after;
        of->features[OFTEN] = (of->own > 0 ? short_log(of->own + OWN_FLOOR) : OWN_LOG) - own;
        of->features[BACK] = of->own > 0 ? 1 : 0;
        of->features[STAY] = of->features[STAYER] = of->features[RETURN] = 0;
    }
    double *last = scene->candidates[scene->last].features;
    last[BACK] = 0;
    last[STAY] = 1;
    last[STAYER] = short_log(stays / (moves - stays));
    int run = 1;
    while (run < past->count && past->latest[run] == past->latest[0])
        run++;
    if (run < past->count)
        scene->candidates[find(scene, past->latest[run])].features[RETURN] = 1;
}

static void weigh(struct scene *scene, const struct following *following,
                  const struct following_kind *kind, const struct following_past *past)
{
    double most = 0, total = 0, w[FOLLOWING_FEATURES];
    describe(scene, past);
    for (int f = 0; f < FOLLOWING_FEATURES; f++)
        w[f] = following->weights.of[f] + kind->weights.of[f];
    for (uint32_t i = 0; i < scene->count; i++) {
        double z = 0;
        for (int f = 0; f < FOLLOWING_FEATURES; f++)
            z += w[f] * scene->candidates[i].features[f];
        scene->candidates[i].by[FOLLOWING_MIXTURE] = z;
        most = i == 0 || z > most ? z : most;
    }
    for (uint32_t i = 0; i < scene->count; i++) {
        double *mixed = &scene->candidates[i].by[FOLLOWING_MIXTURE];
        *mixed = decay_exp(*mixed - most);
        total += *mixed;
    }
    const double *loss = kind->loss[scene->context];
    bool mixes = loss[FOLLOWING_MIXTURE] <= loss[FOLLOWING_TRANSITIONS];
    for (uint32_t i = 0; i < scene->count; i++) {
        struct candidate *of = &scene->candidates[i];
        of->by[FOLLOWING_MIXTURE] /= total;
        of->by[FOLLOWING_TRANSITIONS] = scene->sum > 0     ? of->told / scene->sum
                                        : i == scene->last ? 1
                                                           : 0;
        of->probability = of->by[mixes ? FOLLOWING_MIXTURE : FOLLOWING_TRANSITIONS];
    }
}

static double covered(const struct following_kind *kind)
{
    return (kind->covered + PRIOR / 2) / (kind->came + PRIOR);
}

/* ---- learning ---- */

static void learn_weights(struct following_weights *weights, const double *gradient)
{
    for (int f = 0; f < FOLLOWING_FEATURES; f++) {
        weights->squares[f] += gradient[f] * gradient[f];
        double weight = weights->of[f] + RATE * gradient[f] / sqrt(weights->squares[f]);
        weights->of[f] = weight > WEIGHT_MAX    ? WEIGHT_MAX
                         : weight < -WEIGHT_MAX ? -WEIGHT_MAX
                                                : weight;
    }
}

static void learn_from(struct following *following, struct following_kind *kind,
                       const struct scene *scene, uint32_t came)
{
    double gradient[FOLLOWING_FEATURES];
    for (int f = 0; f < FOLLOWING_FEATURES; f++) {
        gradient[f] = scene->candidates[came].features[f];
        for (uint32_t i = 0; i < scene->count; i++)
            gradient[f] -=
                scene->candidates[i].by[FOLLOWING_MIXTURE] * scene->candidates[i].features[f];
    }
    learn_weights(&following->weights, gradient);
    learn_weights(&kind->weights, gradient);
}

static void judge(double *loss, double probability)
{
    *loss = FADE * *loss - short_log(probability > LOSS_FLOOR ? probability : LOSS_FLOOR);
}

static uint32_t likeliest(const struct scene *scene)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < scene->count; i++) {
        const struct candidate *one = &scene->candidates[i], *other = &scene->candidates[best];
        if (one->probability > other->probability ||
            (one->probability == other->probability && one->resource < other->resource))
            best = i;
    }
    return best;
}

static void judge_gate(struct following_kind *kind, const struct scene *scene, uint32_t came)
{
    uint32_t best = likeliest(scene);
    if (best != scene->last)
        kind->won = GATE_FADE * kind->won + (best == came ? 1 : scene->last == came ? -1 : 0);
}

/* Where first guesses that are not the last do no better than the last would, the last is likelier
 * than they are: the two change places. */
static void gate(const struct following_kind *kind, struct scene *scene)
{
    if (kind->won > 0)
        return;
    uint32_t best = likeliest(scene);
    double probability = scene->candidates[best].probability;
    scene->candidates[best].probability = scene->candidates[scene->last].probability;
    scene->candidates[scene->last].probability = probability;
}

void following_learn(struct following *following, const struct transitions *transitions,
                     const struct following_past *past, uint32_t resource, int64_t delay_ns)
{
    struct scene scene;
    struct following_kind *kind = &following->kinds[kind_of(past)];
    gather(&scene, transitions, past);
    uint32_t came = find(&scene, resource);
    bool among = came < scene.count;
    kind->came = FADE * kind->came + 1;
    kind->covered = FADE * kind->covered + (among ? 1 : 0);
    kind->went_on += 1;
    transition_delay_count(kind->delays, delay_ns);
    if (!among)
        return; /* nobody said so: there is nothing to choose between */
    weigh(&scene, following, kind, past);
    for (int source = 0; source < FOLLOWING_SOURCES; source++)
        judge(&kind->loss[scene.context][source], scene.candidates[came].by[source]);
    judge_gate(kind, &scene, came);
    learn_from(following, kind, &scene, came);
}

void following_visit(struct following *following, const struct following_past *past)
{
    struct following_kind *kind = &following->kinds[kind_of(past)];
    kind->visits = FADE * kind->visits + 1;
    kind->went_on *= FADE;
}

/* ---- guessing ---- */

/* Of what was not seen to follow here: how long sessions of its kind take. */
static void usual_delays(const struct following_kind *kind, struct transition_guess *guess)
{
    double sum = 0;
    for (int i = 0; i < TRANSITION_DELAYS; i++)
        sum += guess->delays[i];
    if (sum > 0)
        return;
    for (int i = 0; i < TRANSITION_DELAYS; i++)
        sum += kind->delays[i];
    for (int i = 0; i < TRANSITION_DELAYS && sum > 0; i++)
        guess->delays[i] = kind->delays[i] / sum;
}

static size_t insert(struct transition_guess *guesses, size_t count, size_t max,
                     const struct transition_guess *guess)
{
    size_t at = count;
    while (at > 0 && (guesses[at - 1].probability < guess->probability ||
                      (guesses[at - 1].probability == guess->probability &&
                       guesses[at - 1].resource > guess->resource)))
        at--;
    if (at == max)
        return count;
    size_t kept = count < max ? count + 1 : max;
    for (size_t i = kept - 1; i > at; i--)
        guesses[i] = guesses[i - 1];
    guesses[at] = *guess;
    return kept;
}

size_t following_guess(const struct following *following, const struct transitions *transitions,
                       const struct following_past *past, double least,
                       struct transition_guess *guesses, size_t max)
{
    struct scene scene;
    const struct following_kind *kind = &following->kinds[kind_of(past)];
    const struct transition_context stands = following_stands(past);
    double usual = (kind->went_on + PRIOR / 2) / (kind->visits + PRIOR);
    double goes_on = transitions_goes_on(transitions, stands, usual < 1 ? usual : 1);
    double any = goes_on * covered(kind); /* of those that are looked at */
    size_t kept = 0;
    if (any < least)
        return 0;
    gather(&scene, transitions, past);
    weigh(&scene, following, kind, past);
    gate(kind, &scene);
    for (uint32_t i = 0; i < scene.count; i++) {
        struct transition_guess guess = {
            .resource = scene.candidates[i].resource, .cases = kind->visits, .popular = true};
        double probability = any * scene.candidates[i].probability;
        if (probability < least)
            continue;
        if (i < scene.told_count)
            guess = scene.told[i];
        guess.probability = probability;
        kept = insert(guesses, kept, max, &guess);
    }
    for (size_t i = 0; i < kept; i++) {
        transitions_delays(transitions, stands, &guesses[i]);
        usual_delays(kind, &guesses[i]);
    }
    return kept;
}

/* ---- as bytes ---- */

static void save_weights(const struct following_weights *weights, struct buf *out)
{
    for (int f = 0; f < FOLLOWING_FEATURES; f++) {
        buf_put_double(out, weights->of[f]);
        buf_put_double(out, weights->squares[f]);
    }
}

static bool load_weights(struct following_weights *weights, struct buf_reader *in)
{
    bool good = true;
    for (int f = 0; f < FOLLOWING_FEATURES; f++) {
        weights->of[f] = buf_get_double(in);
        weights->squares[f] = buf_get_double(in);
        good = good && weights->of[f] >= -WEIGHT_MAX && weights->of[f] <= WEIGHT_MAX &&
               weights->squares[f] >= 1;
    }
    return good;
}

void following_save(const struct following *following, struct buf *out)
{
    save_weights(&following->weights, out);
    for (int i = 0; i < FOLLOWING_KINDS; i++) {
        const struct following_kind *kind = &following->kinds[i];
        save_weights(&kind->weights, out);
        buf_put_double(out, kind->visits);
        buf_put_double(out, kind->went_on);
        buf_put_double(out, kind->came);
        buf_put_double(out, kind->covered);
        for (int s = 0; s < 2 * FOLLOWING_SOURCES; s++)
            buf_put_double(out, kind->loss[s / FOLLOWING_SOURCES][s % FOLLOWING_SOURCES]);
        buf_put_double(out, kind->won);
        buf_add(out, kind->delays, sizeof kind->delays);
    }
}

bool following_load(struct following *following, struct buf_reader *in)
{
    bool good = load_weights(&following->weights, in);
    for (int i = 0; i < FOLLOWING_KINDS; i++) {
        struct following_kind *kind = &following->kinds[i];
        good = load_weights(&kind->weights, in) && good;
        kind->visits = buf_get_double(in);
        kind->went_on = buf_get_double(in);
        kind->came = buf_get_double(in);
        kind->covered = buf_get_double(in);
        for (int s = 0; s < 2 * FOLLOWING_SOURCES; s++) {
            double *loss = &kind->loss[s / FOLLOWING_SOURCES][s % FOLLOWING_SOURCES];
            *loss = buf_get_double(in);
            good = good && *loss >= 0;
        }
        kind->won = buf_get_double(in);
        for (int j = 0; j < TRANSITION_DELAYS; j++)
            kind->delays[j] = buf_get_u8(in);
        good = good && kind->visits >= 0 && kind->went_on >= 0 && kind->covered >= 0 &&
               kind->came >= kind->covered && kind->won >= -1e6 && kind->won <= 1e6;
    }
    return good && !in->failed;
}
