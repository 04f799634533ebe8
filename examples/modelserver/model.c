/* SPDX-License-Identifier: MIT */
#include "model.h"

#include <cblas.h>
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct layer {
    const float *gate, *value, *out, *router; /* packed: columns x rows */
    const float **up, **down;                 /* one an expert */
};

struct model {
    const struct weights_plan *plan;
    char *path;
    float *loaded; /* as the file has them; NULL once packed */
    float *packed;
    const float *embedding, *head; /* both row by row, as the file has them */
    struct layer *layers;
    float *scratch; /* MODEL_ROWS_MAX x (8 width + experts) */
};

static float *pages_map(uint64_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

static void pages_unmap(float **pages, uint64_t bytes)
{
    if (*pages)
        munmap(*pages, bytes);
    *pages = NULL;
}

static uint32_t experts_of(const struct model *model)
{
    return model->plan->shape.experts;
}

struct model *model_create(const struct weights_plan *plan, const char *path)
{
    struct model *model = calloc(1, sizeof *model);
    if (!model)
        return NULL;
    model->plan = plan;
    model->path = strdup(path);
    model->layers = calloc(plan->shape.layers, sizeof *model->layers);
    bool good = model->path && model->layers;
    for (uint32_t l = 0; good && l < plan->shape.layers; l++) {
        model->layers[l].up = calloc(plan->shape.experts, sizeof(float *));
        model->layers[l].down = calloc(plan->shape.experts, sizeof(float *));
        good = model->layers[l].up && model->layers[l].down;
    }
    if (!good)
        model_destroy(model);
    /* One thread: the other cores belong to the other models, and sums keep their order. */
    openblas_set_num_threads(1);
    return good ? model : NULL;
}

void model_destroy(struct model *model)
{
    if (!model)
        return;
    model_unload(model);
    for (uint32_t l = 0; model->layers && l < model->plan->shape.layers; l++) {
        free(model->layers[l].up);
        free(model->layers[l].down);
    }
    free(model->layers);
    free(model->path);
    free(model);
}

bool model_is_loaded(const struct model *model)
{
    return model->loaded || model->packed;
}

bool model_is_packed(const struct model *model)
{
    return model->packed != NULL && model->loaded == NULL;
}

uint64_t model_bytes(const struct model *model)
{
    return model_is_loaded(model) ? weights_bytes(model->plan) : 0;
}

uint32_t model_width(const struct model *model)
{
    return model->plan->shape.width;
}

size_t model_state_floats(const struct model *model)
{
    return (size_t)model->plan->shape.layers * model->plan->shape.width;
}

bool model_load(struct model *model, const atomic_bool *stop, atomic_uint *progress,
                char error[WEIGHTS_ERROR_MAX])
{
    if (model_is_loaded(model))
        return true;
    if (!weights_create(model->path, model->plan, stop, error))
        return false;
    model->loaded = pages_map(weights_bytes(model->plan));
    if (!model->loaded) {
        snprintf(error, WEIGHTS_ERROR_MAX, "no memory for %llu bytes of weights",
                 (unsigned long long)weights_bytes(model->plan));
        return false;
    }
    if (weights_read(model->path, model->plan, model->loaded, stop, progress, error))
        return true;
    model_unload(model);
    return false;
}

/* out (columns x rows) = in (rows x columns) turned, in tiles that fit the first-level cache. */
static void transpose(const float *in, uint32_t rows, uint32_t columns, float *out)
{
    enum { TILE = 32 };
    for (uint32_t row0 = 0; row0 < rows; row0 += TILE)
        for (uint32_t column0 = 0; column0 < columns; column0 += TILE)
            for (uint32_t column = column0; column < column0 + TILE && column < columns; column++)
                for (uint32_t row = row0; row < row0 + TILE && row < rows; row++)
                    out[(size_t)column * rows + row] = in[(size_t)row * columns + column];
}

static void place(struct model *model, const struct weights_tensor *tensor, const float *at)
{
    struct layer *layer = &model->layers[tensor->layer];
    switch (tensor->kind) {
    case WEIGHTS_GATE:
        layer->gate = at;
        break;
    case WEIGHTS_VALUE:
        layer->value = at;
        break;
    case WEIGHTS_OUT:
        layer->out = at;
        break;
    case WEIGHTS_ROUTER:
        layer->router = at;
        break;
    case WEIGHTS_UP:
        layer->up[tensor->expert] = at;
        break;
    case WEIGHTS_DOWN:
        layer->down[tensor->expert] = at;
        break;
    case WEIGHTS_EMBEDDING:
        model->embedding = at;
        break;
    case WEIGHTS_HEAD:
        model->head = at;
        break;
    }
}

bool model_pack(struct model *model, char error[WEIGHTS_ERROR_MAX])
{
    if (model_is_packed(model))
        return true;
    const struct weights_plan *plan = model->plan;
    size_t scratch = (size_t)MODEL_ROWS_MAX * (8 * (size_t)plan->shape.width + plan->shape.experts);
    model->scratch = calloc(scratch, sizeof(float));
    model->packed = pages_map(weights_bytes(plan));
    if (!model->scratch || !model->packed) {
        snprintf(error, WEIGHTS_ERROR_MAX, "no memory to pack %llu bytes of weights",
                 (unsigned long long)weights_bytes(plan));
        model_unload(model);
        return false;
    }
    for (uint32_t t = 0; t < plan->count; t++) {
        const struct weights_tensor *tensor = &plan->tensors[t];
        float *from = model->loaded + tensor->offset, *to = model->packed + tensor->offset;
        size_t bytes = (size_t)tensor->rows * tensor->columns * sizeof(float);
        if (tensor->kind == WEIGHTS_EMBEDDING ||
            tensor->kind == WEIGHTS_HEAD) /* read row by row: they stay */
            memcpy(to, from, bytes);
        else
            transpose(from, tensor->rows, tensor->columns, to);
        /* What is packed is given back at once: memory never holds the weights twice. */
        madvise(from, bytes, MADV_DONTNEED);
        place(model, tensor, to);
    }
    pages_unmap(&model->loaded, weights_bytes(plan));
    return true;
}

void model_unload(struct model *model)
{
    pages_unmap(&model->loaded, weights_bytes(model->plan));
    pages_unmap(&model->packed, weights_bytes(model->plan));
    free(model->scratch);
    model->scratch = NULL;
    malloc_trim(0);
    weights_drop_cache(model->path);
}

/* --- forward --- */

/* y (count x rows) = x (count x columns) times a packed matrix (columns x rows). */
static void product(const float *x, uint32_t count, uint32_t columns, const float *matrix,
                    uint32_t rows, bool together, float *y)
{
    if (together) {
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)count, (int)rows, (int)columns,
                    1.0F, x, (int)columns, matrix, (int)rows, 0.0F, y, (int)rows);
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        cblas_sgemv(CblasRowMajor, CblasTrans, (int)columns, (int)rows, 1.0F, matrix, (int)rows,
                    x + (size_t)i * columns, 1, 0.0F, y + (size_t)i * rows, 1);
}

