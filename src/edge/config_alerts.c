/* SPDX-License-Identifier: MIT
 * Alerts in the config: who is told, and what of. */
#include "base/check.h"
#include "base/time.h"
#include "edge/config_part.h"
#include <stdio.h>

#define SECOND    1e9
#define AT(field) offsetof(struct config_alerts, field)
/* clang-format off */
const struct option_row config_alerts_keys[] = {
    {"receivers", OPTION_TEXT, 0, "", 0, 0, true, NULL,
     "List of who is told, at most 8; absent: alerts are shown, and nobody is told."},
    {"rules", OPTION_TEXT, 0, "", 0, 0, true, NULL,
     "Mapping of a rule's name to what is to be otherwise than by default."},
    {"every", OPTION_DURATION, AT(every_ns), "10s", SECOND / 10, 3600 * SECOND, true, NULL,
     "How often the rules are looked at."},
    {"timeout", OPTION_DURATION, AT(timeout_ns), "10s", SECOND / 10, 600 * SECOND, true, NULL,
     "For a receiver's answer."},
    {"retry", OPTION_DURATION, AT(retry_ns), "1s", SECOND / 100, 3600 * SECOND, true, NULL,
     "A receiver that did not take a notice is tried again after this, then after twice as long, and so on."},
    {"retry_most", OPTION_DURATION, AT(retry_most_ns), "1m", SECOND / 100, 24 * 3600 * SECOND, true, NULL,
     "The longest time between two tries."},
    {"repeat", OPTION_DURATION, AT(repeat_ns), "1m", SECOND / 10, 24 * 3600 * SECOND, true, NULL,
     "How often an Alertmanager is told again what is open, as it wants to be: it takes as over what it heard nothing of for four times this."},
    {"instance", OPTION_TEXT, AT(instance), "", 0, 0, false, NULL,
     "What this forewarm is called in alerts; absent: node, else the host's name and the port of listen."},
    {"link", OPTION_TEXT, AT(link), "", 0, 0, true, NULL,
     "Address that alerts point to, such as the dashboard's."},
};
#undef AT
#define AT(field) offsetof(struct config_receiver, field)
const struct option_row config_receiver_keys[] = {
    {"kind", OPTION_CHOICE, AT(kind), "webhook", 0, 0, true, alert_kind_names,
     "What it is. Required."},
    {"name", OPTION_TEXT, AT(name), "", 0, 63, true, NULL,
     "What it is called; absent: its kind. It is by this name that a restart knows what it has been told."},
    {"url", OPTION_TEXT, 0, "", 0, CONFIG_URL_MAX - 1, true, NULL,
     "Its address: of an Alertmanager without /api; pagerduty: absent, https://events.pagerduty.com."},
    {"url_file", OPTION_TEXT, AT(url_file), "", 0, OPTION_TEXT_MAX - 1, true, NULL,
     "File whose first line is its address, where that is a secret, as Slack's is. It or url is required."},
    {"key_file", OPTION_TEXT, AT(key_file), "", 0, OPTION_TEXT_MAX - 1, true, NULL,
     "pagerduty: file whose first line is the integration's routing key. Required there."},
    {"token_file", OPTION_TEXT, AT(token_file), "", 0, OPTION_TEXT_MAX - 1, true, NULL,
     "File whose first line is sent as bearer token; absent: none."},
    {"ca_file", OPTION_TEXT, AT(ca_file), "", 0, OPTION_TEXT_MAX - 1, true, NULL,
     "https: file with the CA certificates that its own is checked against; absent: the system's."},
};
#undef AT
#define AT(field) offsetof(struct config_rule, field)
const struct option_row config_rule_keys[] = {
    {"on", OPTION_BOOL, AT(on), "true", 0, 0, true, NULL, "Whether it alerts at all."},
    {"severity", OPTION_CHOICE, AT(severity), "warning", 0, 0, true, alert_severity_names,
     "How bad it is; absent: the rule's own."},
    {"threshold", OPTION_DOUBLE, AT(threshold), "0", 0, 1, true, NULL,
     "Rules with one: the share that is too much; absent: the rule's own."},
    {"for", OPTION_DURATION, AT(hold_ns), "0s", 0, 7 * 86400 * SECOND, true, NULL,
     "It alerts when the condition has held for this long; absent: the rule's own."},
    {"resolve_after", OPTION_DURATION, AT(resolve_ns), "0s", 0, 7 * 86400 * SECOND, true, NULL,
     "It is over when the condition has not held for this long; absent: the rule's own."},
};
/* clang-format on */
#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])
_Static_assert(COUNT(config_alerts_keys) == 9 && COUNT(config_receiver_keys) == 7 &&
                   COUNT(config_rule_keys) == 5,
               "config_rows.c lists so many");
