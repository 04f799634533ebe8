/* SPDX-License-Identifier: MIT
 * Alerts as the control plane shows them: GET /v1/alerts, and /metrics. */
#include "base/time.h"
#include "edge/alert_text.h"
#include "edge/alerts_part.h"

static const char *const outcome_names[] = {
#define X(outcome, name) name,
    ALERT_OUTCOMES(X)
#undef X
};

static void key_time(struct json *json, const char *key, int64_t at_ns)
{
    char text[TIME_TEXT_MAX];
    json_key_text(json, key, at_ns > 0 ? time_format_iso(at_ns, text) : NULL);
}

static void write_alert(const struct alerts *alerts, const struct alert *alert, struct json *json)
{
    static const char *const stages[] = {"not yet", "open", "over"};
    char key[ALERT_KEY_MAX];
    alert_text_key(alert, alerts->instance, key);
    json_object(json);
    json_key_text(json, "key", key);
    json_key_text(json, "rule", alert_rule_rows[alert->rule].name);
    json_key_text(json, "severity", alert_severity_names[alert->severity]);
    json_key_text(json, "subject", alert->subject);
    json_key_text(json, "summary", alert->words);
    json_key_text(json, "status", alert->over_ns ? "resolved" : "firing");
    key_time(json, "since", alert->open_ns);
    key_time(json, "over", alert->over_ns);
    json_key(json, "told");
    json_object(json);
    for (uint32_t i = 0; i < alerts->receiver_count; i++)
        json_key_text(json, alerts->receivers[i].config.name, stages[alert->told[i]]);
    json_object_end(json);
    json_object_end(json);
}

static void write_receiver(const struct alerts *alerts, const struct alert_receiver *receiver,
                           struct json *json)
{
    json_object(json);
    json_key_text(json, "name", receiver->config.name);
    json_key_text(json, "kind", alert_kind_names[receiver->config.kind]);
    json_key_uint(json, "waiting", alert_book_waiting(&alerts->book, receiver->number));
    for (int i = 0; i < ALERT_OUTCOME_COUNT; i++)
        json_key_uint(json, outcome_names[i], receiver->outcomes[i]);
    json_key_text(json, "error", receiver->said[0] ? receiver->said : NULL);
    json_object_end(json);
}

void alerts_write(struct alerts *alerts, struct json *json)
{
    pthread_mutex_lock(&alerts->lock);
    json_object(json);
    json_key_text(json, "instance", alerts->instance);
    json_key(json, "alerts");
    json_array(json);
    for (uint32_t i = alerts->book.count; i-- > 0;)
        if (alerts->book.alerts[i].open_ns)
            write_alert(alerts, &alerts->book.alerts[i], json);
    json_array_end(json);
    json_key(json, "receivers");
    json_array(json);
    for (uint32_t i = 0; i < alerts->receiver_count; i++)
        write_receiver(alerts, &alerts->receivers[i], json);
    json_array_end(json);
    json_key_uint(json, "dropped", alerts->book.dropped);
    json_object_end(json);
    pthread_mutex_unlock(&alerts->lock);
}

static void collect_open(const struct alerts *alerts, struct metrics_writer *writer)
{
    uint32_t open[ALERT_RULE_COUNT] = {0};
    for (uint32_t i = 0; i < alerts->book.count; i++) {
        const struct alert *alert = &alerts->book.alerts[i];
        open[alert->rule] += alert->open_ns && !alert->over_ns;
    }
    for (int i = 0; i < ALERT_RULE_COUNT; i++) {
        const struct str label = str_of(alert_rule_rows[i].name);
        metrics_sample(writer, &label, 1, open[i]);
    }
}

void alerts_collect(struct alerts *alerts, enum metric_id metric, struct metrics_writer *writer)
{
    pthread_mutex_lock(&alerts->lock);
    if (metric == METRIC_ALERTS)
        collect_open(alerts, writer);
    if (metric == METRIC_ALERTS_DROPPED)
        metrics_sample(writer, NULL, 0, (double)alerts->book.dropped);
    for (uint32_t i = 0; i < alerts->receiver_count; i++) {
        struct str labels[2] = {str_of(alerts->receivers[i].config.name)};
        if (metric == METRIC_ALERTS_WAITING)
            metrics_sample(writer, labels, 1, alert_book_waiting(&alerts->book, i));
        for (int j = 0; j < ALERT_OUTCOME_COUNT && metric == METRIC_ALERT_NOTICES; j++) {
            labels[1] = str_of(outcome_names[j]);
            metrics_sample(writer, labels, 2, (double)alerts->receivers[i].outcomes[j]);
        }
    }
    pthread_mutex_unlock(&alerts->lock);
}
