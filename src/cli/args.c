/* SPDX-License-Identifier: MIT */
#include "cli/args.h"
#include "base/check.h"
#include "cli/output.h"
#include <stdlib.h>

enum { WORD_MAX = 63, KNOWN_MAX = 256 };

struct common {
    bool help, json, quiet;
};
static const struct args_row common_rows[] = {
    {{"help", OPTION_BOOL, offsetof(struct common, help), "false", 0, 0, false, NULL,
      "print this and exit"},
     NULL,
     'h'},
    {{"json", OPTION_BOOL, offsetof(struct common, json), "false", 0, 0, false, NULL,
      "one JSON document on standard output"},
     NULL,
     0},
    {{"quiet", OPTION_BOOL, offsetof(struct common, quiet), "false", 0, 0, false, NULL,
      "no progress on standard error"},
     NULL,
     'q'},
};
enum { COMMON_COUNT = sizeof common_rows / sizeof common_rows[0] };

/* Optimal string alignment distance: insertions, deletions, changes and swapped neighbours cost
 * one. */
static size_t word_distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    if (n > WORD_MAX || m > WORD_MAX)
        return SIZE_MAX;
    size_t rows[3][WORD_MAX + 1];
    for (size_t j = 0; j <= m; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *now = rows[i % 3], *before = rows[(i + 2) % 3], *twice = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = before[j - 1] + (a[i - 1] != b[j - 1]);
            best = before[j] + 1 < best ? before[j] + 1 : best;
            best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                twice[j - 2] + 1 < best)
                best = twice[j - 2] + 1;
            now[j] = best;
        }
    }
    return rows[n % 3][m];
}

const char *args_suggest(const char *word, const char *const *known, size_t count)
{
    const char *best = NULL;
    size_t best_distance = strlen(word) / 3 + 2;
    for (size_t i = 0; i < count; i++) {
        size_t distance = word_distance(word, known[i]);
        if (distance < best_distance) {
            best_distance = distance;
            best = known[i];
        }
    }
    return best;
}

/* A flag as found: its row, where its value goes, and its number in the spec (or -1). */
struct target {
    const struct option_row *row;
    void *settings;
    long number;
};

/* "--load-time" matches the row "load_time". */
static bool flag_equal(struct str flag, const char *name)
{
    if (flag.len != strlen(name))
        return false;
    for (size_t i = 0; i < flag.len; i++) {
        char expected = name[i] == '_' ? '-' : name[i];
        if (flag.data[i] != expected)
            return false;
    }
    return true;
}

static bool row_matches(const struct args_row *row, struct str flag, char letter)
{
    return letter != 0 ? row->letter == letter : flag_equal(flag, row->option.name);
}

static bool find_target(const struct args *args, const struct args_spec *spec,
                        struct common *common, void *options, struct str flag, char letter,
                        struct target *target)
{
    for (size_t i = 0; i < spec->row_count; i++) {
        if (row_matches(&spec->rows[i], flag, letter)) {
            *target = (struct target){&spec->rows[i].option, options, (long)i};
            return true;
        }
    }
    for (size_t i = 0; i < COMMON_COUNT; i++) {
        if (row_matches(&common_rows[i], flag, letter)) {
            *target = (struct target){&common_rows[i].option, common, -1};
            return true;
        }
    }
    for (size_t t = 0; t < ARGS_TABLES_MAX && letter == 0; t++) {
        for (size_t i = 0; i < args->tables[t].count; i++) {
            if (flag_equal(flag, args->tables[t].rows[i].name)) {
                *target = (struct target){&args->tables[t].rows[i], args->tables[t].settings, -1};
                return true;
            }
        }
    }
    return false;
}

