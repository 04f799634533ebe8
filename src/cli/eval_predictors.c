/* SPDX-License-Identifier: MIT */
#include "cli/eval_predictors.h"
#include "cli/eval_names.h"
#include "learn/sequence_classic.h"
#include "learn/sequence_user.h"
#include <stdio.h>
#include <stdlib.h>

enum { ENTRIES_MAX = 1 << 24, USERS_MAX = 1 << 16 };

/* ---- mix ---- */

static enum fw_err mix_create(void **state, const struct eval_start *start)
{
    struct sequence *sequence;
    struct sequence_settings settings = sequence_defaults;
    settings.reach = start->reach;
    settings.rate = start->rate;
    enum fw_err err = sequence_create(&sequence, &settings);
    *state = sequence;
    return err;
}

static void mix_free(void *state)
{
    struct sequence *sequence = state;
    sequence_free(&sequence);
}

static void mix_learn(void *state, const struct eval_place *at, uint32_t next)
{
    sequence_learn(state, at->items, at->len, next);
}

static void mix_end(void *state, const struct eval_place *at)
{
    sequence_end(state, at->items, at->len);
}

static uint32_t mix_predict(void *state, const struct eval_place *at,
                            struct sequence_guess guesses[EVAL_GUESSES])
{
    return sequence_predict(state, at->items, at->len, guesses, EVAL_GUESSES);
}

static void mix_adapt(void *state, const uint32_t *came, uint32_t count)
{
    sequence_adapt(state, came, count);
}

static uint64_t mix_bytes(const void *state)
{
    return sequence_bytes(state);
}

/* ---- mix-user: the same, with what each user does ---- */

static enum fw_err own_create(void **state, const struct eval_start *start)
{
    void *global;
    struct sequence_users *users = NULL;
    enum fw_err err = mix_create(&global, start);
    if (err == FW_OK)
        err = sequence_users_create(&users, global, USERS_MAX);
    if (err != FW_OK)
        mix_free(global);
    *state = users;
    return err;
}

static void own_free(void *state)
{
    struct sequence_users *users = state;
    if (users)
        mix_free(users->global);
    sequence_users_free(&users);
}

static void own_learn(void *state, const struct eval_place *at, uint32_t next)
{
    sequence_users_learn(state, at->user + 1ull, at->items, at->len, next);
}

static void own_end(void *state, const struct eval_place *at)
{
    sequence_users_end(state, at->user + 1ull, at->items, at->len);
}

static uint32_t own_predict(void *state, const struct eval_place *at,
                            struct sequence_guess guesses[EVAL_GUESSES])
{
    return sequence_users_predict(state, at->user + 1ull, at->items, at->len, guesses,
                                  EVAL_GUESSES);
}

static void own_adapt(void *state, const uint32_t *came, uint32_t count)
{
    sequence_users_adapt(state, came, count);
}

static uint64_t own_bytes(const void *state)
{
    return sequence_users_bytes(state);
}

/* ---- markov1, pattern, user: lists of successors ---- */

static enum fw_err lists_create(void **state, const struct eval_start *start)
{
    struct classic *classic = calloc(1, sizeof *classic);
    *state = classic;
    return classic ? classic_init(classic, start->sessions->words.count, ENTRIES_MAX) : FW_NOMEM;
}

static void lists_free(void *state)
{
    if (state)
        classic_fini(state);
    free(state);
}

static uint64_t lists_bytes(const void *state)
{
    return classic_bytes(state);
}

static void markov_learn(void *state, const struct eval_place *at, uint32_t next)
{
    struct classic *classic = state;
    if (at->len > 0)
        sequence_list_add(&classic->arena, &classic->lists[at->items[at->len - 1]], next, 1,
                          CLASSIC_SUCCESSORS);
}

static uint32_t markov_predict(void *state, const struct eval_place *at,
                               struct sequence_guess guesses[EVAL_GUESSES])
{
    const struct classic *classic = state;
    const struct sequence_list *list = &classic->lists[at->items[at->len - 1]];
    uint32_t count = 0;
    for (; count < list->count && count < EVAL_GUESSES; count++) {
        const struct sequence_entry *entry = sequence_list_entries(&classic->arena, list) + count;
        guesses[count] =
            (struct sequence_guess){entry->item, (double)entry->count / (double)list->total};
    }
    return count;
}

