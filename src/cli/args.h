/* SPDX-License-Identifier: MIT
 * The command line of one command: rows of base/option.h as `--flags`, the rest as operands.
 * `--help` is made from the rows, and every command has --help, --json and --quiet without asking.
 */
#ifndef FOREWARM_CLI_ARGS_H
#define FOREWARM_CLI_ARGS_H

#include "base/option.h"
#include <stdbool.h>

struct args_row {
    struct option_row option; /* "load_time" is spelled --load-time */
    const char *value;        /* what the help shows for the value: "FILE"; NULL: the type's name */
    char letter;              /* also as -c; 0 none */
};

/* A whole option table whose rows are taken as flags too, for example the engine's. Rows that
 * `rows` of the spec name as well are the command's own. */
struct args_table {
    const char *title; /* where the help sends people */
    const struct option_row *rows;
    size_t count;
    void *settings;
};

struct args_spec {
    const char *command;  /* "replay", "synth requests" */
    const char *operands; /* "TRACE..."; "" none */
    const char *sentence;
    const struct args_row *rows;
    size_t row_count;
    int operands_min, operands_max; /* max < 0: any number */
    const char *more;               /* text under the options in --help; NULL none */
};

enum { ARGS_OPERANDS_MAX = 64, ARGS_TABLES_MAX = 2 };
struct args {
    bool json, quiet;
    bool done; /* --help was printed: the command has nothing left to do */
    int operand_count;
    const char *operands[ARGS_OPERANDS_MAX];
    struct args_table
        tables[ARGS_TABLES_MAX]; /* set by the command before parsing; unused ones zero */
    const struct args_spec *spec;
    uint64_t given[4]; /* bit per row of the spec */
};

/* Sets every row's default in `options`, then reads argv[1..]. On FW_USAGE the detail names the
 * flag, what was found and what was expected. */
FW_MUST_CHECK enum fw_err args_parse(struct args *args, const struct args_spec *spec, void *options,
                                     int argc, char **argv, struct fw_detail *detail);
/* Was the flag with this row name written on the command line? */
bool args_given(const struct args *args, const char *name);
void args_help(const struct args *args, const struct args_spec *spec, struct buf *out);
/* The known word closest to a mistyped one, or NULL when none is near. */
const char *args_suggest(const char *word, const char *const *known, size_t count);

#endif
