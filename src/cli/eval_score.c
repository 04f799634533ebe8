/* SPDX-License-Identifier: MIT */
#include "cli/eval_score.h"
#include <math.h>
#include <stdlib.h>
#include <time.h>

#define RATE_ONLINE 0.003
#define RATE_FOLDS  0.005

enum { DECILE_LEAST = 200 };
const double eval_thresholds[EVAL_THRESHOLDS] = {-1, 0.1, 0.2, 0.3, 0.5};

enum fw_err eval_score_init(struct eval_score *score)
{
    *score = (struct eval_score){0};
    score->observe_times = calloc(EVAL_TIMES, sizeof *score->observe_times);
    score->predict_times = calloc(EVAL_TIMES, sizeof *score->predict_times);
    return score->observe_times && score->predict_times ? FW_OK : FW_NOMEM;
}

void eval_score_fini(struct eval_score *score)
{
    free(score->observe_times);
    free(score->predict_times);
    *score = (struct eval_score){0};
}

static int64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void count_time(uint32_t *times, int64_t took_ns)
{
    int64_t at = took_ns / EVAL_TIME_NS;
    times[at < EVAL_TIMES ? at : EVAL_TIMES - 1]++;
}

double eval_median_ns(const uint32_t *times)
{
    uint64_t total = 0, before = 0;
    for (size_t i = 0; i < EVAL_TIMES; i++)
        total += times[i];
    for (size_t i = 0; i < EVAL_TIMES; i++) {
        before += times[i];
        if (total > 0 && 2 * before >= total)
            return (double)i * EVAL_TIME_NS;
    }
    return NAN;
}

double eval_calibration_error(const struct eval_score *score)
{
    double worst = NAN;
    for (int i = 0; i < EVAL_DECILES; i++) {
        const struct eval_decile *decile = &score->deciles[i];
        if (decile->count < DECILE_LEAST)
            continue;
        double apart = fabs(decile->predicted - (double)decile->hits) / (double)decile->count;
        worst = isnan(worst) || apart > worst ? apart : worst;
    }
    return worst;
}

static bool is_among(uint32_t item, const uint32_t *items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (items[i] == item)
            return true;
    return false;
}

static uint32_t predict(const struct eval_predictor *predictor, void *state, const uint32_t *items,
                        uint32_t len, struct sequence_guess *guesses, struct eval_score *score)
{
    int64_t began_ns = clock_ns();
    uint32_t count = predictor->predict(state, items, len, guesses);
    count_time(score->predict_times, clock_ns() - began_ns);
    return count;
}

static void count_guesses(struct eval_score *score, const struct sequence_guess *guesses,
                          uint32_t count, const uint32_t *came, uint32_t came_count)
{
    bool found = false;
    score->asked++;
    score->answered += count > 0;
    for (uint32_t i = 0; i < count; i++) {
        bool hit = is_among(guesses[i].item, came, came_count);
        double p = guesses[i].probability;
        if (hit && !found) {
            found = true;
            score->hits += i == 0;
            score->hits_3 += i < 3;
            score->reciprocal += 1.0 / (i + 1);
        }
        for (int t = 0; t < EVAL_THRESHOLDS; t++) {
            score->issued[t] += p > eval_thresholds[t];
            score->useful[t] += hit && p > eval_thresholds[t];
        }
        int decile = p < 1 ? (int)(p * EVAL_DECILES) : EVAL_DECILES - 1;
        score->deciles[decile].count++;
        score->deciles[decile].hits += hit;
        score->deciles[decile].predicted += p;
    }
}

/* A session of the training part, and if `tail` first its end as an exercise for the weights. */
static void train(const struct eval_predictor *predictor, void *state, const uint32_t *items,
                  uint32_t len, const struct eval_how *how, bool tail, struct eval_score *score)
{
    struct sequence_guess guesses[EVAL_GUESSES];
    if (tail && predictor->adapt && len > how->suffix) {
        uint32_t known = len - how->suffix, from = known > how->window ? known - how->window : 0;
        predictor->predict(state, items + from, known - from, guesses);
        predictor->adapt(state, items + known, how->suffix);
    }
    for (uint32_t t = 0; t < len; t++) {
        int64_t began_ns = clock_ns();
        predictor->learn(state, items, t, items[t]);
        count_time(score->observe_times, clock_ns() - began_ns);
    }
    predictor->end(state, items, len);
}

static void test(const struct eval_predictor *predictor, void *state, const uint32_t *items,
                 uint32_t len, const struct eval_how *how, struct eval_score *score)
{
    struct sequence_guess guesses[EVAL_GUESSES];
    if (len <= how->suffix) {
        score->too_small++;
        return;
    }
    uint32_t known = len - how->suffix, from = known > how->window ? known - how->window : 0;
    uint32_t count = predict(predictor, state, items + from, known - from, guesses, score);
    count_guesses(score, guesses, count, items + known, how->suffix);
}

static enum fw_err one_fold(const struct eval_predictor *predictor,
                            const struct eval_sessions *sessions, const struct eval_how *how,
                            size_t fold, struct eval_score *score)
{
    size_t share = (size_t)((double)sessions->count * (1.0 / (double)how->folds));
    size_t begin = fold * share, end = fold + 1 < how->folds ? begin + share : sessions->count;
    size_t trained = 0, half = (sessions->count - (end - begin)) / 2;
    const struct eval_start start = {sessions, how->suffix, RATE_FOLDS};
    void *state;
    uint32_t len;
    enum fw_err err = predictor->create(&state, &start);
    for (size_t i = 0; err == FW_OK && i < sessions->count; i++) {
        if (i >= begin && i < end)
            continue;
        const uint32_t *items = eval_session(sessions, how->order[i], &len);
        train(predictor, state, items, len, how, trained++ >= half, score);
    }
    for (size_t i = begin; err == FW_OK && i < end; i++) {
        const uint32_t *items = eval_session(sessions, how->order[i], &len);
        test(predictor, state, items, len, how, score);
    }
    if (err == FW_OK)
        score->bytes = predictor->bytes(state);
    predictor->free(state);
    return err;
}

enum fw_err eval_folds(const struct eval_predictor *predictor, const struct eval_sessions *sessions,
                       const struct eval_how *how, struct eval_score *score)
{
    for (size_t fold = 0; fold < how->folds; fold++)
        FW_TRY(one_fold(predictor, sessions, how, fold, score));
    return FW_OK;
}

enum fw_err eval_prequential(const struct eval_predictor *predictor,
                             const struct eval_sessions *sessions, struct eval_score *score)
{
    const struct eval_start start = {sessions, 1, RATE_ONLINE};
    struct sequence_guess guesses[EVAL_GUESSES];
    void *state;
    uint32_t len;
    enum fw_err err = predictor->create(&state, &start);
    for (size_t i = 0; err == FW_OK && i < sessions->count; i++) {
        const uint32_t *items = eval_session(sessions, i, &len);
        for (uint32_t t = 0; t < len; t++) {
            if (t > 0) {
                uint32_t count = predict(predictor, state, items, t, guesses, score);
                count_guesses(score, guesses, count, &items[t], 1);
            }
            int64_t began_ns = clock_ns();
            if (t > 0 && predictor->adapt)
                predictor->adapt(state, &items[t], 1);
            predictor->learn(state, items, t, items[t]);
            count_time(score->observe_times, clock_ns() - began_ns);
        }
        predictor->end(state, items, len);
    }
    if (err == FW_OK)
        score->bytes = predictor->bytes(state);
    predictor->free(state);
    return err;
}
