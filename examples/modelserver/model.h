/* SPDX-License-Identifier: MIT
 * A small recurrent network with experts. Per layer: a gated recurrence whose gate sees the input
 * alone (minGRU: Feng et al., "Were RNNs all we needed?", 2024), then one of many feed-forward
 * experts chosen by a router (Switch Transformer: Fedus et al., 2021). So most of the memory is
 * weights, as in the real ones, while a token takes milliseconds.
 *
 * Three stages, each real work: nothing -> loaded (file read and unpacked) -> packed (every matrix
 * transposed into the layout the products want, at the first inference). Not thread safe: one
 * thread owns a model. */
#ifndef MODELSERVER_MODEL_H
#define MODELSERVER_MODEL_H

#include "weights.h"

enum { MODEL_ROWS_MAX = 128 };

struct model;

struct model_row {
    uint32_t token;
    float *state; /* of the sequence the token belongs to: model_state_floats of them, zero at its
                     start */
};

struct model *model_create(const struct weights_plan *plan, const char *path);
void model_destroy(struct model *model);
/* All three return false with a sentence. */
bool model_load(struct model *model, const atomic_bool *stop, atomic_uint *progress,
                char error[WEIGHTS_ERROR_MAX]);
bool model_pack(struct model *model,
                char error[WEIGHTS_ERROR_MAX]); /* part of the first forward pass */
void model_unload(struct model *model);         /* gives the memory and the page cache back */
bool model_is_loaded(const struct model *model);
bool model_is_packed(const struct model *model);
uint64_t model_bytes(const struct model *model); /* of weights that are in memory */

uint32_t model_width(const struct model *model);
size_t model_state_floats(const struct model *model);
/* One step for up to MODEL_ROWS_MAX rows of a packed model. `together`: the rows are consecutive
 * tokens of one sequence and go through matrix products; otherwise each row goes alone, so that an
 * answer does not depend on what else is answered at the time. `out` (rows x width) gets the last
 * hidden vector, normalised. */
void model_forward(struct model *model, const struct model_row *rows, uint32_t count, bool together,
                   float *out);
/* Scores of every word for one such vector. */
void model_logits(struct model *model, const float *hidden, float *logits);

#endif
