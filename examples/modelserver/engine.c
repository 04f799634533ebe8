/* SPDX-License-Identifier: MIT */
#include "engine.h"
#include "words.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TOP_WORDS = 40 };

struct engine {
    struct model *model;
    const struct weights_plan *plan;
    uv_async_t *progress;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wanted;
    struct job *first, **last; /* waiting, oldest first */
    struct job *active[ENGINE_ACTIVE_MAX];
    uint32_t active_count;
    bool quit;
    atomic_bool stop; /* of loads */
    atomic_bool draining;
    atomic_uint load_progress;
    atomic_ullong generated;
    struct engine_state state; /* under the mutex */
    float *hidden;             /* MODEL_ROWS_MAX x width */
};

struct job *job_create(enum job_kind kind, size_t inputs, uint32_t max_tokens)
{
    struct job *job = calloc(1, sizeof *job);
    if (!job)
        return NULL;
    job->kind = kind;
    job->max_tokens = max_tokens;
    job->input_count = inputs;
    job->inputs = calloc(inputs + 1, sizeof *job->inputs);
    job->answer = calloc(max_tokens + 1, sizeof *job->answer);
    if (job->inputs && job->answer)
        return job;
    job_free(job);
    return NULL;
}

void job_free(struct job *job)
{
    if (!job)
        return;
    for (size_t i = 0; job->inputs && i < job->input_count; i++)
        free(job->inputs[i].tokens);
    free(job->inputs);
    free(job->answer);
    free(job->vectors);
    free(job->state);
    free(job);
}

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void finish(struct engine *engine, struct job *job, enum job_result result)
{
    free(job->state);
    job->state = NULL;
    atomic_store(&job->result, result);
    uv_async_send(engine->progress);
}

static void publish(struct engine *engine, bool loading)
{
    pthread_mutex_lock(&engine->mutex);
    engine->state.loading = loading;
    engine->state.loaded = model_is_loaded(engine->model);
    engine->state.packed = model_is_packed(engine->model);
    engine->state.weights_bytes = model_bytes(engine->model);
    pthread_mutex_unlock(&engine->mutex);
}

static bool load(struct engine *engine, char error[WEIGHTS_ERROR_MAX])
{
    if (model_is_loaded(engine->model))
        return true;
    atomic_store(&engine->load_progress, 0);
    publish(engine, true);
    double start = now_s();
    bool good = model_load(engine->model, &engine->stop, &engine->load_progress, error);
    pthread_mutex_lock(&engine->mutex);
    engine->state.load_s = now_s() - start;
    engine->state.loads += good;
    pthread_mutex_unlock(&engine->mutex);
    publish(engine, false);
    if (good)
        fprintf(stderr, "loaded in %.3f s\n", now_s() - start);
    else
        fprintf(stderr, "load failed after %.3f s: %s\n", now_s() - start, error);
    return good;
}

static bool pack(struct engine *engine, char error[WEIGHTS_ERROR_MAX])
{
    if (model_is_packed(engine->model))
        return true;
    double start = now_s();
    bool good = model_pack(engine->model, error);
    pthread_mutex_lock(&engine->mutex);
    engine->state.pack_s = now_s() - start;
    pthread_mutex_unlock(&engine->mutex);
    publish(engine, false);
    if (good)
        fprintf(stderr, "packed in %.3f s\n", now_s() - start);
    else
        fprintf(stderr, "packing failed after %.3f s: %s\n", now_s() - start, error);
    return good;
}

static void unload(struct engine *engine)
{
    bool had = model_is_loaded(engine->model);
    model_unload(engine->model);
    pthread_mutex_lock(&engine->mutex);
    engine->state.unloads += had;
    pthread_mutex_unlock(&engine->mutex);
    publish(engine, false);
}

/* --- sampling --- */

static double uniform(uint64_t *random)
{
    *random ^= *random << 13; /* xorshift64 (Marsaglia, 2003) */
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return (double)(*random >> 11) * 0x1p-53;
}

static uint32_t sample(const float *logits, float temperature, uint64_t *random)
{
    uint32_t top[TOP_WORDS];
    double weights[TOP_WORDS], sum = 0;
    bool used[WORDS_COUNT] = {false};
    for (int i = 0; i < TOP_WORDS; i++) {
        uint32_t best = WORDS_COUNT;
        for (uint32_t w = 0; w < WORDS_COUNT; w++)
            if (!used[w] && (best == WORDS_COUNT || logits[w] > logits[best]))
                best = w;
        if (temperature <= 0)
            return best;
        used[best] = true;
        top[i] = best;
        weights[i] = exp((double)(logits[best] - logits[top[0]]) / (double)temperature);
        sum += weights[i];
    }
    double at = uniform(random) * sum;
    for (int i = 0; i < TOP_WORDS; i++)
        if ((at -= weights[i]) < 0)
            return top[i];
    return top[0];
}

