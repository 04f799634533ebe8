/* SPDX-License-Identifier: MIT */
#include "edge/run_head.h"

static struct str get(const struct server_request *request, const char *name)
{
    struct str value = name[0] ? server_field_get(request, name) : (struct str){0};
    return str_trim(value);
}

static uint64_t number_of(struct str text)
{
    uint64_t hash = text.len > 0 ? str_hash(text.data, text.len, 0) : 0;
    return text.len > 0 && hash == 0 ? 1 : hash;
}

/* ---- traceparent ---- */

static bool is_hex(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
            return false;
    }
    return true;
}

static bool is_zero(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] != '0')
            return false;
    return true;
}

/* "00-" trace id (32) "-" parent id (16) "-" flags; a later version may have more behind it. */
static bool split_trace(struct str value, struct str *trace, struct str *parent)
{
    if (value.len < 55 || value.data[2] != '-' || value.data[35] != '-' || value.data[52] != '-' ||
        (value.len > 55 && value.data[55] != '-'))
        return false;
    struct str version = {value.data, 2};
    *trace = (struct str){value.data + 3, 32};
    *parent = (struct str){value.data + 36, 16};
    if (str_equal(version, STR("00")) && value.len > 55)
        return false;
    return is_hex(version) && !str_equal(version, STR("ff")) && is_hex(*trace) && is_hex(*parent) &&
           !is_zero(*trace) && !is_zero(*parent);
}

/* ---- the scopes ---- */

static int digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* One element, %XX undone where it is that, anything else as it stands: any bytes may be named. */
static bool add_scope(struct run_head *head, size_t *used, struct str part)
{
    part = str_trim(part);
    if (part.len == 0)
        return true;
    if (head->scopes == RUN_HEAD_SCOPES_MAX || part.len > sizeof head->text - *used)
        return false;
    char *to = head->text + *used;
    size_t len = 0;
    for (size_t i = 0; i < part.len; i++) {
        char c = part.data[i];
        if (c == '%' && part.len - i > 2 && digit(part.data[i + 1]) >= 0 &&
            digit(part.data[i + 2]) >= 0) {
            c = (char)(digit(part.data[i + 1]) * 16 + digit(part.data[i + 2]));
            i += 2;
        }
        to[len++] = c;
    }
    if (len > CALLPATH_NAME_MAX)
        return false;
    head->path[head->scopes++] = (struct str){to, len};
    *used += len;
    return true;
}

/* Outermost first; where it becomes too much, what is further in is left out. */
static void read_path(struct run_head *head, const struct server_request *request, const char *name)
{
    size_t used = 0;
    struct str wanted = str_of(name);
    for (uint32_t i = 0; wanted.len > 0 && i < request->field_count; i++) {
        struct str rest = request->fields[i].value, part;
        if (!str_equal_nocase(request->fields[i].name, wanted))
            continue;
        while (rest.len > 0 && str_cut(&rest, ',', &part))
            if (!add_scope(head, &used, part))
                return;
    }
}

/* ---- whose ---- */

static struct str run_of(const struct config_hints *hints, const struct server_request *request,
                         struct str trace)
{
    static const char *const names[] = {"x-forewarm-session", "x-session-id",
                                        "x-litellm-session-id"};
    struct str run = get(request, hints->run_header);
    for (size_t i = 0; !hints->run_header[0] && run.len == 0 && i < 3; i++)
        run = get(request, names[i]);
    return run.len > 0 ? run : trace;
}

bool run_head_read(struct run_head *head, const struct config_hints *hints,
                   const struct server_request *request)
{
    struct str trace = {0}, span = {0};
    uint64_t level = 0;
    if (!split_trace(get(request, "traceparent"), &trace, &span))
        trace = span = (struct str){0};
    head->run = run_of(hints, request, trace);
    head->agent = get(request, hints->agent_header);
    if (head->run.len + head->agent.len == 0 || head->run.len > RUN_HEAD_NAME_MAX ||
        head->agent.len > RUN_HEAD_NAME_MAX)
        return false;
    if (head->agent.len == 0)
        head->agent = STR("default");
    head->scopes = 0;
    read_path(head, request, hints->path_header);
    struct str parent = get(request, hints->parent_header);
    head->parent = number_of(parent.len > 0 ? parent : span);
    bool marked = str_to_uint64(get(request, hints->level_header), &level);
    head->level = marked && level >= 1
                      ? (uint32_t)(level < (uint64_t)hints->scale ? level : (uint64_t)hints->scale)
                      : 0;
    struct str end = get(request, hints->end_header);
    head->ends = str_equal(end, STR("1")) || str_equal_nocase(end, STR("true"));
    return true;
}
