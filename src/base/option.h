/* SPDX-License-Identifier: MIT
 * Options as rows of a table: one spelling everywhere (YAML key, --flag, FOREWARM_* variable), one
 * place for type, unit, default, bounds and the sentence that explains it. The tables themselves
 * live where their values are used. */
#ifndef FOREWARM_BASE_OPTION_H
#define FOREWARM_BASE_OPTION_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_type {
    OPTION_BOOL,     /* bool           true false yes no on off 1 0 */
    OPTION_INT,      /* int64_t */
    OPTION_DOUBLE,   /* double */
    OPTION_DURATION, /* int64_t ns     "90s"; a bare number only through an alias with a unit; where
                      * min < 0 also "inherit", which is -1: the enclosing setting's value */
    OPTION_SIZE,     /* uint64_t bytes "24GiB" */
    OPTION_TEXT,     /* char[OPTION_TEXT_MAX] */
    OPTION_CHOICE,   /* int, index into `choices` */
};
enum { OPTION_TEXT_MAX = 1024 };

struct option_row {
    const char *name; /* "hold_timeout": YAML key; --hold-timeout; FOREWARM_HOLD_TIMEOUT */
    enum option_type type;
    size_t offset;        /* of the value in the settings struct */
    const char *fallback; /* default as text: also what the reference page prints */
    /* In the value's own unit (ns, bytes). Both 0: unbounded; max INFINITY: from min up. */
    double min, max;
    bool reloadable;            /* takes effect on SIGHUP */
    const char *const *choices; /* for OPTION_CHOICE, NULL-terminated */
    const char *sentence;
};

/* Another name for a row, e.g. EDGE_PREWARM_HORIZON_MINUTES: value = text, then `unit` appended
 * ("m", or ""). */
struct option_alias {
    const char *variable;
    const char *name;
    const char *unit;
};

const char *option_type_name(enum option_type type);
/* Sets every value to its default. The table must be right: a bad default is a CHECK. */
void option_defaults(const struct option_row *rows, size_t count, void *settings);
/* By its exact name; a --flag has its dashes replaced first. NULL if there is none. */
const struct option_row *option_find(const struct option_row *rows, size_t count, struct str name);
/* Parses and stores; FW_INPUT says the name, what was found and what was expected. */
FW_MUST_CHECK enum fw_err option_set(const struct option_row *row, void *settings, struct str text,
                                     struct fw_detail *detail);
/* What a value of this row looks like, for messages and pages: "a duration with its unit, ..., from
 * 1s to 1h". */
void option_expected(const struct option_row *row, struct buf *out);
/* The value as text that option_set reads back. */
void option_get(const struct option_row *row, const void *settings, struct buf *out);
/* Reads the aliases and then FOREWARM_<NAME>, which win, through `getenv_fn`; an empty variable is
 * no variable. Stops at the first bad value and names the variable. */
typedef const char *option_getenv_fn(const char *variable);
FW_MUST_CHECK enum fw_err option_environment(const struct option_row *rows, size_t count,
                                             const struct option_alias *aliases, size_t alias_count,
                                             void *settings, option_getenv_fn *getenv_fn,
                                             struct fw_detail *detail);
/* The closest known name for a typing error, or NULL. */
const char *option_suggest(const struct option_row *rows, size_t count, struct str name);

#endif
