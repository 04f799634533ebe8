/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { CAPACITY_MIN = 64 };

void buf_init(struct buf *buf, size_t max)
{
    *buf = (struct buf){.max = max < SIZE_MAX ? max : SIZE_MAX - 1};
}

void buf_fini(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf){0};
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    buf->failed = false;
    if (buf->data)
        buf->data[0] = '\0';
}

/* `needed` counts the NUL. Doubling keeps appending linear; the maximum keeps it bounded. */
static bool grow(struct buf *buf, size_t needed)
{
    size_t limit = buf->max + 1;
    size_t capacity = buf->capacity > limit / 2 ? limit : buf->capacity * 2;
    if (capacity < CAPACITY_MIN)
        capacity = CAPACITY_MIN;
    if (capacity < needed)
        capacity = needed;
    if (capacity > limit)
        capacity = limit;
    char *data = realloc(buf->data, capacity);
    if (!data)
        return false;
    buf->data = data;
    buf->capacity = capacity;
    return true;
}

char *buf_reserve(struct buf *buf, size_t more)
{
    if (buf->failed)
        return NULL;
    if (more > buf->max - buf->len) {
        buf->failed = true;
        return NULL;
    }
    size_t needed = buf->len + more + 1;
    if (needed > buf->capacity && !grow(buf, needed)) {
        buf->failed = true;
        return NULL;
    }
    buf->data[buf->len + more] = '\0'; /* right if the caller fills all of it */
    return buf->data + buf->len;
}

void buf_add(struct buf *buf, const void *data, size_t len)
{
    char *to = buf_reserve(buf, len);
    if (!to || len == 0)
        return;
    memcpy(to, data, len);
    buf->len += len;
}

void buf_add_str(struct buf *buf, struct str text)
{
    buf_add(buf, text.data, text.len);
}

void buf_add_text(struct buf *buf, const char *text)
{
    buf_add(buf, text, strlen(text));
}

void buf_add_char(struct buf *buf, char c)
{
    buf_add(buf, &c, 1);
}

void buf_printf(struct buf *buf, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *to = len >= 0 ? buf_reserve(buf, (size_t)len) : NULL;
    if (to) {
        (void)vsnprintf(to, (size_t)len + 1, fmt, again);
        buf->len += (size_t)len;
    } else {
        buf->failed = true;
    }
    va_end(again);
}

void buf_remove_front(struct buf *buf, size_t len)
{
    if (len > buf->len)
        len = buf->len;
    if (len == 0)
        return;
    buf->len -= len;
    memmove(buf->data, buf->data + len, buf->len + 1);
}

static void put(struct buf *buf, uint64_t value, size_t size)
{
    unsigned char bytes[8];
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(value >> (8 * i));
    buf_add(buf, bytes, size);
}

void buf_put_u8(struct buf *buf, uint8_t value)
{
    put(buf, value, 1);
}

void buf_put_u32(struct buf *buf, uint32_t value)
{
    put(buf, value, 4);
}

void buf_put_u64(struct buf *buf, uint64_t value)
{
    put(buf, value, 8);
}

void buf_put_i64(struct buf *buf, int64_t value)
{
    put(buf, (uint64_t)value, 8);
}

void buf_put_double(struct buf *buf, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put(buf, bits, 8);
}

void buf_put_float(struct buf *buf, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put(buf, bits, 4);
}

void buf_put_str(struct buf *buf, struct str text)
{
    if (text.len > UINT32_MAX) {
        buf->failed = true;
        return;
    }
    buf_put_u32(buf, (uint32_t)text.len);
    buf_add_str(buf, text);
}

static uint64_t get(struct buf_reader *reader, size_t size)
{
    if (reader->failed || reader->len - reader->at < size) {
        reader->failed = true;
        return 0;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)reader->data[reader->at + i] << (8 * i);
    reader->at += size;
    return value;
}

uint8_t buf_get_u8(struct buf_reader *reader)
{
    return (uint8_t)get(reader, 1);
}

uint32_t buf_get_u32(struct buf_reader *reader)
{
    return (uint32_t)get(reader, 4);
}

uint64_t buf_get_u64(struct buf_reader *reader)
{
    return get(reader, 8);
}

int64_t buf_get_i64(struct buf_reader *reader)
{
    return (int64_t)get(reader, 8);
}

double buf_get_double(struct buf_reader *reader)
{
    uint64_t bits = get(reader, 8);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

float buf_get_float(struct buf_reader *reader)
{
    uint32_t bits = (uint32_t)get(reader, 4);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

struct str buf_get_str(struct buf_reader *reader)
{
    size_t len = buf_get_u32(reader);
    if (reader->failed || reader->len - reader->at < len) {
        reader->failed = true;
        return (struct str){"", 0};
    }
    struct str text = {(const char *)reader->data + reader->at, len};
    reader->at += len;
    return text;
}
