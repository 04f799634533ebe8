/* SPDX-License-Identifier: MIT
 * modelserver: an honest little model server. See --help, and examples/modelserver/README.md for
 * why it exists. */
#include "api.h"
#include "words.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DRAIN_MS = 5000 };

static const char usage[] =
    "usage: modelserver --model NAME --port PORT --weights FILE [options]\n"
    "An OpenAI-style server for one small network, which loads as slowly as it must and says "
    "/health at once.\n\n"
    "  --model NAME     the name it answers to (required)\n"
    "  --weights FILE   its weights; made on first use (required)\n"
    "  --port PORT      0 takes a free one and prints it (8000)\n"
    "  --host ADDRESS   IPv4 address to listen on (127.0.0.1)\n"
    "  --size SIZE      memory its weights take, such as 256MiB or 1GiB (512MiB)\n"
    "  --layers N       (4)\n"
    "  --width N        (512)\n"
    "  --seed N         of the weights (1)\n"
    "  --refuse-while-loading  answer 503 instead of waiting for the load\n"
    "  --create-only    make the weights file and end\n";

struct options {
    const char *model, *weights, *host;
    unsigned port, layers, width;
    uint64_t size, seed;
    bool refuse, create_only;
};

struct server {
    uv_loop_t loop;
    uv_async_t progress;
    uv_signal_t terminate, interrupt;
    uv_timer_t drain;
    struct http *http;
    struct api *api;
    struct engine *engine;
};

static bool parse_number(const char *text, uint64_t most, uint64_t *value)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    *value = number;
    return isdigit((unsigned char)*text) && *end == 0 && errno == 0 && number <= most;
}

static bool parse_size(const char *text, uint64_t *bytes)
{
    static const struct {
        const char *unit;
        uint64_t factor;
    } units[] = {{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}};
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (!isdigit((unsigned char)*text) || errno != 0 || number > (UINT64_C(1) << 30))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(end, units[i].unit) == 0) {
            *bytes = number * units[i].factor;
            return true;
        }
    return false;
}

static int complain(const char *option, const char *found, const char *expected)
{
    fprintf(stderr, "modelserver: --%s: found \"%s\", expected %s\n", option, found, expected);
    return 2;
}

static int options_parse(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"model", 1, 0, 'm'},       {"weights", 1, 0, 'w'}, {"port", 1, 0, 'p'},
        {"host", 1, 0, 'h'},        {"size", 1, 0, 's'},    {"layers", 1, 0, 'l'},
        {"width", 1, 0, 'd'},       {"seed", 1, 0, 'r'},    {"refuse-while-loading", 0, 0, 'R'},
        {"create-only", 0, 0, 'c'}, {"help", 0, 0, 'H'},    {0}};
    *options = (struct options){.host = "127.0.0.1",
                                .port = 8000,
                                .layers = 4,
                                .width = 512,
                                .size = UINT64_C(512) << 20,
                                .seed = 1};
    uint64_t number = 0;
    int option, at = 0;
    while ((option = getopt_long(argc, argv, "", known, &at)) != -1) {
        bool good = true;
        switch (option) {
        case 'm':
            options->model = optarg;
            break;
        case 'w':
            options->weights = optarg;
            break;
        case 'h':
            options->host = optarg;
            break;
        case 'R':
            options->refuse = true;
            break;
        case 'c':
            options->create_only = true;
            break;
        case 'p':
            good = parse_number(optarg, 65535, &number), options->port = (unsigned)number;
            break;
        case 'l':
            good = parse_number(optarg, WEIGHTS_LAYERS_MAX, &number),
            options->layers = (unsigned)number;
            break;
        case 'd':
            good = parse_number(optarg, WEIGHTS_WIDTH_MAX, &number),
            options->width = (unsigned)number;
            break;
        case 'r':
            good = parse_number(optarg, UINT64_MAX, &options->seed);
            break;
        case 's':
            good = parse_size(optarg, &options->size);
            break;
        case 'H':
            fputs(usage, stdout);
            return -1;
        default:
            fputs(usage, stderr);
            return 2;
        }
        if (!good)
            return complain(known[at].name, optarg,
                            option == 's' ? "a size such as 512MiB" : "a whole number in range");
    }
    if (!options->model || !options->weights || optind < argc) {
        fputs(usage, stderr);
        return 2;
    }
    return 0;
}

