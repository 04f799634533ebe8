/* SPDX-License-Identifier: MIT
 * What may be stored and for how long: requests, answers, age and lifetime. */
#include "edge/pages/http_rules.h"
#include "edge/pages/http_date.h"

static bool is(struct str name, const char *lower)
{
    return str_equal_nocase(name, str_of(lower));
}

static bool any_is(struct str name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (is(name, names[i]))
            return true;
    return false;
}

/* --- requests --- */

/* Is every cookie of the field among those that make nothing personal? */
static bool cookies_ignored(struct str field, struct str ignored)
{
    struct str pair, name;
    if (str_equal(ignored, STR("*")))
        return true;
    while (str_cut(&field, ';', &pair)) {
        struct str rest = ignored, one;
        bool found = false;
        pair = str_trim(pair);
        if (!str_cut(&pair, '=', &name) || name.len == 0)
            continue;
        while (!found && str_cut(&rest, ' ', &one))
            found = one.len > 0 && str_equal(one, name);
        if (!found)
            return false;
    }
    return true;
}

static void read_field(struct http_rules_request *request, const struct server_field *field,
                       struct str ignored_cookies)
{
    static const char *const bypass[] = {"range", "if-match", "if-unmodified-since", "if-range"};
    /* A server may answer by these, and no Vary says so: one client could choose what all get. */
    static const char *const rerouting[] = {
        "x-forwarded-host", "x-forwarded-prefix",     "x-original-url",
        "x-rewrite-url",    "x-http-method-override", "x-host",
        "forwarded"};
    struct str name = field->name;
    if (is(name, "cache-control"))
        http_directives_add(&request->directives, field->value);
    else if (is(name, "authorization"))
        request->authorization = true;
    else if (is(name, "cookie"))
        request->cookie |= !cookies_ignored(field->value, ignored_cookies);
    else if (is(name, "if-none-match") || is(name, "if-modified-since"))
        request->conditional = true;
    else if (is(name, "sec-purpose") || is(name, "purpose"))
        request->prefetch |= str_starts(str_trim(field->value), STR("prefetch"));
    else if (any_is(name, rerouting, sizeof rerouting / sizeof rerouting[0]))
        request->rerouted = true;
    else if (any_is(name, bypass, sizeof bypass / sizeof bypass[0]))
        request->cacheable = false;
}

void http_rules_read_request(struct http_rules_request *request, const struct server_request *from,
                             struct str ignored_cookies)
{
    bool control = false, pragma = false;
    *request = (struct http_rules_request){
        .fields = from->fields,
        .field_count = from->field_count,
        .get = str_equal(from->method, STR("GET")),
        .head = str_equal(from->method, STR("HEAD")),
    };
    http_directives_init(&request->directives);
    request->cacheable = (request->get || request->head) && from->body.len == 0;
    for (uint32_t i = 0; i < from->field_count; i++) {
        read_field(request, &from->fields[i], ignored_cookies);
        control |= is(from->fields[i].name, "cache-control");
        pragma |=
            is(from->fields[i].name, "pragma") && is(str_trim(from->fields[i].value), "no-cache");
    }
    if (pragma && !control) /* 5.4 */
        request->directives.no_cache = true;
    if (request->directives.no_store)
        request->cacheable = false;
}

bool http_rules_invalidates(struct str method, int status)
{
    static const char *const safe[] = {"GET", "HEAD", "OPTIONS", "TRACE"};
    for (size_t i = 0; i < sizeof safe / sizeof safe[0]; i++)
        if (str_equal(method, str_of(safe[i])))
            return false;
    return status >= 200 && status < 400;
}

/* --- answers --- */

/* A number of seconds; what is none counts as 0 (5.1). */
static int64_t read_age(struct str value)
{
    uint64_t seconds;
    struct str first;
    if (!str_cut(&value, ',', &first) || !str_to_uint64(str_trim(first), &seconds))
        return 0;
    if (seconds > (uint64_t)HTTP_DIRECTIVES_MOST)
        seconds = (uint64_t)HTTP_DIRECTIVES_MOST;
    return (int64_t)seconds * TIME_SECOND;
}

