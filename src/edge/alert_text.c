/* SPDX-License-Identifier: MIT */
#include "edge/alert_text.h"
#include "base/json.h"
#include "base/time.h"
#include <stdio.h>

void alert_text_key(const struct alert *alert, const char *instance, char key[ALERT_KEY_MAX])
{
    uint64_t hash = str_hash(instance, strlen(instance), (uint64_t)alert->open_ns);
    hash = str_hash(alert->subject, strlen(alert->subject), hash);
    (void)snprintf(key, ALERT_KEY_MAX, "forewarm-%s-%016llx", alert_rule_rows[alert->rule].name,
                   (unsigned long long)hash);
}

static void key_time(struct json *json, const char *key, int64_t at_ns)
{
    char text[TIME_TEXT_MAX];
    json_key_text(json, key, time_format_iso(at_ns, text));
}

static const char *severity(const struct alert *alert)
{
    return alert_severity_names[alert->severity];
}

/* "over after 12 min: qwen-7b: ..." */
static void add_words(const struct alert *alert, bool over, struct buf *out)
{
    char took[TIME_TEXT_MAX];
    if (over)
        buf_printf(out,
                   "over after %s: ", time_format_human(alert->over_ns - alert->open_ns, took));
    buf_add_text(out, alert->words);
}

static void key_words(struct json *json, const char *key, const struct alert *alert, bool over)
{
    struct buf words;
    buf_init(&words, 2 * ALERT_WORDS_MAX);
    add_words(alert, over, &words);
    json_key_str(json, key, buf_str(&words));
    buf_fini(&words);
}

static void write_alertmanager_one(const struct alert_letter *letter, const struct alert *alert,
                                   struct json *json)
{
    json_object(json);
    json_key(json, "labels");
    json_object(json);
    json_key_text(json, "alertname", alert_rule_rows[alert->rule].alertname);
    json_key_text(json, "severity", severity(alert));
    json_key_text(json, "subject", alert->subject);
    json_key_text(json, "instance", letter->instance);
    json_key_text(json, "job", "forewarm");
    json_object_end(json);
    json_key(json, "annotations");
    json_object(json);
    json_key_text(json, "summary", alert->words);
    json_key_text(json, "description", alert_rule_rows[alert->rule].sentence);
    json_object_end(json);
    key_time(json, "startsAt", alert->open_ns);
    key_time(json, "endsAt", letter->stage == ALERT_TOLD_OVER ? alert->over_ns : letter->until_ns);
    if (letter->link[0])
        json_key_text(json, "generatorURL", letter->link);
    json_object_end(json);
}

static void write_alertmanager(const struct alert_letter *letter, struct json *json)
{
    json_array(json);
    for (uint32_t i = 0; i < letter->count; i++)
        write_alertmanager_one(letter, &letter->alerts[i], json);
    json_array_end(json);
}

static void write_pagerduty(const struct alert_letter *letter, struct json *json)
{
    const struct alert *alert = letter->alerts;
    char key[ALERT_KEY_MAX];
    bool over = letter->stage == ALERT_TOLD_OVER;
    alert_text_key(alert, letter->instance, key);
    json_object(json);
    json_key_text(json, "routing_key", letter->routing_key);
    json_key_text(json, "event_action", over ? "resolve" : "trigger");
    json_key_text(json, "dedup_key", key);
    json_key(json, "payload");
    json_object(json);
    key_words(json, "summary", alert, over);
    json_key_text(json, "source", letter->instance);
    json_key_text(json, "severity", severity(alert));
    key_time(json, "timestamp", over ? alert->over_ns : alert->open_ns);
    json_key_text(json, "component", alert->subject);
    json_key_text(json, "class", alert_rule_rows[alert->rule].name);
    json_object_end(json);
    json_key_text(json, "client", "forewarm");
    if (letter->link[0])
        json_key_text(json, "client_url", letter->link);
    json_object_end(json);
}

/* Slack takes three characters for its own marks. */
static void add_slack(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '&')
            buf_add_text(out, "&amp;");
        else if (*text == '<')
            buf_add_text(out, "&lt;");
        else if (*text == '>')
            buf_add_text(out, "&gt;");
        else
            buf_add_char(out, *text);
    }
}

static void write_slack(const struct alert_letter *letter, struct json *json)
{
    const struct alert *alert = letter->alerts;
    struct buf words, text;
    bool over = letter->stage == ALERT_TOLD_OVER;
    buf_init(&words, 2 * ALERT_WORDS_MAX);
    buf_init(&text, 16 * ALERT_WORDS_MAX);
    add_words(alert, over, &words);
    buf_printf(&text, "%s *%s* ", over ? ":large_green_circle:" : ":red_circle:", severity(alert));
    add_slack(&text, words.data ? words.data : "");
    buf_add_text(&text, " (");
    add_slack(&text, letter->instance);
    buf_add_text(&text, letter->link[0] ? ", " : "");
    add_slack(&text, letter->link);
    buf_add_char(&text, ')');
    json_object(json);
    json_key_str(json, "text", buf_str(&text));
    json_object_end(json);
    buf_fini(&words);
    buf_fini(&text);
}

static void write_webhook(const struct alert_letter *letter, struct json *json)
{
    const struct alert *alert = letter->alerts;
    char key[ALERT_KEY_MAX];
    bool over = letter->stage == ALERT_TOLD_OVER;
    alert_text_key(alert, letter->instance, key);
    json_object(json);
    json_key_text(json, "status", over ? "resolved" : "firing");
    json_key_text(json, "key", key);
    json_key_text(json, "rule", alert_rule_rows[alert->rule].name);
    json_key_text(json, "severity", severity(alert));
    json_key_text(json, "subject", alert->subject);
    json_key_text(json, "summary", alert->words);
    json_key_text(json, "instance", letter->instance);
    key_time(json, "since", alert->open_ns);
    if (over)
        key_time(json, "over", alert->over_ns);
    if (letter->link[0])
        json_key_text(json, "link", letter->link);
    json_object_end(json);
}

void alert_text_write(const struct alert_letter *letter, struct buf *out)
{
    struct json json;
    json_init(&json, out, false);
    switch (letter->kind) {
    case ALERT_ALERTMANAGER:
        write_alertmanager(letter, &json);
        break;
    case ALERT_PAGERDUTY:
        write_pagerduty(letter, &json);
        break;
    case ALERT_SLACK:
        write_slack(letter, &json);
        break;
    default:
        write_webhook(letter, &json);
        break;
    }
}
