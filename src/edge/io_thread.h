/* SPDX-License-Identifier: MIT
 * The data plane's threads: each one loop, one listener (SO_REUSEPORT), one proxy, one shard of
 * metrics. A connection never moves. Sender numbers on the bus: 0 .. count-1.
 *
 * Order: the bus, its brain and the first view exist before io_threads_start; io_threads_stop comes
 * before they go. */
#ifndef FOREWARM_EDGE_IO_THREAD_H
#define FOREWARM_EDGE_IO_THREAD_H

#include "edge/bus.h"
#include "edge/metrics.h"
#include "edge/view.h"

enum { IO_THREADS_MAX = 14, IO_THREADS_DEFAULT_MAX = 4 };
struct io_threads;
struct runs;

/* How many a configuration asks for: its number, or the cores, at most 4. Needed to size the bus.
 */
unsigned io_threads_count(const struct config *config);
/* Binds and starts. `runs` may be NULL. Takes `view` (freed when it is replaced and no longer used,
 * or at the end). */
FW_MUST_CHECK enum fw_err io_threads_start(struct io_threads **threads, unsigned count,
                                           struct view *view, struct bus *bus,
                                           struct metrics *metrics, struct runs *runs,
                                           struct fw_detail *detail);
uint16_t io_threads_port(const struct io_threads *threads);
/* A newer view (its version is larger) for all threads; takes it. One thread calls these two. */
void io_threads_publish(struct io_threads *threads, struct view *view);
void io_threads_reclaim(
    struct io_threads *threads); /* frees old views nobody uses any more; publish does it too */
size_t io_threads_connections(struct io_threads *threads);
/* Stops accepting; what is open goes on. Drained when io_threads_connections is 0. */
void io_threads_drain(struct io_threads *threads);
/* Cuts what is left, ends and joins the threads, frees the views. */
void io_threads_stop(struct io_threads **threads);

#endif
