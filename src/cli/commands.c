/* SPDX-License-Identifier: MIT */
#include "cli/commands.h"

const struct command commands[] = {
    {"serve", cmd_serve, "run the daemon: proxy and control plane"},
    {"check", cmd_check, "validate a configuration and print every problem"},
    {"status", cmd_status, "show the resources of a running daemon"},
    {"warm", cmd_warm, "warm a resource and wait until it is"},
    {"unload", cmd_unload, "unload a resource"},
    {"pin", cmd_pin, "keep a resource warm"},
    {"unpin", cmd_unpin, "stop keeping a resource warm"},
    {"why", cmd_why, "print the latest decisions about a resource"},
    {"replay", cmd_replay, "run the production engine over a log and compare policies"},
    {"simulate", cmd_simulate, "run the engine against a hostile world, seed after seed"},
    {"forecast", cmd_forecast,
     "foretell a demand series, with quantiles and its own past as judge"},
    {"plan", cmd_plan,
     "how many GPUs to have when, at what cost and risk, from a forecast or series"},
    {"synth requests", cmd_synth_requests, "make a trace of requests from a seed"},
    {"synth demand", cmd_synth_demand, "make a demand series with labelled events from a seed"},
    {"detect", cmd_detect, "find anomalies in a series and tell what kind of events they are"},
    {"report", cmd_report, "draw a demand series, its anomalies and its forecast as one page"},
    {"eval next", cmd_eval_next, "score predictors of what comes next in sessions"},
    {"eval anomaly", cmd_eval_anomaly, "score anomaly detectors on the Numenta Anomaly Benchmark"},
    {"eval cache", cmd_eval_cache, "score caches and loads ahead on a trace of blocks or keys"},
    {"eval forecast", cmd_eval_forecast, "score forecasts of many series by the M4 rules"},
    {"import llama-swap", cmd_import_llama_swap, "write a llama-swap configuration as one of ours"},
    {"import access-log", cmd_import_access_log, "convert an access log to a trace"},
    {"options", cmd_options, "print the table of options: types, defaults, bounds"},
    {"metrics", cmd_metrics, "print the table of metrics"},
    {"errors", cmd_errors, "print the table of errors: names, exit and HTTP statuses, next steps"},
};
const size_t command_count = sizeof commands / sizeof commands[0];