static void read_date(struct str value, int64_t now_ns, int64_t *at_ns)
{
    if (*at_ns == TIME_NEVER && !http_date_parse(str_trim(value), now_ns, at_ns))
        *at_ns = TIME_NEVER;
}

static void read_answer_field(struct http_rules_response *response,
                              const struct server_field *field)
{
    int64_t now_ns = response->received_ns;
    if (is(field->name, "cache-control"))
        http_directives_add(&response->directives, field->value);
    else if (is(field->name, "date"))
        read_date(field->value, now_ns, &response->date_ns);
    else if (is(field->name, "last-modified"))
        read_date(field->value, now_ns, &response->modified_ns);
    else if (is(field->name, "expires") && !response->expires_given) {
        response->expires_given = true;
        if (!http_date_parse(str_trim(field->value), now_ns, &response->expires_ns))
            response->expires_ns = 0;
    } else if (is(field->name, "age") && response->age_ns == 0)
        response->age_ns = read_age(field->value);
    else if (is(field->name, "etag"))
        response->has_etag = true;
    else if (is(field->name, "set-cookie"))
        response->set_cookie = true;
    else if (is(field->name, "vary"))
        response->vary_all |= head_list_has(field->value, STR("*"));
}

void http_rules_read_response(struct http_rules_response *response, const struct head *head,
                              int64_t requested_ns, int64_t received_ns)
{
    int64_t assumed_ns = response->assumed_ns;
    *response = (struct http_rules_response){
        .status = head->status,
        .date_ns = TIME_NEVER,
        .expires_ns = TIME_NEVER,
        .modified_ns = TIME_NEVER,
        .requested_ns = requested_ns,
        .received_ns = received_ns,
        .assumed_ns = assumed_ns,
    };
    http_directives_init(&response->directives);
    for (uint32_t i = 0; i < head->field_count; i++)
        read_answer_field(response, &head->fields[i]);
    if (response->date_ns == TIME_NEVER) /* RFC 9110, 6.6.1 */
        response->date_ns = received_ns;
}

bool http_rules_shared(const struct http_rules_response *response)
{
    return response->directives.is_public ||
           response->directives.s_maxage_s != HTTP_DIRECTIVES_ABSENT;
}

/* RFC 9110, 15.1: those whose lifetime may be guessed. */
static bool status_guessed(int status)
{
    static const int list[] = {200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501};
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
        if (list[i] == status)
            return true;
    return false;
}

static bool is_explicit(const struct http_rules_response *response)
{
    return response->expires_given || response->directives.max_age_s != HTTP_DIRECTIVES_ABSENT ||
           response->directives.s_maxage_s != HTTP_DIRECTIVES_ABSENT;
}

const char *http_rules_not_stored(const struct http_rules_request *request,
                                  const struct http_rules_response *response)
{
    const struct http_directives *directives = &response->directives;
    bool understood = status_guessed(response->status) || response->status == 302 ||
                      response->status == 303 || response->status == 307;
    if (!request->cacheable || !request->get)
        return "the request is not one whose answer is stored";
    if (!understood)
        return "the status is not one that is stored";
    if (directives->no_store)
        return "no-store";
    if (directives->is_private)
        return "private";
    if (response->vary_all)
        return "it varies by what no request shows";
    if (response->set_cookie)
        return "it sets a cookie";
    if (request->authorization && !http_rules_shared(response) && !directives->must_revalidate)
        return "the request was authorized";
    if (request->cookie && !http_rules_shared(response))
        return "the request carried cookies";
    if (!is_explicit(response) && !directives->is_public && !status_guessed(response->status))
        return "nothing says how long it holds";
    if (http_rules_lifetime_ns(response) == 0 && !response->has_etag &&
        response->modified_ns == TIME_NEVER)
        return "it is stale at once and cannot be validated";
    return NULL;
}

static int64_t seconds_ns(int64_t seconds)
{
    return seconds * TIME_SECOND;
}

