/* SPDX-License-Identifier: MIT
 * forewarm status, warm, unload, pin, unpin and why: talk to a running daemon's control plane. */
#include "base/time.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/output.h"
#include <curl/curl.h>
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum { ANSWER_MAX = 256 << 20, ADDRESS_MAX = 4096, POLL_MS = 200, COLUMNS = 8 };

struct options {
    char api[OPTION_TEXT_MAX];
    char token_file[OPTION_TEXT_MAX];
    char ca_file[OPTION_TEXT_MAX];
    bool no_wait;
};
static const struct args_row rows[] = {
    {{"api", OPTION_TEXT, offsetof(struct options, api), "", 0, 0, false, NULL,
      "address of the control plane; else FOREWARM_API, else http://127.0.0.1:7701"},
     "URL",
     0},
    {{"token_file", OPTION_TEXT, offsetof(struct options, token_file), "", 0, 0, false, NULL,
      "file with its token; else FOREWARM_TOKEN"},
     "FILE",
     0},
    {{"ca_file", OPTION_TEXT, offsetof(struct options, ca_file), "", 0, 0, false, NULL,
      "https: PEM file of the authorities to check it with; else FOREWARM_CA_FILE, else the "
      "system's"},
     "FILE",
     0},
    {{"no_wait", OPTION_BOOL, offsetof(struct options, no_wait), "false", 0, 0, false, NULL,
      "warm: do not wait until it is"},
     NULL,
     0},
};
enum { ROWS_COMMON = 3, ROWS_WARM = 4 };

/* One conversation with the daemon. */
struct client {
    const struct args_spec *spec;
    struct args args;
    struct options options;
    char token[1200];
    struct fw_detail detail;
};

/* ---- asking ---- */

static size_t take(char *data, size_t size, size_t count, void *context)
{
    struct buf *answer = context;
    buf_add(answer, data, size * count);
    return answer->failed ? 0 : size * count;
}

static const char *api_of(const struct client *client)
{
    const char *variable = getenv("FOREWARM_API");
    if (client->options.api[0])
        return client->options.api;
    return variable && variable[0] ? variable : "http://127.0.0.1:7701";
}

static enum fw_err read_token(struct client *client)
{
    const char *variable = getenv("FOREWARM_TOKEN");
    char line[1100] = "";
    if (client->options.token_file[0]) {
        FILE *file = fopen(client->options.token_file, "r");
        if (!file || !fgets(line, sizeof line, file)) {
            enum fw_err err = err_set(&client->detail, FW_IO, "--token-file: \"%s\" cannot be read",
                                      client->options.token_file);
            if (file)
                fclose(file);
            return err;
        }
        fclose(file);
    } else if (variable) {
        snprintf(line, sizeof line, "%s", variable);
    }
    struct str token = str_trim(str_of(line));
    if (token.len > 0)
        snprintf(client->token, sizeof client->token, "Authorization: Bearer %.*s", STR_ARG(token));
    return FW_OK;
}

/* What an error answer says, in one line. */
static enum fw_err refused(struct client *client, long status, struct str answer)
{
    json_t *json = json_loadb(answer.data, answer.len, 0, NULL);
    const char *message =
        json_string_value(json_object_get(json_object_get(json, "error"), "message"));
    enum fw_err code = status == 404 ? FW_NOT_FOUND : status < 500 ? FW_INPUT : FW_UPSTREAM;
    enum fw_err err = err_set(&client->detail, code, "%s",
                              message ? message : "the daemon refused without a word");
    json_decref(json);
    return err;
}

static enum fw_err perform(struct client *client, CURL *curl, const char *method,
                           const char *address, struct buf *answer)
{
    char said[CURL_ERROR_SIZE] = "";
    const char *ca_file =
        client->options.ca_file[0] ? client->options.ca_file : getenv("FOREWARM_CA_FILE");
    long status = 0;
    struct curl_slist *headers = client->token[0] ? curl_slist_append(NULL, client->token) : NULL;
    curl_easy_setopt(curl, CURLOPT_URL, address);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 5L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 60L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    if (ca_file && ca_file[0])
        curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, said);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    if (code != CURLE_OK)
        return err_set(&client->detail, FW_UNREACHABLE, "no forewarm answers at %s: %s",
                       api_of(client), said[0] ? said : curl_easy_strerror(code));
    return status < 300 ? FW_OK : refused(client, status, buf_str(answer));
}

