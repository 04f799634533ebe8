/* SPDX-License-Identifier: MIT */
#include "weights.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum {
    BLOCK_WEIGHTS = 32,
    BLOCK_BYTES = 2 + BLOCK_WEIGHTS, /* scale as the upper half of a float, then 8 bits a weight */
    CHUNK_BLOCKS = 4096,
    CHUNK_WEIGHTS = CHUNK_BLOCKS * BLOCK_WEIGHTS,
    CHUNK_BYTES = CHUNK_BLOCKS * BLOCK_BYTES,
    HEADER_BYTES = 64,
    CHUNK_HEAD_BYTES = 8, /* stored length, CRC-32 of what is stored */
    PAGE_FLOATS = 4096 / sizeof(float),
};
static const char magic[8] = "FWMODEL";
static const uint32_t version = 1;

static bool fail(char error[WEIGHTS_ERROR_MAX], const char *path, const char *what)
{
    snprintf(error, WEIGHTS_ERROR_MAX, "%.400s: %s", path, what);
    return false;
}

static bool fail_errno(char error[WEIGHTS_ERROR_MAX], const char *path, const char *doing)
{
    snprintf(error, WEIGHTS_ERROR_MAX, "%.380s: %s: %.80s", path, doing, strerror(errno));
    return false;
}

/* --- the plan --- */

static uint64_t layer_floats(uint32_t width, uint32_t experts)
{
    uint64_t square = (uint64_t)width * width;
    return 3 * square + (uint64_t)experts * width + experts * 4 * square;
}

bool weights_shape_for(uint64_t bytes, uint32_t layers, uint32_t width, uint32_t vocabulary,
                       uint64_t seed, struct weights_shape *shape, char error[WEIGHTS_ERROR_MAX])
{
    *shape = (struct weights_shape){layers, width, 1, vocabulary, seed};
    if (layers == 0 || layers > WEIGHTS_LAYERS_MAX || width < 64 || width > WEIGHTS_WIDTH_MAX ||
        width % 64 != 0) {
        snprintf(error, WEIGHTS_ERROR_MAX,
                 "found %u layers of width %u, expected 1 to %d layers and a width from 64 to %d "
                 "that 64 divides",
                 layers, width, WEIGHTS_LAYERS_MAX, WEIGHTS_WIDTH_MAX);
        return false;
    }
    uint64_t least =
        (2 * (uint64_t)vocabulary * width + layers * layer_floats(width, 1)) * sizeof(float);
    if (bytes < least) {
        snprintf(error, WEIGHTS_ERROR_MAX,
                 "found a size of %llu bytes, expected at least %llu for %u layers of width %u",
                 (unsigned long long)bytes, (unsigned long long)least, layers, width);
        return false;
    }
    uint64_t expert = layers * (layer_floats(width, 2) - layer_floats(width, 1)) * sizeof(float);
    uint64_t experts = 1 + (bytes - least + expert / 2) / expert;
    if (experts > WEIGHTS_EXPERTS_MAX) {
        snprintf(error, WEIGHTS_ERROR_MAX,
                 "this size needs %llu experts a layer, expected at most %d: choose a larger width",
                 (unsigned long long)experts, WEIGHTS_EXPERTS_MAX);
        return false;
    }
    shape->experts = (uint32_t)experts;
    return true;
}

static void plan_add(struct weights_plan *plan, enum weights_kind kind, uint32_t layer,
                     uint32_t expert, uint32_t rows, uint32_t columns)
{
    plan->tensors[plan->count++] =
        (struct weights_tensor){kind, layer, expert, rows, columns, plan->floats};
    uint64_t floats = (uint64_t)rows * columns;
    plan->floats += (floats + PAGE_FLOATS - 1) / PAGE_FLOATS * PAGE_FLOATS;
}

bool weights_plan_init(struct weights_plan *plan, const struct weights_shape *shape)
{
    uint32_t width = shape->width, experts = shape->experts;
    *plan = (struct weights_plan){.shape = *shape};
    plan->tensors = calloc(2 + shape->layers * (4 + 2 * (size_t)experts), sizeof *plan->tensors);
    if (!plan->tensors)
        return false;
    plan_add(plan, WEIGHTS_EMBEDDING, 0, 0, shape->vocabulary, width);
    plan_add(plan, WEIGHTS_HEAD, 0, 0, shape->vocabulary, width);
    for (uint32_t layer = 0; layer < shape->layers; layer++) {
        plan_add(plan, WEIGHTS_GATE, layer, 0, width, width);
        plan_add(plan, WEIGHTS_VALUE, layer, 0, width, width);
        plan_add(plan, WEIGHTS_OUT, layer, 0, width, width);
        plan_add(plan, WEIGHTS_ROUTER, layer, 0, experts, width);
        for (uint32_t expert = 0; expert < experts; expert++) {
            plan_add(plan, WEIGHTS_UP, layer, expert, 2 * width, width);
            plan_add(plan, WEIGHTS_DOWN, layer, expert, width, 2 * width);
        }
    }
    return true;
}

