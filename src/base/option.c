/* SPDX-License-Identifier: MIT */
#include "base/option.h"
#include "base/check.h"
#include "base/time.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { NUMBER_TEXT_MAX = 40 };
_Static_assert((int)NUMBER_TEXT_MAX >= (int)TIME_TEXT_MAX &&
                   (int)NUMBER_TEXT_MAX >= (int)STR_NUMBER_MAX,
               "one buffer fits every spelling");

const char *option_type_name(enum option_type type)
{
    switch (type) {
    case OPTION_BOOL:
        return "bool";
    case OPTION_INT:
        return "integer";
    case OPTION_DOUBLE:
        return "number";
    case OPTION_DURATION:
        return "duration";
    case OPTION_SIZE:
        return "size";
    case OPTION_TEXT:
        return "text";
    case OPTION_CHOICE:
        return "choice";
    }
    return "unknown";
}

/* The value of an option while it is between text and struct. */
struct value {
    union {
        bool flag;
        int choice;
        int64_t integer;
        uint64_t size;
        double number;
    };
};

static bool parse_bool(struct str text, bool *flag)
{
    static const char *const names[] = {"false", "no", "off", "0", "true", "yes", "on", "1"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_equal_nocase(text, str_of(names[i]))) {
            *flag = i >= 4;
            return true;
        }
    return false;
}

static bool parse_choice(const struct option_row *row, struct str text, int *choice)
{
    for (int i = 0; row->choices[i]; i++)
        if (str_equal(text, str_of(row->choices[i]))) {
            *choice = i;
            return true;
        }
    return false;
}

static bool may_inherit(const struct option_row *row)
{
    return row->type == OPTION_DURATION && row->min < 0;
}

static bool parse(const struct option_row *row, struct str text, struct value *value)
{
    switch (row->type) {
    case OPTION_BOOL:
        return parse_bool(text, &value->flag);
    case OPTION_INT:
        return str_to_int64(text, &value->integer);
    case OPTION_DOUBLE:
        return str_to_double(text, &value->number);
    case OPTION_DURATION:
        if (may_inherit(row) && str_equal(text, STR("inherit"))) {
            value->integer = -1;
            return true;
        }
        return time_parse_duration(text, &value->integer);
    case OPTION_SIZE:
        return str_to_size(text, &value->size);
    case OPTION_CHOICE:
        return parse_choice(row, text, &value->choice);
    case OPTION_TEXT:
        break;
    }
    return text.len < OPTION_TEXT_MAX && (text.len == 0 || !memchr(text.data, '\0', text.len));
}

/* "never" where that is the default: as if it were not there. */
static bool is_unset(const struct option_row *row, const struct value *value)
{
    return row->type == OPTION_DURATION && value->integer == TIME_NEVER &&
           strcmp(row->fallback, "never") == 0;
}

static bool in_bounds(const struct option_row *row, const struct value *value)
{
    if ((row->min == 0 && row->max == 0) || is_unset(row, value))
        return true;
    switch (row->type) {
    case OPTION_INT:
    case OPTION_DURATION:
        return (double)value->integer >= row->min && (double)value->integer <= row->max;
    case OPTION_SIZE:
        return (double)value->size >= row->min && (double)value->size <= row->max;
    case OPTION_DOUBLE:
        return value->number >= row->min && value->number <= row->max;
    case OPTION_BOOL:
    case OPTION_TEXT:
    case OPTION_CHOICE:
        break;
    }
    return true;
}

static void store(const struct option_row *row, void *settings, const struct value *value,
                  struct str text)
{
    char *to = (char *)settings + row->offset;
    switch (row->type) {
    case OPTION_BOOL:
        memcpy(to, &value->flag, sizeof value->flag);
        break;
    case OPTION_CHOICE:
        memcpy(to, &value->choice, sizeof value->choice);
        break;
    case OPTION_INT:
    case OPTION_DURATION:
        memcpy(to, &value->integer, sizeof value->integer);
        break;
    case OPTION_SIZE:
        memcpy(to, &value->size, sizeof value->size);
        break;
    case OPTION_DOUBLE:
        memcpy(to, &value->number, sizeof value->number);
        break;
    case OPTION_TEXT:
        if (text.len > 0)
            memcpy(to, text.data, text.len);
        to[text.len] = '\0';
        break;
    }
}

