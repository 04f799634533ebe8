/* SPDX-License-Identifier: MIT
 * forewarm options: every key of the configuration with type, default and bounds, from the tables
 * that parse it. */
#include "base/json.h"
#include "base/time.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "core/settings.h"
#include "edge/config.h"
#include <stdio.h>
#include <stdlib.h>

enum { COLUMNS = 6, BOUNDS_MAX = 3 * STR_NUMBER_MAX };

struct options {
    bool markdown;
};
static const struct args_row rows[] = {
    {{"markdown", OPTION_BOOL, offsetof(struct options, markdown), "false", 0, 0, false, NULL,
      "as docs/reference/options.md"},
     NULL,
     0},
};
static const struct args_spec spec = {.command = "options",
                                      .operands = "",
                                      .sentence = "Prints every option: its type, default, bounds, "
                                                  "and whether a reload (SIGHUP) takes it up.",
                                      .rows = rows,
                                      .row_count = 1};

/* All sections: the engine's and the resources' own rows, then the daemon's. */
static size_t section_count(void)
{
    return 2 + config_section_count;
}

static struct config_section section_at(size_t i)
{
    if (i == 0)
        return (struct config_section){"", "when to warm, keep and unload", engine_option_rows,
                                       engine_option_count};
    if (i == 1)
        return (struct config_section){"resources[]",
                                       "what the planner needs to know of a resource",
                                       resource_option_rows, resource_option_count};
    return config_sections[i - 2];
}

/* Bounds in the unit people write: durations and sizes with theirs. */
static const char *bounds_text(const struct option_row *row, char text[BOUNDS_MAX])
{
    char low[STR_NUMBER_MAX + TIME_TEXT_MAX], high[STR_NUMBER_MAX + TIME_TEXT_MAX];
    text[0] = '\0';
    if ((row->min == 0 && row->max == 0) || row->type == OPTION_TEXT || row->type == OPTION_BOOL ||
        row->type == OPTION_CHOICE)
        return text;
    if (row->type == OPTION_DURATION) {
        time_format_duration((int64_t)row->min, low);
        time_format_duration((int64_t)row->max, high);
    } else if (row->type == OPTION_SIZE) {
        str_from_size((uint64_t)row->min, low);
        str_from_size(row->max < 0x1p64 ? (uint64_t)row->max : UINT64_MAX, high);
    } else if (row->type == OPTION_INT) {
        snprintf(low, sizeof low, "%lld", (long long)row->min);
        snprintf(high, sizeof high, "%lld", (long long)row->max);
    } else {
        str_from_double(row->min, low);
        str_from_double(row->max, high);
    }
    if (row->max == 0 && row->min > 0)
        snprintf(text, BOUNDS_MAX, "at least %.40s", low);
    else
        snprintf(text, BOUNDS_MAX, "%.40s to %.40s", low, high);
    return text;
}

static void type_text(const struct option_row *row, char *text, size_t size)
{
    size_t len = (size_t)snprintf(text, size, "%s", option_type_name(row->type));
    for (const char *const *choice = row->choices;
         row->type == OPTION_CHOICE && *choice && len < size; choice++)
        len += (size_t)snprintf(text + len, size - len, "%s%s",
                                choice == row->choices ? ": " : ", ", *choice);
}

static void write_section_json(struct json *json, const struct config_section *section)
{
    for (size_t i = 0; i < section->count; i++) {
        const struct option_row *row = &section->rows[i];
        char bounds[BOUNDS_MAX];
        json_object(json);
        json_key_text(json, "section", section->name);
        json_key_text(json, "name", row->name);
        json_key_text(json, "type", option_type_name(row->type));
        json_key_text(json, "default", row->fallback);
        json_key_text(json, "bounds", bounds_text(row, bounds)[0] ? bounds : NULL);
        json_key(json, "choices");
        json_array(json);
        for (const char *const *choice = row->choices; row->type == OPTION_CHOICE && *choice;
             choice++)
            json_text(json, *choice);
        json_array_end(json);
        json_key_bool(json, "reloadable", row->reloadable);
        json_key_text(json, "sentence", row->sentence);
        json_object_end(json);
    }
}