/* The seed depends on the prompt, so that the same request always gets the same answer. */
static uint64_t seed_of(const struct job *job, const struct engine *engine)
{
    uint64_t hash = UINT64_C(1469598103934665603) ^ engine->plan->shape.seed;
    for (size_t i = 0; i < job->inputs[0].count; i++)
        hash = (hash ^ job->inputs[0].tokens[i]) * UINT64_C(1099511628211);
    hash = (hash ^ job->seed) * UINT64_C(1099511628211);
    return hash ? hash : 1;
}

/* Adds one word to the answer; true when the answer is complete. */
static bool extend(struct engine *engine, struct job *job, const float *hidden)
{
    float logits[WORDS_COUNT];
    model_logits(engine->model, hidden, logits);
    uint32_t token = sample(logits, job->temperature, &job->random);
    if (token == WORDS_END) {
        finish(engine, job, JOB_STOP);
        return true;
    }
    uint32_t produced = atomic_load(&job->produced);
    job->answer[produced++] = token;
    atomic_fetch_add(&engine->generated, 1);
    atomic_store(&job->produced, produced);
    if (produced == job->max_tokens) {
        finish(engine, job, JOB_LENGTH);
        return true;
    }
    uv_async_send(engine->progress);
    return false;
}

/* --- jobs --- */

/* Runs a prompt through the model. Returns the hidden vectors of its last chunk: `rows` of them. */
static uint32_t prefill(struct engine *engine, const struct job_input *input, float *state,
                        float *sum)
{
    uint32_t width = model_width(engine->model), rows = 0;
    for (size_t at = 0; at < input->count; at += rows) {
        struct model_row batch[MODEL_ROWS_MAX];
        rows = (uint32_t)(input->count - at < MODEL_ROWS_MAX ? input->count - at : MODEL_ROWS_MAX);
        for (uint32_t i = 0; i < rows; i++)
            batch[i] = (struct model_row){input->tokens[at + i], state};
        model_forward(engine->model, batch, rows, true, engine->hidden);
        for (size_t i = 0; sum && i < (size_t)rows * width; i++)
            sum[i % width] += engine->hidden[i];
    }
    return rows;
}

static void generate(struct engine *engine, struct job *job)
{
    job->state = calloc(model_state_floats(engine->model), sizeof(float));
    if (!job->state) {
        snprintf(job->error, sizeof job->error, "out of memory");
        finish(engine, job, JOB_FAILED);
        return;
    }
    job->random = seed_of(job, engine);
    uint32_t rows = prefill(engine, &job->inputs[0], job->state, NULL);
    const float *last = engine->hidden + (size_t)(rows - 1) * model_width(engine->model);
    if (!extend(engine, job, last))
        engine->active[engine->active_count++] = job;
}

static void embed(struct engine *engine, struct job *job)
{
    uint32_t width = model_width(engine->model);
    float *state = malloc(model_state_floats(engine->model) * sizeof(float));
    job->vectors = calloc(job->input_count, width * sizeof(float));
    if (!state || !job->vectors) {
        free(state);
        snprintf(job->error, sizeof job->error, "out of memory");
        finish(engine, job, JOB_FAILED);
        return;
    }
    for (size_t i = 0; i < job->input_count && !atomic_load(&job->cancelled); i++) {
        float *vector = job->vectors + i * width, length = 0;
        memset(state, 0, model_state_floats(engine->model) * sizeof(float));
        prefill(engine, &job->inputs[i], state, vector);
        for (uint32_t k = 0; k < width; k++)
            length += vector[k] * vector[k];
        for (uint32_t k = 0; k < width; k++)
            vector[k] /= sqrtf(length + 1e-12F);
    }
    free(state);
    finish(engine, job, JOB_DONE);
}

static void start(struct engine *engine, struct job *job)
{
    if (atomic_load(&job->cancelled)) {
        finish(engine, job, JOB_CANCELLED);
        return;
    }
    if (job->kind == JOB_UNLOAD) {
        unload(engine);
        finish(engine, job, JOB_DONE);
        return;
    }
    if (atomic_load(&engine->draining)) {
        snprintf(job->error, sizeof job->error, "the server is stopping");
        finish(engine, job, JOB_FAILED);
        return;
    }
    if (!load(engine, job->error) || (job->kind != JOB_LOAD && !pack(engine, job->error))) {
        finish(engine, job, JOB_FAILED);
        return;
    }
    if (job->kind == JOB_LOAD)
        finish(engine, job, JOB_DONE);
    else if (job->kind == JOB_EMBED)
        embed(engine, job);
    else
        generate(engine, job);
}

