/* SPDX-License-Identifier: MIT
 * forewarm import: what others wrote, as ours: a llama-swap configuration, an access log. */
#include "base/json.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/import_swap.h"
#include "cli/output.h"
#include "edge/config.h"
#include "sim/trace.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* ---- llama-swap ---- */

struct swap_options {
    char output[OPTION_TEXT_MAX], tokens[OPTION_TEXT_MAX];
};
#define AT(field) offsetof(struct swap_options, field)
static const struct args_row swap_rows[] = {
    {{"tokens", OPTION_TEXT, AT(tokens), "", 0, 0, false, NULL,
      "write the apiKeys to this file, as tokens that may use the data plane"},
     "FILE",
     0},
    {{"output", OPTION_TEXT, AT(output), "-", 0, 0, false, NULL, "where the configuration goes"},
     "FILE",
     'o'},
};
static const struct args_spec swap_spec = {
    .command = "import llama-swap",
    .operands = "FILE",
    .sentence = "Writes a llama-swap configuration as one of ours; what cannot be carried over is "
                "listed on standard error.",
    .rows = swap_rows,
    .row_count = sizeof swap_rows / sizeof swap_rows[0],
    .operands_min = 1,
    .operands_max = 1,
    .more = "With --json a summary is printed instead of the configuration (which then needs -o "
            "FILE).",
};

static const char *environment(const char *name)
{
    return getenv(name);
}

/* What was written is what `forewarm check` takes; anything else says so, with our line. */
static enum fw_err check_written(const struct buf *out, struct fw_detail *detail)
{
    struct config *config = NULL;
    struct config_problems problems = {0};
    enum fw_err err =
        config_parse(&config, "the configuration", buf_str(out), environment, &problems);
    if (err != FW_OK) {
        struct str text = str_trim(buf_str(&problems.text));
        err = err_set(detail, err, "%.*s", STR_ARG(text));
    }
    config_problems_fini(&problems);
    config_free(&config);
    return err;
}

/* Keys are secrets: the file is its owner's alone. */
static enum fw_err write_tokens(struct swap *swap, const char *path, struct fw_detail *detail)
{
    struct buf text;
    struct str rest = buf_str(&swap->keys), key;
    buf_init(&text, SWAP_TEXT_MAX * 2);
    buf_add_text(&text, "# token  scopes\n");
    while (str_cut(&rest, '\n', &key))
        if (key.len > 0)
            buf_printf(&text, "%.*s  use\n", STR_ARG(key));
    mode_t before = umask(077);
    enum fw_err err = output_file(path, buf_str(&text), detail);
    umask(before);
    buf_fini(&text);
    return err;
}

static int print_swap_summary(const struct swap *swap, const char *output)
{
    struct buf out;
    struct json json;
    struct str rest = buf_str(&swap->notes), line;
    buf_init(&out, OUTPUT_MAX);
    json_init(&json, &out, true);
    json_object(&json);
    json_key_uint(&json, "resources", swap->model_count);
    json_key_text(&json, "output", output);
    json_key(&json, "not_carried_over");
    json_array(&json);
    while (str_cut(&rest, '\n', &line))
        if (line.len > 0)
            json_str(&json, line);
    json_array_end(&json);
    json_object_end(&json);
    buf_add_char(&out, '\n');
    int status = output_print(&out, 0);
    buf_fini(&out);
    return status;
}

static enum fw_err convert(struct swap *swap, const char *path, const struct swap_options *options,
                           struct fw_detail *detail)
{
    struct buf text, out;
    buf_init(&text, SWAP_TEXT_MAX * 16);
    buf_init(&out, SWAP_TEXT_MAX * 16);
    enum fw_err err = trace_load_file(path, &text, detail);
    if (err == FW_OK) {
        err = swap_read(swap, path, buf_str(&text), environment);
        bool keys = swap->keys.len > 0;
        const char *tokens = keys ? options->tokens : "";
        if (err == FW_OK)
            swap_write(swap, tokens, &out);
        if (err == FW_OK && keys && !tokens[0])
            buf_printf(&swap->notes,
                       "%s: not carried over: apiKeys: --tokens FILE puts them there\n", path);
        if (swap->problems.count > 0)
            err =
                err_set(detail, FW_INPUT, "%.*s", STR_ARG(str_trim(buf_str(&swap->problems.text))));
        if (err == FW_OK && out.failed)
            err = err_set(detail, FW_LIMIT, "%s: the configuration would be too large", path);
        if (err == FW_OK)
            err = check_written(&out, detail);
        if (err == FW_OK && tokens[0])
            err = write_tokens(swap, tokens, detail);
        if (err == FW_OK)
            err = output_file(options->output, buf_str(&out), detail);
    }
    buf_fini(&text);
    buf_fini(&out);
    return err;
}

