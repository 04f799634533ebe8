/* SPDX-License-Identifier: MIT
 * vLLM's sleep mode (vllm/entrypoints/serve/sleep/api_router.py at 09cb327, docs/features/
 * sleep_mode.md at 01181dd): level 1 keeps the weights in host memory, level 2 drops them. For the
 * warmer of that kind and for levels of others. Its calls may answer before they are done, so
 * /is_sleeping is asked; sleeping aborts what runs, so nothing may be running; asked to sleep while
 * it sleeps, older ones crash. */
#ifndef FOREWARM_EDGE_VLLM_H
#define FOREWARM_EDGE_VLLM_H

#include "edge/warmers/warmer.h"

enum vllm_answer {
    VLLM_AWAKE,
    VLLM_ASLEEP,
    VLLM_SLEEPLESS, /* vLLM, without its sleep mode */
    VLLM_AWAY,      /* not there (yet) */
    VLLM_SILENT,    /* there, but too busy to answer */
    VLLM_WRONG      /* another server, or a dead engine: the detail says */
};
enum vllm_answer vllm_ask(struct warmer *warmer, struct fw_detail *detail);

/* See struct warmer_sleeper. Sleeping waits until nothing runs, at most stop_timeout. */
enum fw_err vllm_sleep(struct warmer *warmer, int depth, struct fw_detail *detail);
enum fw_err vllm_wake(struct warmer *warmer, int depth, struct fw_detail *detail);

#endif