static enum fw_err unknown_flag(const struct args *args, const struct args_spec *spec,
                                const char *argument, struct str flag, struct fw_detail *detail)
{
    const char *known[KNOWN_MAX];
    static char spelled[KNOWN_MAX][WORD_MAX + 1];
    size_t count = 0;
    for (size_t i = 0; i < spec->row_count && count < KNOWN_MAX; i++)
        known[count++] = spec->rows[i].option.name;
    for (size_t i = 0; i < COMMON_COUNT && count < KNOWN_MAX; i++)
        known[count++] = common_rows[i].option.name;
    for (size_t t = 0; t < ARGS_TABLES_MAX; t++)
        for (size_t i = 0; i < args->tables[t].count && count < KNOWN_MAX; i++)
            known[count++] = args->tables[t].rows[i].name;
    for (size_t k = 0; k < count; k++) {
        size_t len = strlen(known[k]) < WORD_MAX ? strlen(known[k]) : WORD_MAX;
        for (size_t i = 0; i < len; i++)
            spelled[k][i] = known[k][i] == '_' ? '-' : known[k][i];
        spelled[k][len] = '\0';
        known[k] = spelled[k];
    }
    char word[WORD_MAX + 1];
    size_t len = flag.len < WORD_MAX ? flag.len : WORD_MAX;
    memcpy(word, flag.data, len);
    word[len] = '\0';
    const char *near = args_suggest(word, known, count);
    if (near)
        return err_set(detail, FW_USAGE, "there is no flag %s; did you mean --%s?", argument, near);
    return err_set(detail, FW_USAGE, "there is no flag %s", argument);
}

/* Splits "--name=value"; *has_value false when the value is the next argument. */
static struct str flag_name(const char *argument, struct str *value, bool *has_value)
{
    struct str text = str_of(argument + 2);
    const char *equals = memchr(text.data, '=', text.len);
    *has_value = equals != NULL;
    if (!equals)
        return text;
    *value = (struct str){equals + 1, text.len - (size_t)(equals - text.data) - 1};
    return (struct str){text.data, (size_t)(equals - text.data)};
}

static enum fw_err take_flag(struct args *args, const struct args_spec *spec, struct common *common,
                             void *options, int argc, char **argv, int *at,
                             struct fw_detail *detail)
{
    const char *argument = argv[*at];
    struct str value = {NULL, 0}, flag = {NULL, 0};
    bool has_value = false;
    char letter = 0;
    if (argument[1] == '-')
        flag = flag_name(argument, &value, &has_value);
    else if (argument[2] == '\0')
        letter = argument[1];
    else
        return err_set(detail, FW_USAGE, "found %s, expected one letter after a single dash",
                       argument);
    struct target target;
    if (!find_target(args, spec, common, options, flag, letter, &target))
        return unknown_flag(args, spec, argument, letter ? str_of(argument + 1) : flag, detail);
    if (!has_value && target.row->type == OPTION_BOOL)
        value = STR("true");
    else if (!has_value && *at + 1 < argc)
        value = str_of(argv[++*at]);
    else if (!has_value)
        return err_set(detail, FW_USAGE, "%s needs a value (%s)", argument,
                       option_type_name(target.row->type));
    struct fw_detail inner = {""};
    if (option_set(target.row, target.settings, value, &inner) != FW_OK)
        return err_set(detail, FW_USAGE, "--%.*s: %s", argument[1] == '-' ? (int)flag.len : 1,
                       argument[1] == '-' ? flag.data : argument + 1, inner.text);
    if (target.number >= 0)
        args->given[target.number / 64] |= UINT64_C(1) << (target.number % 64);
    return FW_OK;
}

static enum fw_err take_all(struct args *args, const struct args_spec *spec, struct common *common,
                            void *options, int argc, char **argv, struct fw_detail *detail)
{
    bool flags_over = false;
    for (int at = 1; at < argc; at++) {
        const char *argument = argv[at];
        if (!flags_over && strcmp(argument, "--") == 0) {
            flags_over = true;
        } else if (!flags_over && argument[0] == '-' && argument[1] != '\0') {
            FW_TRY(take_flag(args, spec, common, options, argc, argv, &at, detail));
        } else {
            if (args->operand_count >= ARGS_OPERANDS_MAX)
                return err_set(detail, FW_USAGE, "more than %d operands", ARGS_OPERANDS_MAX);
            args->operands[args->operand_count++] = argument;
        }
    }
    return FW_OK;
}

