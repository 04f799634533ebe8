/* SPDX-License-Identifier: MIT
 * What will be read soon, brought near while something else is done: with more resources than the
 * processor's caches hold, waiting for memory is most of what an event costs. Changes nothing but
 * the time it takes. */
#ifndef FOREWARM_BASE_FETCH_H
#define FOREWARM_BASE_FETCH_H

#include <stddef.h>

enum { FETCH_LINE_BYTES = 64 };

static inline void fetch(const void *object, size_t bytes)
{
    const char *at = object;
    if (bytes == 0 || !object)
        return;
    __asm__ volatile(""); /* or GCC takes a function that only fetches for one without effect */
    for (size_t from = 0; from < bytes; from += FETCH_LINE_BYTES)
        __builtin_prefetch(at + from);
    __builtin_prefetch(at + bytes - 1); /* an object need not begin with a line */
}

#endif
