/* SPDX-License-Identifier: MIT
 * forewarm errors: the table of base/err.h as text, JSON or the reference page. */
#include "base/json.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/output.h"
#include <stdio.h>

enum { COLUMNS = 5 };

struct options {
    bool markdown;
};
static const struct args_row rows[] = {
    {{"markdown", OPTION_BOOL, offsetof(struct options, markdown), "false", 0, 0, false, NULL,
      "as docs/reference/errors.md"},
     NULL,
     0},
};
static const struct args_spec spec = {
    .command = "errors",
    .operands = "",
    .sentence = "Prints every error: its name, exit status, HTTP status and what to do next.",
    .rows = rows,
    .row_count = 1};

static void write_json(struct buf *out)
{
    struct json json;
    json_init(&json, out, true);
    json_array(&json);
    for (int err = 0; err < FW_ERR_COUNT; err++) {
        const struct err_row *row = err_row((enum fw_err)err);
        json_object(&json);
        json_key_text(&json, "code", row->code);
        json_key_text(&json, "name", row->name);
        json_key_int(&json, "exit_status", row->exit_status);
        json_key_int(&json, "http_status", row->http_status);
        json_key_text(&json, "sentence", row->sentence);
        json_key_text(&json, "next", row->next);
        json_object_end(&json);
    }
    json_array_end(&json);
    buf_add_char(out, '\n');
}

static void write_table(struct buf *out, bool markdown)
{
    const char *cells[(FW_ERR_COUNT + 1) * COLUMNS] = {"name", "exit", "HTTP", "what it means",
                                                       "what to do"};
    char numbers[FW_ERR_COUNT][2][16];
    for (int err = 0; err < FW_ERR_COUNT; err++) {
        const struct err_row *row = err_row((enum fw_err)err);
        const char **cell = &cells[(err + 1) * COLUMNS];
        snprintf(numbers[err][0], sizeof numbers[err][0], "%d", row->exit_status);
        snprintf(numbers[err][1], sizeof numbers[err][1], "%d", row->http_status);
        cell[0] = row->name;
        cell[1] = numbers[err][0];
        cell[2] = numbers[err][1];
        cell[3] = row->sentence;
        cell[4] = row->next;
    }
    if (!markdown) {
        output_table(out, cells, FW_ERR_COUNT + 1, COLUMNS);
        return;
    }
    buf_add_text(out, "# Errors\n\nWritten by `forewarm errors --markdown`. Errors over HTTP carry "
                      "the name as `code`; commands end "
                      "with the exit status:\n0 done, 1 the answer is no, 2 wrong usage or input, "
                      "3 the world failed.\n\n");
    output_markdown(out, cells, FW_ERR_COUNT + 1, COLUMNS);
}

int cmd_errors(int argc, char **argv)
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
        write_table(&out, options.markdown);
    int status = output_print(&out, 0);
    buf_fini(&out);
    return status;
}
