/* SPDX-License-Identifier: MIT */
#include "cli/event_file.h"
#include "base/option.h"
#include "base/time.h"
#include "cli/args.h"
#include "cli/series_read.h"
#include "edge/yaml_walk.h"
#include "sim/trace.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { DATE, NAME, CLASS, MULTIPLIER, DURATION, EVENT_KEYS };
static const char *const event_keys[EVENT_KEYS] = {"date", "name", "class", "expected_multiplier",
                                                   "expected_duration_hours"};
enum {
    CLASS_NAME,
    CLASS_PLANNED,
    CLASS_PRIOR,
    CLASS_KEYS_OWN,
    CLASS_KEYS = CLASS_KEYS_OWN + EVENT_FEATURES
};
static const char *const class_keys[CLASS_KEYS] = {"name",
                                                   "planned",
                                                   "prior",
                                                   "multiplier",
                                                   "duration_hours",
                                                   "rise_hours",
                                                   "caller_concentration",
                                                   "token_shift"};
enum { KEYS_MAX = CLASS_KEYS };
static const double hours_max = 1e6, multiplier_max = 1e6;

/* One document, and the list of items in it. */
struct document {
    struct yaml_walk walk;
    struct config_problems problems;
    const yaml_node_t *list;
    uint32_t count;
};

/* The values of an item's keys; NULL where one is not given. */
static void take_keys(struct document *document, const yaml_node_t *item, const char *const *keys,
                      size_t key_count, const yaml_node_t *values[KEYS_MAX])
{
    struct yaml_pair pairs[YAML_WALK_KEYS_MAX];
    for (size_t i = 0; i < key_count; i++)
        values[i] = NULL;
    if (!yaml_walk_mapping(&document->walk, item, STR("item")))
        return;
    uint32_t count = yaml_walk_pairs(&document->walk, item, "", pairs);
    for (uint32_t i = 0; i < count; i++) {
        size_t key = 0;
        while (key < key_count && !str_equal(pairs[i].key, str_of(keys[key])))
            key++;
        if (key < key_count) {
            values[key] = yaml_walk_is_null(pairs[i].value) ? NULL : pairs[i].value;
            continue;
        }
        char word[64];
        snprintf(word, sizeof word, "%.*s", (int)(pairs[i].key.len < 63 ? pairs[i].key.len : 63),
                 pairs[i].key.data);
        const char *near = args_suggest(word, keys, key_count);
        yaml_walk_problem(&document->walk, pairs[i].key_node, "found the key \"%s\", expected %s%s",
                          word, near ? "" : "one of those the guide names", near ? near : "");
    }
}

static void wrong(struct document *document, const yaml_node_t *node, const char *key,
                  struct str found, const char *expected)
{
    yaml_walk_problem(&document->walk, node, "%s: found \"%.*s\", expected %s", key,
                      (int)(found.len < 60 ? found.len : 60), found.data, expected);
}

static void take_name(struct document *document, const yaml_node_t *node, const char *key,
                      size_t size, char *to)
{
    struct str text;
    if (!node || !yaml_walk_scalar(&document->walk, node, str_of(key), &text))
        return;
    if (text.len == 0 || text.len >= size || !str_is_utf8(text)) {
        char expected[64];
        snprintf(expected, sizeof expected, "a name of 1 to %zu bytes", size - 1);
        wrong(document, node, key, text, expected);
        return;
    }
    memcpy(to, text.data, text.len);
    to[text.len] = '\0';
}

/* A number in (0, max]; `otherwise` where none is given. */
static double take_number(struct document *document, const yaml_node_t *node, const char *key,
                          double max, double otherwise)
{
    struct str text;
    double value = otherwise;
    if (!node || !yaml_walk_scalar(&document->walk, node, str_of(key), &text))
        return otherwise;
    if (!str_to_double(text, &value) || !(value > 0) || value > max) {
        wrong(document, node, key, text, "a number above 0, at most 1e6");
        return otherwise;
    }
    return value;
}

