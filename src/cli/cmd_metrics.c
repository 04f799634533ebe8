/* SPDX-License-Identifier: MIT
 * forewarm metrics: the table behind /metrics. */
#include "base/json.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "edge/metrics.h"
#include <stdlib.h>

enum { COLUMNS = 4 };

struct options {
    bool markdown;
};
static const struct args_row rows[] = {
    {{"markdown", OPTION_BOOL, offsetof(struct options, markdown), "false", 0, 0, false, NULL,
      "as docs/reference/metrics.md"},
     NULL,
     0},
};
static const struct args_spec spec = {
    .command = "metrics",
    .operands = "",
    .sentence = "Prints every metric of /metrics: name, type, labels and meaning.",
    .rows = rows,
    .row_count = 1};

static void write_json(struct buf *out)
{
    struct json json;
    json_init(&json, out, true);
    json_array(&json);
    for (size_t i = 0; i < metric_row_count; i++) {
        const struct metric_row *row = &metric_rows[i];
        json_object(&json);
        json_key_text(&json, "name", row->name);
        json_key_text(&json, "type", row->type);
        json_key_text(&json, "labels", row->labels);
        json_key_text(&json, "help", row->help);
        json_object_end(&json);
    }
    json_array_end(&json);
    buf_add_char(out, '\n');
}

static enum fw_err write_text(struct buf *out, bool markdown)
{
    const char **cells = calloc((metric_row_count + 1) * COLUMNS, sizeof *cells);
    if (!cells)
        return FW_NOMEM;
    const char *const heading[COLUMNS] = {"name", "type", "labels", "what it counts"};
    memcpy(cells, heading, sizeof heading);
    for (size_t i = 0; i < metric_row_count; i++) {
        const char **cell = &cells[(i + 1) * COLUMNS];
        cell[0] = metric_rows[i].name;
        cell[1] = metric_rows[i].type;
        cell[2] = metric_rows[i].labels;
        cell[3] = metric_rows[i].help;
    }
    if (markdown)
        buf_add_text(out,
                     "# Metrics\n\nWritten by `forewarm metrics --markdown`. Prometheus text at "
                     "`GET /metrics` of the control "
                     "plane. Seconds and bytes are base\nunits, except `prewarm_waste_ms`.\n\n");
    (markdown ? output_markdown : output_table)(out, cells, metric_row_count + 1, COLUMNS);
    free(cells);
    return FW_OK;
}

int cmd_metrics(int argc, char **argv)
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