static void write_json(struct buf *out)
{
    struct json json;
    json_init(&json, out, true);
    json_array(&json);
    for (size_t i = 0; i < section_count(); i++) {
        struct config_section section = section_at(i);
        write_section_json(&json, &section);
    }
    json_array_end(&json);
    buf_add_char(out, '\n');
}

struct cell_texts {
    char type[160], bounds[BOUNDS_MAX];
};

static enum fw_err write_section(struct buf *out, const struct config_section *section,
                                 bool markdown)
{
    size_t count = section->count;
    const char **cells = calloc((count + 1) * COLUMNS, sizeof *cells);
    struct cell_texts *texts = calloc(count + 1, sizeof *texts);
    enum fw_err err = cells && texts ? FW_OK : FW_NOMEM;
    if (err == FW_OK) {
        const char *const heading[COLUMNS] = {"key",    "type",   "default",
                                              "bounds", "reload", "what it does"};
        memcpy(cells, heading, sizeof heading);
        for (size_t i = 0; i < count; i++) {
            const struct option_row *row = &section->rows[i];
            const char **cell = &cells[(i + 1) * COLUMNS];
            type_text(row, texts[i].type, sizeof texts[i].type);
            cell[0] = row->name;
            cell[1] = texts[i].type;
            cell[2] = row->fallback ? row->fallback : "";
            cell[3] = bounds_text(row, texts[i].bounds);
            cell[4] = row->reloadable ? "yes" : "no";
            cell[5] = row->sentence;
        }
        buf_printf(out, "%s%s%s%s\n\n", markdown ? "## " : "",
                   section->name[0] ? section->name : "top level", ": ", section->sentence);
        (markdown ? output_markdown : output_table)(out, cells, count + 1, COLUMNS);
        buf_add_char(out, '\n');
    }
    free(cells);
    free(texts);
    return err;
}

static void write_aliases(struct buf *out, bool markdown)
{
    buf_printf(out, "%sOther names\n\n", markdown ? "## " : "");
    for (size_t i = 0; i < config_option_alias_count; i++)
        buf_printf(out, markdown ? "- `%s` is `%s`\n" : "%s is %s\n",
                   config_option_aliases[i].variable, config_option_aliases[i].name);
    buf_printf(out,
               markdown
                   ? "- `EDGE_SHARED_SECRET` (or `FOREWARM_FALLBACK_SHARED_SECRET`) is the shared "
                     "secret itself\n"
                   : "EDGE_SHARED_SECRET (or FOREWARM_FALLBACK_SHARED_SECRET) is the shared secret "
                     "itself\n");
    for (size_t i = 0; i < engine_option_alias_count; i++)
        buf_printf(out, markdown ? "- `%s` is `%s`%s\n" : "%s is %s%s\n",
                   engine_option_aliases[i].variable, engine_option_aliases[i].name,
                   engine_option_aliases[i].unit[0] ? ", in minutes" : "");
}

static enum fw_err write_text(struct buf *out, bool markdown)
{
    if (markdown)
        buf_add_text(out, "# Options\n\nWritten by `forewarm options --markdown`. A key of the top "
                          "level is also a flag of "
                          "`replay` (`wait_price`: `--wait-price`)\nwhere it makes sense there, "
                          "and the environment variable "
                          "`FOREWARM_WAIT_PRICE` of the daemon. Durations and sizes carry "
                          "units\n(`90s`, `5m`, `24GiB`); a bare "
                          "number is an error.\n\n");
    for (size_t i = 0; i < section_count(); i++) {
        struct config_section section = section_at(i);
        if (section.count > 0)
            FW_TRY(write_section(out, &section, markdown));
    }
    write_aliases(out, markdown);
    return FW_OK;
}

int cmd_options(int argc, char **argv)
{
    struct options options;
    struct args args = {0};
    struct fw_detail detail = {""};
    enum fw_err err = args_parse(&args, &spec, &options, argc, argv, &detail);
    if (err != FW_OK || args.done)
        return err != FW_OK ? output_fail(spec.command, err, &detail) : 0;
    struct buf out;
    buf_init(&out, OUTPUT_MAX);
    if (args.json)
        write_json(&out);
    else
        err = write_text(&out, options.markdown);
    int status = err == FW_OK ? output_print(&out, 0) : output_fail(spec.command, err, NULL);
    buf_fini(&out);
    return status;
}
