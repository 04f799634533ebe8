/* SPDX-License-Identifier: MIT
 * llama.cpp's server (tools/server/README.md at 00dc8057) and its sleep: with --sleep-idle-seconds
 * it frees the weights by itself when nothing came for so long, and any inference wakes it. /health
 * stays "ok" meanwhile, and asking /props or /models neither wakes it nor counts as use. For the
 * warmer of that kind and for levels of others. */
#ifndef FOREWARM_EDGE_LLAMA_H
#define FOREWARM_EDGE_LLAMA_H

#include "edge/warmers/warmer.h"

enum llama_answer {
    LLAMA_READY,
    LLAMA_LOADING,
    LLAMA_SLEEPING,
    LLAMA_AWAY,   /* not there (yet) */
    LLAMA_SILENT, /* there, but too busy to answer */
    LLAMA_WRONG   /* another server: the detail says */
};
/* A server of one model. */
enum llama_answer llama_ask(struct warmer *warmer, struct fw_detail *detail);
/* The smallest inference there is, into `body`; with a model's name for a router. */
void llama_write_inference(const struct warmer *warmer, bool with_model, struct buf *body);
/* Sends it and waits for the answer, whatever that is. */
FW_MUST_CHECK enum fw_err llama_infer(struct warmer *warmer, bool with_model,
                                      struct fw_detail *detail);

/* See struct warmer_sleeper. It falls asleep by itself: that is waited for. */
enum fw_err llama_sleep(struct warmer *warmer, int depth, struct fw_detail *detail);
enum fw_err llama_wake(struct warmer *warmer, int depth, struct fw_detail *detail);

/* The router's stream of events, told piece by piece. */
struct llama_events {
    const char *model;
    struct buf rest; /* the beginning of a line */
    int permille;    /* of the load; -1 not told */
    bool ended;      /* the load has: loaded, failed, unloaded, asleep */
};
enum { LLAMA_EVENT_MAX = 64 << 10 };
/* False: the load has ended. */
bool llama_take_events(void *events, struct str piece);

#endif
