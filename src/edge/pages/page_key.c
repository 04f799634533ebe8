/* SPDX-License-Identifier: MIT
 * Keys of what is held: the target, then a line for each field that its answer varies by. What a
 * target varies by is known once an answer came; until then it is taken to vary as the site's
 * answers usually do. */
#include "edge/pages/page_site_part.h"

uint64_t page_key_hash(struct str text)
{
    uint64_t hash = str_hash(text.data, text.len, 0);
    return hash != 0 ? hash : 1;
}

void page_key_note(struct map64 *map, uint64_t key, int64_t value)
{
    size_t max = map->max;
    if (map64_set(map, key, (uint64_t)value) == FW_OK)
        return;
    map64_fini(map);
    map64_init(map, max);
    if (map64_set(map, key, (uint64_t)value) != FW_OK)
        return; /* it is not remembered */
}

static struct str names_of(const struct page_site *site, struct str target)
{
    uint64_t number = site->usual_vary;
    (void)map64_get(&site->vary_of, page_key_hash(target), &number);
    return number == TABLE_NONE ? STR("") : table_key(&site->varies, (uint32_t)number);
}

bool page_key_write(const struct page_site *site, struct str target,
                    const struct server_field *fields, uint32_t count, struct buf *key)
{
    struct str names = names_of(site, target);
    buf_add_str(key, target);
    if (names.len == 0)
        return !key->failed;
    buf_add_char(key, '\n');
    return http_rules_vary_key(names, fields, count, key);
}

void page_key_of(struct str target, const struct page_object *object, struct buf *key)
{
    buf_add_str(key, target);
    if (object->vary_names.len == 0)
        return;
    buf_add_char(key, '\n');
    buf_add_str(key, object->vary_key);
}

void page_key_learn(struct page_site *site, struct str target, const struct page_object *object)
{
    uint32_t number = TABLE_NONE;
    site->usually_shared = http_rules_shared(&object->rules);
    if (str_equal(names_of(site, target), object->vary_names))
        return;
    if (object->vary_names.len > 0 &&
        table_add(&site->varies, object->vary_names, &number, NULL) != FW_OK)
        return; /* too many lists: it is not found again, and asked for anew each time */
    site->usual_vary = number;
    page_key_note(&site->vary_of, page_key_hash(target), number);
}

static struct str next_line(struct str *rest)
{
    struct str line;
    return rest->len > 0 && str_cut(rest, '\n', &line) ? line : STR("");
}

/* Of one field: "=value=value" as http_rules_vary_key has it. A value that holds "=" cannot be told
 * from two; then the answer is found not to fit, and no harm is done. */
static void add_values(struct str name, struct str values, struct buf *lines)
{
    struct str value;
    bool first = true;
    while (str_cut(&values, '=', &value)) {
        if (!first) {
            buf_add_str(lines, name);
            buf_add(lines, ": ", 2);
            buf_add_str(lines, value);
            buf_add(lines, "\r\n", 2);
        }
        first = false;
    }
}

static bool among(struct str names, struct str wanted)
{
    struct str name;
    while (str_cut(&names, ',', &name))
        if (str_equal_nocase(str_trim(name), wanted))
            return true;
    return false;
}

/* Credentials are never guessed with. */
static bool is_personal(struct str name)
{
    return str_equal_nocase(name, STR("cookie")) || str_equal_nocase(name, STR("authorization"));
}

void page_key_lines(const struct page_site *site, struct str key, struct buf *lines)
{
    struct str rest = key, target = next_line(&rest), name;
    struct str names = names_of(site, target), list = names, usual = buf_str(&site->usual_lines);
    struct server_field field;
    while (str_cut(&list, ',', &name)) {
        name = str_trim(name);
        if (name.len > 0 && !is_personal(name))
            add_values(name, next_line(&rest), lines);
        else if (name.len > 0)
            (void)next_line(&rest);
    }
    while (http_rules_line(&usual, &field)) {
        if (among(names, field.name))
            continue;
        buf_add_str(lines, field.name);
        buf_add(lines, ": ", 2);
        buf_add_str(lines, field.value);
        buf_add(lines, "\r\n", 2);
    }
}