const size_t config_alerts_key_count = COUNT(config_alerts_keys);
const size_t config_receiver_key_count = COUNT(config_receiver_keys);
const size_t config_rule_key_count = COUNT(config_rule_keys);

static void set(struct config_rule *rule, const char *key, const char *text)
{
    struct fw_detail detail;
    const struct option_row *row =
        option_find(config_rule_keys, config_rule_key_count, str_of(key));
    CHECK(row && option_set(row, rule, str_of(text), &detail) == FW_OK);
}

void config_alerts_defaults(struct config_alerts *alerts)
{
    for (size_t i = 0; i < config_alerts_key_count; i++)
        if (config_alerts_keys[i].offset > 0 || config_alerts_keys[i].type != OPTION_TEXT)
            option_defaults(&config_alerts_keys[i], 1, alerts);
    for (int i = 0; i < ALERT_RULE_COUNT; i++) {
        const struct alert_rule_row *row = &alert_rule_rows[i];
        option_defaults(config_rule_keys, config_rule_key_count, &alerts->rules[i]);
        alerts->rules[i].severity = (int)row->severity;
        set(&alerts->rules[i], "for", row->hold);
        set(&alerts->rules[i], "resolve_after", row->resolve);
        if (row->threshold[0])
            set(&alerts->rules[i], "threshold", row->threshold);
    }
}

/* ---- rules ---- */

static void read_rule(struct config_reader *reader, const struct yaml_pair *pair, int number)
{
    struct yaml_pair pairs[YAML_WALK_KEYS_MAX];
    char prefix[64];
    (void)snprintf(prefix, sizeof prefix, "alerts.rules.%.*s.",
                   pair->key.len < 32 ? (int)pair->key.len : 32, pair->key.data);
    if (!yaml_walk_mapping(&reader->walk, pair->value, pair->key))
        return;
    uint32_t count = yaml_walk_pairs(&reader->walk, pair->value, prefix, pairs);
    for (uint32_t i = 0; i < count; i++) {
        const struct option_row *row =
            option_find(config_rule_keys, config_rule_key_count, pairs[i].key);
        if (!row)
            config_unknown_key(reader, &pairs[i],
                               &(struct config_keys){config_rule_keys, config_rule_key_count}, 1);
        else if (str_equal(pairs[i].key, STR("threshold")) &&
                 alert_rule_rows[number].threshold[0] == '\0')
            yaml_walk_problem(&reader->walk, pairs[i].key_node, "%sthreshold: the rule has none",
                              prefix);
        else
            config_read_row(reader, row, &reader->config->alerts.rules[number], pairs[i].key,
                            pairs[i].value);
    }
}

static void read_rules(struct config_reader *reader, const yaml_node_t *node)
{
    struct yaml_pair pairs[YAML_WALK_KEYS_MAX];
    struct option_row known[ALERT_RULE_COUNT];
    if (yaml_walk_is_null(node) || !yaml_walk_mapping(&reader->walk, node, STR("alerts.rules")))
        return;
    for (int i = 0; i < ALERT_RULE_COUNT; i++)
        known[i] = (struct option_row){.name = alert_rule_rows[i].name};
    uint32_t count = yaml_walk_pairs(&reader->walk, node, "alerts.rules.", pairs);
    for (uint32_t i = 0; i < count; i++) {
        const struct option_row *row = option_find(known, ALERT_RULE_COUNT, pairs[i].key);
        if (row)
            read_rule(reader, &pairs[i], (int)(row - known));
        else
            config_unknown_key(reader, &pairs[i], &(struct config_keys){known, ALERT_RULE_COUNT},
                               1);
    }
}

/* ---- receivers ---- */

static void check_receiver(struct config_reader *reader, struct config_receiver *receiver,
                           const yaml_node_t *node)
{
    const char *name = receiver->name;
    bool url = receiver->url.text[0] != '\0', file = receiver->url_file[0] != '\0';
    if (!url && !file && receiver->kind == ALERT_PAGERDUTY)
        CHECK(config_parse_url(STR("https://events.pagerduty.com"), &receiver->url));
    else if (url == file)
        yaml_walk_problem(&reader->walk, node, "alerts.receivers: %s: %s, expected url or url_file",
                          name, url ? "found both" : "no address");
    if ((receiver->kind == ALERT_PAGERDUTY) != (receiver->key_file[0] != '\0'))
        yaml_walk_problem(&reader->walk, node, "alerts.receivers: %s: key_file: %s", name,
                          receiver->key_file[0]
                              ? "found, expected it for pagerduty alone"
                              : "missing, expected the file with PagerDuty's routing key");
    const struct config_alerts *alerts = &reader->config->alerts;
    for (const struct config_receiver *other = alerts->receivers; other < receiver; other++)
        if (strcmp(other->name, name) == 0)
            yaml_walk_problem(&reader->walk, node,
                              "alerts.receivers: \"%s\" is there twice, give them names", name);
}

