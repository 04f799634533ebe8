/* SPDX-License-Identifier: MIT
 * forewarm serve: reads the configuration, says everything that is wrong with it, or runs the
 * daemon. */
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "edge/daemon.h"
#include <stdio.h>
#include <stdlib.h>

struct options {
    char config[OPTION_TEXT_MAX];
};
static const struct args_row rows[] = {
    {{"config", OPTION_TEXT, offsetof(struct options, config), "forewarm.yaml", 0, 0, false, NULL,
      "the configuration; see `forewarm options`"},
     "FILE",
     'c'},
};
static const struct args_spec spec = {
    .command = "serve",
    .operands = "",
    .sentence = "Runs the daemon: the proxy for requests, and the control plane.",
    .rows = rows,
    .row_count = 1,
    .more = "\nSIGHUP reads the configuration again; SIGTERM and SIGINT let running requests end.\n"
            "FOREWARM_NAME in the environment overrides the top-level option NAME.\n"};

static const char *environment(const char *variable)
{
    return getenv(variable);
}

int cmd_serve(int argc, char **argv)
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
    if (err != FW_OK) {
        fprintf(stderr, "%.*s", STR_ARG(buf_str(&problems.text)));
        (void)err_set(&detail, err, "the configuration has %u problem%s", problems.count,
                      problems.count == 1 ? "" : "s");
        config_problems_fini(&problems);
        return output_fail(spec.command, err, &detail);
    }
    config_problems_fini(&problems);
    err = daemon_run(config, environment, &detail);
    return err == FW_OK ? 0 : output_fail(spec.command, err, &detail);
}
