/* SPDX-License-Identifier: MIT */
#include "edge/head.h"

/* Per byte: 1 tchar (RFC 9110 5.6.2), 2 may stand in a field value, 4 may stand in a request
 * target. */
enum { TCHAR = 1, VALUE = 2, TARGET = 4 };
static const uint8_t byte_class[256] = {
    ['\t'] = VALUE,     [' '] = VALUE,     ['!'] = 7,         ['"'] = 6,
    ['#' ... '\''] = 7, ['(' ... ')'] = 6, ['*' ... '+'] = 7, [','] = 6,
    ['-' ... '.'] = 7,  ['/'] = 6,         ['0' ... '9'] = 7, [':' ... '@'] = 6,
    ['A' ... 'Z'] = 7,  ['[' ... ']'] = 6, ['^' ... 'z'] = 7, ['{'] = 6,
    ['|'] = 7,          ['}'] = 6,         ['~'] = 7,         [0x80 ... 0xff] = VALUE,
};

static bool byte_is(char c, uint8_t class)
{
    return byte_class[(unsigned char)c] & class;
}

bool head_is_token_char(unsigned char c)
{
    return byte_class[c] & TCHAR;
}

enum head_find head_find_end(const char *data, size_t len, size_t *at)
{
    size_t i = *at;
    while (i < len) {
        const char *lf = memchr(data + i, '\n', len - i);
        if (!lf)
            break;
        size_t end = (size_t)(lf - data);
        if (end == 0 || data[end - 1] != '\r')
            return HEAD_BAD;
        i = end + 1;
        if (end >= 3 && data[end - 2] == '\n') {
            *at = i;
            return HEAD_FOUND;
        }
    }
    *at = i;
    return HEAD_MORE;
}

/* One line without its CRLF off the front. The head is known to end in CRLF and to have CR before
 * every LF. */
static bool next_line(struct str *rest, struct str *line)
{
    if (rest->len == 0)
        return false;
    const char *lf = memchr(rest->data, '\n', rest->len);
    if (!lf || lf == rest->data || lf[-1] != '\r')
        return false;
    size_t len = (size_t)(lf - rest->data);
    *line = (struct str){rest->data, len - 1};
    rest->data += len + 1;
    rest->len -= len + 1;
    return true;
}

static bool name_is(struct str name, struct str lower)
{
    if (name.len != lower.len)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        if ((c >= 'A' && c <= 'Z' ? c | 0x20 : c) != lower.data[i])
            return false;
    }
    return true;
}

struct str head_get(const struct head *head, const char *name)
{
    for (uint32_t i = 0; i < head->field_count; i++) {
        if (str_equal_nocase(head->fields[i].name, str_of(name)))
            return head->fields[i].value;
    }
    return (struct str){0};
}

bool head_list_has(struct str list, struct str token)
{
    struct str part;
    while (str_cut(&list, ',', &part)) {
        if (str_equal_nocase(str_trim(part), token))
            return true;
    }
    return false;
}

static enum fw_err fail(const char **why, enum fw_err err, const char *sentence)
{
    *why = sentence;
    return err;
}

static struct str trim_blanks(struct str value)
{
    while (value.len > 0 && (value.data[0] == ' ' || value.data[0] == '\t')) {
        value.data++;
        value.len--;
    }
    while (value.len > 0 && (value.data[value.len - 1] == ' ' || value.data[value.len - 1] == '\t'))
        value.len--;
    return value;
}

static enum fw_err split_field(struct str line, struct server_field *field, const char **why)
{
    size_t name = 0;
    while (name < line.len && byte_is(line.data[name], TCHAR))
        name++;
    if (name == 0)
        return fail(why, FW_BAD_REQUEST, "a header line does not begin with a field name");
    if (name == line.len || line.data[name] != ':')
        return fail(why, FW_BAD_REQUEST, "a field name is not followed by a colon");
    for (size_t i = name + 1; i < line.len; i++) {
        if (!byte_is(line.data[i], VALUE))
            return fail(why, FW_BAD_REQUEST, "a field value holds a control character");
    }
    field->name = (struct str){line.data, name};
    field->value = trim_blanks((struct str){line.data + name + 1, line.len - name - 1});
    return FW_OK;
}

