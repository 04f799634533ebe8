/* SPDX-License-Identifier: MIT
 * A trained forecast as a file: the options it was trained with, the series, the texts of the files
 * that were read, and the walk through the series' past (forecast/ensemble.h) with all that was
 * fitted. Little-endian, versioned, with a check sum over everything behind the head. */
#ifndef FOREWARM_CLI_FORECAST_MODEL_H
#define FOREWARM_CLI_FORECAST_MODEL_H

#include "base/buf.h"
#include "base/option.h"
#include "cli/series_read.h"

enum { FORECAST_MODEL_OPTIONS_MAX = 64, FORECAST_MODEL_NAME_MAX = 40 };
#define FORECAST_MODEL_BYTES_MAX ((size_t)1 << 30)

/* A file that was read, by name and content. */
enum forecast_text { FORECAST_EVENTS, FORECAST_HOLIDAYS, FORECAST_FUTURE, FORECAST_TEXTS };

struct forecast_model {
    struct {
        char name[FORECAST_MODEL_NAME_MAX], text[OPTION_TEXT_MAX];
    } options[FORECAST_MODEL_OPTIONS_MAX]; /* as on the command line */
    uint32_t option_count;
    struct buf texts[FORECAST_TEXTS]; /* empty: there was none */
    struct series_read history;       /* covariates only where they are learned from */
    int64_t trained_to_ns;            /* the last step it was trained on, before it went on */
    struct buf trained;               /* demand.h */
};

void forecast_model_init(struct forecast_model *model);
void forecast_model_fini(struct forecast_model *model);
/* Into a buffer, and back; FW_FOREIGN, FW_VERSION, FW_CORRUPT name the file. */
FW_MUST_CHECK enum fw_err forecast_model_put(const struct forecast_model *model, struct buf *out,
                                             struct fw_detail *detail);
FW_MUST_CHECK enum fw_err forecast_model_get(struct forecast_model *model, const char *name,
                                             struct str bytes, struct fw_detail *detail);
/* The same with files; written to a temporary name, fsynced and renamed. */
FW_MUST_CHECK enum fw_err forecast_model_write(const struct forecast_model *model, const char *path,
                                               struct fw_detail *detail);
FW_MUST_CHECK enum fw_err forecast_model_read(struct forecast_model *model, const char *path,
                                              struct fw_detail *detail);

struct forecast_model_news {
    size_t added;     /* steps behind the model's end */
    size_t old;       /* steps of the file that the model has, */
    size_t different; /* and of them those with another value */
};
/* Puts what a file has behind the model's end to its series. FW_INPUT: another step or grid, a
 * column missing, or nothing the two have in common is the same. */
FW_MUST_CHECK enum fw_err forecast_model_extend(struct forecast_model *model,
                                                const struct series_read *fresh, const char *file,
                                                struct forecast_model_news *news,
                                                struct fw_detail *detail);

#endif
