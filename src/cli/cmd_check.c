/* SPDX-License-Identifier: MIT
 * forewarm check: is this configuration right? Every problem with line and column. */
#include "base/json.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "edge/config.h"
#include <stdio.h>
#include <stdlib.h>

struct options {
    char config[OPTION_TEXT_MAX];
};
static const struct args_row rows[] = {
    {{"config", OPTION_TEXT, offsetof(struct options, config), "forewarm.yaml", 0, 0, false, NULL,
      "the configuration"},
     "FILE",
     'c'},
};
static const struct args_spec spec = {.command = "check",
                                      .operands = "",
                                      .sentence =
                                          "Validates a configuration and prints every problem with "
                                          "line and column; exit status 1 if there is any.",
                                      .rows = rows,
                                      .row_count = 1};

static const char *environment(const char *variable)
{
    return getenv(variable);
}

static void write_json(const struct config *config, const struct config_problems *problems,
                       struct buf *out)
{
    struct json json;
    struct str rest = buf_str(&problems->text), line;
    json_init(&json, out, true);
    json_object(&json);
    json_key_bool(&json, "ok", config != NULL);
    json_key_uint(&json, "resources", config ? config->resource_count : 0);
    json_key(&json, "problems");
    json_array(&json);
    while (str_cut(&rest, '\n', &line))
        if (line.len > 0)
            json_str(&json, line);
    json_array_end(&json);
    json_object_end(&json);
    buf_add_char(out, '\n');
}

static void write_text(const char *path, const struct config *config,
                       const struct config_problems *problems, struct buf *out)
{
    buf_add_str(out, buf_str(&problems->text));
    if (config) {
        buf_printf(out, "%s: right; %u resource%s", path, config->resource_count,
                   config->resource_count == 1 ? "" : "s");
        if (config->prefetch_count > 0)
            buf_printf(out, ", pages of %u upstream%s", config->prefetch_count,
                       config->prefetch_count == 1 ? "" : "s");
        buf_add_char(out, '\n');
    } else
        buf_printf(out, "%s: %u problem%s\n", path, problems->count,
                   problems->count == 1 ? "" : "s");
}

int cmd_check(int argc, char **argv)
{
    struct options options;
    struct args args = {0};
    struct fw_detail detail = {""};
    struct config *config = NULL;
    struct config_problems problems = {0};
    enum fw_err err = args_parse(&args, &spec, &options, argc, argv, &detail);
    if (err != FW_OK || args.done)
        return err != FW_OK ? output_fail(spec.command, err, &detail) : 0;
    err = config_read(&config, options.config, environment, &problems);
    if (err != FW_OK && err != FW_INPUT) {
        struct str text = str_trim(buf_str(&problems.text));
        (void)err_set(&detail, err, "%.*s", STR_ARG(text));
        config_problems_fini(&problems);
        return output_fail(spec.command, err, &detail);
    }
    struct buf out;
    buf_init(&out, OUTPUT_MAX);
    if (args.json)
        write_json(config, &problems, &out);
    else if (!args.quiet || !config)
        write_text(options.config, config, &problems, &out);
    int status = output_print(&out, config ? 0 : err_row(FW_NO)->exit_status);
    buf_fini(&out);
    config_problems_fini(&problems);
    config_free(&config);
    return status;
}
