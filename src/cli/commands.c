/* SPDX-License-Identifier: MIT */
#include "cli/commands.h"

const struct command commands[] = {
    {"replay", cmd_replay, "run the production engine over a log and compare policies"},
    {"synth requests", cmd_synth_requests, "make a trace of requests from a seed"},
    {"options", cmd_options, "print the table of options: types, defaults, bounds"},
    {"errors", cmd_errors, "print the table of errors: names, exit and HTTP statuses, next steps"},
};
const size_t command_count = sizeof commands / sizeof commands[0];
