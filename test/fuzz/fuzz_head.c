/* SPDX-License-Identifier: MIT
 * Request heads: gate and llhttp. What both accept is written anew as for an upstream, and that
 * must be read back as the same request by both. Where reads end must not matter. */
#include "base/check.h"
#include "edge/http_parser.h"
#include "edge/rewrite.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct server_field fields[SERVER_FIELDS_MAX], again_fields[SERVER_FIELDS_MAX];

static size_t find(const char *text, size_t len, size_t step, enum head_find *found)
{
    size_t at = 0;
    *found = HEAD_MORE;
    for (size_t n = 0; n < len && *found == HEAD_MORE;) {
        n = n + step < len ? n + step : len;
        *found = head_find_end(text, n, &at);
    }
    return at;
}

/* The head as it would leave, judged by the same two. */
static void check_rewritten(const struct head *head)
{
    struct buf out;
    const char *why;
    struct head again = {.fields = again_fields};
    struct server_request request = {.method = head->method,
                                     .target = head->target,
                                     .fields = head->fields,
                                     .field_count = head->field_count};
    struct rewrite_request rewrite = {
        .request = &request, .target = STR("/x"), .host = STR("h:1"), .content_length = 7};
    buf_init(&out, 1 << 20);
    rewrite_request(&rewrite, &out);
    CHECK(!out.failed);
    enum fw_err err = head_read_request(&again, out.data, out.len, &why);
    CHECK(err == FW_OK || err == FW_HEAD_TOO_LARGE); /* Host may be added to a full HTTP/1.0 head */
    if (err == FW_OK) {
        CHECK(http_parser_agrees(&again, out.data, out.len));
        CHECK(again.has_length && again.content_length == 7 && !again.chunked &&
              !again.expect_continue);
        CHECK(!head_get(&again, "connection").data && !head_get(&again, "te").data);
    }
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const char *text = (const char *)data, *why = NULL;
    enum head_find whole, pieces;
    size_t end = find(text, len, len > 0 ? len : 1, &whole);
    size_t same = find(text, len, 1, &pieces);
    CHECK(whole == pieces && (whole != HEAD_FOUND || end == same));
    if (whole != HEAD_FOUND)
        end = len;
    struct head head = {.fields = fields};
    enum fw_err err = head_read_request(&head, text, end, &why);
    CHECK((err == FW_OK) == (why == NULL));
    if (err == FW_OK) {
        CHECK(whole == HEAD_FOUND && !(head.chunked && head.has_length));
        if (http_parser_agrees(&head, text, end))
            check_rewritten(&head);
    }
    err = head_read_response(&head, text, end, &why);
    CHECK(err == FW_OK || err == FW_UPSTREAM);
    return 0;
}
