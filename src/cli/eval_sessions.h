/* SPDX-License-Identifier: MIT
 * Session files: a session a line, its items separated by blanks, as words or numbers; plain or
 * zipped. */
#ifndef FOREWARM_CLI_EVAL_SESSIONS_H
#define FOREWARM_CLI_EVAL_SESSIONS_H

#include "base/err.h"
#include "base/table.h"
#include <stddef.h>
#include <stdint.h>

enum { EVAL_WORD_MAX = 255, EVAL_WORDS_MAX = 1 << 22, EVAL_EVENTS_MAX = 1 << 28 };

struct eval_sessions {
    struct table words; /* item -> its text */
    uint32_t *items;
    size_t item_count, item_capacity;
    size_t *starts; /* of each session in `items`; one more at the end */
    size_t count, start_capacity;
};

FW_MUST_CHECK enum fw_err eval_sessions_read(struct eval_sessions *sessions, const char *path,
                                             struct fw_detail *detail);
void eval_sessions_fini(struct eval_sessions *sessions);
static inline const uint32_t *eval_session(const struct eval_sessions *sessions, size_t number,
                                           uint32_t *len)
{
    *len = (uint32_t)(sessions->starts[number + 1] - sessions->starts[number]);
    return sessions->items + sessions->starts[number];
}

#endif
