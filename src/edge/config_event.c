/* SPDX-License-Identifier: MIT
 * Planned events in the config: launches, batches and the like, known beforehand. */
#include "base/time.h"
#include "core/event.h"
#include "edge/config_part.h"

enum { NAME, RESOURCE, START, DATE, END, DURATION, REQUESTS, MULTIPLIER, CLASS, KEYS };
enum { NAME_MAX_BYTES = 100, NAME_MAX_CLASS = 63 };

/* clang-format off */
const struct option_row config_event_keys[] = {
    {"name", OPTION_TEXT, 0, "", 0, NAME_MAX_BYTES, true, NULL,
     "What it is called; events of one name are judged together. Required."},
    {"resource", OPTION_TEXT, 0, "", 0, CONFIG_ID_MAX - 1, true, NULL,
     "Id or alias of what will be asked for, or all. Required."},
    {"start", OPTION_TEXT, 0, "", 0, 0, true, NULL,
     "When it begins, such as 2026-03-01T09:00:00Z. Required, or date."},
    {"date", OPTION_TEXT, 0, "", 0, 0, true, NULL,
     "Instead of start: a whole day, such as 2026-03-01 (UTC)."},
    {"end", OPTION_TEXT, 0, "", 0, 0, true, NULL,
     "When it is over; absent: an hour after start."},
    {"duration", OPTION_TEXT, 0, "", 0, 0, true, NULL,
     "Instead of end: how long it takes, such as 2h."},
    {"expected_requests", OPTION_TEXT, 0, "", 0, 0, true, NULL,
     "How many requests it brings, 0 to 1e9; absent: 1."},
    {"multiplier", OPTION_TEXT, 0, "", 0, 0, true, NULL,
     "Instead of expected_requests: how many times the usual number at that time, 0 to 1e6."},
    {"class", OPTION_TEXT, 0, "", 0, NAME_MAX_CLASS, true, NULL,
     "Kind of event, such as feature_launch: forecasts learn from those of the same class."},
};
/* clang-format on */
_Static_assert(sizeof config_event_keys / sizeof config_event_keys[0] == KEYS && KEYS == 9,
               "config_rows.c lists so many");
const size_t config_event_key_count = KEYS;

/* The values of one item; `nodes` are where they stand, NULL: not given. */
struct item {
    struct str texts[KEYS];
    const yaml_node_t *nodes[KEYS];
};

static void read_item(struct config_reader *reader, const yaml_node_t *node, struct item *item)
{
    struct yaml_pair pairs[YAML_WALK_KEYS_MAX];
    uint32_t count = yaml_walk_pairs(&reader->walk, node, "events.", pairs);
    *item = (struct item){.nodes = {NULL}};
    for (uint32_t i = 0; i < count; i++) {
        const struct option_row *row =
            option_find(config_event_keys, config_event_key_count, pairs[i].key);
        if (!row) {
            config_unknown_key(reader, &pairs[i],
                               &(struct config_keys){config_event_keys, config_event_key_count}, 1);
            continue;
        }
        size_t key = (size_t)(row - config_event_keys);
        if (yaml_walk_scalar(&reader->walk, pairs[i].value, pairs[i].key, &item->texts[key]))
            item->nodes[key] = pairs[i].value;
    }
}

static void wrong(struct config_reader *reader, const struct item *item, int key,
                  const char *expected)
{
    yaml_walk_problem(&reader->walk, item->nodes[key], "events.%s: found \"%.*s\", expected %s",
                      config_event_keys[key].name, STR_ARG(item->texts[key]), expected);
}

/* A key that stands for another: not both, and one of them if `required`. False: neither. */
static bool one_of(struct config_reader *reader, const yaml_node_t *node, const struct item *item,
                   int a, int b, bool required)
{
    if (item->nodes[a] && item->nodes[b])
        yaml_walk_problem(&reader->walk, item->nodes[b],
                          "events.%s: found beside %s, expected one of them",
                          config_event_keys[b].name, config_event_keys[a].name);
    if (required && !item->nodes[a] && !item->nodes[b])
        yaml_walk_problem(&reader->walk, node, "events.%s: missing, expected it or %s",
                          config_event_keys[a].name, config_event_keys[b].name);
    return item->nodes[a] || item->nodes[b];
}