int64_t http_rules_lifetime_ns(const struct http_rules_response *response)
{
    const struct http_directives *directives = &response->directives;
    if (directives->s_maxage_s != HTTP_DIRECTIVES_ABSENT)
        return seconds_ns(directives->s_maxage_s);
    if (directives->max_age_s != HTTP_DIRECTIVES_ABSENT)
        return seconds_ns(directives->max_age_s);
    if (response->expires_given) {
        if (response->expires_ns <= response->date_ns)
            return 0;
        return response->expires_ns == TIME_NEVER ? seconds_ns(HTTP_DIRECTIVES_MOST)
                                                  : response->expires_ns - response->date_ns;
    }
    if (!status_guessed(response->status) && !directives->is_public)
        return 0;
    int64_t guess_ns = 0;
    if (response->modified_ns != TIME_NEVER && response->modified_ns < response->date_ns)
        guess_ns = (response->date_ns - response->modified_ns) / 10;
    if (guess_ns > HTTP_RULES_HEURISTIC_MAX_NS)
        guess_ns = HTTP_RULES_HEURISTIC_MAX_NS;
    return guess_ns > response->assumed_ns ? guess_ns : response->assumed_ns;
}

int64_t http_rules_age_ns(const struct http_rules_response *response, int64_t now_ns)
{
    int64_t apparent_ns = response->received_ns - response->date_ns;
    int64_t delay_ns = response->received_ns - response->requested_ns;
    int64_t corrected_ns = response->age_ns + (delay_ns > 0 ? delay_ns : 0);
    int64_t initial_ns = apparent_ns > corrected_ns ? apparent_ns : corrected_ns;
    int64_t resident_ns = now_ns - response->received_ns;
    return initial_ns + (resident_ns > 0 ? resident_ns : 0);
}

/* --- use --- */

static bool for_this_request(const struct http_rules_request *request,
                             const struct http_rules_response *stored)
{
    if (!request->cacheable)
        return false;
    if (request->cookie && !http_rules_shared(stored))
        return false;
    return !request->authorization || http_rules_shared(stored) ||
           stored->directives.must_revalidate;
}

enum http_rules_use http_rules_use(const struct http_rules_request *request,
                                   const struct http_rules_response *stored, int64_t now_ns)
{
    const struct http_directives *asked = &request->directives, *said = &stored->directives;
    if (!for_this_request(request, stored))
        return HTTP_RULES_NEVER;
    int64_t lifetime_ns = http_rules_lifetime_ns(stored);
    int64_t age_ns = http_rules_age_ns(stored, now_ns);
    if (said->no_cache || asked->no_cache)
        return HTTP_RULES_REVALIDATE;
    if (asked->max_age_s != HTTP_DIRECTIVES_ABSENT && age_ns > seconds_ns(asked->max_age_s))
        return HTTP_RULES_REVALIDATE;
    int64_t left_ns = lifetime_ns - age_ns;
    if (asked->min_fresh_s != HTTP_DIRECTIVES_ABSENT && left_ns < seconds_ns(asked->min_fresh_s))
        return HTTP_RULES_REVALIDATE;
    if (left_ns > 0)
        return HTTP_RULES_SERVE;
    /* s-maxage forbids it as proxy-revalidate does (5.2.2.10). */
    if (said->must_revalidate || said->proxy_revalidate ||
        said->s_maxage_s != HTTP_DIRECTIVES_ABSENT || asked->max_stale_s == HTTP_DIRECTIVES_ABSENT)
        return HTTP_RULES_REVALIDATE;
    return -left_ns <= seconds_ns(asked->max_stale_s) ? HTTP_RULES_SERVE : HTTP_RULES_REVALIDATE;
}

bool http_rules_on_error(const struct http_rules_request *request,
                         const struct http_rules_response *stored, int64_t now_ns)
{
    const struct http_directives *said = &stored->directives;
    if (!for_this_request(request, stored) || said->must_revalidate || said->proxy_revalidate ||
        said->no_cache || said->s_maxage_s != HTTP_DIRECTIVES_ABSENT ||
        request->directives.no_cache || said->stale_if_error_s == HTTP_DIRECTIVES_ABSENT)
        return false;
    return http_rules_age_ns(stored, now_ns) - http_rules_lifetime_ns(stored) <=
           seconds_ns(said->stale_if_error_s);
}
