/* SPDX-License-Identifier: MIT
 * What each kind of receiver is told, as the body of its call: Alertmanager's v2 API (POST
 * /api/v2/alerts), PagerDuty's Events API v2 (POST /v2/enqueue), Slack's incoming webhooks, and a
 * JSON of our own. */
#ifndef FOREWARM_EDGE_ALERT_TEXT_H
#define FOREWARM_EDGE_ALERT_TEXT_H

#include "edge/alert_book.h"

enum { ALERT_KEY_MAX = 64 };

struct alert_letter {
    enum alert_kind kind;
    const struct alert *alerts; /* one; Alertmanager takes more of them */
    uint32_t count;
    enum alert_stage stage;  /* open or over */
    const char *instance;    /* which forewarm it is */
    const char *link;        /* where a person can look; "" nowhere */
    const char *routing_key; /* PagerDuty's */
    int64_t until_ns;        /* Alertmanager: an open one counts as over then, unless told again */
};

/* The same text for the same event, on every try and after a restart; the instance is part of it.
 */
void alert_text_key(const struct alert *alert, const char *instance, char key[ALERT_KEY_MAX]);
void alert_text_write(const struct alert_letter *letter, struct buf *out);

#endif
