/* SPDX-License-Identifier: MIT
 * The files of the Numenta Anomaly Benchmark: series with timestamp and value, and windows in which
 * something is wrong; and result files as its own scorer reads them. */
#ifndef FOREWARM_CLI_EVAL_NAB_H
#define FOREWARM_CLI_EVAL_NAB_H

#include "base/buf.h"
#include "forecast/nab.h"

enum { EVAL_NAB_ROWS_MAX = 10000000, EVAL_NAB_WINDOWS_MAX = 1000, EVAL_NAB_FILES_MAX = 10000 };

struct eval_nab_file {
    char *name;       /* "folder/file.csv" as in the labels */
    struct buf texts; /* "timestamp,value" of each row, a line each */
    size_t rows, capacity;
    int64_t *at_ns;
    double *value, *score;
    struct nab_window *windows;
    size_t window_count;
};

struct eval_nab {
    struct eval_nab_file *files;
    size_t count;
};

/* Reads the labels, then the file each of them names below `dir` (zipped or not). */
FW_MUST_CHECK enum fw_err eval_nab_read(struct eval_nab *nab, const char *dir, const char *labels,
                                        struct fw_detail *detail);
void eval_nab_fini(struct eval_nab *nab);
/* Rows a day at the median distance between rows. */
uint32_t eval_nab_day_rows(const struct eval_nab_file *file);
/* DIR/folder/forewarm_file.csv: timestamp,value,anomaly_score,label. Makes the folders. */
FW_MUST_CHECK enum fw_err eval_nab_write(const struct eval_nab *nab, const char *dir,
                                         struct fw_detail *detail);

#endif