static void take_event(struct document *document, const yaml_node_t *item,
                       struct calendar_event *event)
{
    const yaml_node_t *values[KEYS_MAX];
    struct str text;
    take_keys(document, item, event_keys, EVENT_KEYS, values);
    if (item->type != YAML_MAPPING_NODE)
        return;
    *event = (struct calendar_event){.line = item->start_mark.line + 1};
    for (int key = DATE; key <= NAME; key++)
        if (!values[key])
            yaml_walk_problem(&document->walk, item, "%s: missing", event_keys[key]);
    if (values[DATE] && yaml_walk_scalar(&document->walk, values[DATE], STR("date"), &text) &&
        !series_read_instant(text, &event->at_ns))
        wrong(document, values[DATE], "date", text, "YYYY-MM-DD, YYYY-MM-DD HH:MM or ISO 8601");
    take_name(document, values[NAME], "name", sizeof event->name, event->name);
    take_name(document, values[CLASS], "class", sizeof event->class_name, event->class_name);
    event->multiplier =
        take_number(document, values[MULTIPLIER], event_keys[MULTIPLIER], multiplier_max, 0);
    double hours = take_number(document, values[DURATION], event_keys[DURATION], hours_max, 0);
    event->duration_ns = (int64_t)(hours * (double)TIME_HOUR);
}

/* "[2, 5]", "[14, inf]". */
static void take_range(struct document *document, const yaml_node_t *node, const char *key,
                       struct event_range *range)
{
    struct str low, high;
    uint32_t count = 0;
    *range = (struct event_range){NAN, NAN};
    if (!node || !yaml_walk_list(&document->walk, node, str_of(key), &count))
        return;
    if (count != 2) {
        yaml_walk_problem(&document->walk, node, "%s: found %u values, expected [least, most]", key,
                          count);
        return;
    }
    const yaml_node_t *first = yaml_walk_item(&document->walk, node, 0),
                      *second = yaml_walk_item(&document->walk, node, 1);
    double from = 0, to = INFINITY;
    if (!yaml_walk_scalar(&document->walk, first, str_of(key), &low) ||
        !yaml_walk_scalar(&document->walk, second, str_of(key), &high))
        return;
    bool endless = str_equal(high, STR("inf")) || str_equal(high, STR(".inf"));
    if (!str_to_double(low, &from) || !(from >= 0))
        wrong(document, first, key, low, "a number, not negative");
    else if ((!endless && !str_to_double(high, &to)) || to < from)
        wrong(document, second, key, high, "a number no less than the first, or inf");
    else
        *range = (struct event_range){from, to};
}

static void take_class(struct document *document, const yaml_node_t *item,
                       struct event_class *class)
{
    const yaml_node_t *values[KEYS_MAX];
    struct str text;
    take_keys(document, item, class_keys, CLASS_KEYS, values);
    if (item->type != YAML_MAPPING_NODE)
        return;
    *class = (struct event_class){.prior = 1};
    if (!values[CLASS_NAME])
        yaml_walk_problem(&document->walk, item, "name: missing");
    take_name(document, values[CLASS_NAME], "name", sizeof class->name, class->name);
    if (strcmp(class->name, "none") == 0)
        wrong(document, values[CLASS_NAME], "name", STR("none"),
              "another name: none is what fits no class");
    class->prior = take_number(document, values[CLASS_PRIOR], "prior", 1e6, 1);
    bool asks = false;
    for (int i = 0; i < EVENT_FEATURES; i++) {
        take_range(document, values[CLASS_KEYS_OWN + i], event_feature_names[i], &class->range[i]);
        asks = asks || values[CLASS_KEYS_OWN + i];
    }
    if (!asks)
        yaml_walk_problem(&document->walk, item,
                          "found no range, expected one of multiplier, duration_hours, rise_hours, "
                          "caller_concentration, token_shift");
    if (!values[CLASS_PLANNED] ||
        !yaml_walk_scalar(&document->walk, values[CLASS_PLANNED], STR("planned"), &text))
        return;
    if (str_equal(text, STR("true")) || str_equal(text, STR("yes")))
        class->planned = EVENT_PLAN_YES;
    else if (str_equal(text, STR("false")) || str_equal(text, STR("no")))
        class->planned = EVENT_PLAN_NO;
    else
        wrong(document, values[CLASS_PLANNED], "planned", text, "true or false");
}

/* The list, or the one below `key`. */
static bool open_document(struct document *document, const char *name, struct str text,
                          const char *key)
{
    *document = (struct document){.count = 0};
    buf_init(&document->problems.text, 1 << 16);
    if (!yaml_walk_init(&document->walk, name, text, &document->problems))
        return false;
    const yaml_node_t *root = yaml_walk_root(&document->walk);
    if (!root || yaml_walk_is_null(root))
        return true; /* nothing is a list of nothing */
    if (root->type == YAML_MAPPING_NODE) {
        struct yaml_pair pairs[YAML_WALK_KEYS_MAX];
        uint32_t count = yaml_walk_pairs(&document->walk, root, "", pairs);
        if (count == 1 && str_equal(pairs[0].key, str_of(key)))
            root = pairs[0].value;
    }
    document->list = root;
    return yaml_walk_list(&document->walk, root, str_of(key), &document->count);
}

