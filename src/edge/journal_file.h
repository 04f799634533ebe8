/* SPDX-License-Identifier: MIT
 * The daemon's journal (format: core/journal.h) in a file. The brain appends to memory; a job
 * writes. When the disk does not take it the journal ends there, with one line in the log, and the
 * daemon goes on: a journal with a hole would be worse than a short one. What another run left
 * behind a torn end is cut off and continued. */
#ifndef FOREWARM_EDGE_JOURNAL_FILE_H
#define FOREWARM_EDGE_JOURNAL_FILE_H

#include "core/engine.h"
#include "core/journal.h"
#include "edge/jobs.h"

enum { JOURNAL_FILE_PENDING_MAX = 64 << 20, JOURNAL_FILE_EAGER_BYTES = 64 << 10 };

struct journal_file;

/* FW_FOREIGN, FW_VERSION, FW_CORRUPT: the file is left as it is. */
FW_MUST_CHECK enum fw_err journal_file_open(struct journal_file **file, const char *path,
                                            struct jobs *jobs, struct fw_detail *detail);
/* A run begins (or goes on in a new file) with the engine as it stands. */
void journal_file_begin(struct journal_file *file, const struct engine_settings *settings,
                        const struct engine *engine);
void journal_file_event(struct journal_file *file, const struct event *event);
void journal_file_settings(struct journal_file *file, const struct engine_settings *settings);
void journal_file_mark(struct journal_file *file, const struct engine *engine);
/* Hands what is pending to a job. Called at least every second. */
void journal_file_flush(struct journal_file *file);
/* Larger than `max`: moved to PATH.old, and a new file is ready for journal_file_begin. False: not
 * now. */
bool journal_file_rotate(struct journal_file *file, uint64_t max);
/* With the job threads gone: writes the rest and the end mark, if the run ended well (`engine` not
 * NULL). */
void journal_file_close(struct journal_file **file, const struct engine *engine);

#endif
