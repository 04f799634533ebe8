/* SPDX-License-Identifier: MIT
 * Sessions to be scored. Either a session a line, its items separated by blanks, as words or
 * numbers; or CSV with a header, an event a row, whose columns are named. Plain or zipped. */
#ifndef FOREWARM_CLI_EVAL_SESSIONS_H
#define FOREWARM_CLI_EVAL_SESSIONS_H

#include "base/err.h"
#include "base/str.h"
#include "base/table.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EVAL_WORD_MAX = 255, EVAL_WORDS_MAX = 1 << 22, EVAL_EVENTS_MAX = 1 << 28 };

/* One item of a session, where it stands in time. */
struct eval_event {
    uint32_t session, position;
    int64_t at_ns; /* 0: the file has no times */
};
struct eval_sessions {
    struct table words; /* item -> its text */
    struct table users; /* none in a file of lines: there each session is its own user */
    uint32_t *items;
    size_t item_count, item_capacity;
    size_t *starts; /* of each session in `items`; one more at the end */
    size_t count, start_capacity;
    uint32_t *session_users;   /* NULL: as above */
    struct eval_event *events; /* in order of time; NULL: one session after the other */
    bool timed;
    uint64_t skipped; /* rows that could not be read */
};
struct eval_columns {
    char text[1024]; /* "item=C,user=C,session=C,time=C"; "" a file of lines */
    bool skip_bad_rows;
    int64_t idle_ns; /* a pause that ends a session; 0: none does */
};

FW_MUST_CHECK enum fw_err eval_sessions_read(struct eval_sessions *sessions, const char *path,
                                             const struct eval_columns *columns,
                                             struct fw_detail *detail);
/* From memory; `name` is for messages. */
FW_MUST_CHECK enum fw_err eval_sessions_parse(struct eval_sessions *sessions, const char *name,
                                              struct str text, const struct eval_columns *columns,
                                              struct fw_detail *detail);
void eval_sessions_fini(struct eval_sessions *sessions);
static inline const uint32_t *eval_session(const struct eval_sessions *sessions, size_t number,
                                           uint32_t *len)
{
    *len = (uint32_t)(sessions->starts[number + 1] - sessions->starts[number]);
    return sessions->items + sessions->starts[number];
}
/* The number of the word; errors name file and line. Shared by both formats. */
FW_MUST_CHECK enum fw_err eval_sessions_word(struct eval_sessions *sessions, struct str word,
                                             const char *path, size_t line, uint32_t *number,
                                             struct fw_detail *detail);

#endif