/* `path` holds at most one %s, for the id, which is encoded. */
static enum fw_err ask(struct client *client, const char *method, const char *path, const char *id,
                       struct buf *answer)
{
    CURL *curl = curl_easy_init();
    char *encoded = curl ? curl_easy_escape(curl, id, 0) : NULL;
    struct buf address;
    buf_init(&address, ADDRESS_MAX);
    struct str base = str_of(api_of(client)), rest = str_of(path);
    while (base.len > 0 && base.data[base.len - 1] == '/')
        base.len--;
    buf_add_str(&address, base);
    const char *mark = strstr(path, "%s");
    buf_add_str(&address, mark ? (struct str){path, (size_t)(mark - path)} : rest);
    if (mark && encoded)
        buf_add_text(&address, encoded);
    if (mark)
        buf_add_text(&address, mark + 2);
    enum fw_err err = curl && encoded && !address.failed
                          ? perform(client, curl, method, address.data, answer)
                          : FW_NOMEM;
    curl_free(encoded);
    if (curl)
        curl_easy_cleanup(curl);
    buf_fini(&address);
    return err;
}

/* ---- showing ---- */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static double number_of(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

/* An instant of the API ("2026-01-02T03:04:05.678901234Z") without its fraction: for people. */
static void copy_time(char text[TIME_TEXT_MAX], const json_t *object, const char *key)
{
    int len = snprintf(text, TIME_TEXT_MAX, "%s", text_of(object, key));
    char *dot = strchr(text, '.');
    if (len > 0 && dot)
        memcpy(dot, "Z", 2);
}

struct cells {
    char text[COLUMNS][300];
};

static void fill_row(const json_t *resource, struct cells *row)
{
    const json_t *accounts = json_object_get(resource, "accounts"),
                 *warmup = json_object_get(resource, "warmup");
    const json_t *prediction = json_object_get(resource, "prediction");
    bool busy = json_is_true(json_object_get(warmup, "in_progress"));
    char since[TIME_TEXT_MAX];
    snprintf(row->text[0], 300, "%s%s", text_of(resource, "id"),
             json_is_true(json_object_get(resource, "pinned")) ? " (pinned)" : "");
    const char *level = text_of(resource, "level");
    snprintf(row->text[1], 300, "%s%s%s%s",
             busy ? text_of(warmup, "stage") : text_of(resource, "state"), level[0] ? " (" : "",
             level, level[0] ? ")" : "");
    if (busy) {
        snprintf(row->text[2], 300, "%.0f%% eta %.0fs", 100 * number_of(warmup, "progress"),
                 number_of(warmup, "eta_s"));
    } else {
        copy_time(since, resource, "since");
        snprintf(row->text[2], 300, "%s", since);
    }
    snprintf(row->text[3], 300, "%.0f", number_of(resource, "in_use"));
    snprintf(row->text[4], 300, "%.0f", number_of(resource, "held"));
    snprintf(row->text[5], 300, "%.0f", number_of(accounts, "requests"));
    snprintf(row->text[6], 300, "%.0f", number_of(accounts, "cold_requests"));
    snprintf(row->text[7], 300, "%.0f%%", 100 * number_of(prediction, "probability_10min"));
}

static void show_list(const json_t *list, struct buf *out)
{
    static const char *const heading[COLUMNS] = {
        "resource", "state", "since", "in use", "held", "requests", "cold", "chance in 10 min"};
    size_t count = json_array_size(list);
    struct cells *rows_text = calloc(count + 1, sizeof *rows_text);
    const char **cells = calloc((count + 1) * COLUMNS, sizeof *cells);
    if (rows_text && cells) {
        for (size_t j = 0; j < COLUMNS; j++)
            cells[j] = heading[j];
        for (size_t i = 0; i < count; i++) {
            fill_row(json_array_get(list, i), &rows_text[i]);
            for (size_t j = 0; j < COLUMNS; j++)
                cells[(i + 1) * COLUMNS + j] = rows_text[i].text[j];
        }
        output_table(out, cells, count + 1, COLUMNS);
    }
    free(rows_text);
    free(cells);
}

/* No policy makes up for memory or loading that is not there. */
static void show_overload(const json_t *memory, struct buf *out)
{
    if (!json_is_true(json_object_get(memory, "overloaded")))
        return;
    double missing = number_of(memory, "short_bytes");
    buf_printf(out,
               "overloaded: in the last hour requests waited for a load or for room for %.0f %% of "
               "the time; ",
               100 * number_of(memory, "loading_share"));
    buf_printf(out, "%.0f s of loading stand in the queue\n", number_of(memory, "behind_s"));
    if (missing > 0)
        buf_printf(out,
                   "memory is short by about %.1f GB: what was asked for within an hour needs "
                   "%.1f GB together\n",
                   missing / 1e9, number_of(memory, "wanted_bytes") / 1e9);
    else
        buf_add_text(out, "memory suffices for what is asked for; loading it takes too long\n");
}

/* "gpu0 and gpu1" */
static void add_names(const json_t *names, struct buf *out)
{
    for (size_t i = 0; i < json_array_size(names); i++)
        buf_printf(out, "%s%s",
                   i == 0                            ? ""
                   : i + 1 == json_array_size(names) ? " and "
                                                     : ", ",
                   json_string_value(json_array_get(names, i)));
}

static void show_devices(const json_t *devices, struct buf *out)
{
    for (size_t i = 0; i < json_array_size(devices); i++) {
        const json_t *device = json_array_get(devices, i);
        double loads = number_of(device, "loads_running");
        buf_printf(out, "%s: %.1f of %.1f GB used", text_of(device, "name"),
                   number_of(device, "used_bytes") / 1e9, number_of(device, "budget_bytes") / 1e9);
        if (loads > 0)
            buf_printf(out, ", loading %.0f", loads);
        buf_add_char(out, '\n');
    }
}

/* Who warms what, in the whole fleet. */
static void show_fleet(const json_t *list, struct buf *out)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *resource = json_array_get(list, i),
                     *fleet = json_object_get(resource, "fleet");
        const char *by = text_of(fleet, "by");
        if (!fleet)
            continue;
        buf_printf(out, "fleet: %s is %s%s%s", text_of(resource, "id"), text_of(fleet, "phase"),
                   by[0] ? " by " : "", by);
        if (number_of(fleet, "users") > 0)
            buf_printf(out, ", %.0f use it", number_of(fleet, "users"));
        buf_add_char(out, '\n');
    }
}

