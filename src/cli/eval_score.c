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

static uint32_t predict(const struct eval_predictor *predictor, void *state,
                        const struct eval_place *at, struct sequence_guess *guesses,
                        struct eval_score *score)
{
    int64_t began_ns = clock_ns();
    uint32_t count =
        at->len > 0 || predictor->answers_first ? predictor->predict(state, at, guesses) : 0;
    count_time(score->predict_times, clock_ns() - began_ns);
    return count;
}

static void count_guesses(struct eval_score *score, const struct sequence_guess *guesses,
                          uint32_t count, const uint32_t *came, uint32_t came_count)
{
    bool found = false;
    score->hits.asked++;
    score->answered += count > 0;
    for (uint32_t i = 0; i < count; i++) {
        bool hit = is_among(guesses[i].item, came, came_count);
        double p = guesses[i].probability;
        if (hit && !found) {
            found = true;
            score->hits.at_1 += i == 0;
            score->hits.at_3 += i < 3;
            score->hits.at_20++;
            score->hits.reciprocal += 1.0 / (i + 1);
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
    if (score->hits.asked <= score->first_max)
        score->first = score->hits;
}

/* What is shown of a session when its end is asked for. */
static struct eval_place window(const struct eval_place *session, const struct eval_how *how)
{
    struct eval_place shown = *session;
    uint32_t known = session->len - how->suffix;
    uint32_t from = known > how->window ? known - how->window : 0;
    shown.items += from;
    shown.len = known - from;
    return shown;
}

static void learn(const struct eval_predictor *predictor, void *state, const struct eval_place *at,
                  uint32_t next, struct eval_score *score)
{
    int64_t began_ns = clock_ns();
    predictor->learn(state, at, next);
    count_time(score->observe_times, clock_ns() - began_ns);
}

/* A session of the training part, and if `tail` first its end as an exercise for the weights. */
static void train(const struct eval_predictor *predictor, void *state,
                  const struct eval_place *session, const struct eval_how *how, bool tail,
                  struct eval_score *score)
{
    struct sequence_guess guesses[EVAL_GUESSES];
    struct eval_place at = *session;
    if (tail && predictor->adapt && session->len > how->suffix) {
        const struct eval_place shown = window(session, how);
        predictor->predict(state, &shown, guesses);
        predictor->adapt(state, session->items + session->len - how->suffix, how->suffix);
    }
    for (at.len = 0; at.len < session->len; at.len++)
        learn(predictor, state, &at, at.items[at.len], score);
    if (predictor->end)
        predictor->end(state, session);
}

static void test(const struct eval_predictor *predictor, void *state,
                 const struct eval_place *session, const struct eval_how *how,
                 struct eval_score *score)
{
    struct sequence_guess guesses[EVAL_GUESSES];
    if (session->len <= how->suffix) {
        score->too_small++;
        return;
    }
    const struct eval_place shown = window(session, how);
    uint32_t count = predict(predictor, state, &shown, guesses, score);
    count_guesses(score, guesses, count, session->items + session->len - how->suffix, how->suffix);
}

static struct eval_place place(const struct eval_sessions *sessions, size_t number)
{
    struct eval_place at = {.session = (uint32_t)number};
    at.items = eval_session(sessions, number, &at.len);
    at.user = sessions->session_users ? sessions->session_users[number] : (uint32_t)number;
    return at;
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
    enum fw_err err = predictor->create(&state, &start);
    for (size_t i = 0; err == FW_OK && i < sessions->count; i++) {
        if (i >= begin && i < end)
            continue;
        const struct eval_place session = place(sessions, how->order[i]);
        train(predictor, state, &session, how, trained++ >= half, score);
    }
    for (size_t i = begin; err == FW_OK && i < end; i++) {
        const struct eval_place session = place(sessions, how->order[i]);
        test(predictor, state, &session, how, score);
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

/* One pass over the events. */
struct pass {
    const struct eval_predictor *predictor;
    const struct eval_sessions *sessions;
    const struct eval_online *how;
    void *state;
    size_t ended; /* events before it are not their session's last, or that session was ended */
    size_t session, position; /* where there is no order of events */
};

static struct eval_event next_event(struct pass *pass, size_t number)
{
    if (pass->sessions->events)
        return pass->sessions->events[number];
    while (pass->sessions->starts[pass->session] + pass->position ==
           pass->sessions->starts[pass->session + 1]) {
        pass->session++;
        pass->position = 0;
    }
    return (struct eval_event){(uint32_t)pass->session, (uint32_t)pass->position++, 0};
}

static void end_if_last(struct pass *pass, const struct eval_event *event)
{
    const struct eval_place session = place(pass->sessions, event->session);
    if (event->position + 1 == session.len && pass->predictor->end)
        pass->predictor->end(pass->state, &session);
}

/* With times a session ends when its pause has passed, not when somebody knows that nothing more
 * will come. */
static void end_idle(struct pass *pass, size_t now, int64_t now_ns)
{
    const struct eval_event *events = pass->sessions->events;
    for (; pass->ended < now && events[pass->ended].at_ns + pass->how->idle_ns <= now_ns;
         pass->ended++)
        end_if_last(pass, &events[pass->ended]);
}

static void go_through(struct pass *pass, const struct eval_event *event, bool scored,
                       struct eval_score *score)
{
    struct sequence_guess guesses[EVAL_GUESSES];
    struct eval_place at = place(pass->sessions, event->session);
    const uint32_t *came = &at.items[event->position];
    bool teaches = !(scored && pass->how->holdout);
    at.len = event->position;
    bool asked = at.len > 0 || (pass->how->firsts && pass->predictor->answers_first);
    if (scored && (at.len > 0 || pass->how->firsts)) {
        uint32_t count = predict(pass->predictor, pass->state, &at, guesses, score);
        count_guesses(score, guesses, count, came, 1);
    } else if (asked && pass->predictor->adapt) {
        pass->predictor->predict(pass->state, &at, guesses);
    }
    int64_t began_ns = clock_ns();
    if (asked && pass->predictor->adapt)
        pass->predictor->adapt(pass->state, came, 1);
    if (teaches) {
        pass->predictor->learn(pass->state, &at, *came);
        count_time(score->observe_times, clock_ns() - began_ns);
    }
    if (teaches && !pass->sessions->timed)
        end_if_last(pass, event);
}

enum fw_err eval_online(const struct eval_predictor *predictor,
                        const struct eval_sessions *sessions, const struct eval_online *how,
                        struct eval_score *score)
{
    const struct eval_start start = {sessions, 1, RATE_ONLINE};
    struct pass pass = {.predictor = predictor, .sessions = sessions, .how = how};
    enum fw_err err = predictor->create(&pass.state, &start);
    for (size_t i = 0; err == FW_OK && i < sessions->item_count; i++) {
        const struct eval_event event = next_event(&pass, i);
        if (sessions->timed && how->idle_ns > 0 && !(how->holdout && i >= how->from))
            end_idle(&pass, i, event.at_ns);
        go_through(&pass, &event, i >= how->from, score);
    }
    if (err == FW_OK)
        score->bytes = predictor->bytes(pass.state);
    predictor->free(pass.state);
    return err;
}
