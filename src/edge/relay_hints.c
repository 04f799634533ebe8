/* SPDX-License-Identifier: MIT
 * Calls of agents: each is counted in its run, its upstream is told what is known of it, where that
 * is wanted, and its answer says how many tokens came out. A request is never held up or refused
 * because of any of this. */
#include "edge/relay.h"
#include <stdio.h>
#include <stdlib.h>

static const struct hint_rules *rules_of(const struct relay *relay)
{
    return &relay->route->config->hints;
}

static bool writes(const struct relay *relay, enum hint_place place)
{
    int wanted = rules_of(relay)->place;
    return relay->hinted && relay->label != METRIC_FALLBACK &&
           (wanted == (int)place || wanted == HINT_BOTH);
}

/* ---- the call ---- */

static bool prepare(struct relay *relay)
{
    struct relay_hints *hints = relay->hints;
    if (!hints) {
        hints = calloc(1, sizeof *hints);
        if (!hints)
            return false;
        buf_init(&hints->text, HINT_NVEXT_MAX + 2 * HINT_TEXT_MAX);
        relay->hints = hints;
    }
    hints->counted = false;
    hints->call = (struct open_call){0, 0};
    hints->values.known = 0;
    usage_begin(&hints->usage);
    return true;
}

static void take_values(struct relay_hints *to, const struct runs_begun *begun, uint32_t scopes)
{
    const struct callpath_hints *from = &begun->hints;
    to->values = (struct hint_values){
        .known = (from->known & CALLPATH_HINT_OSL ? KNOWN_OSL : 0) |
                 (from->known & CALLPATH_HINT_IAT ? KNOWN_IAT : 0) |
                 (from->known & CALLPATH_HINT_LEVEL ? KNOWN_LEVEL : 0) |
                 (from->known & CALLPATH_HINT_TOTAL ? KNOWN_TOTAL | KNOWN_REMAINING : 0),
        .osl = from->osl,
        .iat_ms = from->iat_ms,
        .level = from->level,
        .total_requests = from->total_requests,
        .remaining = from->remaining,
    };
    if (begun->prefix[0])
        snprintf(to->values.prefix_id, sizeof to->values.prefix_id, "%s-d%u", begun->prefix,
                 scopes + 1);
}

void relay_hints_begin(struct relay *relay)
{
    struct proxy *proxy = relay->proxy;
    const struct config *config = relay->hold->view->config;
    const struct server_request *request = exchange_request(relay->exchange);
    bool tracks = proxy->runs && config->hints.on;
    struct run_head head;
    if (!tracks && rules_of(relay)->place == HINT_NOWHERE)
        return;
    if (!str_equal(request->method, STR("POST")) || !prepare(relay))
        return;
    relay->hinted = true;
    if (!tracks || !run_head_read(&head, &config->hints, request))
        return;
    struct runs_begun begun;
    runs_begin(proxy->runs, proxy->sender, &head, str_of(relay->route->config->id), relay->session,
               relay_wall_ns(), &begun);
    relay->hints->call = begun.call;
    take_values(relay->hints, &begun, head.scopes);
}

/* ---- the request ---- */

static void count(struct relay *relay, enum hint_outcome outcome)
{
    if (!relay->hints->counted)
        metrics_add(relay->proxy->metrics, METRIC_CALL_HINTS, 0, outcome, 1);
    relay->hints->counted = true;
}

bool relay_hints_edit(struct relay *relay, struct hint_edit *edit)
{
    struct relay_hints *hints = relay->hints;
    enum hint_outcome outcome;
    /* Where ours go into headers alone, what the client put into the body is bounded all the same.
     */
    static const struct hint_values nothing = {.known = 0};
    bool ours = writes(relay, HINT_BODY);
    if (!ours && !writes(relay, HINT_HEADER))
        return false;
    const struct hint_values *values = ours ? &hints->values : &nothing;
    if (relay->model.body.len > 0)
        outcome = hint_inject_body(rules_of(relay), values, relay->model.body, &relay->model.nvext,
                                   &hints->text, edit);
    else
        outcome = hint_inject_scan(rules_of(relay), values, exchange_request(relay->exchange)->body,
                                   &hints->text, edit);
    if (ours)
        count(relay, outcome);
    return outcome == HINT_INJECTED || outcome == HINT_STRIPPED;
}

/* The fields that the client's own headers say, and that are kept. */
static unsigned kept_fields(const struct hint_rules *rules, const struct server_request *request)
{
    unsigned fields = 0;
    for (uint32_t i = 0; i < request->field_count; i++) {
        const struct server_field *field = &request->fields[i];
        int which = hint_header_field(rules, field->name);
        if (which >= 0 && hint_header_passes(rules, 0, field->name, field->value))
            fields |= 1u << which;
    }
    return fields;
}

void relay_hints_head(struct relay *relay, struct rewrite_request *rewrite, struct buf *lines)
{
    const struct hint_rules *rules = rules_of(relay);
    if (!relay->hinted || relay->label == METRIC_FALLBACK || rules->place == HINT_NOWHERE)
        return;
    rewrite->hints = rules;
    if (!writes(relay, HINT_HEADER))
        return;
    struct relay_hints *hints = relay->hints;
    unsigned skip = rules->client == HINT_KEEP ? kept_fields(rules, rewrite->request) : 0;
    size_t before = lines->len;
    hint_inject_header(rules, &hints->values, skip, lines);
    if (lines->failed) { /* hints are no reason to fail */
        lines->failed = false;
        lines->len = before;
    }
    rewrite->hint_fields = hint_fields(rules, &hints->values);
    count(relay, lines->len > before ? HINT_INJECTED : HINT_UNKNOWN);
}

/* ---- the end ---- */

void relay_hints_end(struct relay *relay, enum fw_err status)
{
    struct relay_hints *hints = relay->hints;
    uint32_t tokens;
    if (!relay->hinted)
        return;
    relay->hinted = false;
    if (hints->call.run == 0)
        return;
    if (relay->sent_ns == 0) {
        runs_cancel(relay->proxy->runs, hints->call); /* no server has seen it */
        return;
    }
    bool told = status == FW_OK && relay->succeeded && usage_tokens(&hints->usage, &tokens);
    runs_end(relay->proxy->runs, hints->call, relay_wall_ns(),
             told ? (double)tokens : CALLPATH_NO_TOKENS);
}

void relay_hints_free(struct relay *relay)
{
    if (!relay->hints)
        return;
    buf_fini(&relay->hints->text);
    free(relay->hints);
    relay->hints = NULL;
}