/* One more word for every sequence under way. */
static void step(struct engine *engine)
{
    struct model_row rows[ENGINE_ACTIVE_MAX];
    uint32_t width = model_width(engine->model), kept = 0;
    for (uint32_t i = 0; i < engine->active_count; i++) {
        struct job *job = engine->active[i];
        if (atomic_load(&job->cancelled))
            finish(engine, job, JOB_CANCELLED);
        else
            engine->active[kept++] = job;
    }
    engine->active_count = kept;
    for (uint32_t i = 0; i < kept; i++) {
        struct job *job = engine->active[i];
        rows[i] = (struct model_row){job->answer[atomic_load(&job->produced) - 1], job->state};
    }
    if (kept > 0)
        model_forward(engine->model, rows, kept, false, engine->hidden);
    uint32_t count = kept;
    kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct job *job = engine->active[i];
        if (!extend(engine, job, engine->hidden + (size_t)i * width))
            engine->active[kept++] = job;
    }
    engine->active_count = kept;
}

/* The oldest waiting job that may start now. An unload waits until nothing runs, and all behind it
 * wait too. */
static struct job *take(struct engine *engine)
{
    struct job *job = engine->first;
    bool may = job && engine->active_count < ENGINE_ACTIVE_MAX &&
               (job->kind != JOB_UNLOAD || engine->active_count == 0);
    if (!may)
        return NULL;
    engine->first = job->next;
    if (!engine->first)
        engine->last = &engine->first;
    return job;
}

static void *run(void *context)
{
    struct engine *engine = context;
    pthread_mutex_lock(&engine->mutex);
    while (!engine->quit) {
        struct job *job = take(engine);
        if (!job && engine->active_count == 0) {
            pthread_cond_wait(&engine->wanted, &engine->mutex);
            continue;
        }
        pthread_mutex_unlock(&engine->mutex);
        uint32_t before = engine->active_count;
        if (job)
            start(engine, job);
        if (engine->active_count > 0 && (!job || engine->active_count == before))
            step(engine);
        pthread_mutex_lock(&engine->mutex);
    }
    pthread_mutex_unlock(&engine->mutex);
    for (uint32_t i = 0; i < engine->active_count; i++)
        finish(engine, engine->active[i], JOB_CANCELLED);
    for (struct job *job = engine->first, *next; job; job = next) {
        next = job->next;
        finish(engine, job, JOB_CANCELLED);
    }
    return NULL;
}

struct engine *engine_create(const struct weights_plan *plan, const char *path,
                             uv_async_t *progress)
{
    struct engine *engine = calloc(1, sizeof *engine);
    if (!engine)
        return NULL;
    engine->plan = plan;
    engine->progress = progress;
    engine->last = &engine->first;
    engine->model = model_create(plan, path);
    engine->hidden = calloc((size_t)MODEL_ROWS_MAX * plan->shape.width, sizeof(float));
    pthread_mutex_init(&engine->mutex, NULL);
    pthread_cond_init(&engine->wanted, NULL);
    if (engine->model && engine->hidden && pthread_create(&engine->thread, NULL, run, engine) == 0)
        return engine;
    model_destroy(engine->model);
    free(engine->hidden);
    free(engine);
    return NULL;
}

void engine_submit(struct engine *engine, struct job *job)
{
    pthread_mutex_lock(&engine->mutex);
    job->next = NULL;
    *engine->last = job;
    engine->last = &job->next;
    pthread_cond_signal(&engine->wanted);
    pthread_mutex_unlock(&engine->mutex);
}

void engine_state(struct engine *engine, struct engine_state *state)
{
    pthread_mutex_lock(&engine->mutex);
    *state = engine->state;
    pthread_mutex_unlock(&engine->mutex);
    state->progress = atomic_load(&engine->load_progress);
    state->generated = atomic_load(&engine->generated);
}

uint32_t engine_width(const struct engine *engine)
{
    return model_width(engine->model);
}

void engine_drain(struct engine *engine)
{
    atomic_store(&engine->draining, true);
    atomic_store(&engine->stop, true);
}

void engine_destroy(struct engine *engine)
{
    if (!engine)
        return;
    engine_drain(engine);
    pthread_mutex_lock(&engine->mutex);
    engine->quit = true;
    pthread_cond_signal(&engine->wanted);
    pthread_mutex_unlock(&engine->mutex);
    pthread_join(engine->thread, NULL);
    model_destroy(engine->model);
    pthread_mutex_destroy(&engine->mutex);
    pthread_cond_destroy(&engine->wanted);
    free(engine->hidden);
    free(engine);
}