/* Pages that are kept and fetched ahead, an upstream a line. */
static void show_pages(const json_t *pages, struct buf *out)
{
    static const char *const from_memory[] = {"hit",    "prefetched",  "late",
                                              "joined", "revalidated", "stale"};
    for (size_t i = 0; i < json_array_size(pages); i++) {
        const json_t *one = json_array_get(pages, i), *ahead = json_object_get(one, "prefetch");
        const json_t *requests = json_object_get(one, "requests");
        double kept = 0, all = number_of(requests, "miss") + number_of(requests, "pass");
        for (size_t j = 0; j < sizeof from_memory / sizeof from_memory[0]; j++)
            kept += number_of(requests, from_memory[j]);
        buf_printf(out, "pages of %s under %s: %.0f requests, %.0f from memory; ",
                   text_of(one, "upstream"), text_of(one, "paths"), all + kept, kept);
        buf_printf(out, "%.0f fetched ahead, %.0f of them asked for; %.0f kept, %.1f MB\n",
                   number_of(ahead, "issued"),
                   number_of(ahead, "in_time") + number_of(ahead, "late"), number_of(one, "kept"),
                   number_of(one, "kept_bytes") / 1e6);
    }
}

static void show_status(const json_t *json, struct buf *out)
{
    const json_t *list = json_object_get(json, "resources");
    json_t *one = NULL;
    if (!list) {
        one = json_array();
        json_array_append(one, (json_t *)json);
        list = one;
    }
    show_list(list, out);
    show_fleet(list, out);
    const char *error = text_of(json_object_get(json, "warmup"), "error");
    if (error[0])
        buf_printf(out, "last warm-up: %s\n", error);
    if (text_of(json, "note")[0])
        buf_printf(out, "note: %s\n", text_of(json, "note"));
    show_devices(json_object_get(json_object_get(json, "memory"), "devices"), out);
    show_overload(json_object_get(json, "memory"), out);
    show_pages(json_object_get(json, "pages"), out);
    json_decref(one);
}

static void show_levels(const json_t *levels, struct buf *out)
{
    for (size_t i = 0; i < json_array_size(levels); i++) {
        const json_t *level = json_array_get(levels, i);
        double measured = number_of(level, "loads_measured");
        buf_printf(out, "from level %s it is warm in about %.2f s (%s)\n", text_of(level, "name"),
                   number_of(level, "load_expected_s"),
                   measured > 0 ? "measured" : "not measured yet");
    }
}

