/* SPDX-License-Identifier: MIT */
#include "cli/eval_events.h"
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

enum fw_err eval_sessions_word(struct eval_sessions *sessions, struct str word, const char *path,
                               size_t line, uint32_t *number, struct fw_detail *detail)
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
    enum fw_err err = table_add(&sessions->words, word, number, NULL);
    if (err == FW_LIMIT)
        return err_set(detail, err, "%s:%zu: more than %d different items", path, line,
                       EVAL_WORDS_MAX);
    return err;
}

static enum fw_err add_word(struct eval_sessions *sessions, struct str word, const char *path,
                            size_t line, struct fw_detail *detail)
{
    uint32_t number;
    if (sessions->item_count >= EVAL_EVENTS_MAX)
        return err_set(detail, FW_LIMIT, "%s:%zu: more than %d items", path, line, EVAL_EVENTS_MAX);
    FW_TRY(eval_sessions_word(sessions, word, path, line, &number, detail));
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

static enum fw_err parse_lines(struct eval_sessions *sessions, const char *name, struct str rest,
                               struct fw_detail *detail)
{
    enum fw_err err = FW_OK;
    struct str line;
    if (rest.len > 0 && rest.data[rest.len - 1] == '\n')
        rest.len--;
    while (err == FW_OK && str_cut(&rest, '\n', &line))
        err = add_session(sessions, line, name, detail);
    return err;
}

enum fw_err eval_sessions_parse(struct eval_sessions *sessions, const char *name, struct str text,
                                const struct eval_columns *columns, struct fw_detail *detail)
{
    *sessions = (struct eval_sessions){0};
    table_init(&sessions->words, EVAL_WORDS_MAX);
    table_init(&sessions->users, EVAL_EVENTS_MAX);
    bool lines = columns->text[0] == '\0';
    if (text.len == 0)
        return err_set(detail, FW_INPUT, "%s:1: found nothing, expected %s", name,
                       lines ? "a session a line" : "CSV with a header");
    return lines ? parse_lines(sessions, name, text, detail)
                 : eval_events_parse(sessions, name, text, columns, detail);
}

enum fw_err eval_sessions_read(struct eval_sessions *sessions, const char *path,
                               const struct eval_columns *columns, struct fw_detail *detail)
{
    struct buf text;
    *sessions = (struct eval_sessions){0};
    buf_init(&text, OUTPUT_MAX);
    enum fw_err err = trace_load_file(path, &text, detail);
    if (err == FW_OK)
        err = eval_sessions_parse(sessions, path, buf_str(&text), columns, detail);
    buf_fini(&text);
    return err;
}

void eval_sessions_fini(struct eval_sessions *sessions)
{
    table_fini(&sessions->words);
    table_fini(&sessions->users);
    free(sessions->items);
    free(sessions->starts);
    free(sessions->session_users);
    free(sessions->events);
    *sessions = (struct eval_sessions){0};
}
