/* SPDX-License-Identifier: MIT
 * A growable byte buffer with a stated maximum. Appending past the maximum, or when memory is
 * short, sets `failed` and leaves the content as it was: a writer may append freely and look once
 * at the end. */
#ifndef FOREWARM_BASE_BUF_H
#define FOREWARM_BASE_BUF_H

#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stddef.h>

struct buf {
    char *data; /* always NUL-terminated when not NULL; the NUL is not counted */
    size_t len;
    size_t capacity;
    size_t max;
    bool failed;
};

void buf_init(struct buf *buf, size_t max);
void buf_fini(struct buf *buf);  /* frees and zeroes; fine on a zeroed buffer */
void buf_clear(struct buf *buf); /* keeps the memory; clears `failed` */
/* Makes room for `more` bytes behind the content. NULL on failure, else where they go; the caller
 * then adds them to len. */
char *buf_reserve(struct buf *buf, size_t more);
void buf_add(struct buf *buf, const void *data, size_t len);
void buf_add_str(struct buf *buf, struct str text);
void buf_add_text(struct buf *buf, const char *text);
void buf_add_char(struct buf *buf, char c);
/* No floats, which would follow the locale: use str_from_double. */
void buf_printf(struct buf *buf, const char *fmt, ...) FW_PRINTF(2, 3);
void buf_remove_front(struct buf *buf, size_t len);
static inline struct str buf_str(const struct buf *buf)
{
    return (struct str){buf->data ? buf->data : "", buf->len};
}
/* Fixed-size binary, little-endian on every machine: what snapshots and journals are made of. */
void buf_put_u8(struct buf *buf, uint8_t value);
void buf_put_u32(struct buf *buf, uint32_t value);
void buf_put_u64(struct buf *buf, uint64_t value);
void buf_put_i64(struct buf *buf, int64_t value);
void buf_put_double(struct buf *buf, double value);
void buf_put_float(struct buf *buf, float value);
void buf_put_str(struct buf *buf, struct str text); /* u32 length, bytes */

/* Reading back: a cursor that remembers failure, so that a reader checks once at the end. */
struct buf_reader {
    const uint8_t *data;
    size_t len, at;
    bool failed; /* read past the end, or a reader's own sanity check */
};
uint8_t buf_get_u8(struct buf_reader *reader);
uint32_t buf_get_u32(struct buf_reader *reader);
uint64_t buf_get_u64(struct buf_reader *reader);
int64_t buf_get_i64(struct buf_reader *reader);
double buf_get_double(struct buf_reader *reader);
float buf_get_float(struct buf_reader *reader);
struct str buf_get_str(struct buf_reader *reader); /* points into the data */

#endif