static const char *standing_of(const json_t *signal)
{
    return json_is_true(json_object_get(signal, "followed")) ? "followed"
           : json_is_true(json_object_get(signal, "acts"))   ? "trusted"
                                                             : "silent";
}

static void show_event(const json_t *signal, struct buf *out)
{
    double earned_s = number_of(signal, "earned_s");
    buf_printf(
        out,
        "from %s to %s, %.0f requests expected: %s; %lld of its source's %lld came true and %s "
        "%.0f s\n",
        text_of(signal, "start"), text_of(signal, "end"), number_of(signal, "expected_requests"),
        standing_of(signal), (long long)json_integer_value(json_object_get(signal, "came_true")),
        (long long)json_integer_value(json_object_get(signal, "of")),
        earned_s < 0 ? "cost more by" : "saved", earned_s < 0 ? -earned_s : earned_s);
}

static void show_signals(const json_t *signals, struct buf *out)
{
    for (size_t i = 0; i < json_array_size(signals); i++) {
        const json_t *signal = json_array_get(signals, i);
        const char *name = text_of(signal, "signal");
        bool named = json_is_string(json_object_get(signal, "source"));
        double saved_s = number_of(signal, "saved_s"), of_s = number_of(signal, "of_s");
        buf_printf(out, "signal %s%s%s: ", name, named ? " of " : "",
                   named ? text_of(signal, "source") : "");
        if (strcmp(name, "event") == 0)
            show_event(signal, out);
        else
            buf_printf(out, "%s; its plans would have %s %.0f of %.0f s over %lld gaps\n",
                       standing_of(signal), saved_s < 0 ? "cost more by" : "saved",
                       saved_s < 0 ? -saved_s : saved_s, of_s,
                       (long long)json_integer_value(json_object_get(signal, "gaps")));
    }
}

static void show_why(const json_t *json, struct buf *out)
{
    const json_t *decisions = json_object_get(json, "decisions");
    char at[TIME_TEXT_MAX];
    buf_printf(out, "%s is %s; policy %s\n", text_of(json, "resource"), text_of(json, "state"),
               text_of(json, "policy"));
    show_levels(json_object_get(json, "levels"), out);
    for (size_t i = 0; i < json_array_size(decisions); i++) {
        const json_t *decision = json_array_get(decisions, i);
        copy_time(at, decision, "at");
        buf_printf(out, "%s  %-8s %s: %s", at, text_of(decision, "action"),
                   text_of(decision, "reason"), text_of(decision, "why"));
        if (json_object_get(decision, "devices")) {
            buf_add_text(out, ", onto ");
            add_names(json_object_get(decision, "devices"), out);
        }
        buf_add_char(out, '\n');
    }
    if (json_array_size(decisions) == 0)
        buf_add_text(out, "nothing was decided about it yet\n");
    show_signals(json_object_get(json, "signals"), out);
}

static void show_wish(const json_t *json, struct buf *out)
{
    buf_printf(out, "%s is %s%s%s\n", text_of(json, "resource"), text_of(json, "state"),
               json_is_true(json_object_get(json, "queued")) ? ", queued for room" : "",
               json_is_true(json_object_get(json, "pinned")) ? ", pinned" : "");
}

/* ---- the commands ---- */

typedef void show_fn(const json_t *json, struct buf *out);

static int print(struct client *client, const struct buf *answer, show_fn *show)
{
    struct buf out;
    json_t *json = json_loadb(answer->data ? answer->data : "", answer->len, 0, NULL);
    buf_init(&out, OUTPUT_MAX);
    if (client->args.json) {
        buf_add_str(&out, buf_str(answer));
        buf_add_char(&out, '\n');
    } else if (!client->args.quiet) {
        show(json, &out);
    }
    int status = output_print(&out, 0);
    json_decref(json);
    buf_fini(&out);
    return status;
}

static enum fw_err begin(struct client *client, const struct args_spec *spec, int argc, char **argv)
{
    client->spec = spec;
    FW_TRY(args_parse(&client->args, spec, &client->options, argc, argv, &client->detail));
    return client->args.done ? FW_OK : read_token(client);
}

