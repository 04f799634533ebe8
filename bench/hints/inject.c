/* SPDX-License-Identifier: MIT
 * What a hint costs in a request: the text of the edit for a chat request of 2 KB, with the place
 * of nvext known (the proxy looks for it while it looks for the model) and with a look of its own;
 * and how long that look at the body takes the proxy in any case. Prints "name nanoseconds" lines,
 * the median of 21 rounds, in processor time. */
#include "edge/hint_inject.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BODY_BYTES = 2048, ROUNDS = 21, REPEATS = 20000 };

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct work {
    struct hint_rules rules;
    struct hint_values values;
    struct str body;
    struct scan_field nvext;
    struct buf out;
    uint64_t sink;
};

static void with_place(struct work *work)
{
    struct hint_edit edit;
    work->values.osl++;
    work->sink +=
        hint_inject_body(&work->rules, &work->values, work->body, &work->nvext, &work->out, &edit) +
        edit.text.len;
}

static void with_look(struct work *work)
{
    struct hint_edit edit;
    work->values.osl++;
    work->sink += hint_inject_scan(&work->rules, &work->values, work->body, &work->out, &edit) +
                  edit.text.len;
}

static void look_alone(struct work *work)
{
    struct scan_field fields[4] = {{.key = STR("model")},
                                   {.key = STR("stream")},
                                   {.key = STR("options")},
                                   {.key = STR("nvext")}};
    struct scan_error error;
    work->sink += scan_object(work->body, fields, 4, &error);
}

static void measure(const char *name, struct work *work, void (*fn)(struct work *))
{
    double took[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        int64_t begin_ns = now_ns();
        for (int i = 0; i < REPEATS; i++)
            fn(work);
        took[round] = (double)(now_ns() - begin_ns) / REPEATS;
    }
    qsort(took, ROUNDS, sizeof took[0], compare);
    printf("%s %.0f\n", name, took[ROUNDS / 2]);
}

/* Turns of a conversation of some words each, as chat clients send them. */
static void make_body(struct buf *body, const char *tail)
{
    static const char *const roles[] = {"user", "assistant"};
    buf_add_text(body, "{\"model\":\"qwen-7b\",\"temperature\":0.7,\"stream\":true,\"messages\":[");
    for (int i = 0; body->len + strlen(tail) < BODY_BYTES - 160; i++)
        buf_printf(body,
                   "%s{\"role\":\"%s\",\"content\":\"What is it that we have to look at next, and "
                   "\\\"why\\\"?\\nIn turn %d we said that the report is due.\"}",
                   i > 0 ? "," : "", roles[i % 2], i);
    buf_add_text(body, tail);
}

int main(void)
{
    struct work work = {
        .rules = {.dialect = HINT_LEGACY, .client = HINT_STRIP, .cap = 5, .scale = 5},
        .values = {.known = 31,
                   .osl = 312,
                   .iat_ms = 450,
                   .level = 4,
                   .total_requests = 7,
                   .remaining = 5,
                   .prefix_id = "9f2c41d07be5a388-d2"},
        .nvext = {.key = STR("nvext")}};
    struct buf body;
    struct scan_error error;
    buf_init(&body, 1 << 16);
    buf_init(&work.out, 1 << 16);
    make_body(&body, "]}");
    work.body = buf_str(&body);
    printf("body_bytes %zu\n", body.len);
    measure("inject_legacy_place_known", &work, with_place);
    measure("inject_legacy_with_scan", &work, with_look);
    work.rules.dialect = HINT_DYNAMO;
    measure("inject_dynamo_place_known", &work, with_place);
    measure("inject_dynamo_with_scan", &work, with_look);
    measure("scan_for_model_and_nvext", &work, look_alone);
    buf_clear(&body);
    make_body(&body, "],\"nvext\":{\"annotations\":[\"a\"],\"agent_hints\":{\"priority\":9}}}");
    work.body = buf_str(&body);
    if (scan_object(work.body, &work.nvext, 1, &error) != FW_OK)
        return 1;
    measure("inject_dynamo_over_client", &work, with_place);
    fprintf(stderr, "sink %llu\n", (unsigned long long)work.sink);
    buf_fini(&body);
    buf_fini(&work.out);
    return 0;
}
