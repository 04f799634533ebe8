/* SPDX-License-Identifier: MIT */
#include "cli/eval_names.h"
#include "learn/sequence_names.h"
#include <stdlib.h>

enum { REPLAYED = 2 * NAMES_PATIENCE };

struct eval_names {
    const struct table *words;
    struct names *names;
    struct names_session **live; /* by session, NULL: not begun, or over */
    size_t live_max;
};

enum fw_err eval_names_create(void **state, const struct eval_start *start)
{
    struct eval_names *eval = calloc(1, sizeof *eval);
    *state = eval;
    if (!eval)
        return FW_NOMEM;
    eval->words = &start->sessions->words;
    eval->live_max = start->sessions->count;
    eval->live = calloc(eval->live_max, sizeof(struct names_session *));
    return eval->live ? names_create(&eval->names, 0) : FW_NOMEM;
}

static void forget(struct eval_names *eval, size_t session)
{
    if (eval->live[session])
        names_session_fini(eval->live[session]);
    free(eval->live[session]);
    eval->live[session] = NULL;
}

void eval_names_free(void *state)
{
    struct eval_names *eval = state;
    if (!eval)
        return;
    for (size_t i = 0; eval->live && i < eval->live_max; i++)
        forget(eval, i);
    free(eval->live);
    names_free(&eval->names);
    free(eval);
}

void eval_names_learn(void *state, const struct eval_place *at, uint32_t next)
{
    struct eval_names *eval = state;
    struct names_session **live = &eval->live[at->session];
    if (!*live) {
        *live = malloc(sizeof **live);
        if (!*live)
            return; /* what is not seen is not foretold */
        names_session_init(*live, eval->names);
    }
    names_observe(eval->names, *live, table_key(eval->words, next));
}

void eval_names_end(void *state, const struct eval_place *at)
{
    struct eval_names *eval = state;
    if (eval->live[at->session])
        names_end(eval->names, eval->live[at->session]);
    forget(eval, at->session);
}

/* Asked about items that were not learned from (a test that does not teach), the latest of them are
 * gone through again. */
uint32_t eval_names_predict(void *state, const struct eval_place *at,
                            struct sequence_guess guesses[EVAL_GUESSES])
{
    const struct eval_names *eval = state;
    struct names_guess found[EVAL_GUESSES];
    struct names_session again, *live = eval->live[at->session];
    bool in_step = live && live->count == at->len;
    names_session_init(&again, eval->names);
    for (uint32_t i = at->len > REPLAYED ? at->len - REPLAYED : 0; !in_step && i < at->len; i++)
        names_observe(NULL, &again, table_key(eval->words, at->items[i]));
    uint32_t count = names_predict(eval->names, in_step ? live : &again, found, EVAL_GUESSES, 1);
    names_session_fini(&again);
    for (uint32_t i = 0; i < count; i++)
        guesses[i] = (struct sequence_guess){
            table_find(eval->words, (struct str){found[i].text, found[i].len}),
            found[i].probability};
    return count;
}

uint64_t eval_names_bytes(const void *state)
{
    const struct eval_names *eval = state;
    uint64_t bytes = sizeof *eval->names;
    for (size_t i = 0; i < eval->live_max; i++)
        bytes += eval->live[i] ? names_session_bytes(eval->live[i]) : 0;
    return bytes;
}
