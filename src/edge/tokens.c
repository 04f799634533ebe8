/* SPDX-License-Identifier: MIT */
#include "edge/tokens.h"
#include "base/buf.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    unsigned bit;
    const char *name;
} scope_rows[] = {
#define X(scope, bit, name, sentence) {bit, name},
    TOKEN_SCOPES(X)
#undef X
};
enum { SCOPE_COUNT = sizeof scope_rows / sizeof scope_rows[0] };

enum fw_err tokens_add(struct tokens *tokens, struct str token, unsigned scopes)
{
    if (tokens->count >= TOKENS_MAX)
        return FW_LIMIT;
    struct token *items = realloc(tokens->items, (tokens->count + 1) * sizeof *items);
    if (!items)
        return FW_NOMEM;
    tokens->items = items;
    secret_digest(token, items[tokens->count].digest);
    items[tokens->count++].scopes = scopes;
    tokens->scopes |= scopes;
    return FW_OK;
}

void tokens_fini(struct tokens *tokens)
{
    free(tokens->items);
    *tokens = (struct tokens){0};
}

unsigned tokens_find(const struct tokens *tokens, struct str token)
{
    unsigned char digest[SECRET_DIGEST];
    unsigned scopes = 0;
    secret_digest(token, digest);
    for (size_t i = 0; i < tokens->count; i++)
        if (secret_same(digest, tokens->items[i].digest, sizeof digest))
            scopes |= tokens->items[i].scopes;
    return token.len > 0 ? scopes : 0;
}

struct str tokens_bearer(struct str authorization)
{
    if (authorization.len <= 7 ||
        !str_equal_nocase((struct str){authorization.data, 7}, STR("bearer ")))
        return STR("");
    return str_trim((struct str){authorization.data + 7, authorization.len - 7});
}

void tokens_describe(unsigned scopes, const char *between, char *text, size_t size)
{
    size_t len = 0;
    text[0] = 0;
    for (size_t i = 0; i < SCOPE_COUNT && len < size; i++)
        if (scopes & scope_rows[i].bit)
            len += (size_t)snprintf(text + len, size - len, "%s%s", len > 0 ? between : "",
                                    scope_rows[i].name);
}

/* ---- the file ---- */

static bool is_gap(char c)
{
    return c == ' ' || c == '\t' || c == ',';
}

/* The next word of the line, blanks and commas between them. */
static struct str take_word(struct str *rest)
{
    size_t begin = 0, end;
    while (begin < rest->len && is_gap(rest->data[begin]))
        begin++;
    for (end = begin; end < rest->len && !is_gap(rest->data[end]);)
        end++;
    struct str word = {rest->data + begin, end - begin};
    *rest = (struct str){rest->data + end, rest->len - end};
    return word;
}

static unsigned scope_of(struct str name)
{
    for (size_t i = 0; i < SCOPE_COUNT; i++)
        if (str_equal(name, str_of(scope_rows[i].name)))
            return scope_rows[i].bit;
    return 0;
}

static enum fw_err parse_line(struct tokens *tokens, const char *path, size_t number,
                              struct str line, struct fw_detail *detail)
{
    unsigned scopes = 0;
    struct str token = take_word(&line), word;
    if (token.len < SECRET_MIN || token.len > SECRET_MAX)
        return err_set(detail, FW_INPUT,
                       "%s:%zu: token: found %zu bytes, expected a token of %d to %d bytes and its "
                       "scopes",
                       path, number, token.len, SECRET_MIN, SECRET_MAX);
    for (int at = 1; (word = take_word(&line)).len > 0; at++) {
        if (word.data[0] == '#')
            break;
        if (scope_of(word) == 0) /* could be half of a secret: only its place is said */
            return err_set(detail, FW_INPUT,
                           "%s:%zu: scopes: word %d is none of observe, warm, admin and use", path,
                           number, at);
        scopes |= scope_of(word);
    }
    if (scopes == 0)
        return err_set(detail, FW_INPUT,
                       "%s:%zu: scopes: missing, expected some of observe, warm, admin and use",
                       path, number);
    enum fw_err err = tokens_add(tokens, token, scopes);
    return err == FW_LIMIT
               ? err_set(detail, err, "%s:%zu: more than %d tokens", path, number, TOKENS_MAX)
               : err;
}

enum fw_err tokens_parse(struct tokens *tokens, const char *path, struct str text,
                         struct fw_detail *detail)
{
    struct str line;
    size_t before = tokens->count;
    for (size_t number = 1; str_cut(&text, '\n', &line); number++) {
        line = str_trim(line);
        if (line.len > 0 && line.data[0] != '#')
            FW_TRY(parse_line(tokens, path, number, line, detail));
    }
    if (tokens->count == before)
        return err_set(detail, FW_INPUT,
                       "%s: holds no token, expected lines with a token and its scopes", path);
    return FW_OK;
}

enum fw_err tokens_read(struct tokens *tokens, const char *what, const char *path,
                        struct fw_detail *detail)
{
    struct buf text;
    buf_init(&text, TOKENS_FILE_MAX);
    FILE *file = fopen(path, "re");
    if (!file)
        return err_set(detail, FW_IO, "%s: \"%s\" cannot be read: %s", what, path, strerror(errno));
    for (size_t n = 1; n > 0 && !text.failed;) {
        char *at = buf_reserve(&text, 4096);
        n = at ? fread(at, 1, 4096, file) : 0;
        text.len += n;
    }
    fclose(file);
    enum fw_err err = text.failed ? err_set(detail, FW_LIMIT, "%s: \"%s\" is larger than %d bytes",
                                            what, path, TOKENS_FILE_MAX)
                                  : tokens_parse(tokens, path, buf_str(&text), detail);
    if (text.data)
        secret_wipe(text.data, text.len);
    buf_fini(&text);
    return err;
}
