/* SPDX-License-Identifier: MIT */
#include "edge/pages/http_directives.h"
#include "edge/head.h"

enum { VALUE_MAX = 32 };

struct item {
    struct str name;
    char value[VALUE_MAX]; /* unquoted; what is longer is no number */
    size_t len;
    bool has_value, too_long;
};

void http_directives_init(struct http_directives *directives)
{
    *directives = (struct http_directives){
#define X(field, name) .field = HTTP_DIRECTIVES_ABSENT,
        HTTP_DIRECTIVES_SECONDS(X)
#undef X
            .max_stale_s = HTTP_DIRECTIVES_ABSENT};
}

static void skip(struct str *rest, size_t count)
{
    rest->data += count;
    rest->len -= count;
}

static void skip_blanks(struct str *rest)
{
    while (rest->len > 0 && (rest->data[0] == ' ' || rest->data[0] == '\t'))
        skip(rest, 1);
}

static struct str take_token(struct str *rest)
{
    struct str token = {rest->data, 0};
    while (token.len < rest->len && head_is_token_char((unsigned char)rest->data[token.len]))
        token.len++;
    skip(rest, token.len);
    return token;
}

static void add_char(struct item *item, char c)
{
    if (item->len < VALUE_MAX)
        item->value[item->len++] = c;
    else
        item->too_long = true;
}

/* The rest begins behind the opening quote. False: it is not closed. */
static bool take_quoted(struct str *rest, struct item *item)
{
    while (rest->len > 0) {
        char c = rest->data[0];
        skip(rest, 1);
        if (c == '"')
            return true;
        if (c == '\\') {
            if (rest->len == 0)
                return false;
            c = rest->data[0];
            skip(rest, 1);
        }
        add_char(item, c);
    }
    return false;
}

/* One directive off the front. False: there is none that can be read. */
static bool take_item(struct str *rest, struct item *item)
{
    *item = (struct item){.name = take_token(rest)};
    if (item->name.len == 0)
        return false;
    if (rest->len == 0 || rest->data[0] != '=')
        return true;
    item->has_value = true;
    skip(rest, 1);
    if (rest->len > 0 && rest->data[0] == '"') {
        skip(rest, 1);
        return take_quoted(rest, item);
    }
    struct str token = take_token(rest);
    for (size_t i = 0; i < token.len; i++)
        add_char(item, token.data[i]);
    return true;
}

/* 0 for what is no number of seconds: then what it limits is stale. */
static int64_t seconds_of(const struct item *item)
{
    int64_t value = 0;
    if (item->len == 0)
        return 0;
    for (size_t i = 0; i < item->len; i++) {
        if (item->value[i] < '0' || item->value[i] > '9')
            return 0;
        value = value * 10 + (item->value[i] - '0');
        if (value > HTTP_DIRECTIVES_MOST)
            value = HTTP_DIRECTIVES_MOST;
    }
    return item->too_long ? HTTP_DIRECTIVES_MOST : value;
}

static void set_seconds(int64_t *field, int64_t seconds)
{
    *field = *field == HTTP_DIRECTIVES_ABSENT || *field == seconds ? seconds : 0;
}

static void apply(struct http_directives *directives, const struct item *item)
{
    static const struct {
        const char *name;
        size_t offset;
    } switches[] =
        {
#define X(field, name) {name, offsetof(struct http_directives, field)},
            HTTP_DIRECTIVES_SWITCHES(X)
#undef X
        },
      seconds[] = {
#define X(field, name) {name, offsetof(struct http_directives, field)},
          HTTP_DIRECTIVES_SECONDS(X)
#undef X
      };
    for (size_t i = 0; i < sizeof switches / sizeof switches[0]; i++)
        if (str_equal_nocase(item->name, str_of(switches[i].name)))
            *(bool *)((char *)directives + switches[i].offset) = true;
    for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++)
        if (str_equal_nocase(item->name, str_of(seconds[i].name)))
            set_seconds((int64_t *)((char *)directives + seconds[i].offset), seconds_of(item));
    if (str_equal_nocase(item->name, STR("max-stale")))
        set_seconds(&directives->max_stale_s,
                    item->has_value ? seconds_of(item) : HTTP_DIRECTIVES_MOST);
}

void http_directives_add(struct http_directives *directives, struct str line)
{
    struct item item;
    for (;;) {
        skip_blanks(&line);
        while (line.len > 0 && line.data[0] == ',') { /* empty elements are none */
            skip(&line, 1);
            skip_blanks(&line);
        }
        if (line.len == 0)
            return;
        if (!take_item(&line, &item)) {
            directives->no_store = true;
            return;
        }
        apply(directives, &item);
        skip_blanks(&line);
        if (line.len > 0 && line.data[0] != ',') {
            directives->no_store = true;
            return;
        }
    }
}
