/* SPDX-License-Identifier: MIT
 * What a shared cache may keep and serve: RFC 9111, section by section, without a clock or a
 * socket. Times are nanoseconds since 1970. Where the standard leaves a choice, less is kept:
 * - Answers that set a cookie are not stored, nor are requests that carry one answered from the
 *   store, unless the answer says that it is for everybody (public or s-maxage).
 * - Requests for parts (Range) and with preconditions of writers (If-Match, If-Unmodified-Since)
 *   go to the upstream.
 * - A guessed lifetime (4.2.2: a tenth of the time since Last-Modified) is an hour at most. */
#ifndef FOREWARM_EDGE_HTTP_RULES_H
#define FOREWARM_EDGE_HTTP_RULES_H

#include "base/buf.h"
#include "base/time.h"
#include "edge/head.h"
#include "edge/pages/http_directives.h"

enum { HTTP_RULES_VARY_MAX = 16, HTTP_RULES_KEY_MAX = 16 << 10 };
#define HTTP_RULES_HEURISTIC_MAX_NS TIME_HOUR

/* --- requests --- */

struct http_rules_request {
    const struct server_field *fields;
    uint32_t field_count;
    struct http_directives directives;
    bool get, head;
    bool cacheable; /* may be answered from the store, and its answer stored */
    bool authorization, cookie;
    bool rerouted;    /* names a host, address or method that is not in its request line */
    bool conditional; /* If-None-Match or If-Modified-Since */
    bool prefetch;    /* Sec-Purpose: prefetch: a guess of the client's, not demand */
};
/* `ignored_cookies`: names, separated by blanks, of cookies that make nothing personal; "*" all. */
void http_rules_read_request(struct http_rules_request *request, const struct server_request *from,
                             struct str ignored_cookies);
/* Methods that are not safe: an answer without an error makes what is stored of the target wrong
 * (4.4). */
bool http_rules_invalidates(struct str method, int status);

/* --- answers --- */

/* Where an answer's age and lifetime come from. */
struct http_rules_response {
    int status;
    struct http_directives directives;
    int64_t date_ns, expires_ns, modified_ns; /* TIME_NEVER: absent, or cannot be read */
    bool expires_given;                       /* one that cannot be read is in the past (5.3) */
    int64_t age_ns;                           /* the field's */
    bool has_etag, set_cookie, vary_all;
    int64_t requested_ns, received_ns; /* when the request left and the head came */
    int64_t assumed_ns;                /* lifetime where the answer says nothing of it */
};
void http_rules_read_response(struct http_rules_response *response, const struct head *head,
                              int64_t requested_ns, int64_t received_ns);
/* Section 3, with 3.5 for Authorization. NULL: it may be stored; else why not. */
const char *http_rules_not_stored(const struct http_rules_request *request,
                                  const struct http_rules_response *response);
int64_t http_rules_lifetime_ns(const struct http_rules_response *response); /* 4.2.1, 4.2.2 */
int64_t http_rules_age_ns(const struct http_rules_response *response, int64_t now_ns); /* 4.2.3 */
/* For those whose request carried credentials or cookies: is it for everybody (3.5)? */
bool http_rules_shared(const struct http_rules_response *response);

enum http_rules_use {
    HTTP_RULES_SERVE,      /* as it is */
    HTTP_RULES_REVALIDATE, /* ask the upstream whether it still holds */
    HTTP_RULES_NEVER,      /* not for this request, whatever the upstream says */
};
/* Section 4, 4.2.4 and the request's directives (5.2.1). */
enum http_rules_use http_rules_use(const struct http_rules_request *request,
                                   const struct http_rules_response *stored, int64_t now_ns);
/* May it be served although stale, because the upstream cannot be reached (RFC 5861, 4)? */
bool http_rules_on_error(const struct http_rules_request *request,
                         const struct http_rules_response *stored, int64_t now_ns);

/* --- Vary (4.1) --- */

/* The value that the request gives to each field that the answer varies by, as one text; equal
 * texts select the same answer. False: too many or too long. `names` is the answer's list. */
FW_MUST_CHECK bool http_rules_vary_key(struct str names, const struct server_field *fields,
                                       uint32_t count, struct buf *key);
/* All Vary lines of a head as one list. */
void http_rules_vary_names(const struct head *head, struct buf *names);

/* --- validation (4.3) --- */

/* Lines that ask whether what is stored still holds; nothing if it has no validator. `lines` is
 * the stored head. */
void http_rules_conditions(struct str lines, struct buf *out);
/* The client's own copy is what is stored: it gets a 304 (4.3.2). */
bool http_rules_client_has(const struct http_rules_request *request, struct str lines,
                           int64_t now_ns);
/* The stored head with what a 304 says in place of what it said (3.2, 4.3.4). */
void http_rules_freshen(struct str lines, const struct head *not_modified, struct buf *out);
/* "Name: value\r\n" lines of a head that may be stored and sent again. */
void http_rules_lines(const struct head *head, struct buf *out);
/* Takes one such line off the front. */
bool http_rules_line(struct str *rest, struct server_field *field);
struct str http_rules_get(struct str lines, const char *name); /* data NULL if absent */

#endif
