/* SPDX-License-Identifier: MIT
 * Alerts while the daemon runs: a job looks at the rules every few seconds, and each receiver has a
 * thread of its own that tells it, in order, what it does not know yet. A receiver that is away is
 * tried again, less and less often; what it has been told is kept in the store, so that a restart
 * neither forgets a notice nor repeats one. What is left to chance: a receiver that took a notice
 * and whose answer was lost, or a crash between its answer and our note of it. Then the notice goes
 * out again with the same key, which Alertmanager and PagerDuty take for the same event. */
#ifndef FOREWARM_EDGE_ALERTS_H
#define FOREWARM_EDGE_ALERTS_H

#include "base/json.h"
#include "edge/brain.h"

struct alerts;

/* Loads what was kept. All three outlive the alerts; no thread runs yet. */
FW_MUST_CHECK enum fw_err alerts_create(struct alerts **alerts, struct config *config,
                                        struct store *store);
/* Begins to look and to tell. */
FW_MUST_CHECK enum fw_err alerts_start(struct alerts *alerts, struct brain *brain,
                                       struct jobs *jobs, struct fw_detail *detail);
/* New rules and receivers; one of the same name goes on where it was. Where receivers changed it
 * cancels the calls under way and waits for them. The main thread. */
void alerts_reload(struct alerts *alerts, struct config *config);
/* Ends the threads, cancels calls, keeps what there is. */
void alerts_stop(struct alerts *alerts);
/* After the job threads are gone. */
void alerts_destroy(struct alerts **alerts);

/* ---- any thread ---- */

/* A condition begins or ends: `words` say what is wrong, a sentence of at most ALERT_WORDS_MAX
 * bytes. Saying it again changes nothing. */
void alerts_set(struct alerts *alerts, enum alert_rule rule, struct str subject, bool holds,
                const char *words);
/* It held at this moment, as an anomaly is seen: over when it was not for `resolve_after`. */
void alerts_note(struct alerts *alerts, enum alert_rule rule, struct str subject,
                 const char *words);
/* What is open, what was, and how the receivers do: one JSON object. */
void alerts_write(struct alerts *alerts, struct json *json);
void alerts_collect(struct alerts *alerts, enum metric_id metric, struct metrics_writer *writer);

#endif