void weights_plan_fini(struct weights_plan *plan)
{
    free(plan->tensors);
    *plan = (struct weights_plan){0};
}

uint64_t weights_bytes(const struct weights_plan *plan)
{
    return plan->floats * sizeof(float);
}

/* --- little-endian bytes --- */

static void put32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static uint32_t get32(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static void header_make(uint8_t head[HEADER_BYTES], const struct weights_shape *shape)
{
    memset(head, 0, HEADER_BYTES);
    memcpy(head, magic, sizeof magic);
    put32(head + 8, version);
    put32(head + 12, shape->layers);
    put32(head + 16, shape->width);
    put32(head + 20, shape->experts);
    put32(head + 24, shape->vocabulary);
    put32(head + 28, (uint32_t)shape->seed);
    put32(head + 32, (uint32_t)(shape->seed >> 32));
    put32(head + HEADER_BYTES - 4, (uint32_t)crc32(0, head, HEADER_BYTES - 4));
}

static bool header_check(const uint8_t head[HEADER_BYTES], const struct weights_shape *shape,
                         const char *path, char error[WEIGHTS_ERROR_MAX])
{
    uint8_t expected[HEADER_BYTES];
    header_make(expected, shape);
    if (memcmp(head, magic, sizeof magic) != 0)
        return fail(error, path,
                    "not a weights file of this server; name another path, it was left as it is");
    if (get32(head + HEADER_BYTES - 4) != (uint32_t)crc32(0, head, HEADER_BYTES - 4))
        return fail(error, path, "its header is damaged; delete it and it will be made anew");
    if (get32(head + 8) != version)
        return fail(error, path, "written by another version; delete it and it will be made anew");
    if (memcmp(head, expected, HEADER_BYTES) != 0) {
        snprintf(error, WEIGHTS_ERROR_MAX,
                 "%s: holds %u layers of width %u with %u experts (seed %u), expected %u, %u, %u "
                 "(seed %u); delete it, or name another path",
                 path, get32(head + 12), get32(head + 16), get32(head + 20), get32(head + 28),
                 shape->layers, shape->width, shape->experts, (uint32_t)shape->seed);
        return false;
    }
    return true;
}

/* --- numbers --- */

/* SplitMix64 (Steele, Lea and Flood, 2014). */
static uint64_t mix(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* A mean of four uniform bytes is near enough to normal: mean 0, standard deviation about 37. */
static int8_t draw(uint32_t bits)
{
    int sum =
        (int)(bits & 255) + (int)(bits >> 8 & 255) + (int)(bits >> 16 & 255) + (int)(bits >> 24);
    return (int8_t)((sum - 510) / 4);
}

static uint16_t scale_of(const struct weights_tensor *tensor)
{
    /* Outputs of unit variance for inputs of unit variance; the head spreads its scores a little
     * more. */
    float gain = tensor->kind == WEIGHTS_HEAD ? 3.0F : 1.0F;
    float scale = gain / (37.0F * sqrtf((float)tensor->columns));
    uint32_t bits;
    memcpy(&bits, &scale, sizeof bits);
    return (uint16_t)(bits >> 16);
}

static size_t chunk_make(const struct weights_shape *shape, const struct weights_tensor *tensor,
                         uint32_t tensor_number, uint64_t first, uint8_t *raw)
{
    uint64_t left = (uint64_t)tensor->rows * tensor->columns - first;
    size_t blocks = (size_t)(left < CHUNK_WEIGHTS ? left / BLOCK_WEIGHTS : CHUNK_BLOCKS);
    uint16_t scale = scale_of(tensor);
    uint64_t state =
        shape->seed * UINT64_C(0xd1342543de82ef95) + ((uint64_t)tensor_number << 40) + first;
    for (size_t b = 0; b < blocks; b++) {
        uint8_t *block = raw + b * BLOCK_BYTES;
        block[0] = (uint8_t)scale;
        block[1] = (uint8_t)(scale >> 8);
        for (int i = 0; i < BLOCK_WEIGHTS; i += 2) {
            uint64_t bits = mix(&state);
            block[2 + i] = (uint8_t)draw((uint32_t)bits);
            block[3 + i] = (uint8_t)draw((uint32_t)(bits >> 32));
        }
    }
    return blocks * BLOCK_BYTES;
}

static void chunk_unpack(const uint8_t *raw, size_t len, float *out)
{
    for (size_t at = 0; at < len; at += BLOCK_BYTES) {
        uint32_t bits = (uint32_t)(raw[at] | raw[at + 1] << 8) << 16;
        float scale;
        memcpy(&scale, &bits, sizeof scale);
        const int8_t *values = (const int8_t *)raw + at + 2;
        for (int i = 0; i < BLOCK_WEIGHTS; i++)
            *out++ = scale * (float)values[i];
    }
}

/* --- writing --- */

static bool write_chunk(FILE *file, z_stream *zip, const uint8_t *raw, size_t len, uint8_t *stored,
                        size_t stored_max)
{
    if (deflateReset(zip) != Z_OK)
        return false;
    zip->next_in = (uint8_t *)raw;
    zip->avail_in = (uInt)len;
    zip->next_out = stored + CHUNK_HEAD_BYTES;
    zip->avail_out = (uInt)(stored_max - CHUNK_HEAD_BYTES);
    if (deflate(zip, Z_FINISH) != Z_STREAM_END)
        return false;
    uint32_t stored_len = (uint32_t)zip->total_out;
    put32(stored, stored_len);
    put32(stored + 4, (uint32_t)crc32(0, stored + CHUNK_HEAD_BYTES, stored_len));
    return fwrite(stored, 1, CHUNK_HEAD_BYTES + stored_len, file) == CHUNK_HEAD_BYTES + stored_len;
}

static bool write_all(FILE *file, z_stream *zip, const struct weights_plan *plan,
                      const atomic_bool *stop)
{
    size_t stored_max = CHUNK_HEAD_BYTES + deflateBound(zip, CHUNK_BYTES);
    uint8_t *raw = malloc(CHUNK_BYTES), *stored = malloc(stored_max);
    uint8_t head[HEADER_BYTES];
    header_make(head, &plan->shape);
    bool good = raw && stored && fwrite(head, 1, sizeof head, file) == sizeof head;
    for (uint32_t t = 0; good && t < plan->count; t++) {
        const struct weights_tensor *tensor = &plan->tensors[t];
        uint64_t floats = (uint64_t)tensor->rows * tensor->columns;
        for (uint64_t first = 0; good && first < floats; first += CHUNK_WEIGHTS) {
            size_t len = chunk_make(&plan->shape, tensor, t, first, raw);
            good = !atomic_load(stop) && write_chunk(file, zip, raw, len, stored, stored_max);
        }
    }
    free(raw);
    free(stored);
    return good && fflush(file) == 0 && fsync(fileno(file)) == 0;
}

static bool sync_folder(const char *path)
{
    char folder[4096];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1,
             slash ? path : ".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return good;
}

bool weights_create(const char *path, const struct weights_plan *plan, const atomic_bool *stop,
                    char error[WEIGHTS_ERROR_MAX])
{
    char temporary[4096];
    if (access(path, F_OK) == 0)
        return true;
    if (snprintf(temporary, sizeof temporary, "%s.%ld.tmp", path, (long)getpid()) >=
        (int)sizeof temporary)
        return fail(error, path, "this path is too long");
    FILE *file = fopen(temporary, "wbe");
    if (!file)
        return fail_errno(error, temporary, "cannot be made");
    /* Noise has no repeated strings to find, only unequal bytes: Huffman coding alone gets all
     * there is to get. */
    z_stream zip = {0};
    errno = 0;
    bool good = deflateInit2(&zip, 1, Z_DEFLATED, -15, 9, Z_HUFFMAN_ONLY) == Z_OK &&
                write_all(file, &zip, plan, stop);
    if (!good)
        fail_errno(error, temporary, "cannot be written");
    deflateEnd(&zip);
    if (fclose(file) != 0 && good)
        good = fail_errno(error, temporary, "cannot be written");
    if (good && rename(temporary, path) != 0)
        good = fail_errno(error, path, "cannot be named");
    if (good && !sync_folder(path))
        good = fail_errno(error, path, "its folder cannot be written to disk");
    if (!good)
        unlink(temporary);
    return good;
}

/* --- reading --- */

struct reader {
    FILE *file;
    z_stream zip;
    uint8_t *stored, *raw;
    size_t stored_max;
    const char *path;
    char *error;
};

static bool read_damaged(struct reader *reader, uint32_t tensor, const char *what)
{
    if (ferror(reader->file))
        return fail_errno(reader->error, reader->path, "cannot be read");
    snprintf(reader->error, WEIGHTS_ERROR_MAX,
             "%s: tensor %u: %s; delete the file and it will be made anew", reader->path, tensor,
             what);
    return false;
}

static bool read_chunk(struct reader *reader, uint32_t tensor, size_t weights, float *out)
{
    uint8_t head[CHUNK_HEAD_BYTES];
    size_t raw_len = weights / BLOCK_WEIGHTS * BLOCK_BYTES;
    if (fread(head, 1, sizeof head, reader->file) != sizeof head)
        return read_damaged(reader, tensor, "the file ends early");
    uint32_t stored_len = get32(head);
    if (stored_len > reader->stored_max)
        return read_damaged(reader, tensor, "a chunk is longer than chunks can be");
    if (fread(reader->stored, 1, stored_len, reader->file) != stored_len)
        return read_damaged(reader, tensor, "the file ends early");
    if ((uint32_t)crc32(0, reader->stored, stored_len) != get32(head + 4))
        return read_damaged(reader, tensor, "a checksum differs");
    z_stream *zip = &reader->zip;
    if (inflateReset(zip) != Z_OK)
        return read_damaged(reader, tensor, "out of memory");
    zip->next_in = reader->stored;
    zip->avail_in = stored_len;
    zip->next_out = reader->raw;
    zip->avail_out = (uInt)raw_len;
    if (inflate(zip, Z_FINISH) != Z_STREAM_END || zip->total_out != raw_len)
        return read_damaged(reader, tensor, "a chunk does not unpack");
    chunk_unpack(reader->raw, raw_len, out);
    return true;
}

static bool read_all(struct reader *reader, const struct weights_plan *plan, float *floats,
                     const atomic_bool *stop, atomic_uint *progress)
{
    uint8_t head[HEADER_BYTES];
    if (fread(head, 1, sizeof head, reader->file) != sizeof head)
        return fail(reader->error, reader->path,
                    "too short to be a weights file; delete it and it will be made anew");
    if (!header_check(head, &plan->shape, reader->path, reader->error))
        return false;
    for (uint32_t t = 0; t < plan->count; t++) {
        const struct weights_tensor *tensor = &plan->tensors[t];
        uint64_t count = (uint64_t)tensor->rows * tensor->columns;
        for (uint64_t first = 0; first < count; first += CHUNK_WEIGHTS) {
            size_t weights =
                (size_t)(count - first < CHUNK_WEIGHTS ? count - first : CHUNK_WEIGHTS);
            if (atomic_load(stop))
                return fail(reader->error, reader->path, "loading was stopped");
            if (!read_chunk(reader, t, weights, floats + tensor->offset + first))
                return false;
        }
        atomic_store(progress, (unsigned)((t + 1) * UINT64_C(1000) / plan->count));
    }
    return fgetc(reader->file) == EOF
               ? true
               : read_damaged(reader, plan->count, "there is more than expected");
}

bool weights_read(const char *path, const struct weights_plan *plan, float *floats,
                  const atomic_bool *stop, atomic_uint *progress, char error[WEIGHTS_ERROR_MAX])
{
    struct reader reader = {
        .path = path, .error = error, .stored_max = CHUNK_BYTES + CHUNK_BYTES / 8};
    reader.file = fopen(path, "rbe");
    if (!reader.file)
        return fail_errno(error, path, "cannot be opened");
    reader.stored = malloc(reader.stored_max);
    reader.raw = malloc(CHUNK_BYTES);
    bool good = false;
    if (!reader.stored || !reader.raw || inflateInit2(&reader.zip, -15) != Z_OK)
        fail(error, path, "out of memory");
    else
        good = read_all(&reader, plan, floats, stop, progress);
    inflateEnd(&reader.zip);
    free(reader.stored);
    free(reader.raw);
    fclose(reader.file);
    return good;
}

void weights_drop_cache(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
}