static enum fw_err read_length(struct head *head, struct str value, const char **why)
{
    if (head->has_length)
        return fail(why, FW_BAD_REQUEST, "Content-Length appears twice");
    if (value.len == 0 || value.len > 19)
        return fail(why, FW_BAD_REQUEST, "Content-Length is not a number that fits");
    uint64_t length = 0;
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return fail(why, FW_BAD_REQUEST, "Content-Length is not made of digits alone");
        length = length * 10 + (uint64_t)(value.data[i] - '0'); /* 19 digits fit into 64 bits */
    }
    if (length > INT64_MAX)
        return fail(why, FW_BAD_REQUEST, "Content-Length is not a number that fits");
    head->has_length = true;
    head->content_length = length;
    return FW_OK;
}

/* What is known of fields while they are read; judged together at the end, because they contradict
 * each other in any order. */
struct framing {
    unsigned hosts, encodings;
    bool encoding_known; /* it was "chunked" */
    bool upgrade;
};

static enum fw_err note_field(struct head *head, struct framing *framing,
                              const struct server_field *field, const char **why)
{
    struct str name = field->name, value = field->value;
    switch (name.len) {
    case 4:
        framing->hosts += name_is(name, STR("host"));
        break;
    case 6:
        if (name_is(name, STR("expect")))
            head->expect_continue = str_equal_nocase(value, STR("100-continue"));
        break;
    case 7:
        framing->upgrade |= name_is(name, STR("upgrade"));
        break;
    case 10:
        if (name_is(name, STR("connection"))) {
            head->close |= head_list_has(value, STR("close"));
            head->keep_alive |= head_list_has(value, STR("keep-alive"));
        }
        break;
    case 14:
        if (name_is(name, STR("content-length")))
            return read_length(head, value, why);
        break;
    case 17:
        if (name_is(name, STR("transfer-encoding"))) {
            framing->encodings++;
            framing->encoding_known = str_equal_nocase(value, STR("chunked"));
        }
        break;
    default:
        break;
    }
    return FW_OK;
}

static enum fw_err read_fields(struct head *head, struct framing *framing, struct str rest,
                               const char **why)
{
    struct str line;
    while (next_line(&rest, &line)) {
        if (line.len == 0)
            return rest.len == 0 ? FW_OK : fail(why, FW_BAD_REQUEST, "bytes follow the blank line");
        if (head->field_count == SERVER_FIELDS_MAX)
            return fail(why, FW_HEAD_TOO_LARGE, "there are more than 100 header fields");
        struct server_field *field = &head->fields[head->field_count];
        FW_TRY(split_field(line, field, why));
        head->field_count++;
        FW_TRY(note_field(head, framing, field, why));
    }
    return fail(why, FW_BAD_REQUEST, "a header line does not end in CRLF");
}

static enum fw_err judge_encoding(struct head *head, const struct framing *framing,
                                  const char **why)
{
    if (framing->encodings == 0)
        return FW_OK;
    if (head->has_length)
        return fail(why, FW_BAD_REQUEST,
                    "Content-Length and Transfer-Encoding contradict each other");
    if (head->http_1_0)
        return fail(why, FW_BAD_REQUEST, "HTTP/1.0 has no Transfer-Encoding");
    if (framing->encodings > 1 || !framing->encoding_known)
        return fail(why, FW_NOT_IMPLEMENTED, "the only Transfer-Encoding is chunked, once");
    head->chunked = true;
    return FW_OK;
}

static bool method_known(struct str method)
{
    static const char *const methods[] = {"GET",   "POST",   "HEAD",   "PUT",
                                          "PATCH", "DELETE", "OPTIONS"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (str_equal(method, str_of(methods[i])))
            return true;
    }
    return false;
}

static enum fw_err read_version(struct head *head, struct str version, const char **why)
{
    if (str_equal(version, STR("HTTP/1.1")))
        return FW_OK;
    head->http_1_0 = str_equal(version, STR("HTTP/1.0"));
    if (head->http_1_0)
        return FW_OK;
    /* NAME/digit.digit of another protocol or version, or no version at all? */
    size_t n = version.len;
    bool shaped = n > 4 && version.data[n - 4] == '/' && version.data[n - 2] == '.' &&
                  version.data[n - 1] >= '0' && version.data[n - 1] <= '9' &&
                  version.data[n - 3] >= '0' && version.data[n - 3] <= '9';
    for (size_t i = 0; shaped && i < n - 4; i++)
        shaped = byte_is(version.data[i], TCHAR);
    if (shaped)
        return fail(why, FW_HTTP_VERSION, "only HTTP/1.0 and HTTP/1.1 are spoken");
    return fail(why, FW_BAD_REQUEST, "the request line does not end in a version");
}