static void load(const struct option_row *row, const void *settings, struct value *value)
{
    const char *from = (const char *)settings + row->offset;
    switch (row->type) {
    case OPTION_BOOL:
        memcpy(&value->flag, from, sizeof value->flag);
        break;
    case OPTION_CHOICE:
        memcpy(&value->choice, from, sizeof value->choice);
        break;
    case OPTION_INT:
    case OPTION_DURATION:
        memcpy(&value->integer, from, sizeof value->integer);
        break;
    case OPTION_SIZE:
        memcpy(&value->size, from, sizeof value->size);
        break;
    case OPTION_DOUBLE:
        memcpy(&value->number, from, sizeof value->number);
        break;
    case OPTION_TEXT:
        break;
    }
}

static void add_number(struct buf *out, double number)
{
    char text[STR_NUMBER_MAX];
    buf_add_text(out, str_from_double(number, text));
}

/* A bound of a row, in the words in which a value is written. */
static void add_bound(const struct option_row *row, double bound, struct buf *out)
{
    char text[NUMBER_TEXT_MAX];
    if (row->type == OPTION_DURATION)
        buf_add_text(out, bound < 0 ? "inherit"
                                    : time_format_duration(
                                          bound < 0x1p63 ? (int64_t)bound : TIME_NEVER, text));
    else if (row->type == OPTION_SIZE)
        buf_add_text(out, str_from_size(bound < 0x1p64 ? (uint64_t)bound : UINT64_MAX, text));
    else
        add_number(out, bound);
}

void option_expected(const struct option_row *row, struct buf *out)
{
    switch (row->type) {
    case OPTION_BOOL:
        buf_add_text(out, "true or false");
        return;
    case OPTION_TEXT:
        buf_printf(out, "text of at most %d bytes", OPTION_TEXT_MAX - 1);
        return;
    case OPTION_CHOICE:
        buf_add_text(out, "one of ");
        for (int i = 0; row->choices[i]; i++)
            buf_printf(out, "%s%s", i > 0 ? ", " : "", row->choices[i]);
        return;
    case OPTION_INT:
        buf_add_text(out, "a whole number");
        break;
    case OPTION_DOUBLE:
        buf_add_text(out, "a number");
        break;
    case OPTION_DURATION:
        buf_add_text(out, "a duration with its unit, such as 90s or 1h30m");
        break;
    case OPTION_SIZE:
        buf_add_text(out, "a size with its unit, such as 24GiB");
        break;
    }
    if (row->min == 0 && row->max == 0)
        return;
    buf_add_text(out, ", from ");
    add_bound(row, row->min, out);
    if (row->max < (double)INFINITY) {
        buf_add_text(out, " to ");
        add_bound(row, row->max, out);
    } else {
        buf_add_text(out, " up");
    }
}

/* `label`: what the user wrote, a key or a variable. `found`: the text as it was given. */
static enum fw_err set(const struct option_row *row, const char *label, struct str found,
                       struct str text, void *settings, struct fw_detail *detail)
{
    struct value value = {{0}};
    if (parse(row, text, &value) && in_bounds(row, &value)) {
        store(row, settings, &value, text);
        return FW_OK;
    }
    struct buf expected;
    buf_init(&expected, sizeof detail->text);
    option_expected(row, &expected);
    enum { FOUND_MAX = 100 };
    int shown = found.len < FOUND_MAX ? (int)found.len : FOUND_MAX;
    enum fw_err err = err_set(detail, FW_INPUT, "%s: found \"%.*s\"%s, expected %s", label, shown,
                              found.len > 0 ? found.data : "", found.len > FOUND_MAX ? "..." : "",
                              buf_str(&expected).data);
    buf_fini(&expected);
    return err;
}

enum fw_err option_set(const struct option_row *row, void *settings, struct str text,
                       struct fw_detail *detail)
{
    return set(row, row->name, text, text, settings, detail);
}

void option_defaults(const struct option_row *rows, size_t count, void *settings)
{
    for (size_t i = 0; i < count; i++) {
        enum fw_err err = option_set(&rows[i], settings, str_of(rows[i].fallback), NULL);
        CHECK(err == FW_OK);
    }
}

const struct option_row *option_find(const struct option_row *rows, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal(name, str_of(rows[i].name)))
            return &rows[i];
    return NULL;
}