static int run(const struct args_spec *spec, int argc, char **argv, const char *method,
               const char *path, const char *path_without_id, show_fn *show)
{
    struct client client = {0};
    struct buf answer;
    enum fw_err err = begin(&client, spec, argc, argv);
    if (err == FW_OK && client.args.done)
        return 0;
    buf_init(&answer, ANSWER_MAX);
    bool named = client.args.operand_count > 0;
    if (err == FW_OK)
        err = ask(&client, method, named ? path : path_without_id,
                  named ? client.args.operands[0] : "", &answer);
    int status = err == FW_OK ? print(&client, &answer, show)
                              : output_fail(spec->command, err, &client.detail);
    buf_fini(&answer);
    return status;
}

#define SPEC(name, operand, least, text, row_number)                                               \
    static const struct args_spec name##_spec = {.command = #name,                                 \
                                                 .operands = operand,                              \
                                                 .sentence = text,                                 \
                                                 .rows = rows,                                     \
                                                 .row_count = row_number,                          \
                                                 .operands_min = least,                            \
                                                 .operands_max = 1}
SPEC(status, "[ID]", 0, "Shows the resources of a running daemon, or one of them.", ROWS_COMMON);
SPEC(warm, "ID", 1,
     "Warms a resource now and waits until it is proven warm; exit status 1 if it fails.",
     ROWS_WARM);
SPEC(unload, "ID", 1, "Unloads a resource once nothing runs on it.", ROWS_COMMON);
SPEC(pin, "ID", 1, "Keeps a resource warm until it is unpinned.", ROWS_COMMON);
SPEC(unpin, "ID", 1, "Stops keeping a resource warm.", ROWS_COMMON);
SPEC(why, "ID", 1, "Prints the latest decisions about a resource, with reasons and numbers.",
     ROWS_COMMON);

int cmd_status(int argc, char **argv)
{
    return run(&status_spec, argc, argv, "GET", "/v1/resources/%s", "/v1/resources", show_status);
}

int cmd_unload(int argc, char **argv)
{
    return run(&unload_spec, argc, argv, "POST", "/v1/resources/%s/unload", "", show_wish);
}

int cmd_pin(int argc, char **argv)
{
    return run(&pin_spec, argc, argv, "POST", "/v1/resources/%s/pin", "", show_wish);
}

int cmd_unpin(int argc, char **argv)
{
    return run(&unpin_spec, argc, argv, "POST", "/v1/resources/%s/unpin", "", show_wish);
}

int cmd_why(int argc, char **argv)
{
    return run(&why_spec, argc, argv, "GET", "/v1/resources/%s/why", "", show_why);
}

/* Looks until it is warm or not on its way any more. */
static enum fw_err await_warm(struct client *client, const char *id, struct buf *answer)
{
    struct output_progress progress;
    enum fw_err err = FW_OK;
    bool busy = true, ready = false;
    output_progress_init(&progress, "warming", client->args.quiet || client->args.json);
    while (err == FW_OK && busy && !ready) {
        buf_clear(answer);
        err = ask(client, "GET", "/warmup-status?resource=%s", id, answer);
        json_t *json = json_loadb(answer->data ? answer->data : "", answer->len, 0, NULL);
        busy = json_is_true(json_object_get(json, "in_progress"));
        ready = json_is_true(json_object_get(json, "ready"));
        output_progress_step(&progress, (uint64_t)(OUTPUT_SHARE * number_of(json, "progress")),
                             OUTPUT_SHARE);
        if (err == FW_OK && !busy && !ready)
            err = err_set(&client->detail, FW_NO, "%s is not warm: %s", id,
                          text_of(json, "error")[0] ? text_of(json, "error") : "it was not begun");
        json_decref(json);
        if (busy && !ready)
            poll(NULL, 0, POLL_MS);
    }
    output_progress_end(&progress);
    return err;
}

static void show_warm(const json_t *json, struct buf *out)
{
    buf_printf(out, "%s is warm\n", text_of(json, "resource"));
}

int cmd_warm(int argc, char **argv)
{
    struct client client = {0};
    struct buf answer;
    enum fw_err err = begin(&client, &warm_spec, argc, argv);
    if (err == FW_OK && client.args.done)
        return 0;
    buf_init(&answer, ANSWER_MAX);
    if (err == FW_OK)
        err = ask(&client, "POST", "/v1/resources/%s/warm", client.args.operands[0], &answer);
    bool wait = !client.options.no_wait;
    if (err == FW_OK && wait)
        err = await_warm(&client, client.args.operands[0], &answer);
    int status = err == FW_OK ? print(&client, &answer, wait ? show_warm : show_wish)
                              : output_fail(warm_spec.command, err, &client.detail);
    buf_fini(&answer);
    return status;
}