static void on_progress(uv_async_t *handle)
{
    struct server *server = handle->data;
    api_progress(server->api);
}

static void stop(struct server *server)
{
    uv_stop(&server->loop);
}

static void on_drained(uv_timer_t *timer)
{
    stop(timer->data);
}

static struct server
    *the_server; /* http_create's handler context is the api; the loop is found here */

static void on_empty(void *context)
{
    (void)context;
    uv_timer_start(&the_server->drain, on_drained, 0, 0);
}

static void on_signal(uv_signal_t *signal, int number)
{
    struct server *server = signal->data;
    (void)number;
    if (uv_is_active((uv_handle_t *)&server->drain)) { /* the second time: at once */
        stop(server);
        return;
    }
    fprintf(stderr, "stopping\n");
    uv_timer_start(&server->drain, on_drained, DRAIN_MS, 0);
    engine_drain(server->engine);
    http_stop(server->http);
}

static void close_handle(uv_handle_t *handle, void *context)
{
    (void)context;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static int serve(const struct options *options, const struct weights_plan *plan)
{
    struct server server = {0};
    char error[WEIGHTS_ERROR_MAX];
    int status = 3;
    the_server = &server;
    uv_loop_init(&server.loop);
    uv_async_init(&server.loop, &server.progress, on_progress);
    uv_signal_init(&server.loop, &server.terminate);
    uv_signal_init(&server.loop, &server.interrupt);
    uv_timer_init(&server.loop, &server.drain);
    server.progress.data = server.terminate.data = server.interrupt.data = server.drain.data =
        &server;
    uv_signal_start(&server.terminate, on_signal, SIGTERM);
    uv_signal_start(&server.interrupt, on_signal, SIGINT);
    signal(SIGPIPE, SIG_IGN);
    server.api = api_create(&(struct api_options){options->model, options->refuse});
    server.engine = engine_create(plan, options->weights, &server.progress);
    if (server.api && server.engine) {
        api_attach(server.api, server.engine);
        struct http_handler handler = api_handler(server.api);
        server.http = http_create(&server.loop, options->host, (uint16_t)options->port, &handler,
                                  on_empty, error, sizeof error);
        if (!server.http)
            fprintf(stderr, "modelserver: %s\n", error);
    }
    if (server.http) {
        printf("listening on http://%s:%u\n", options->host, http_port(server.http));
        fflush(stdout);
        uv_run(&server.loop, UV_RUN_DEFAULT);
        http_destroy(server.http);
        status = 0;
    }
    engine_destroy(server.engine); /* before the handle that it sends to is closed */
    uv_walk(&server.loop, close_handle, NULL);
    uv_run(&server.loop, UV_RUN_DEFAULT);
    uv_loop_close(&server.loop);
    http_free(server.http);
    api_destroy(server.api);
    return status;
}

int main(int argc, char **argv)
{
    struct options options;
    struct weights_shape shape;
    struct weights_plan plan;
    char error[WEIGHTS_ERROR_MAX];
    int status = options_parse(argc, argv, &options);
    if (status != 0)
        return status < 0 ? 0 : status;
    if (!weights_shape_for(options.size, options.layers, options.width, WORDS_COUNT, options.seed,
                           &shape, error)) {
        fprintf(stderr, "modelserver: %s\n", error);
        return 2;
    }
    if (!weights_plan_init(&plan, &shape))
        return 3;
    if (options.create_only) {
        atomic_bool never = false;
        if (!weights_create(options.weights, &plan, &never, error)) {
            fprintf(stderr, "modelserver: %s\n", error);
            status = 3;
        }
    } else {
        status = serve(&options, &plan);
    }
    weights_plan_fini(&plan);
    return status;
}