static void pattern_learn(void *state, const struct eval_place *at, uint32_t next)
{
    (void)at;
    classic_pattern_learn(state, next);
}

static uint32_t pattern_predict(void *state, const struct eval_place *at,
                                struct sequence_guess guesses[EVAL_GUESSES])
{
    struct classic_request requests[CLASSIC_WINDOW];
    uint32_t count = classic_pattern(state, at->items[at->len - 1], requests);
    for (uint32_t i = 0; i < count; i++)
        guesses[i] = (struct sequence_guess){requests[i].item, requests[i].probability};
    return count;
}

static void user_learn(void *state, const struct eval_place *at, uint32_t next)
{
    if (at->len > 0)
        classic_user_learn(state, at->items[at->len - 1], next);
}

static uint32_t user_predict(void *state, const struct eval_place *at,
                             struct sequence_guess guesses[EVAL_GUESSES])
{
    struct classic_request requests[CLASSIC_TOP];
    uint32_t count = classic_user(state, at->items[at->len - 1], requests);
    for (uint32_t i = 0; i < count; i++)
        guesses[i] = (struct sequence_guess){requests[i].item, 0};
    return count;
}

/* ---- sequential ---- */

static enum fw_err sequential_create(void **state, const struct eval_start *start)
{
    const struct eval_sessions **sessions = malloc(sizeof(const struct eval_sessions *));
    *state = sessions;
    if (sessions)
        *sessions = start->sessions;
    return sessions ? FW_OK : FW_NOMEM;
}

static void sequential_learn(void *state, const struct eval_place *at, uint32_t next)
{
    (void)state, (void)at, (void)next;
}

/* A bare number 7 is taken as "item_7". */
static uint32_t sequential_predict(void *state, const struct eval_place *at,
                                   struct sequence_guess guesses[EVAL_GUESSES])
{
    const struct eval_sessions *sessions = *(const struct eval_sessions **)state;
    struct classic_name names[CLASSIC_LOOKAHEAD];
    char text[EVAL_WORD_MAX + 8];
    struct str word = table_key(&sessions->words, at->items[at->len - 1]);
    uint64_t number;
    size_t skip = str_to_uint64(word, &number) ? 5 : 0;
    snprintf(text, sizeof text, "%s%.*s", skip > 0 ? "item_" : "", STR_ARG(word));
    uint32_t count = classic_sequential(str_of(text), names);
    for (uint32_t i = 0; i < count; i++)
        guesses[i] =
            (struct sequence_guess){table_find(&sessions->words, str_of(names[i].text + skip)), 0};
    return count;
}

/* ---- repeat-last ---- */

static enum fw_err repeat_create(void **state, const struct eval_start *start)
{
    (void)start;
    *state = NULL;
    return FW_OK;
}

static uint32_t repeat_predict(void *state, const struct eval_place *at,
                               struct sequence_guess guesses[EVAL_GUESSES])
{
    (void)state;
    guesses[0] = (struct sequence_guess){at->items[at->len - 1], 0};
    return 1;
}

static uint64_t no_bytes(const void *state)
{
    (void)state;
    return 0;
}

const struct eval_predictor eval_predictors[] = {
    {"mix", mix_create, mix_free, mix_learn, mix_end, mix_predict, mix_adapt, mix_bytes, true},
    {"mix-user", own_create, own_free, own_learn, own_end, own_predict, own_adapt, own_bytes, true},
    {"markov1", lists_create, lists_free, markov_learn, NULL, markov_predict, NULL, lists_bytes,
     false},
    {"sequential", sequential_create, free, sequential_learn, NULL, sequential_predict, NULL,
     no_bytes, false},
    {"pattern", lists_create, lists_free, pattern_learn, NULL, pattern_predict, NULL, lists_bytes,
     false},
    {"user", lists_create, lists_free, user_learn, NULL, user_predict, NULL, lists_bytes, false},
    {"stride", eval_names_create, eval_names_free, eval_names_learn, eval_names_end,
     eval_names_predict, NULL, eval_names_bytes, false},
    {"repeat-last", repeat_create, free, sequential_learn, NULL, repeat_predict, NULL, no_bytes,
     false},
};
const size_t eval_predictor_count = sizeof eval_predictors / sizeof eval_predictors[0];
