/* SPDX-License-Identifier: MIT */
#include "cli/eval_names.h"
#include "learn/sequence_names.h"
#include <stdlib.h>

enum { REPLAYED = 2 * NAMES_PATIENCE };

struct eval_names {
    const struct table *words;
    struct names *names;
    struct names_session session;
    /* what the session has seen */
    const uint32_t *items;
    uint32_t len;
};

enum fw_err eval_names_create(void **state, const struct eval_start *start)
{
    struct eval_names *eval = calloc(1, sizeof *eval);
    *state = eval;
    if (!eval)
        return FW_NOMEM;
    eval->words = &start->sessions->words;
    FW_TRY(names_create(&eval->names, 0));
    names_session_init(&eval->session, eval->names);
    return FW_OK;
}

void eval_names_free(void *state)
{
    struct eval_names *eval = state;
    if (!eval)
        return;
    names_session_fini(&eval->session);
    names_free(&eval->names);
    free(eval);
}

void eval_names_learn(void *state, const uint32_t *items, uint32_t len, uint32_t next)
{
    struct eval_names *eval = state;
    names_observe(eval->names, &eval->session, table_key(eval->words, next));
    eval->items = items;
    eval->len = len + 1;
}

void eval_names_end(void *state, const uint32_t *items, uint32_t len)
{
    struct eval_names *eval = state;
    (void)items, (void)len;
    names_end(eval->names, &eval->session);
    eval->items = NULL;
    eval->len = 0;
}

/* Asked about other items than those last learned, the latest of them are gone through again. */
uint32_t eval_names_predict(void *state, const uint32_t *items, uint32_t len,
                            struct sequence_guess guesses[EVAL_GUESSES])
{
    const struct eval_names *eval = state;
    struct names_guess found[EVAL_GUESSES];
    struct names_session again;
    bool live = eval->items == items && eval->len == len;
    names_session_init(&again, eval->names);
    for (uint32_t i = len > REPLAYED ? len - REPLAYED : 0; !live && i < len; i++)
        names_observe(NULL, &again, table_key(eval->words, items[i]));
    uint32_t count =
        names_predict(eval->names, live ? &eval->session : &again, found, EVAL_GUESSES, 1);
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
    return sizeof *eval->names + names_session_bytes(&eval->session);
}
