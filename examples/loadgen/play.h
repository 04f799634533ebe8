/* SPDX-License-Identifier: MIT
 * Plays a trace in real time: every request leaves at its own moment, whatever became of the ones
 * before it (an open loop: a slow server does not slow its users down). One thread, libcurl's multi
 * interface. */
#ifndef LOADGEN_PLAY_H
#define LOADGEN_PLAY_H

#include "sim/replay.h"

enum { PLAY_EMBEDDINGS_MAX = 32, PLAY_STATE_MAX = 16 };

struct play_options {
    const char *base;                            /* "http://127.0.0.1:7700" */
    const char *embeddings[PLAY_EMBEDDINGS_MAX]; /* resources that are asked for embeddings, not for
                                                    chats */
    size_t embedding_count;
    const char *control;             /* forewarm's control plane: gets the hints */
    const struct replay_hint *hints; /* by time */
    size_t hint_count;
    double speed; /* 2: the trace in half its time */
    long max_tokens;
    long timeout_s; /* for a whole answer */
    bool stream, quiet;
};

struct play_result {     /* of one request of the trace */
    double sent_s;       /* since the start */
    double first_byte_s; /* from sending to the first byte of the answer */
    double total_s;
    double wait_s; /* x-forewarm-wait-ms: how long it was held; 0 when the header is missing */
    long status;   /* 0: no answer */
    char state[PLAY_STATE_MAX]; /* x-forewarm-state: warm, cold, fallback; "" when the header is
                                   missing */
    char error[96];             /* why there is no whole answer; "" there is one */
    uint64_t bytes;
};

/* Fills results, of which there is room for trace->count; `sent` of them are. False when libcurl
 * cannot be set up, or when `stop` was raised before the end. */
bool play(const struct trace *trace, const struct play_options *options,
          struct play_result *results, size_t *sent, const volatile int *stop);

#endif