void option_get(const struct option_row *row, const void *settings, struct buf *out)
{
    char text[NUMBER_TEXT_MAX];
    struct value value = {{0}};
    load(row, settings, &value);
    switch (row->type) {
    case OPTION_BOOL:
        buf_add_text(out, value.flag ? "true" : "false");
        break;
    case OPTION_INT:
        buf_printf(out, "%" PRId64, value.integer);
        break;
    case OPTION_DOUBLE:
        add_number(out, value.number);
        break;
    case OPTION_DURATION:
        buf_add_text(out,
                     value.integer < 0 ? "inherit" : time_format_duration(value.integer, text));
        break;
    case OPTION_SIZE:
        buf_add_text(out, str_from_size(value.size, text));
        break;
    case OPTION_TEXT:
        buf_add_text(out, (const char *)settings + row->offset);
        break;
    case OPTION_CHOICE:
        buf_add_text(out, row->choices[value.choice]);
        break;
    }
}

static enum fw_err read_alias(const struct option_row *rows, size_t count,
                              const struct option_alias *alias, void *settings,
                              option_getenv_fn *getenv_fn, struct fw_detail *detail)
{
    const struct option_row *row = option_find(rows, count, str_of(alias->name));
    CHECK(row);
    const char *found = getenv_fn(alias->variable);
    if (!found || !*found)
        return FW_OK;
    struct buf text;
    buf_init(&text, OPTION_TEXT_MAX);
    buf_add_str(&text, str_trim(str_of(found)));
    buf_add_text(&text, alias->unit);
    enum fw_err err =
        text.failed ? err_set(detail, FW_INPUT, "%s: too long", alias->variable)
                    : set(row, alias->variable, str_of(found), buf_str(&text), settings, detail);
    buf_fini(&text);
    if (err == FW_INPUT && detail && alias->unit[0] != '\0' && !text.failed) {
        struct fw_detail plain = *detail;
        err_set(detail, FW_INPUT, "%.480s (the unit \"%s\" is added to it)", plain.text,
                alias->unit);
    }
    return err;
}

static enum fw_err read_variable(const struct option_row *row, void *settings,
                                 option_getenv_fn *getenv_fn, struct fw_detail *detail)
{
    static const char prefix[] = "FOREWARM_";
    enum { NAME_MAX_LEN = 100 };
    char variable[sizeof prefix + NAME_MAX_LEN];
    size_t len = strlen(row->name);
    CHECK(len <= NAME_MAX_LEN);
    memcpy(variable, prefix, sizeof prefix - 1);
    for (size_t i = 0; i <= len; i++) {
        char c = row->name[i];
        variable[sizeof prefix - 1 + i] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    }
    const char *found = getenv_fn(variable);
    if (!found || !*found)
        return FW_OK;
    return set(row, variable, str_of(found), str_of(found), settings, detail);
}

enum fw_err option_environment(const struct option_row *rows, size_t count,
                               const struct option_alias *aliases, size_t alias_count,
                               void *settings, option_getenv_fn *getenv_fn,
                               struct fw_detail *detail)
{
    for (size_t i = 0; i < alias_count; i++)
        FW_TRY(read_alias(rows, count, &aliases[i], settings, getenv_fn, detail));
    for (size_t i = 0; i < count; i++)
        FW_TRY(read_variable(&rows[i], settings, getenv_fn, detail));
    return FW_OK;
}

enum { SUGGEST_MAX = 64 };

/* Edits that turn one into the other: a character more, less, other, or two swapped (optimal string
 * alignment). */
static size_t edit_distance(struct str a, struct str b)
{
    size_t rows[3][SUGGEST_MAX + 1];
    size_t *two_above = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b.len; j++)
        above[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t best = above[j - 1] + (a.data[i - 1] != b.data[j - 1]);
            best = above[j] + 1 < best ? above[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] &&
                a.data[i - 2] == b.data[j - 1] && two_above[j - 2] + 1 < best)
                best = two_above[j - 2] + 1;
            row[j] = best;
        }
        size_t *oldest = two_above;
        two_above = above;
        above = row;
        row = oldest;
    }
    return above[b.len];
}

const char *option_suggest(const struct option_row *rows, size_t count, struct str name)
{
    if (name.len == 0 || name.len > SUGGEST_MAX)
        return NULL;
    const char *closest = NULL;
    size_t least = name.len / 3 + 1; /* further away it is another word */
    for (size_t i = 0; i < count; i++) {
        struct str candidate = str_of(rows[i].name);
        if (candidate.len > SUGGEST_MAX)
            continue;
        size_t distance = edit_distance(name, candidate);
        if (distance < least || (distance == least && !closest)) {
            least = distance;
            closest = rows[i].name;
        }
    }
    return closest;
}
