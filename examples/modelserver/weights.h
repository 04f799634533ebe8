/* SPDX-License-Identifier: MIT
 * The weights file: seeded pseudo-random numbers for a small network, stored as a real one stores
 * them: 8-bit blocks of 32 with a scale each (as in llama.cpp's Q8_0), entropy coded in chunks,
 * every chunk with a checksum. Reading it back is real work: disk, checksum, inflate, dequantise.
 * Tensors come back as float, row by row.
 *
 * The file is made on first use, under a temporary name, and renamed once it is safely on disk. */
#ifndef MODELSERVER_WEIGHTS_H
#define MODELSERVER_WEIGHTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WEIGHTS_LAYERS_MAX = 64,
    WEIGHTS_EXPERTS_MAX = 4096,
    WEIGHTS_WIDTH_MAX = 8192,
    WEIGHTS_ERROR_MAX = 512
};

/* What is asked for. The number of experts follows from the size. */
struct weights_shape {
    uint32_t layers, width, experts, vocabulary;
    uint64_t seed;
};

/* Matrices of one layer, in the order of the file. */
enum weights_kind {
    WEIGHTS_GATE,      /* width x width */
    WEIGHTS_VALUE,     /* width x width */
    WEIGHTS_OUT,       /* width x width */
    WEIGHTS_ROUTER,    /* experts x width */
    WEIGHTS_UP,        /* 2 width x width, one an expert */
    WEIGHTS_DOWN,      /* width x 2 width, one an expert */
    WEIGHTS_EMBEDDING, /* vocabulary x width, once, first: a word's vector */
    WEIGHTS_HEAD,      /* vocabulary x width, once, second: what speaks for a word */
};

struct weights_tensor {
    enum weights_kind kind;
    uint32_t layer, expert;
    uint32_t rows, columns;
    uint64_t offset; /* of its first float; a multiple of a page of floats */
};

struct weights_plan {
    struct weights_shape shape;
    struct weights_tensor *tensors;
    uint32_t count;
    uint64_t floats; /* in all, with padding */
};

/* The shape that comes closest to `bytes` of float weights. */
bool weights_shape_for(uint64_t bytes, uint32_t layers, uint32_t width, uint32_t vocabulary,
                       uint64_t seed, struct weights_shape *shape, char error[WEIGHTS_ERROR_MAX]);
/* Where every tensor lies in memory. */
bool weights_plan_init(struct weights_plan *plan, const struct weights_shape *shape);
void weights_plan_fini(struct weights_plan *plan);
uint64_t weights_bytes(const struct weights_plan *plan);

/* Makes the file unless it is there. */
bool weights_create(const char *path, const struct weights_plan *plan, const atomic_bool *stop,
                    char error[WEIGHTS_ERROR_MAX]);
/* Reads the whole file into `floats` (plan->floats of them). `progress` counts thousandths. */
bool weights_read(const char *path, const struct weights_plan *plan, float *floats,
                  const atomic_bool *stop, atomic_uint *progress, char error[WEIGHTS_ERROR_MAX]);
/* Asks the kernel to forget the file's pages, so that the next load reads the disk again. */
void weights_drop_cache(const char *path);

#endif