static void normalise(const float *x, uint32_t count, uint32_t width, float *y)
{
    for (uint32_t i = 0; i < count; i++, x += width, y += width) {
        float sum = 0;
        for (uint32_t k = 0; k < width; k++)
            sum += x[k] * x[k];
        float scale = 1.0F / sqrtf(sum / (float)width + 1e-6F);
        for (uint32_t k = 0; k < width; k++)
            y[k] = scale * x[k];
    }
}

static void add(float *x, const float *y, size_t count)
{
    for (size_t i = 0; i < count; i++)
        x[i] += y[i];
}

/* state = (1 - z) state + z value, one token after the other; the new states replace `value`. */
static void recur(const struct model_row *rows, uint32_t count, uint32_t layer, uint32_t width,
                  const float *gate, float *value)
{
    for (uint32_t i = 0; i < count; i++, gate += width, value += width) {
        float *state = rows[i].state + (size_t)layer * width;
        for (uint32_t k = 0; k < width; k++) {
            float z = 1.0F / (1.0F + expf(-gate[k]));
            state[k] += z * (value[k] - state[k]);
            value[k] = state[k];
        }
    }
}

static uint32_t largest(const float *values, uint32_t count)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < count; i++)
        if (values[i] > values[best])
            best = i;
    return best;
}

/* Each row goes to the expert its router prefers; the rows of one expert go through it in one
 * product. */
static void experts(struct model *model, const struct layer *layer, const float *x, uint32_t count,
                    bool together, float *scores, float *gathered, float *hidden, float *y)
{
    uint32_t width = model_width(model), all = experts_of(model);
    uint32_t chosen[MODEL_ROWS_MAX], members[MODEL_ROWS_MAX];
    product(x, count, width, layer->router, all, together, scores);
    for (uint32_t i = 0; i < count; i++)
        chosen[i] = largest(scores + (size_t)i * all, all);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t expert = chosen[i], member_count = 0;
        if (expert == UINT32_MAX)
            continue;
        for (uint32_t j = i; j < count; j++)
            if (chosen[j] == expert) {
                memcpy(gathered + (size_t)member_count * width, x + (size_t)j * width,
                       width * sizeof(float));
                members[member_count++] = j;
                chosen[j] = UINT32_MAX;
            }
        product(gathered, member_count, width, layer->up[expert], 2 * width, together, hidden);
        for (size_t k = 0; k < (size_t)member_count * 2 * width; k++)
            hidden[k] = hidden[k] > 0 ? hidden[k] : 0;
        product(hidden, member_count, 2 * width, layer->down[expert], width, together, gathered);
        for (uint32_t m = 0; m < member_count; m++)
            memcpy(y + (size_t)members[m] * width, gathered + (size_t)m * width,
                   width * sizeof(float));
    }
}

void model_forward(struct model *model, const struct model_row *rows, uint32_t count, bool together,
                   float *out)
{
    uint32_t width = model_width(model);
    size_t block = (size_t)MODEL_ROWS_MAX * width;
    float *x = model->scratch, *normed = x + block, *a = normed + block, *b = a + block;
    float *gathered = b + block, *hidden = gathered + block, *scores = hidden + 2 * block;
    float unit = sqrtf((float)width);
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < width; k++)
            x[(size_t)i * width + k] = unit * model->embedding[(size_t)rows[i].token * width + k];
    for (uint32_t l = 0; l < model->plan->shape.layers; l++) {
        const struct layer *layer = &model->layers[l];
        normalise(x, count, width, normed);
        product(normed, count, width, layer->gate, width, together, a);
        product(normed, count, width, layer->value, width, together, b);
        recur(rows, count, l, width, a, b);
        product(b, count, width, layer->out, width, together, a);
        add(x, a, (size_t)count * width);
        normalise(x, count, width, normed);
        experts(model, layer, normed, count, together, scores, gathered, hidden, a);
        add(x, a, (size_t)count * width);
    }
    normalise(x, count, width, out);
}

void model_logits(struct model *model, const float *hidden, float *logits)
{
    uint32_t width = model_width(model);
    cblas_sgemv(CblasRowMajor, CblasNoTrans, (int)model->plan->shape.vocabulary, (int)width, 1.0F,
                model->head, (int)width, hidden, 1, 0.0F, logits, 1);
}
