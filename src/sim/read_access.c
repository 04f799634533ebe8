/* SPDX-License-Identifier: MIT
 * Access logs: the combined format of nginx and Apache,
 *     client ident user [time] "METHOD PATH PROTOCOL" status bytes "referer" "agent" key=value ...
 * and JSON lines as nginx (log_format escape=json), Envoy and LiteLLM write them. The resource is
 * the model where a log has one, else the path without its query; the session is the user, else the
 * client's address. Health checks, scrapes and preflights are not demand. */
#include "sim/json_line.h"
#include "sim/reader.h"

enum { EXTRA_MAX = 32 };

/* A combined line, taken apart. */
struct access_line {
    struct str client, user, time, method, path, status;
    struct {
        struct str key, value;
    } extra[EXTRA_MAX]; /* key=value behind the agent: model=..., rt=0.25 */
    uint32_t extra_count;
};

static bool take_word(struct str *rest, struct str *word)
{
    while (rest->len > 0 && rest->data[0] == ' ') {
        rest->data++;
        rest->len--;
    }
    if (rest->len == 0)
        return false;
    return str_cut(rest, ' ', word) && word->len > 0;
}

/* A part between `open` and `close`; a backslash before a quote does not end it. */
static bool take_between(struct str *rest, char open, char close, struct str *part)
{
    size_t at = 0;
    while (at < rest->len && rest->data[at] == ' ')
        at++;
    if (at >= rest->len || rest->data[at] != open)
        return false;
    size_t from = ++at;
    while (at < rest->len && rest->data[at] != close)
        at += rest->data[at] == '\\' && close == '"' && at + 1 < rest->len ? 2 : 1;
    if (at >= rest->len)
        return false;
    *part = (struct str){rest->data + from, at - from};
    rest->data += at + 1;
    rest->len -= at + 1;
    return true;
}

static void take_extra(struct str rest, struct access_line *out)
{
    struct str word;
    while (rest.len > 0 && rest.data && take_word(&rest, &word)) {
        const char *equals = memchr(word.data, '=', word.len);
        if (!equals || out->extra_count == EXTRA_MAX)
            continue;
        struct str value = {equals + 1, word.len - (size_t)(equals - word.data) - 1};
        if (value.len >= 2 && value.data[0] == '"' && value.data[value.len - 1] == '"')
            value = (struct str){value.data + 1, value.len - 2};
        out->extra[out->extra_count].key = (struct str){word.data, (size_t)(equals - word.data)};
        out->extra[out->extra_count++].value = value;
    }
}

/* Names the part that is wrong, or NULL. */
static const char *split_line(struct str line, struct access_line *out)
{
    struct str ident, request, ignored, protocol;
    *out = (struct access_line){0};
    if (!take_word(&line, &out->client) || !take_word(&line, &ident) ||
        !take_word(&line, &out->user))
        return "client, ident and user";
    if (!take_between(&line, '[', ']', &out->time))
        return "time in brackets";
    if (!take_between(&line, '"', '"', &request))
        return "request in quotes";
    if (!take_word(&line, &out->status))
        return "status";
    if (!take_word(&request, &out->method) || !take_word(&request, &out->path))
        return "request (METHOD PATH)";
    (void)take_word(&request, &protocol);
    struct str bytes;
    (void)take_word(&line, &bytes);
    if (take_between(&line, '"', '"', &ignored))
        (void)take_between(&line, '"', '"', &ignored);
    if (line.data)
        take_extra(line, out);
    return NULL;
}

bool read_access_detect(struct str line)
{
    struct access_line parts;
    int64_t at_ns;
    return split_line(line, &parts) == NULL && time_parse_clf(parts.time, &at_ns);
}

static struct str without_query(struct str path)
{
    const char *query = memchr(path.data, '?', path.len);
    return query ? (struct str){path.data, (size_t)(query - path.data)} : path;
}

static struct str extra_value(const struct access_line *line, struct str key)
{
    for (uint32_t i = 0; i < line->extra_count; i++)
        if (str_equal(line->extra[i].key, key))
            return line->extra[i].value;
    return (struct str){"", 0};
}