static enum fw_err close_document(struct document *document, struct fw_detail *detail)
{
    enum fw_err err = FW_OK;
    if (document->problems.count > 0) {
        struct str text = str_trim(buf_str(&document->problems.text));
        err = err_set(detail, FW_INPUT, "%.*s", STR_ARG(text));
    }
    yaml_walk_fini(&document->walk);
    config_problems_fini(&document->problems);
    return err;
}

static int by_time(const void *left, const void *right)
{
    const struct calendar_event *a = left, *b = right;
    if (a->at_ns != b->at_ns)
        return a->at_ns < b->at_ns ? -1 : 1;
    return (a->line > b->line) - (a->line < b->line);
}

enum fw_err event_file_parse(struct calendar *calendar, const char *name, struct str text,
                             struct fw_detail *detail)
{
    struct document document;
    enum fw_err err = FW_OK;
    *calendar = (struct calendar){0};
    bool open = open_document(&document, name, text, "events");
    if (open && document.count > EVENT_FILE_EVENTS_MAX)
        err =
            err_set(detail, FW_LIMIT, "%s: more than %d events", name, (int)EVENT_FILE_EVENTS_MAX);
    if (open && err == FW_OK) {
        calendar->events = calloc((size_t)document.count + 1, sizeof *calendar->events);
        err = calendar->events ? FW_OK : FW_NOMEM;
    }
    for (uint32_t i = 0; open && err == FW_OK && i < document.count; i++)
        take_event(&document, yaml_walk_item(&document.walk, document.list, i),
                   &calendar->events[calendar->count++]);
    enum fw_err closed = close_document(&document, err == FW_OK ? detail : NULL);
    err = err != FW_OK ? err : closed;
    if (err != FW_OK)
        event_file_fini(calendar);
    else if (calendar->count > 1)
        qsort(calendar->events, calendar->count, sizeof *calendar->events, by_time);
    return err;
}

void event_file_fini(struct calendar *calendar)
{
    free(calendar->events);
    *calendar = (struct calendar){0};
}

static enum fw_err put_class(struct event_classes *classes, const struct event_class *class,
                             const char *name, struct fw_detail *detail)
{
    size_t at = 0;
    while (at < classes->count && strcmp(classes->rows[at].name, class->name) != 0)
        at++;
    if (at == EVENT_CLASSES_MAX)
        return err_set(detail, FW_LIMIT, "%s: more than %d classes", name, (int)EVENT_CLASSES_MAX);
    classes->rows[at] = *class;
    classes->count += at == classes->count;
    return FW_OK;
}

enum fw_err event_file_parse_classes(struct event_classes *classes, const char *name,
                                     struct str text, struct fw_detail *detail)
{
    struct document document;
    enum fw_err err = FW_OK;
    bool open = open_document(&document, name, text, "classes");
    for (uint32_t i = 0; open && err == FW_OK && i < document.count; i++) {
        struct event_class class = {.prior = 1};
        take_class(&document, yaml_walk_item(&document.walk, document.list, i), &class);
        if (document.problems.count == 0)
            err = put_class(classes, &class, name, detail);
    }
    enum fw_err closed = close_document(&document, err == FW_OK ? detail : NULL);
    return err != FW_OK ? err : closed;
}

static enum fw_err load(const char *path, struct buf *text, struct fw_detail *detail)
{
    buf_init(text, EVENT_FILE_BYTES_MAX);
    return trace_load_file(path, text, detail);
}

enum fw_err event_file_read(struct calendar *calendar, const char *path, struct fw_detail *detail)
{
    struct buf text;
    *calendar = (struct calendar){0};
    enum fw_err err = load(path, &text, detail);
    if (err == FW_OK)
        err = event_file_parse(calendar, path, buf_str(&text), detail);
    buf_fini(&text);
    return err;
}

enum fw_err event_file_read_classes(struct event_classes *classes, const char *path,
                                    struct fw_detail *detail)
{
    struct buf text;
    enum fw_err err = load(path, &text, detail);
    if (err == FW_OK)
        err = event_file_parse_classes(classes, path, buf_str(&text), detail);
    buf_fini(&text);
    return err;
}
