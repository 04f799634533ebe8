/* SPDX-License-Identifier: MIT
 * Responses: where the body ends, and what is in it, must not depend on where reads end; nothing
 * behind the end is taken. */
#include "base/check.h"
#include "edge/http_parser.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct server_field fields[SERVER_FIELDS_MAX];

static void on_body(void *context, const char *data, size_t len)
{
    buf_add(context, data, len);
}

/* Returns bytes used behind the head; -1: refused. */
static long read_body(const char *text, size_t head_len, size_t len, bool answers_head, size_t step,
                      struct buf *body, int *end)
{
    struct http_response response = {.context = body, .body = on_body};
    struct head head = {.fields = fields};
    const char *why;
    size_t at = head_len, used;
    buf_init(body, 1 << 20);
    *end = -1;
    if (head_read_response(&head, text, head_len, &why) != FW_OK || head.status < 200)
        return -1;
    http_response_init(&response, answers_head);
    if (http_response_head(&response, &head, text, head_len) != FW_OK)
        return -1;
    while (at < len && !response.complete) {
        size_t n = len - at < step ? len - at : step;
        if (http_response_feed(&response, text + at, n, &used) != FW_OK)
            return -1;
        CHECK(used == n || response.complete);
        at += used;
    }
    *end = response.complete ? 2 : http_response_finish(&response);
    return (long)(at - head_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const char *text = (const char *)data;
    size_t at = 0;
    if (len == 0 || head_find_end(text, len, &at) != HEAD_FOUND)
        return 0;
    for (int answers_head = 0; answers_head < 2; answers_head++) {
        struct buf whole, bytes;
        int end, end_bytes;
        long used = read_body(text, at, len, answers_head, len, &whole, &end);
        long used_bytes = read_body(text, at, len, answers_head, 1, &bytes, &end_bytes);
        CHECK(used == used_bytes && end == end_bytes);
        CHECK(used < 0 || str_equal(buf_str(&whole), buf_str(&bytes)));
        CHECK(!answers_head || used <= 0);
        buf_fini(&whole);
        buf_fini(&bytes);
    }
    return 0;
}
