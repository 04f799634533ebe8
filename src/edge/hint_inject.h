/* SPDX-License-Identifier: MIT
 * Call hints in a proxied request: which text goes where. Nothing else of the body is touched, read
 * into values or written anew; the caller splices.
 *
 * What is written (ai-dynamo/dynamo lib/llm/src/protocols/openai/nvext.rs, its docs 1.0 to 1.6, and
 * NeMo-Agent-Toolkit for the older form):
 *
 *   dynamo  {"priority","osl"}           priority = min(level, cap): higher is served sooner
 *   legacy  {"osl","iat","priority","latency_sensitivity","prefix_id","total_requests"},
 *           priority = max(0, scale - level), and nvext.cache_control while calls remain
 *   strict  {"strict_priority","osl"}    the level is a tier of the queue, min(level, cap)
 *
 * What is not known is left out. A client's own agent_hints are stripped (its word is not trusted),
 * merged (ours count where both speak) or kept (the client's do, within 0..cap). */
#ifndef FOREWARM_EDGE_HINT_INJECT_H
#define FOREWARM_EDGE_HINT_INJECT_H

#include "base/buf.h"
#include "edge/scan.h"

enum {
    HINT_BODY_MAX = 16 << 20, /* larger bodies are left as they are */
    HINT_NVEXT_MAX = 4 << 10, /* and so is a client's nvext that is larger */
    HINT_TEXT_MAX = 512,      /* agent_hints and cache_control of ours */
    HINT_PREFIX_MAX = 33,     /* prefix_id, with its NUL */
    HINT_LINES_MAX = 2 << 10  /* header lines of ours */
};

/* X(id, name) */
#define HINT_DIALECTS(X)                                                                           \
    X(HINT_DYNAMO, "dynamo")                                                                       \
    X(HINT_LEGACY, "legacy")                                                                       \
    X(HINT_STRICT, "strict")
#define HINT_CLIENTS(X)                                                                            \
    X(HINT_STRIP, "strip")                                                                         \
    X(HINT_MERGE, "merge")                                                                         \
    X(HINT_KEEP, "keep")
#define HINT_PLACES(X)                                                                             \
    X(HINT_NOWHERE, "none")                                                                        \
    X(HINT_BODY, "body")                                                                           \
    X(HINT_HEADER, "header")                                                                       \
    X(HINT_BOTH, "both")
#define X(id, name) id,
enum hint_dialect { HINT_DIALECTS(X) };
enum hint_client { HINT_CLIENTS(X) };
enum hint_place { HINT_PLACES(X) };
#undef X

/* What became of a request's hints, as the metric says it. X(id, name) */
#define HINT_OUTCOMES(X)                                                                           \
    X(HINT_INJECTED, "injected")   /* ours were written */                                         \
    X(HINT_STRIPPED, "stripped")   /* none of ours, and the client's were taken out or bounded */  \
    X(HINT_UNKNOWN, "unknown")     /* nothing is known, nothing was changed */                     \
    X(HINT_NO_OBJECT, "no_object") /* the body is no JSON object */                                \
    X(HINT_TAKEN, "taken")         /* nvext or agent_hints is no object, or too large */           \
    X(HINT_DUPLICATE, "duplicate") /* a member that we would write is there twice */               \
    X(HINT_TOO_LARGE, "too_large") /* the body is larger than HINT_BODY_MAX */                     \
    X(HINT_NO_MEMORY, "no_memory")
#define X(id, name) id,
enum hint_outcome { HINT_OUTCOMES(X) };
#undef X
const char *hint_outcome_name(enum hint_outcome outcome);

/* What is known of a call; a field without its bit is not. */
enum hint_known {
    KNOWN_OSL = 1,
    KNOWN_IAT = 2,
    KNOWN_LEVEL = 4,
    KNOWN_TOTAL = 8,
    KNOWN_REMAINING = 16
};
struct hint_values {
    unsigned known; /* bits of enum hint_known */
    uint32_t osl;   /* output tokens, the 90th of 100 */
    uint32_t iat_ms;
    uint32_t level; /* of latency sensitivity, 1..scale */
    uint32_t total_requests, remaining;
    char prefix_id[HINT_PREFIX_MAX]; /* "" none; letters, digits and dashes */
};

/* Members of agent_hints. X(field, name) */
#define HINT_FIELD_NAMES(X)                                                                        \
    X(HINT_PRIORITY, "priority")                                                                   \
    X(HINT_TIER, "strict_priority")                                                                \
    X(HINT_OUTPUT, "osl")                                                                          \
    X(HINT_GAP, "iat")                                                                             \
    X(HINT_SENSITIVITY, "latency_sensitivity")                                                     \
    X(HINT_PREFIX, "prefix_id")                                                                    \
    X(HINT_CALLS, "total_requests")
enum hint_field {
#define X(field, name) field,
    HINT_FIELD_NAMES(X)
#undef X
        HINT_FIELDS
};
#define HINT_DYNAMO_PRIORITY "x-dynamo-request-priority" /* docs 1.6: these override the body */
#define HINT_DYNAMO_TIER     "x-dynamo-request-strict-priority"

/* How one upstream wants them. */
struct hint_rules {
    int place, dialect, client; /* enums above */
    uint32_t cap, scale;        /* of priorities; of levels */
    /* Names, in lower case, of the headers that get each field, and behind them of the one that
     * gets the whole JSON; NULL or "": none. */
    const char *headers[HINT_FIELDS + 1];
};

/* Replaces `cut` bytes at `at` by `text`, which lives in the buffer given to hint_inject_body. */
struct hint_edit {
    size_t at, cut;
    struct str text;
};

/* The value of agent_hints as `rules` want it; nothing known: "{}". */
void hint_write(const struct hint_rules *rules, const struct hint_values *values, struct buf *out);

/* What has to change in the body. `nvext` is the body's member of that name as scan_object found it
 * (SCAN_ABSENT: there is none); `out` is cleared first. HINT_INJECTED and HINT_STRIPPED come with
 * an edit, all others leave the body alone. */
enum hint_outcome hint_inject_body(const struct hint_rules *rules, const struct hint_values *values,
                                   struct str body, const struct scan_field *nvext, struct buf *out,
                                   struct hint_edit *edit);
/* The same for a body that was not looked at yet. */
enum hint_outcome hint_inject_scan(const struct hint_rules *rules, const struct hint_values *values,
                                   struct str body, struct buf *out, struct hint_edit *edit);

/* The fields the dialect writes of what is known, as bits 1 << enum hint_field. */
unsigned hint_fields(const struct hint_rules *rules, const struct hint_values *values);
/* Header lines with their CRLF, for all fields but those in `skip` (bits; 1 << HINT_FIELDS: the
 * whole JSON). Nothing known: none. */
void hint_inject_header(const struct hint_rules *rules, const struct hint_values *values,
                        unsigned skip, struct buf *out);
/* Which field a header asks for: enum hint_field, HINT_FIELDS for the whole JSON, -1 for none. */
int hint_header_field(const struct hint_rules *rules, struct str name);
/* May a client's header go on? `ours`: bits of the fields that our own headers say. Stripped: no
 * hints do; else those within 0..cap do, unless ours count. */
bool hint_header_passes(const struct hint_rules *rules, unsigned ours, struct str name,
                        struct str value);

#endif
