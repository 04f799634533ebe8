/* SPDX-License-Identifier: MIT */
#include "edge/options.h"
#include "base/time.h"
#include "edge/scan.h"
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define HALF_LIFE_NS TIME_HOUR
#define WARN_NS      (10 * TIME_MINUTE)
#define NESTED       "options."

struct options_table {
    pthread_mutex_t lock;
    uint64_t latest; /* hash of the request before's */
    int64_t warned_ns;
    bool warned;
    uint32_t count;
    struct kept {
        uint64_t hash;
        double uses;
        int64_t at_ns;
        char text[OPTIONS_TEXT_MAX];
    } kept[OPTIONS_KEPT];
};

struct str options_keys(const struct config_resource *resource)
{
    static const char runner[] =
        "options.num_ctx options.num_batch options.num_gpu options.main_gpu options.num_thread "
        "options.use_mmap options.use_mlock options.low_vram options.f16_kv";
    switch (resource->warmer.kind) {
    case WARMER_NONE:
    case WARMER_HTTP:
    case WARMER_OLLAMA:
        break;
    default: /* these servers take no such options with a request */
        if (!resource->option_keys[0])
            return STR("");
    }
    if (strcmp(resource->option_keys, "none") == 0)
        return STR("");
    return str_of(resource->option_keys[0] ? resource->option_keys : runner);
}

static bool is_nested(struct str key)
{
    return key.len > sizeof NESTED - 1 && memcmp(key.data, NESTED, sizeof NESTED - 1) == 0;
}

static struct str inner(struct str key)
{
    return is_nested(key) ? (struct str){key.data + sizeof NESTED - 1, key.len - sizeof NESTED + 1}
                          : key;
}

/* ---- reading ---- */

static bool is_scalar(const struct scan_field *field)
{
    return field->type == SCAN_STRING || field->type == SCAN_NUMBER || field->type == SCAN_TRUE ||
           field->type == SCAN_FALSE;
}

size_t options_read(struct str keys, struct str body, struct str options,
                    char text[OPTIONS_TEXT_MAX])
{
    struct scan_field fields[2][OPTIONS_KEYS_MAX] = {{{.key = {0}}}};
    struct str names[OPTIONS_KEYS_MAX], rest = keys, key;
    size_t count = 0, len = 0, nested = 0;
    struct scan_error error;
    while (count < OPTIONS_KEYS_MAX && rest.len > 0 && str_cut(&rest, ' ', &key)) {
        if (key.len == 0)
            continue;
        fields[is_nested(key)][count].key = inner(key);
        nested += is_nested(key);
        names[count++] = key;
    }
    if (nested > 0 && options.len > 0 && scan_object(options, fields[1], count, &error) != FW_OK)
        return 0;
    if (nested < count && scan_object(body, fields[0], count, &error) != FW_OK)
        return 0;
    for (size_t i = 0; i < count; i++) {
        const struct scan_field *field = &fields[is_nested(names[i])][i];
        if (!is_scalar(field))
            continue;
        if (len + names[i].len + field->raw.len + 2 > OPTIONS_TEXT_MAX)
            return 0; /* such long values are none that we know of */
        memcpy(text + len, names[i].data, names[i].len);
        len += names[i].len;
        text[len++] = '=';
        memcpy(text + len, field->raw.data, field->raw.len);
        len += field->raw.len;
        text[len++] = '\n';
    }
    return len;
}

/* ---- which are used ---- */

static double uses_now(const struct kept *kept, int64_t now_ns)
{
    double age = (double)(now_ns - kept->at_ns) / (double)HALF_LIFE_NS;
    return age > 0 ? kept->uses * exp2(-age) : kept->uses;
}

static struct kept *find(struct options_table *table, uint64_t hash)
{
    for (uint32_t i = 0; i < table->count; i++)
        if (table->kept[i].hash == hash)
            return &table->kept[i];
    return NULL;
}

/* The least used one makes room. */
static struct kept *take(struct options_table *table, int64_t now_ns)
{
    if (table->count < OPTIONS_KEPT)
        return &table->kept[table->count++];
    struct kept *least = &table->kept[0];
    for (uint32_t i = 1; i < OPTIONS_KEPT; i++)
        if (uses_now(&table->kept[i], now_ns) < uses_now(least, now_ns))
            least = &table->kept[i];
    return least;
}

static struct options_table *table_of(options_slot *slot)
{
    struct options_table *table = atomic_load(slot), *expected = NULL;
    if (table)
        return table;
    table = calloc(1, sizeof *table);
    if (!table)
        return NULL;
    pthread_mutex_init(&table->lock, NULL);
    if (atomic_compare_exchange_strong(slot, &expected, table))
        return table;
    pthread_mutex_destroy(&table->lock);
    free(table);
    return expected;
}

bool options_note(options_slot *slot, struct str text, int64_t now_ns, bool *warn,
                  char before[OPTIONS_TEXT_MAX])
{
    *warn = false;
    if (text.len == 0 && !atomic_load_explicit(slot, memory_order_relaxed))
        return false; /* nobody has sent any yet */
    struct options_table *table = table_of(slot);
    if (!table || pthread_mutex_trylock(&table->lock) != 0)
        return false;
    uint64_t hash = str_hash(text.data, text.len, 1);
    struct kept *latest = find(table, table->latest), *kept = find(table, hash);
    bool conflict = table->count > 0 && table->latest != hash;
    if (conflict && latest && (!table->warned || now_ns - table->warned_ns >= WARN_NS)) {
        *warn = table->warned = true;
        table->warned_ns = now_ns;
        memcpy(before, latest->text, OPTIONS_TEXT_MAX);
    }
    if (!kept) {
        kept = take(table, now_ns);
        *kept = (struct kept){.hash = hash};
        memcpy(kept->text, text.data, text.len < OPTIONS_TEXT_MAX ? text.len : 0);
    }
    kept->uses = uses_now(kept, now_ns) + 1;
    kept->at_ns = now_ns;
    table->latest = hash;
    pthread_mutex_unlock(&table->lock);
    return conflict;
}

