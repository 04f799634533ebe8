/* SPDX-License-Identifier: MIT */
#include "cli/eval_sessions.h"
#include "base/buf.h"
#include "base/grow.h"
#include "cli/output.h"
#include "sim/trace.h"
#include <stdlib.h>

static enum fw_err grow(void **array, size_t *capacity, size_t wanted, size_t each)
{
    if (wanted <= *capacity)
        return FW_OK;
    size_t next = (size_t)grow_capacity(*capacity, wanted, EVAL_EVENTS_MAX + 1);
    void *grown = realloc(*array, next * each);
    if (!grown)
        return FW_NOMEM;
    *array = grown;
    *capacity = next;
    return FW_OK;
}

static enum fw_err add_word(struct eval_sessions *sessions, struct str word, const char *path,
                            size_t line, struct fw_detail *detail)
{
    if (word.len > EVAL_WORD_MAX)
        return err_set(detail, FW_INPUT, "%s:%zu: found an item of %zu bytes, expected at most %d",
                       path, line, word.len, EVAL_WORD_MAX);
    for (size_t i = 0; i < word.len; i++)
        if ((unsigned char)word.data[i] < 0x20 || word.data[i] == 0x7f)
            return err_set(detail, FW_INPUT,
                           "%s:%zu: item: found the control character %d, expected words or "
                           "numbers separated by blanks",
                           path, line, word.data[i]);
    if (sessions->item_count >= EVAL_EVENTS_MAX)
        return err_set(detail, FW_LIMIT, "%s:%zu: more than %d items", path, line, EVAL_EVENTS_MAX);
    uint32_t number;
    enum fw_err err = table_add(&sessions->words, word, &number, NULL);
    if (err == FW_LIMIT)
        return err_set(detail, err, "%s:%zu: more than %d different items", path, line,
                       EVAL_WORDS_MAX);
    FW_TRY(err);
    FW_TRY(grow((void **)&sessions->items, &sessions->item_capacity, sessions->item_count + 1,
                sizeof *sessions->items));
    sessions->items[sessions->item_count++] = number;
    return FW_OK;
}

static enum fw_err add_session(struct eval_sessions *sessions, struct str text, const char *path,
                               struct fw_detail *detail)
{
    size_t line = sessions->count + 1, before = sessions->item_count;
    struct str word;
    if (text.len > 0 && text.data[text.len - 1] == '\r')
        text.len--;
    while (str_cut(&text, ' ', &word))
        if (word.len > 0)
            FW_TRY(add_word(sessions, word, path, line, detail));
    if (sessions->item_count == before)
        return err_set(detail, FW_INPUT,
                       "%s:%zu: found an empty line, expected a session's items separated by "
                       "blanks",
                       path, line);
    FW_TRY(grow((void **)&sessions->starts, &sessions->start_capacity, sessions->count + 2,
                sizeof *sessions->starts));
    sessions->starts[0] = 0;
    sessions->starts[++sessions->count] = sessions->item_count;
    return FW_OK;
}

enum fw_err eval_sessions_read(struct eval_sessions *sessions, const char *path,
                               struct fw_detail *detail)
{
    struct buf text;
    struct str line;
    *sessions = (struct eval_sessions){0};
    table_init(&sessions->words, EVAL_WORDS_MAX);
    buf_init(&text, OUTPUT_MAX);
    enum fw_err err = trace_load_file(path, &text, detail);
    struct str rest = buf_str(&text);
    if (rest.len > 0 && rest.data[rest.len - 1] == '\n')
        rest.len--;
    if (err == FW_OK && rest.len == 0)
        err = err_set(detail, FW_INPUT, "%s:1: found nothing, expected a session a line", path);
    while (err == FW_OK && str_cut(&rest, '\n', &line))
        err = add_session(sessions, line, path, detail);
    buf_fini(&text);
    return err;
}

void eval_sessions_fini(struct eval_sessions *sessions)
{
    table_fini(&sessions->words);
    free(sessions->items);
    free(sessions->starts);
    *sessions = (struct eval_sessions){0};
}
