/* SPDX-License-Identifier: MIT */
#include "edge/alert_rules.h"
#include <stddef.h>

const char *const alert_severity_names[] = {
#define X(severity, name) name,
    ALERT_SEVERITIES(X)
#undef X
        NULL};

const char *const alert_kind_names[] = {
#define X(kind, name, sentence) name,
    ALERT_KINDS(X)
#undef X
        NULL};

const struct alert_rule_row alert_rule_rows[ALERT_RULE_COUNT] = {
#define X(rule, name, alertname, severity, threshold, hold, resolve, sentence)                     \
    {name, alertname, severity, threshold, hold, resolve, sentence},
    ALERT_RULES(X)
#undef X
};
