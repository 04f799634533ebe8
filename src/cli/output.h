/* SPDX-License-Identifier: MIT
 * What commands write: results on standard output, failures and progress on standard error. */
#ifndef FOREWARM_CLI_OUTPUT_H
#define FOREWARM_CLI_OUTPUT_H

#include "base/buf.h"
#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

/* Longest result a command prints. */
#define OUTPUT_MAX ((size_t)1 << 31)

/* Writes the buffer to standard output; returns the command's exit status: `status`, or 3 when it
 * could not. */
int output_print(const struct buf *out, int status);
/* "forewarm replay: SENTENCE" and the next step on standard error; returns the exit status of
 * `err`. */
int output_fail(const char *command, enum fw_err err, const struct fw_detail *detail);
/* Writes to a temporary name beside `path`, fsyncs and renames; "-" is standard output; devices and
 * pipes are written to as they are. */
FW_MUST_CHECK enum fw_err output_file(const char *path, struct str content,
                                      struct fw_detail *detail);

/* Rows of cells, aligned: numbers (cells that begin with a digit, sign or dot) to the right, text
 * to the left. `cells` has rows * columns entries; the first row is the heading. */
void output_table(struct buf *out, const char *const *cells, size_t rows, size_t columns);
/* The same as a Markdown table; bars in cells are escaped. */
void output_markdown(struct buf *out, const char *const *cells, size_t rows, size_t columns);

/* Progress of long work: nothing in the first second, then a bar on a terminal, else one line a
 * second. */
struct output_progress {
    const char *what;
    bool quiet, terminal, shown;
    int64_t started_ns, last_ns;
    uint64_t checked;
};
/* The total of a progress that is a share and counts nothing. */
enum { OUTPUT_SHARE = 1000000 };
void output_progress_init(struct output_progress *progress, const char *what, bool quiet);
void output_progress_step(struct output_progress *progress, uint64_t done, uint64_t total);
void output_progress_end(struct output_progress *progress);

#endif