static void read_times(struct config_reader *reader, const yaml_node_t *node,
                       const struct item *item, struct config_event *event)
{
    static const char instant[] = "an instant such as 2026-03-01T09:00:00Z";
    char midnight[32];
    int64_t duration_ns = item->nodes[DATE] ? TIME_DAY : TIME_HOUR;
    if (!one_of(reader, node, item, START, DATE, true))
        return;
    if (item->nodes[START]) {
        if (!time_parse_iso(item->texts[START], &event->start_ns, NULL))
            wrong(reader, item, START, instant);
    } else {
        int len = snprintf(midnight, sizeof midnight, "%.*sT00:00:00Z",
                           (int)(item->texts[DATE].len < 12 ? item->texts[DATE].len : 12),
                           item->texts[DATE].data);
        if (item->texts[DATE].len != 10 ||
            !time_parse_iso((struct str){midnight, (size_t)len}, &event->start_ns, NULL))
            wrong(reader, item, DATE, "a day such as 2026-03-01");
    }
    (void)one_of(reader, node, item, END, DURATION, false);
    if (item->nodes[DURATION] && (!time_parse_duration(item->texts[DURATION], &duration_ns) ||
                                  duration_ns <= 0 || duration_ns > 366 * TIME_DAY))
        wrong(reader, item, DURATION, "a duration such as 2h, at most a year");
    event->end_ns = time_add(event->start_ns, duration_ns);
    if (item->nodes[END] && !time_parse_iso(item->texts[END], &event->end_ns, NULL))
        wrong(reader, item, END, instant);
    else if (event->end_ns <= event->start_ns)
        wrong(reader, item, END, "an instant after start");
}

static void read_number(struct config_reader *reader, const struct item *item, int key, double most,
                        const char *expected, double *number)
{
    if (item->nodes[key] &&
        (!str_to_double(item->texts[key], number) || !(*number >= 0 && *number <= most)))
        wrong(reader, item, key, expected);
}

static void read_event(struct config_reader *reader, const yaml_node_t *node,
                       struct config_event *event)
{
    struct item item;
    if (!yaml_walk_mapping(&reader->walk, node, STR("events")))
        return;
    read_item(reader, node, &item);
    for (int key = NAME; key <= RESOURCE; key++) {
        if (!item.nodes[key])
            yaml_walk_problem(&reader->walk, node, "events.%s: missing",
                              config_event_keys[key].name);
        else if (item.texts[key].len == 0 ||
                 item.texts[key].len > (size_t)config_event_keys[key].max ||
                 !str_is_utf8(item.texts[key]))
            wrong(reader, &item, key, "a name");
    }
    if (item.nodes[CLASS] &&
        (item.texts[CLASS].len > NAME_MAX_CLASS || !str_is_utf8(item.texts[CLASS])))
        wrong(reader, &item, CLASS, "a name of a class");
    read_times(reader, node, &item, event);
    (void)one_of(reader, node, &item, REQUESTS, MULTIPLIER, false);
    event->requests = 1;
    event->multiplier = item.nodes[MULTIPLIER] != NULL;
    read_number(reader, &item, REQUESTS, EXPECT_REQUESTS_MAX, "a number from 0 to 1e9",
                &event->requests);
    read_number(reader, &item, MULTIPLIER, 1e6, "a number from 0 to 1e6", &event->requests);
    event->name = config_keep_text(reader, item.texts[NAME]);
    event->class_name = config_keep_text(reader, item.texts[CLASS]);
    if (!str_equal(item.texts[RESOURCE], STR("all")))
        event->resource = config_keep_text(reader, item.texts[RESOURCE]);
}

void config_read_events(struct config_reader *reader, const yaml_node_t *list)
{
    uint32_t count;
    if (yaml_walk_is_null(list) || !yaml_walk_list(&reader->walk, list, STR("events"), &count))
        return;
    struct config_event *events = config_keep(reader, (count + 1) * sizeof *events);
    if (!events)
        return;
    for (uint32_t i = 0; i < count; i++)
        read_event(reader, yaml_walk_item(&reader->walk, list, i), &events[i]);
    reader->config->events = events;
    reader->config->event_count = count;
}

/* Resources may stand below the events: whether there are such is known in the end. */
void config_check_events(struct config_reader *reader, const yaml_node_t *list)
{
    const struct config *config = reader->config;
    uint64_t total = 0;
    for (uint32_t i = 0; i < config->event_count; i++) {
        const char *resource = config->events[i].resource;
        total += resource ? 1 : config->resource_count;
        if (resource && resource[0] && table_find(&reader->names, str_of(resource)) == TABLE_NONE)
            yaml_walk_problem(&reader->walk, yaml_walk_item(&reader->walk, list, i),
                              "events.resource: \"%s\" is no configured resource", resource);
    }
    if (total > PLANNED_MAX)
        yaml_walk_problem(&reader->walk, list,
                          "events: found %llu for all resources together, expected at most %d",
                          (unsigned long long)total, PLANNED_MAX);
}
