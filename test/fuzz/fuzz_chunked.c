/* SPDX-License-Identifier: MIT
 * Chunked request bodies: in one piece and byte by byte the decoder says the same, and llhttp, fed
 * beside it, never ends the message elsewhere (chunked_feed refuses then; what it accepted is
 * checked here against llhttp on its own). */
#include "base/check.h"
#include "edge/http_parser.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { BODY_MAX = 4096 };

static enum fw_err decode(const char *text, size_t len, size_t step, struct buf *body, size_t *used,
                          bool *done)
{
    struct chunked chunked;
    enum fw_err err = FW_OK;
    *used = 0;
    chunked_init(&chunked);
    buf_init(body, BODY_MAX);
    while (*used < len && err == FW_OK && !chunked_complete(&chunked)) {
        size_t n = len - *used < step ? len - *used : step, taken;
        err = chunked_feed(&chunked, text + *used, n, &taken, body, BODY_MAX);
        *used += taken;
        CHECK(err != FW_OK || taken == n || chunked_complete(&chunked));
    }
    *done = chunked_complete(&chunked);
    return err;
}

struct seen {
    size_t bytes;
    bool done;
};

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
    (void)at;
    ((struct seen *)parser->data)->bytes += len;
    return 0;
}

static int on_complete(llhttp_t *parser)
{
    ((struct seen *)parser->data)->done = true;
    return HPE_PAUSED;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const char head[] = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    static const llhttp_settings_t settings = {.on_body = on_body,
                                               .on_message_complete = on_complete};
    const char *text = (const char *)data;
    struct buf whole, bytes;
    size_t used, used_bytes;
    bool done, done_bytes;
    enum fw_err err = decode(text, len, len > 0 ? len : 1, &whole, &used, &done);
    enum fw_err err_bytes = decode(text, len, 1, &bytes, &used_bytes, &done_bytes);
    /* Which of two faults is seen first may depend on where reads end; that there is one may not.
     */
    CHECK((err == FW_OK) == (err_bytes == FW_OK));
    if (err == FW_OK) {
        CHECK(done == done_bytes);
        CHECK(used == used_bytes && str_equal(buf_str(&whole), buf_str(&bytes)));
        struct seen seen = {0};
        llhttp_t parser;
        llhttp_init(&parser, HTTP_REQUEST, &settings);
        parser.data = &seen;
        CHECK(llhttp_execute(&parser, head, sizeof head - 1) == HPE_OK);
        if (used > 0)
            (void)llhttp_execute(&parser, text, used);
        CHECK(seen.done == done && (!done || seen.bytes == whole.len));
    }
    buf_fini(&whole);
    buf_fini(&bytes);
    return 0;
}
