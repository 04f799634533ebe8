/* SPDX-License-Identifier: MIT
 * The commands, one row each: what `forewarm --help` lists and main dispatches on. A name may have
 * two words
 * ("synth requests"). A row is added when its command works. */
#ifndef FOREWARM_CLI_COMMANDS_H
#define FOREWARM_CLI_COMMANDS_H

#include <stddef.h>

typedef int command_fn(int argc,
                       char **argv); /* argv[0] is the command's name; returns the exit status */

struct command {
    const char *name;
    command_fn *run;
    const char *sentence;
};

extern const struct command commands[];
extern const size_t command_count;

command_fn cmd_serve, cmd_check, cmd_status, cmd_warm, cmd_unload, cmd_pin, cmd_unpin, cmd_why;
command_fn cmd_import_llama_swap, cmd_import_access_log;
command_fn cmd_errors;
command_fn cmd_hints_learn, cmd_hints_lookup, cmd_hints_groups, cmd_hints_prompts, cmd_eval_hints;
command_fn cmd_forecast;
command_fn cmd_plan;
command_fn cmd_eval_next;
command_fn cmd_eval_forecast;
command_fn cmd_detect;
command_fn cmd_eval_anomaly;
command_fn cmd_eval_cache;
command_fn cmd_metrics;
command_fn cmd_options;
command_fn cmd_replay;
command_fn cmd_report;
command_fn cmd_simulate;
command_fn cmd_synth_requests;
command_fn cmd_synth_demand;

#endif