size_t options_most_used(options_slot *slot, int64_t now_ns, char text[OPTIONS_TEXT_MAX])
{
    struct options_table *table = atomic_load(slot);
    const struct kept *best = NULL;
    text[0] = 0;
    if (!table)
        return 0;
    pthread_mutex_lock(&table->lock);
    for (uint32_t i = 0; i < table->count; i++)
        if (!best || uses_now(&table->kept[i], now_ns) > uses_now(best, now_ns))
            best = &table->kept[i];
    if (best)
        memcpy(text, best->text, OPTIONS_TEXT_MAX);
    pthread_mutex_unlock(&table->lock);
    return strnlen(text, OPTIONS_TEXT_MAX - 1);
}

void options_free(options_slot *slot)
{
    struct options_table *table = atomic_exchange(slot, NULL);
    if (table)
        pthread_mutex_destroy(&table->lock);
    free(table);
}

/* ---- putting them into a body ---- */

struct edit { /* a member's value, where it stands */
    struct str raw, value;
};

static void sort_edits(struct edit *edits, size_t count)
{
    for (size_t i = 1; i < count; i++)
        for (size_t at = i; at > 0 && edits[at - 1].raw.data > edits[at].raw.data; at--) {
            struct edit swap = edits[at];
            edits[at] = edits[at - 1];
            edits[at - 1] = swap;
        }
}

static void add_member(struct buf *out, struct str key, struct str value)
{
    buf_add_char(out, '"');
    buf_add_str(out, key);
    buf_add_text(out, "\":");
    buf_add_str(out, value);
}

/* The object with these members: those it has get the value, the others stand first. */
static enum fw_err splice(struct str object, const struct str *keys, const struct str *values,
                          size_t count, struct buf *out)
{
    struct scan_field fields[OPTIONS_KEYS_MAX + 1] = {{.key = {0}}};
    struct edit edits[OPTIONS_KEYS_MAX + 1];
    struct scan_error error;
    size_t edit_count = 0, added = 0, at = 0;
    for (size_t i = 0; i < count; i++)
        fields[i].key = keys[i];
    FW_TRY(scan_object(object, fields, count, &error));
    while (object.data[at] != '{')
        at++;
    buf_add(out, object.data, ++at);
    for (size_t i = 0; i < count; i++) {
        if (fields[i].type != SCAN_ABSENT) {
            edits[edit_count++] = (struct edit){fields[i].raw, values[i]};
            continue;
        }
        if (added++ > 0)
            buf_add_char(out, ',');
        add_member(out, keys[i], values[i]);
    }
    size_t next = at;
    while (next < object.len && strchr(" \t\r\n", object.data[next]))
        next++;
    if (added > 0 && object.data[next] != '}')
        buf_add_char(out, ',');
    sort_edits(edits, edit_count);
    for (size_t i = 0; i < edit_count; i++) {
        size_t from = (size_t)(edits[i].raw.data - object.data);
        buf_add(out, object.data + at, from - at);
        buf_add_str(out, edits[i].value);
        at = from + edits[i].raw.len;
    }
    buf_add(out, object.data + at, object.len - at);
    return out->failed ? FW_NOMEM : FW_OK;
}

/* The fingerprint's members, nested or not. */
static size_t members(struct str text, bool nested, struct str *keys, struct str *values)
{
    struct str line;
    size_t count = 0;
    while (count < OPTIONS_KEYS_MAX && text.len > 0 && str_cut(&text, '\n', &line)) {
        struct str key;
        if (line.len == 0 || !str_cut(&line, '=', &key) || is_nested(key) != nested)
            continue;
        keys[count] = inner(key);
        values[count++] = line;
    }
    return count;
}

enum fw_err options_splice(struct str body, struct str text, struct buf *out)
{
    struct str keys[OPTIONS_KEYS_MAX + 1], values[OPTIONS_KEYS_MAX + 1],
        inner_keys[OPTIONS_KEYS_MAX], inner_values[OPTIONS_KEYS_MAX];
    struct scan_field options = {.key = STR("options")};
    struct scan_error error;
    struct buf object;
    size_t count = members(text, false, keys, values),
           inner_count = members(text, true, inner_keys, inner_values);
    FW_TRY(scan_object(body, &options, 1, &error));
    buf_init(&object, out->max);
    enum fw_err err = FW_OK;
    if (inner_count > 0) {
        struct str old = options.type == SCAN_OBJECT ? options.raw : STR("{}");
        err = splice(old, inner_keys, inner_values, inner_count, &object);
        keys[count] = STR("options");
        values[count++] = buf_str(&object);
    }
    if (err == FW_OK)
        err = splice(body, keys, values, count, out);
    buf_fini(&object);
    return err;
}

void options_object(struct str body, struct str text, struct buf *out)
{
    struct str keys[OPTIONS_KEYS_MAX], values[OPTIONS_KEYS_MAX];
    size_t count = members(text, true, keys, values);
    struct scan_field options = {.key = STR("options")};
    struct scan_error error;
    bool has = body.len > 0 && scan_object(body, &options, 1, &error) == FW_OK &&
               options.type == SCAN_OBJECT;
    if (count > 0 && splice(has ? options.raw : STR("{}"), keys, values, count, out) != FW_OK)
        buf_clear(out);
}
