/* SPDX-License-Identifier: MIT */
#include "edge/http_parser.h"
#include "base/check.h"

#if !LLHTTP_STRICT_MODE
#error "llhttp must be compiled with LLHTTP_STRICT_MODE=1"
#endif

/* --- the second opinion on a request's head --- */

static int request_head_complete(llhttp_t *parser)
{
    (void)parser;
    return HPE_PAUSED; /* stop where the body would begin */
}

bool http_parser_agrees(const struct head *head, const char *data, size_t len)
{
    static const llhttp_settings_t settings = {.on_headers_complete = request_head_complete};
    llhttp_t parser;
    llhttp_init(&parser, HTTP_REQUEST, &settings);
    if (llhttp_execute(&parser, data, len) != HPE_PAUSED)
        return false;
    if (llhttp_get_error_pos(&parser) != data + len)
        return false;
    bool chunked = parser.flags & F_CHUNKED, has_length = parser.flags & F_CONTENT_LENGTH;
    return chunked == head->chunked && has_length == head->has_length &&
           (!has_length || parser.content_length == head->content_length) && !parser.upgrade &&
           parser.http_major == 1 && parser.http_minor == (head->http_1_0 ? 0 : 1);
}

/* --- responses --- */

static int response_head_complete(llhttp_t *parser)
{
    struct http_response *response = parser->data;
    int status = parser->status_code;
    response->head_seen = true;
    if (response->no_body || status == 204 || status == 304) {
        response->no_body = true;
        return 1; /* else a Content-Length there eats the next response */
    }
    response->until_eof = llhttp_message_needs_eof(parser); /* only valid here */
    return 0;
}

static int response_body(llhttp_t *parser, const char *data, size_t len)
{
    struct http_response *response = parser->data;
    if (response->body)
        response->body(response->context, data, len);
    return 0;
}

static int response_complete(llhttp_t *parser)
{
    struct http_response *response = parser->data;
    response->complete = true;
    return HPE_PAUSED; /* nothing behind the end is read as a second response */
}

void http_response_init(struct http_response *response, bool answers_head)
{
    static const llhttp_settings_t settings = {
        .on_headers_complete = response_head_complete,
        .on_body = response_body,
        .on_message_complete = response_complete,
    };
    void *context = response->context;
    void (*body)(void *, const char *, size_t) = response->body;
    *response = (struct http_response){.no_body = answers_head, .context = context, .body = body};
    llhttp_init(&response->parser, HTTP_RESPONSE, &settings);
    response->parser.data = response;
}

enum fw_err http_response_head(struct http_response *response, const struct head *head,
                               const char *data, size_t len)
{
    response->parser.data = response; /* the struct may have moved since it was made */
    llhttp_errno_t result = llhttp_execute(&response->parser, data, len);
    if (result != HPE_OK && !(result == HPE_PAUSED && response->complete))
        return FW_UPSTREAM;
    if (!response->head_seen || response->parser.status_code != head->status)
        return FW_UPSTREAM;
    bool chunked = response->parser.flags & F_CHUNKED;
    return chunked == head->chunked || response->no_body ? FW_OK : FW_UPSTREAM;
}

enum fw_err http_response_feed(struct http_response *response, const char *data, size_t len,
                               size_t *used)
{
    *used = 0;
    if (response->complete || len == 0)
        return FW_OK;
    llhttp_errno_t result = llhttp_execute(&response->parser, data, len);
    if (result == HPE_OK) {
        *used = len;
        return FW_OK;
    }
    if (result != HPE_PAUSED || !response->complete)
        return FW_UPSTREAM;
    *used = (size_t)(llhttp_get_error_pos(&response->parser) - data);
    CHECK(*used <= len);
    return FW_OK;
}

bool http_response_finish(struct http_response *response)
{
    if (response->complete)
        return true;
    if (!response->until_eof)
        return false;
    llhttp_errno_t result = llhttp_finish(&response->parser);
    return (result == HPE_OK || result == HPE_PAUSED) && response->complete;
}

/* --- chunked request bodies --- */

static int second_body(llhttp_t *parser, const char *data, size_t len)
{
    struct chunked *chunked = parser->data;
    (void)data;
    chunked->second_bytes += len;
    return 0;
}

static int second_complete(llhttp_t *parser)
{
    ((struct chunked *)parser->data)->second_done = true;
    return HPE_PAUSED;
}

void chunked_init(struct chunked *chunked)
{
    static const llhttp_settings_t settings = {.on_body = second_body,
                                               .on_message_complete = second_complete};
    static const char head[] = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    *chunked = (struct chunked){.state = CHUNKED_SIZE};
    llhttp_init(&chunked->second, HTTP_REQUEST, &settings);
    chunked->second.data = chunked;
    CHECK(llhttp_execute(&chunked->second, head, sizeof head - 1) == HPE_OK);
}

