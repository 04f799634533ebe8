/* SPDX-License-Identifier: MIT */
#include "edge/pages/page_object.h"
#include <stdlib.h>

static struct page_body *make_body(struct str bytes)
{
    struct page_body *body = malloc(sizeof *body + bytes.len + 1);
    if (!body)
        return NULL;
    atomic_init(&body->references, 1);
    body->len = bytes.len;
    if (bytes.len > 0)
        memcpy(body->data, bytes.data, bytes.len);
    return body;
}

static struct str put(struct page_object *object, size_t *at, struct str text)
{
    struct str kept = {object->text + *at, text.len};
    if (text.len > 0)
        memcpy(object->text + *at, text.data, text.len);
    *at += text.len;
    return kept;
}

/* Takes one reference of the body, also when it fails. */
static struct page_object *make(struct page_body *body, const struct http_rules_response *rules,
                                struct str lines, struct str vary_names, struct str vary_key)
{
    struct page_object *object =
        body ? malloc(sizeof *object + lines.len + vary_names.len + vary_key.len + 1) : NULL;
    size_t at = 0;
    if (!object) {
        if (body && atomic_fetch_sub(&body->references, 1) == 1)
            free(body);
        return NULL;
    }
    atomic_init(&object->references, 1);
    object->body = body;
    object->rules = *rules;
    object->lines = put(object, &at, lines);
    object->vary_names = put(object, &at, vary_names);
    object->vary_key = put(object, &at, vary_key);
    return object;
}

struct page_object *page_object_create(const struct head *head,
                                       const struct http_rules_response *rules, struct str body,
                                       const struct server_field *asked, uint32_t asked_count)
{
    struct buf lines, names, key;
    struct page_object *object = NULL;
    buf_init(&lines, SERVER_HEAD_MAX * 2);
    buf_init(&names, HTTP_RULES_KEY_MAX);
    buf_init(&key, HTTP_RULES_KEY_MAX);
    http_rules_lines(head, &lines);
    http_rules_vary_names(head, &names);
    if (!lines.failed && !names.failed &&
        http_rules_vary_key(buf_str(&names), asked, asked_count, &key))
        object = make(make_body(body), rules, buf_str(&lines), buf_str(&names), buf_str(&key));
    buf_fini(&lines);
    buf_fini(&names);
    buf_fini(&key);
    return object;
}

/* The merged lines read as a head again: what a 304 left out keeps its meaning. */
static void read_merged(struct http_rules_response *rules, struct str lines, int status,
                        int64_t requested_ns, int64_t received_ns)
{
    struct server_field fields[SERVER_FIELDS_MAX];
    struct head head = {.fields = fields, .status = status};
    while (head.field_count < SERVER_FIELDS_MAX &&
           http_rules_line(&lines, &fields[head.field_count]))
        head.field_count++;
    http_rules_read_response(rules, &head, requested_ns, received_ns);
}

struct page_object *page_object_freshen(const struct page_object *base,
                                        const struct head *not_modified, int64_t requested_ns,
                                        int64_t received_ns)
{
    struct buf lines;
    struct page_object *object = NULL;
    struct http_rules_response rules = {.assumed_ns = base->rules.assumed_ns};
    buf_init(&lines, SERVER_HEAD_MAX * 2);
    http_rules_freshen(base->lines, not_modified, &lines);
    if (!lines.failed) {
        read_merged(&rules, buf_str(&lines), base->rules.status, requested_ns, received_ns);
        atomic_fetch_add(&base->body->references, 1);
        object = make(base->body, &rules, buf_str(&lines), base->vary_names, base->vary_key);
    }
    buf_fini(&lines);
    return object;
}

struct page_object *page_object_keep(struct page_object *object)
{
    if (object)
        atomic_fetch_add(&object->references, 1);
    return object;
}

void page_object_drop(struct page_object *object)
{
    if (!object || atomic_fetch_sub(&object->references, 1) != 1)
        return;
    if (atomic_fetch_sub(&object->body->references, 1) == 1)
        free(object->body);
    free(object);
}

uint64_t page_object_bytes(const struct page_object *object)
{
    return sizeof *object + object->lines.len + object->vary_names.len + object->vary_key.len +
           sizeof *object->body + object->body->len;
}

bool page_object_selected(const struct page_object *object, const struct server_field *fields,
                          uint32_t count)
{
    struct buf key;
    if (object->vary_names.len == 0)
        return true;
    buf_init(&key, HTTP_RULES_KEY_MAX);
    bool selected = http_rules_vary_key(object->vary_names, fields, count, &key) &&
                    str_equal(buf_str(&key), object->vary_key);
    buf_fini(&key);
    return selected;
}
