/* SPDX-License-Identifier: MIT
 * Events as rows of CSV with a header, in any order: the columns that hold item, user, session and
 * time are named by whoever asks. Brought into sessions and an order of time. */
#ifndef FOREWARM_CLI_EVAL_EVENTS_H
#define FOREWARM_CLI_EVAL_EVENTS_H

#include "cli/eval_sessions.h"

FW_MUST_CHECK enum fw_err eval_events_parse(struct eval_sessions *sessions, const char *name,
                                            struct str text, const struct eval_columns *columns,
                                            struct fw_detail *detail);

#endif