static void set_defaults(const struct args_row *rows, size_t count, void *settings)
{
    for (size_t i = 0; i < count; i++)
        if (rows[i].option.fallback)
            option_defaults(&rows[i].option, 1, settings);
}

enum fw_err args_parse(struct args *args, const struct args_spec *spec, void *options, int argc,
                       char **argv, struct fw_detail *detail)
{
    struct common common = {false, false, false};
    CHECK(spec->row_count <= sizeof args->given * 8);
    args->spec = spec;
    args->operand_count = 0;
    args->done = false;
    memset(args->given, 0, sizeof args->given);
    set_defaults(spec->rows, spec->row_count, options);
    for (size_t t = 0; t < ARGS_TABLES_MAX; t++)
        if (args->tables[t].count > 0)
            option_defaults(args->tables[t].rows, args->tables[t].count, args->tables[t].settings);
    enum fw_err err = take_all(args, spec, &common, options, argc, argv, detail);
    args->json = common.json;
    args->quiet = common.quiet;
    if (common.help) { /* whatever else was wrong: help is what was asked for */
        struct buf out;
        buf_init(&out, OUTPUT_MAX);
        args_help(args, spec, &out);
        args->done = output_print(&out, 0) == 0;
        buf_fini(&out);
        return args->done ? FW_OK : err_set(detail, FW_IO, "the help could not be printed");
    }
    FW_TRY(err);
    if (args->operand_count < spec->operands_min)
        return err_set(detail, FW_USAGE, "found %d operands, expected %s", args->operand_count,
                       spec->operands);
    if (spec->operands_max >= 0 && args->operand_count > spec->operands_max)
        return err_set(detail, FW_USAGE, "found the operand \"%s\", expected %s",
                       args->operands[spec->operands_max],
                       spec->operands_max == 0 ? "none" : spec->operands);
    return FW_OK;
}

bool args_given(const struct args *args, const char *name)
{
    for (size_t i = 0; i < args->spec->row_count; i++)
        if (strcmp(args->spec->rows[i].option.name, name) == 0)
            return (args->given[i / 64] >> (i % 64)) & 1;
    CHECK(!"args_given names a row of the command");
    return false;
}

static void help_row(struct buf *out, const struct args_row *row)
{
    size_t from = out->len;
    if (row->letter != 0)
        buf_printf(out, "  -%c, --", row->letter);
    else
        buf_add_text(out, "      --");
    for (const char *c = row->option.name; *c; c++)
        buf_add_char(out, *c == '_' ? '-' : *c);
    if (row->value)
        buf_printf(out, " %s", row->value);
    else if (row->option.type == OPTION_CHOICE)
        for (const char *const *choice = row->option.choices; *choice; choice++)
            buf_printf(out, "%c%s", choice == row->option.choices ? ' ' : '|', *choice);
    else if (row->option.type != OPTION_BOOL)
        buf_printf(out, " %s", option_type_name(row->option.type));
    enum { COLUMN = 34 };
    if (out->len - from + 2 > COLUMN) {
        buf_add_char(out, '\n');
        from = out->len;
    }
    while (out->len - from < COLUMN)
        buf_add_char(out, ' ');
    buf_add_text(out, row->option.sentence);
    if (row->option.fallback && row->option.fallback[0] != '\0' && row->option.type != OPTION_BOOL)
        buf_printf(out, " (%s)", row->option.fallback);
    buf_add_char(out, '\n');
}

void args_help(const struct args *args, const struct args_spec *spec, struct buf *out)
{
    buf_printf(out, "usage: forewarm %s%s%s [OPTION...]\n%s\n\n", spec->command,
               spec->operands[0] ? " " : "", spec->operands, spec->sentence);
    for (size_t i = 0; i < spec->row_count; i++)
        help_row(out, &spec->rows[i]);
    for (size_t i = 0; i < COMMON_COUNT; i++)
        help_row(out, &common_rows[i]);
    for (size_t t = 0; t < ARGS_TABLES_MAX; t++)
        if (args->tables[t].count > 0)
            buf_printf(out, "%s\n", args->tables[t].title);
    if (spec->more)
        buf_printf(out, "\n%s\n", spec->more);
}
