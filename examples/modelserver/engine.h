/* SPDX-License-Identifier: MIT
 * The thread that owns the model. Jobs go in from the event loop; what they produce is read by the
 * loop as it comes. Sequences are answered together, a token each a step (continuous batching: Yu
 * et al., Orca, 2022). The model is loaded by the first job that needs it and packed by the first
 * forward pass: whoever comes first waits. */
#ifndef MODELSERVER_ENGINE_H
#define MODELSERVER_ENGINE_H

#include "model.h"
#include <uv.h>

enum {
    ENGINE_ACTIVE_MAX = 64,
    ENGINE_PROMPT_MAX = 4096,
    ENGINE_ANSWER_MAX = 4096,
    ENGINE_INPUTS_MAX = 256
};

enum job_kind { JOB_GENERATE, JOB_EMBED, JOB_LOAD, JOB_UNLOAD };
enum job_result { JOB_OPEN, JOB_LENGTH, JOB_STOP, JOB_DONE, JOB_FAILED, JOB_CANCELLED };

struct job_input {
    uint32_t *tokens;
    size_t count;
};

struct job {
    /* set by the loop before it hands the job over */
    enum job_kind kind;
    struct job_input *inputs; /* one for JOB_GENERATE, any number for JOB_EMBED */
    size_t input_count;
    uint32_t max_tokens;
    float temperature;
    uint64_t seed;
    void *owner; /* of the loop's; NULL once its client has left */
    atomic_bool cancelled;
    /* written by the engine: tokens below `produced` are there; after `result` is set it never
     * looks again */
    uint32_t *answer;
    atomic_uint produced;
    float *vectors;    /* JOB_EMBED: input_count x width */
    atomic_int result; /* enum job_result */
    char error[WEIGHTS_ERROR_MAX];
    /* the engine's own */
    float *state;
    uint64_t random;
    struct job *next;
    /* the loop's own */
    uint32_t taken;
    struct job *open_next;
};

struct job *job_create(enum job_kind kind, size_t inputs, uint32_t max_tokens);
void job_free(struct job *job);

struct engine_state {
    bool loading, loaded, packed;
    unsigned progress; /* thousandths of the load */
    uint64_t weights_bytes, loads, unloads, generated;
    double load_s, pack_s; /* the latest */
};

struct engine;
struct engine *engine_create(const struct weights_plan *plan, const char *path,
                             uv_async_t *progress);
void engine_submit(struct engine *engine, struct job *job);
void engine_state(struct engine *engine, struct engine_state *state);
uint32_t engine_width(const struct engine *engine);
/* Loads are stopped and jobs that wait are failed; sequences under way are finished. */
void engine_drain(struct engine *engine);
void engine_destroy(struct engine *engine); /* waits for the thread; open jobs get JOB_CANCELLED */

#endif
