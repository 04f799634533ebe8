/* SPDX-License-Identifier: MIT
 * The book as a file: what must not be said twice, and what must still be said. */
#include <jansson.h>
#include "base/json.h"
#include "base/time.h"
#include "edge/alert_book.h"

enum { FILE_VERSION = 1 };

static bool is_kept(const struct alert_book *book, const struct alert *alert)
{
    bool untold = false;
    for (uint32_t i = 0; i < book->receiver_count; i++)
        untold |= alert->told[i] != ALERT_TOLD_OVER;
    return alert->open_ns && (!alert->over_ns || untold);
}

static void save_one(const struct alert_book *book, const struct alert *alert,
                     const char *const *names, struct json *json)
{
    json_object(json);
    json_key_uint(json, "number", alert->number);
    json_key_text(json, "rule", alert_rule_rows[alert->rule].name);
    json_key_text(json, "severity", alert_severity_names[alert->severity]);
    json_key_text(json, "subject", alert->subject);
    json_key_text(json, "words", alert->words);
    json_key_int(json, "first_ns", alert->first_ns);
    json_key_int(json, "last_ns", alert->last_ns);
    json_key_int(json, "open_ns", alert->open_ns);
    json_key_int(json, "over_ns", alert->over_ns);
    json_key_bool(json, "held", alert->held);
    json_key(json, "told");
    json_object(json);
    for (uint32_t i = 0; i < book->receiver_count; i++)
        json_key_uint(json, names[i], alert->told[i]);
    json_object_end(json);
    json_object_end(json);
}

void alert_book_save(const struct alert_book *book, const char *const *names, struct buf *out)
{
    struct json json;
    json_init(&json, out, true);
    json_object(&json);
    json_key_uint(&json, "version", FILE_VERSION);
    json_key_uint(&json, "next", book->next);
    json_key(&json, "alerts");
    json_array(&json);
    for (uint32_t i = 0; i < book->count; i++)
        if (is_kept(book, &book->alerts[i]))
            save_one(book, &book->alerts[i], names, &json);
    json_array_end(&json);
    json_object_end(&json);
    buf_add_char(out, '\n');
}

/* ---- reading back ---- */

static bool read_word(json_t *item, const char *key, const char *const *words, uint32_t count,
                      uint32_t *number)
{
    const char *text = json_string_value(json_object_get(item, key));
    for (*number = 0; text && *number < count; (*number)++)
        if (strcmp(text, words[*number]) == 0)
            return true;
    return false;
}

static bool read_text(json_t *item, const char *key, char *text, size_t size)
{
    json_t *node = json_object_get(item, key);
    const char *value = json_string_value(node);
    if (!value || json_string_length(node) >= size || strlen(value) != json_string_length(node))
        return false;
    memcpy(text, value, json_string_length(node) + 1);
    return true;
}

static bool read_time(json_t *item, const char *key, int64_t *at_ns)
{
    json_t *node = json_object_get(item, key);
    *at_ns = json_integer_value(node);
    return json_is_integer(node) && *at_ns >= 0 && *at_ns < TIME_NEVER / 2;
}

/* A receiver that is not in the file is new: told of what is open, not of what is over. */
static bool read_told(const struct alert_book *book, json_t *item, const char *const *names,
                      struct alert *alert)
{
    json_t *told = json_object_get(item, "told");
    for (uint32_t i = 0; i < book->receiver_count; i++) {
        json_t *stage = json_object_get(told, names[i]);
        json_int_t value = json_integer_value(stage);
        if (stage && (!json_is_integer(stage) || value < 0 || value > ALERT_TOLD_OVER))
            return false;
        alert->told[i] = stage ? (uint8_t)value : alert->over_ns ? ALERT_TOLD_OVER : ALERT_UNTOLD;
    }
    return json_is_object(told);
}

static bool read_one(struct alert_book *book, json_t *item, const char *const *names)
{
    const char *rules[ALERT_RULE_COUNT];
    struct alert alert = {0};
    json_t *number = json_object_get(item, "number");
    for (uint32_t i = 0; i < ALERT_RULE_COUNT; i++)
        rules[i] = alert_rule_rows[i].name;
    bool sane =
        json_is_integer(number) && json_integer_value(number) > 0 &&
        read_word(item, "rule", rules, ALERT_RULE_COUNT, &alert.rule) &&
        read_word(item, "severity", alert_severity_names, ALERT_SEVERITY_COUNT, &alert.severity) &&
        read_text(item, "subject", alert.subject, sizeof alert.subject) &&
        read_text(item, "words", alert.words, sizeof alert.words) &&
        read_time(item, "first_ns", &alert.first_ns) &&
        read_time(item, "last_ns", &alert.last_ns) && read_time(item, "open_ns", &alert.open_ns) &&
        read_time(item, "over_ns", &alert.over_ns) && alert.open_ns > 0 &&
        read_told(book, item, names, &alert);
    alert.held = json_is_true(json_object_get(item, "held"));
    alert.number = (uint64_t)json_integer_value(number);
    if (!sane || book->count == ALERTS_MAX || alert.number >= book->next ||
        (book->count > 0 && alert.number <= book->alerts[book->count - 1].number))
        return false;
    book->alerts[book->count++] = alert;
    return true;
}

static enum fw_err read_root(struct alert_book *book, json_t *root, const char *const *names,
                             struct fw_detail *detail)
{
    json_t *version = json_object_get(root, "version"), *next = json_object_get(root, "next");
    json_t *list = json_object_get(root, "alerts"), *item;
    size_t i;
    if (json_is_integer(version) && json_integer_value(version) > FILE_VERSION)
        return err_set(detail, FW_VERSION, "version %lld, expected at most %d",
                       (long long)json_integer_value(version), FILE_VERSION);
    if (json_integer_value(version) != FILE_VERSION || !json_is_integer(next) ||
        json_integer_value(next) < 1 || !json_is_array(list))
        return err_set(detail, FW_CORRUPT, "no list of alerts of version %d", FILE_VERSION);
    book->next = (uint64_t)json_integer_value(next);
    json_array_foreach(list, i, item) if (!read_one(book, item, names)) return err_set(
        detail, FW_CORRUPT, "alert %zu of its list is none", i + 1);
    return FW_OK;
}

enum fw_err alert_book_load(struct alert_book *book, const char *const *names, struct str text,
                            struct fw_detail *detail)
{
    json_error_t error;
    json_t *root = json_loadb(text.data ? text.data : "", text.len, JSON_REJECT_DUPLICATES, &error);
    enum fw_err err = root ? read_root(book, root, names, detail)
                           : err_set(detail, FW_CORRUPT, "line %d: %s", error.line, error.text);
    if (err != FW_OK) {
        book->count = 0;
        book->next = 1;
    }
    json_decref(root);
    return err;
}
