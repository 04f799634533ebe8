/* SPDX-License-Identifier: MIT
 * loadgen: plays a request log against a server in real time and says what the clients saw. See
 * --help. */
#include "play.h"
#include "report.h"

#include <curl/curl.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: loadgen --base URL [options] TRACE...\n"
    "Plays request logs (any format `forewarm replay` reads; - is standard input) against an\n"
    "OpenAI-style server in real time: each request leaves at its own moment. Several logs are\n"
    "merged. Sessions go out as x-session-id. Ctrl-C ends it early, with a report.\n\n"
    "  --base URL        the server, such as http://127.0.0.1:7700 (required)\n"
    "  --hints FILE      also send these hints (time,resource[,probability][,eta_s]) at their "
    "moments\n"
    "  --control URL     forewarm's control plane, which gets the hints\n"
    "  --embeddings ID   ask this resource for embeddings instead of chats (may be repeated)\n"
    "  --max-tokens N    words a chat asks for (8)\n"
    "  --stream          ask for streamed answers\n"
    "  --speed X         2 plays the trace in half its time (1)\n"
    "  --timeout S       seconds to wait for an answer (120)\n"
    "  --columns LIST    which columns of a CSV hold time, resource, session\n"
    "  --csv FILE        one row a request\n"
    "  --json            the summary as JSON\n"
    "  --quiet           no progress\n";

struct options {
    struct play_options play;
    struct trace_options trace;
    const char *const *paths;
    size_t path_count;
    const char *csv, *hints;
    bool json;
};

static volatile sig_atomic_t interrupted;
static volatile int stop;

static void on_signal(int number)
{
    interrupted = number;
    stop = 1;
}

static int complain(const char *option, const char *found, const char *expected)
{
    fprintf(stderr, "loadgen: --%s: found \"%s\", expected %s\n", option, found, expected);
    return 2;
}

static bool parse_count(const char *text, long *value)
{
    int64_t number;
    bool good = str_to_int64(str_of(text), &number) && number > 0 && number <= 1000000;
    *value = good ? (long)number : 0;
    return good;
}

static int options_parse(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {{"base", 1, 0, 'b'},       {"hints", 1, 0, 'H'},
                                          {"control", 1, 0, 'C'},    {"embeddings", 1, 0, 'e'},
                                          {"max-tokens", 1, 0, 'm'}, {"stream", 0, 0, 's'},
                                          {"speed", 1, 0, 'x'},      {"timeout", 1, 0, 't'},
                                          {"columns", 1, 0, 'c'},    {"csv", 1, 0, 'o'},
                                          {"json", 0, 0, 'j'},       {"quiet", 0, 0, 'q'},
                                          {"help", 0, 0, 'h'},       {0}};
    struct play_options *play = &options->play;
    *options = (struct options){.play = {.speed = 1, .max_tokens = 8, .timeout_s = 120}};
    int option, at = 0;
    while ((option = getopt_long(argc, argv, "", known, &at)) != -1) {
        switch (option) {
        case 'b':
            play->base = optarg;
            break;
        case 'H':
            options->hints = optarg;
            break;
        case 'C':
            play->control = optarg;
            break;
        case 's':
            play->stream = true;
            break;
        case 'o':
            options->csv = optarg;
            break;
        case 'j':
            options->json = true;
            break;
        case 'q':
            play->quiet = true;
            break;
        case 'c':
            snprintf(options->trace.columns, sizeof options->trace.columns, "%s", optarg);
            break;
        case 'e':
            if (play->embedding_count == PLAY_EMBEDDINGS_MAX)
                return complain("embeddings", optarg, "fewer of them");
            play->embeddings[play->embedding_count++] = optarg;
            break;
        case 'm':
            if (!parse_count(optarg, &play->max_tokens))
                return complain("max-tokens", optarg, "a whole number above 0");
            break;
        case 't':
            if (!parse_count(optarg, &play->timeout_s))
                return complain("timeout", optarg, "a whole number of seconds above 0");
            break;
        case 'x':
            if (!str_to_double(str_of(optarg), &play->speed) || play->speed <= 0)
                return complain("speed", optarg, "a number above 0");
            break;
        case 'h':
            fputs(usage, stdout);
            return -1;
        default:
            fputs(usage, stderr);
            return 2;
        }
    }
    if (!play->base || optind == argc || (options->hints && !play->control)) {
        fputs(usage, stderr);
        return 2;
    }
    options->paths = (const char *const *)argv + optind;
    options->path_count = (size_t)(argc - optind);
    return 0;
}

static int run(const struct options *options, const struct trace *trace)
{
    struct play_result *results = calloc(trace->count + 1, sizeof *results);
    if (!results)
        return 3;
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    size_t sent = 0;
    bool whole = play(trace, &options->play, results, &sent, &stop);
    int status = whole ? 0 : interrupted ? 128 + (int)interrupted : 3;
    if (options->json && !report_json(trace, results, sent))
        status = 3;
    if (!options->json)
        report_text(results, sent);
    if (options->csv && !report_csv(trace, results, sent, options->csv))
        status = 3;
    free(results);
    return status;
}

static enum fw_err read_hints(struct options *options, const struct trace *trace,
                              struct replay_hint **hints, struct fw_detail *detail)
{
    struct buf text;
    uint64_t unknown = 0;
    if (!options->hints)
        return FW_OK;
    buf_init(&text, TRACE_BYTES_MAX);
    enum fw_err err = trace_load_file(options->hints, &text, detail);
    if (err == FW_OK)
        err = replay_read_hints(trace, options->hints, buf_str(&text), hints,
                                &options->play.hint_count, &unknown, detail);
    buf_fini(&text);
    options->play.hints = *hints;
    return err;
}

int main(int argc, char **argv)
{
    struct options options;
    struct trace trace;
    struct fw_detail detail = {""};
    struct replay_hint *hints = NULL;
    int status = options_parse(argc, argv, &options);
    if (status != 0)
        return status < 0 ? 0 : status;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
        return 3;
    trace_init(&trace);
    enum fw_err err =
        trace_read(&trace, options.paths, options.path_count, &options.trace, &detail);
    if (err == FW_OK)
        err = read_hints(&options, &trace, &hints, &detail);
    if (err != FW_OK) {
        fprintf(stderr, "loadgen: %s\n", detail.text);
        status = err_row(err)->exit_status;
    } else {
        status = run(&options, &trace);
    }
    free(hints);
    trace_fini(&trace);
    curl_global_cleanup();
    return status;
}