static enum fw_err read_request_line(struct head *head, struct str line, const char **why)
{
    size_t i = 0;
    while (i < line.len && byte_is(line.data[i], TCHAR))
        i++;
    head->method = (struct str){line.data, i};
    if (i == 0 || i == line.len || line.data[i] != ' ')
        return fail(why, FW_BAD_REQUEST,
                    "the request line does not begin with a method and a space");
    size_t target = ++i;
    while (i < line.len && byte_is(line.data[i], TARGET))
        i++;
    head->target = (struct str){line.data + target, i - target};
    if (i == target || i == line.len || line.data[i] != ' ')
        return fail(why, FW_BAD_REQUEST,
                    "the request target is empty or holds a byte it may not hold");
    struct str version = {line.data + i + 1, line.len - i - 1};
    for (size_t j = 0; j < version.len; j++) {
        if (!byte_is(version.data[j], TARGET))
            return fail(why, FW_BAD_REQUEST, "the request line has more than three parts");
    }
    if (!method_known(head->method))
        return fail(why, FW_NOT_IMPLEMENTED,
                    "the method is not one of GET, POST, HEAD, PUT, PATCH, DELETE, OPTIONS");
    FW_TRY(read_version(head, version, why));
    if (head->target.data[0] != '/' && !str_equal(head->target, STR("*")) &&
        !str_equal_nocase(
            (struct str){head->target.data, head->target.len < 7 ? head->target.len : 7},
            STR("http://")))
        return fail(why, FW_BAD_REQUEST, "the request target does not begin with a slash");
    return FW_OK;
}

static void head_reset(struct head *head)
{
    struct server_field *fields = head->fields;
    *head = (struct head){.fields = fields};
}

enum fw_err head_read_request(struct head *head, const char *data, size_t len, const char **why)
{
    struct str rest = {data, len}, line;
    struct framing framing = {0};
    head_reset(head);
    if (!next_line(&rest, &line))
        return fail(why, FW_BAD_REQUEST, "the request line does not end in CRLF");
    FW_TRY(read_request_line(head, line, why));
    FW_TRY(read_fields(head, &framing, rest, why));
    if (framing.hosts > 1)
        return fail(why, FW_BAD_REQUEST, "there is more than one Host");
    if (framing.hosts == 0 && !head->http_1_0)
        return fail(why, FW_BAD_REQUEST, "HTTP/1.1 needs a Host");
    head->host = framing.hosts == 1;
    FW_TRY(judge_encoding(head, &framing, why));
    if (framing.upgrade)
        return fail(why, FW_NOT_IMPLEMENTED, "Upgrade is not offered");
    return FW_OK;
}

static enum fw_err read_status_line(struct head *head, struct str line, const char **why)
{
    const char *p = line.data;
    if (line.len < 12 || memcmp(p, "HTTP/1.", 7) != 0 || (p[7] != '0' && p[7] != '1') ||
        p[8] != ' ')
        return fail(why, FW_UPSTREAM, "the status line does not begin with HTTP/1.1 or HTTP/1.0");
    head->http_1_0 = p[7] == '0';
    for (int i = 9; i < 12; i++) {
        if (p[i] < '0' || p[i] > '9')
            return fail(why, FW_UPSTREAM, "the status is not three digits");
        head->status = head->status * 10 + (p[i] - '0');
    }
    if (head->status < 100 || head->status > 599)
        return fail(why, FW_UPSTREAM, "the status is not between 100 and 599");
    if (line.len > 12 && p[12] != ' ')
        return fail(why, FW_UPSTREAM, "the status is not followed by a space");
    if (line.len > 13)
        head->reason = (struct str){p + 13, line.len - 13};
    for (size_t i = 0; i < head->reason.len; i++) {
        if (!byte_is(head->reason.data[i], VALUE))
            return fail(why, FW_UPSTREAM, "the reason phrase holds a control character");
    }
    return FW_OK;
}

enum fw_err head_read_response(struct head *head, const char *data, size_t len, const char **why)
{
    struct str rest = {data, len}, line;
    struct framing framing = {0};
    head_reset(head);
    if (!next_line(&rest, &line))
        return fail(why, FW_UPSTREAM, "the status line does not end in CRLF");
    FW_TRY(read_status_line(head, line, why));
    if (read_fields(head, &framing, rest, why) != FW_OK ||
        judge_encoding(head, &framing, why) != FW_OK)
        return FW_UPSTREAM;
    return FW_OK;
}