static void read_receiver(struct config_reader *reader, struct config_receiver *receiver,
                          const yaml_node_t *node)
{
    struct yaml_pair pairs[YAML_WALK_KEYS_MAX];
    for (size_t i = 0; i < config_receiver_key_count; i++)
        if (strcmp(config_receiver_keys[i].name, "url") != 0)
            option_defaults(&config_receiver_keys[i], 1, receiver);
    if (!yaml_walk_mapping(&reader->walk, node, STR("alerts.receivers")))
        return;
    uint32_t count = yaml_walk_pairs(&reader->walk, node, "alerts.receivers.", pairs);
    for (uint32_t i = 0; i < count; i++) {
        const struct option_row *row =
            option_find(config_receiver_keys, config_receiver_key_count, pairs[i].key);
        if (!row)
            config_unknown_key(
                reader, &pairs[i],
                &(struct config_keys){config_receiver_keys, config_receiver_key_count}, 1);
        else if (str_equal(pairs[i].key, STR("url")))
            config_read_url(reader, STR("alerts.receivers.url"), pairs[i].value, &receiver->url);
        else
            config_read_row(reader, row, receiver, pairs[i].key, pairs[i].value);
    }
    if (!config_find(pairs, count, "kind")) {
        yaml_walk_problem(&reader->walk, node,
                          "alerts.receivers.kind: missing, expected alertmanager, slack, pagerduty "
                          "or webhook");
        return;
    }
    if (!receiver->name[0])
        (void)snprintf(receiver->name, sizeof receiver->name, "%s",
                       alert_kind_names[receiver->kind]);
    if (strlen(receiver->name) > 63)
        yaml_walk_problem(&reader->walk, node,
                          "alerts.receivers.name: found %zu bytes, expected at most 63",
                          strlen(receiver->name));
    check_receiver(reader, receiver, node);
}

static void read_receivers(struct config_reader *reader, const yaml_node_t *list)
{
    struct config_alerts *alerts = &reader->config->alerts;
    uint32_t count;
    if (yaml_walk_is_null(list) ||
        !yaml_walk_list(&reader->walk, list, STR("alerts.receivers"), &count))
        return;
    if (count > ALERT_RECEIVERS_MAX) {
        yaml_walk_problem(&reader->walk, list, "alerts.receivers: found %u, expected at most %d",
                          count, ALERT_RECEIVERS_MAX);
        return;
    }
    alerts->receivers = config_keep(reader, (count + 1) * sizeof *alerts->receivers);
    for (uint32_t i = 0; alerts->receivers && i < count; i++) {
        read_receiver(reader, &alerts->receivers[i], yaml_walk_item(&reader->walk, list, i));
        alerts->receiver_count = i + 1;
    }
}

void config_read_alerts(struct config_reader *reader, const yaml_node_t *node)
{
    struct config_alerts *alerts = &reader->config->alerts;
    struct yaml_pair pairs[YAML_WALK_KEYS_MAX];
    if (yaml_walk_is_null(node) || !yaml_walk_mapping(&reader->walk, node, STR("alerts")))
        return;
    uint32_t count = yaml_walk_pairs(&reader->walk, node, "alerts.", pairs);
    for (uint32_t i = 0; i < count; i++) {
        const struct option_row *row =
            option_find(config_alerts_keys, config_alerts_key_count, pairs[i].key);
        if (!row)
            config_unknown_key(reader, &pairs[i],
                               &(struct config_keys){config_alerts_keys, config_alerts_key_count},
                               1);
        else if (str_equal(pairs[i].key, STR("receivers")))
            read_receivers(reader, pairs[i].value);
        else if (str_equal(pairs[i].key, STR("rules")))
            read_rules(reader, pairs[i].value);
        else
            config_read_row(reader, row, alerts, pairs[i].key, pairs[i].value);
    }
    if (alerts->retry_most_ns < alerts->retry_ns)
        yaml_walk_problem(&reader->walk, node, "alerts.retry_most: shorter than retry");
}