bool chunked_complete(const struct chunked *chunked)
{
    return chunked->state == CHUNKED_DONE;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum chunked_state step_size(struct chunked *chunked, char c)
{
    int digit = hex_digit(c);
    if (digit >= 0) {
        chunked->left = chunked->left << 4 | (uint64_t)digit;
        return ++chunked->digits <= CHUNKED_DIGITS_MAX ? CHUNKED_SIZE : CHUNKED_BAD;
    }
    if (chunked->digits == 0)
        return CHUNKED_BAD;
    if (c == ';')
        return CHUNKED_EXTENSION;
    return c == '\r' ? CHUNKED_SIZE_LF : CHUNKED_BAD;
}

static enum chunked_state step_extension(struct chunked *chunked, char c)
{
    if (c == '\r')
        return CHUNKED_SIZE_LF;
    unsigned char byte = (unsigned char)c;
    bool allowed = (byte >= 0x20 && byte < 0x7f) || byte >= 0x80 || byte == '\t';
    return allowed && ++chunked->extension <= CHUNKED_EXTENSION_MAX ? CHUNKED_EXTENSION
                                                                    : CHUNKED_BAD;
}

/* Trailer fields are read by the rules of the head and dropped. */
static enum chunked_state step_trailer(struct chunked *chunked, char c)
{
    unsigned char byte = (unsigned char)c;
    if (++chunked->trailer > CHUNKED_TRAILER_MAX)
        return CHUNKED_BAD;
    if (chunked->trailer_name) {
        if (c == ':')
            chunked->trailer_name = false;
        return c == ':' || head_is_token_char(byte) ? CHUNKED_TRAILER : CHUNKED_BAD;
    }
    if (c == '\r')
        return CHUNKED_TRAILER_LF;
    bool allowed = (byte >= 0x20 && byte != 0x7f) || byte == '\t';
    return allowed ? CHUNKED_TRAILER : CHUNKED_BAD;
}

static enum chunked_state step_trailer_start(struct chunked *chunked, char c)
{
    if (c == '\r')
        return CHUNKED_END_LF;
    chunked->trailer_name = true;
    chunked->trailer++;
    return head_is_token_char((unsigned char)c) ? CHUNKED_TRAILER : CHUNKED_BAD;
}

static enum chunked_state step(struct chunked *chunked, char c)
{
    switch (chunked->state) {
    case CHUNKED_SIZE:
        return step_size(chunked, c);
    case CHUNKED_EXTENSION:
        return step_extension(chunked, c);
    case CHUNKED_SIZE_LF:
        chunked->digits = chunked->extension = 0;
        if (c != '\n')
            return CHUNKED_BAD;
        return chunked->left > 0 ? CHUNKED_DATA : CHUNKED_TRAILER_START;
    case CHUNKED_DATA_CR:
        return c == '\r' ? CHUNKED_DATA_LF : CHUNKED_BAD;
    case CHUNKED_DATA_LF:
        return c == '\n' ? CHUNKED_SIZE : CHUNKED_BAD;
    case CHUNKED_TRAILER_START:
        return step_trailer_start(chunked, c);
    case CHUNKED_TRAILER:
        return step_trailer(chunked, c);
    case CHUNKED_TRAILER_LF:
        return c == '\n' ? CHUNKED_TRAILER_START : CHUNKED_BAD;
    case CHUNKED_END_LF:
        return c == '\n' ? CHUNKED_DONE : CHUNKED_BAD;
    default:
        return CHUNKED_BAD;
    }
}

/* The decoder above. Body bytes are appended; reading stops behind the message. */
static enum fw_err decode(struct chunked *chunked, const char *data, size_t len, size_t *used,
                          struct buf *body, uint64_t max)
{
    size_t i = 0;
    while (i < len && chunked->state != CHUNKED_DONE) {
        if (chunked->state == CHUNKED_DATA) {
            size_t n = chunked->left < len - i ? (size_t)chunked->left : len - i;
            buf_add(body, data + i, n);
            if (body->failed)
                return body->len + n > body->max ? FW_BODY_TOO_LARGE : FW_NOMEM;
            chunked->bytes += n;
            chunked->left -= n;
            i += n;
            if (chunked->left == 0)
                chunked->state = CHUNKED_DATA_CR;
            continue;
        }
        chunked->state = step(chunked, data[i++]);
        if (chunked->state == CHUNKED_BAD)
            return FW_BAD_REQUEST;
        if (chunked->state == CHUNKED_DATA &&
            chunked->left > max - (body->len < max ? body->len : max))
            return FW_BODY_TOO_LARGE;
    }
    *used = i;
    return FW_OK;
}

enum fw_err chunked_feed(struct chunked *chunked, const char *data, size_t len, size_t *used,
                         struct buf *body, uint64_t max)
{
    *used = 0;
    enum fw_err err = decode(chunked, data, len, used, body, max);
    if (err == FW_OK) {
        chunked->second.data = chunked;
        llhttp_errno_t result = *used > 0 ? llhttp_execute(&chunked->second, data, *used) : HPE_OK;
        bool ended = result == HPE_PAUSED && chunked->second_done;
        if ((result != HPE_OK && !ended) || ended != chunked_complete(chunked) ||
            (ended && chunked->bytes != chunked->second_bytes))
            err = FW_BAD_REQUEST;
    }
    if (err != FW_OK)
        chunked->state = CHUNKED_BAD;
    return err;
}