int cmd_import_llama_swap(int argc, char **argv)
{
    struct swap_options options;
    struct args args = {0};
    struct fw_detail detail = {""};
    static struct swap swap;
    enum fw_err err = args_parse(&args, &swap_spec, &options, argc, argv, &detail);
    if (err != FW_OK || args.done)
        return err != FW_OK ? output_fail(swap_spec.command, err, &detail) : 0;
    bool summary = args.json;
    if (summary && strcmp(options.output, "-") == 0)
        return output_fail(swap_spec.command,
                           err_set(&detail, FW_USAGE, "--json needs -o FILE for the configuration"),
                           &detail);
    err = convert(&swap, args.operands[0], &options, &detail);
    int status = 0;
    if (err != FW_OK)
        status = output_fail(swap_spec.command, err, &detail);
    else if (summary)
        status = print_swap_summary(&swap, options.output);
    if (err == FW_OK && !args.quiet)
        fprintf(stderr, "%.*s", STR_ARG(buf_str(&swap.notes)));
    swap_fini(&swap);
    return status;
}

/* ---- access logs ---- */

struct log_options {
    char output[OPTION_TEXT_MAX];
    bool skip;
};
static const struct args_row log_rows[] = {
    {{"skip_bad_rows", OPTION_BOOL, offsetof(struct log_options, skip), "false", 0, 0, false, NULL,
      "leave out rows that cannot be read, and count them"},
     NULL,
     0},
    {{"output", OPTION_TEXT, offsetof(struct log_options, output), "-", 0, 0, false, NULL,
      "where the trace goes"},
     "FILE",
     'o'},
};
static const struct args_spec log_spec = {
    .command = "import access-log",
    .operands = "FILE...",
    .sentence = "Converts access logs of nginx, Apache, Envoy or LiteLLM to a trace: CSV with "
                "time,resource,session,duration.",
    .rows = log_rows,
    .row_count = sizeof log_rows / sizeof log_rows[0],
    .operands_min = 1,
    .operands_max = -1,
    .more = "With --json a summary is printed instead of the trace (which then needs -o FILE).",
};

static void add_field(struct buf *out, struct str text)
{
    bool plain = true;
    for (size_t i = 0; i < text.len; i++)
        plain = plain && !strchr(",\"\r\n", text.data[i]);
    if (plain) {
        buf_add_str(out, text);
        return;
    }
    buf_add_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        buf_add_char(out, text.data[i]);
        if (text.data[i] == '"')
            buf_add_char(out, '"');
    }
    buf_add_char(out, '"');
}

static void write_trace(const struct trace *trace, struct buf *out)
{
    buf_add_text(out, "time,resource,session,duration\n");
    for (size_t i = 0; i < trace->count; i++) {
        const struct trace_request *request = &trace->requests[i];
        int64_t us = request->at_ns / 1000, took_us = request->duration_ns / 1000;
        buf_printf(out, "%" PRId64 ".%06" PRId64 ",", us / 1000000, us % 1000000);
        add_field(out, table_key(&trace->resources, request->resource));
        buf_add_char(out, ',');
        if (request->session_number != TABLE_NONE)
            add_field(out, table_key(&trace->sessions, request->session_number));
        buf_printf(out, ",%" PRId64 ".%06" PRId64 "\n", took_us / 1000000, took_us % 1000000);
    }
}

static int print_log_summary(const struct trace *trace, const char *output)
{
    struct buf out;
    struct json json;
    buf_init(&out, OUTPUT_MAX);
    json_init(&json, &out, true);
    json_object(&json);
    json_key_uint(&json, "requests", trace->count);
    json_key_uint(&json, "resources", trace->resources.count);
    json_key_uint(&json, "sessions", trace->sessions.count);
    json_key_uint(&json, "skipped", trace->skipped);
    json_key_uint(&json, "ignored", trace->ignored);
    json_key_text(&json, "output", output);
    json_object_end(&json);
    buf_add_char(&out, '\n');
    int status = output_print(&out, 0);
    buf_fini(&out);
    return status;
}

int cmd_import_access_log(int argc, char **argv)
{
    struct log_options options;
    struct args args = {0};
    struct fw_detail detail = {""};
    struct trace trace;
    struct buf out;
    enum fw_err err = args_parse(&args, &log_spec, &options, argc, argv, &detail);
    if (err != FW_OK || args.done)
        return err != FW_OK ? output_fail(log_spec.command, err, &detail) : 0;
    if (args.json && strcmp(options.output, "-") == 0)
        return output_fail(log_spec.command,
                           err_set(&detail, FW_USAGE, "--json needs -o FILE for the trace"),
                           &detail);
    const struct trace_options how = {.format = TRACE_ACCESS_LOG, .skip_bad_rows = options.skip};
    trace_init(&trace);
    buf_init(&out, OUTPUT_MAX);
    err = trace_read(&trace, args.operands, (size_t)args.operand_count, &how, &detail);
    if (err == FW_OK) {
        write_trace(&trace, &out);
        err = out.failed ? FW_NOMEM : output_file(options.output, buf_str(&out), &detail);
    }
    int status = 0;
    if (err != FW_OK)
        status = output_fail(log_spec.command, err, &detail);
    else if (args.json)
        status = print_log_summary(&trace, options.output);
    if (err == FW_OK && !args.quiet)
        fprintf(stderr,
                "%zu requests for %u resources; %" PRIu64 " rows were no demand, %" PRIu64
                " could not be read\n",
                trace.count, (unsigned)trace.resources.count, trace.ignored, trace.skipped);
    buf_fini(&out);
    trace_fini(&trace);
    return status;
}