/* A part of the line by the name that --columns may give it. */
static struct str line_part(const struct access_line *line, struct str name)
{
    const struct {
        const char *name;
        struct str value;
    } parts[] = {{"client", line->client}, {"user", line->user},
                 {"time", line->time},     {"method", line->method},
                 {"status", line->status}, {"path", without_query(line->path)},
                 {"url", line->path}};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (str_equal(name, str_of(parts[i].name)))
            return parts[i].value;
    return extra_value(line, name);
}

static struct str mapped(struct reader *reader, const struct access_line *line, int field)
{
    const struct reader_names *names = &reader->names[field];
    if (names->count == 1)
        return line_part(line, names->parts[0]);
    size_t from = reader->joined.len;
    for (uint32_t i = 0; i < names->count; i++) {
        struct str part = line_part(line, names->parts[i]);
        if (part.len == 0)
            return part;
        if (i > 0)
            buf_add_char(&reader->joined, '+');
        buf_add_str(&reader->joined, part);
    }
    return (struct str){reader->joined.data + from, reader->joined.len - from};
}

static struct str line_resource(const struct access_line *line)
{
    struct str model = extra_value(line, STR("model"));
    return model.len > 0 && !str_equal(model, STR("-")) ? model : without_query(line->path);
}

static struct str line_session(const struct access_line *line)
{
    static const struct str keys[] = {{"session", 7}, {"session_id", 10}};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct str value = extra_value(line, keys[i]);
        if (value.len > 0 && !str_equal(value, STR("-")))
            return value;
    }
    return str_equal(line->user, STR("-")) ? line->client : line->user;
}

static struct str line_duration(const struct access_line *line, struct str *column)
{
    static const struct str keys[] = {
        {"rt", 2}, {"request_time", 12}, {"duration", 8}, {"duration_ms", 11}, {"duration_us", 11}};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct str value = extra_value(line, keys[i]);
        if (value.len > 0 && !str_equal(value, STR("-"))) {
            *column = keys[i];
            return value;
        }
    }
    return (struct str){"", 0};
}

static enum fw_err take_line(struct reader *reader, uint64_t number, struct str line)
{
    struct access_line parts;
    const char *wrong = split_line(line, &parts);
    if (wrong)
        return reader_bad(reader, number, wrong, line,
                          "client ident user [time] \"METHOD PATH PROTOCOL\" status ...");
    if (reader_is_upkeep(parts.method, parts.path)) {
        reader->trace->ignored++;
        return FW_OK;
    }
    buf_clear(&reader->joined);
    if (!buf_reserve(&reader->joined, TRACE_ROW_MAX / 2))
        return err_set(reader->detail, FW_NOMEM, "no memory for a line");
    struct reader_row row = {.line = number,
                             .time = parts.time,
                             .time_column = STR("time"),
                             .resource_column = STR("path")};
    row.duration = line_duration(&parts, &row.duration_column);
    row.resource = reader->names[READER_RESOURCE].count ? mapped(reader, &parts, READER_RESOURCE)
                                                        : line_resource(&parts);
    row.session = reader->names[READER_SESSION].count ? mapped(reader, &parts, READER_SESSION)
                                                      : line_session(&parts);
    if (reader->names[READER_DURATION].count) {
        row.duration_column = reader->names[READER_DURATION].parts[0];
        row.duration = mapped(reader, &parts, READER_DURATION);
    }
    row.hash = str_hash(line.data, line.len, 0);
    return reader_add(reader, &row);
}

enum fw_err read_access(struct reader *reader, struct str text)
{
    struct str rest = text, line;
    uint64_t number = 0;
    struct str first = str_trim(text);
    if (first.len > 0 && first.data[0] == '{')
        return json_line_read(reader, text, &json_line_access);
    reader->time = TRACE_TIME_CLF;
    reader->trace->time = TRACE_TIME_CLF;
    reader_note(reader, "resource",
                reader->names[READER_RESOURCE].count ? STR("as mapped") : STR("model or path"));
    reader_note(reader, "session",
                reader->names[READER_SESSION].count ? STR("as mapped") : STR("user or client"));
    while (reader_line(&rest, &line)) {
        number++;
        if (str_trim(line).len == 0)
            continue;
        reader->trace->rows++;
        if (line.len > TRACE_ROW_MAX)
            FW_TRY(
                reader_bad(reader, number, "line", (struct str){line.data, 40}, "at most 1 MiB"));
        else
            FW_TRY(take_line(reader, number, line));
    }
    return FW_OK;
}
