/* SPDX-License-Identifier: MIT
 * The sessions' share of a resource's worth: who goes on within the horizon, and with what.
 * Sessions fall into four classes by how much they asked for so far; each class learns how long its
 * members stay silent (events and members at risk, as in Kaplan and Meier, 1958), silence that
 * still lasts included. */
#include "base/check.h"
#include "base/time.h"
#include "plan/value_part.h"
#include <stdlib.h>

#define NONE          UINT32_MAX
#define REBUILD_NS    (30 * TIME_MINUTE)
#define SILENT_MAX_NS (48 * TIME_HOUR)
#define HAZARD_MAX    0.95
#define SAME_PRIOR                                                                                 \
    7.0 /* of FOLLOW_PRIOR follow-ups that a session's next request is for its last resource */
#define FOLLOW_PRIOR   10.0
#define POPULAR_PRIOR  5.0 /* requests' worth of everybody's taste in a session's own */
#define SOON_S         30.0
#define SOON_SILENT_NS TIME_HOUR

static int class_of(uint32_t requests)
{
    return requests <= 1 ? 0 : requests <= 5 ? 1 : requests <= 20 ? 2 : 3;
}

static void unlink_session(struct values *values, uint32_t number)
{
    struct value_session *session = &values->sessions[number];
    if (session->newer != NONE)
        values->sessions[session->newer].older = session->older;
    else
        values->newest = session->older;
    if (session->older != NONE)
        values->sessions[session->older].newer = session->newer;
    else
        values->oldest = session->newer;
}

static void link_session(struct values *values, uint32_t number)
{
    struct value_session *session = &values->sessions[number];
    session->newer = NONE;
    session->older = values->newest;
    if (values->newest != NONE)
        values->sessions[values->newest].newer = number;
    else
        values->oldest = number;
    values->newest = number;
}

/* A place for a new session, unlinked: a fresh one, or that of the one longest silent. */
static enum fw_err place_session(struct values *values, uint64_t name, uint32_t *number)
{
    if (values->session_count < values->session_max) {
        if (values->session_count == values->session_capacity) {
            uint32_t capacity = values->session_capacity > 0 ? values->session_capacity * 2 : 16;
            struct value_session *grown = realloc(values->sessions, capacity * sizeof *grown);
            if (!grown)
                return FW_NOMEM;
            values->sessions = grown;
            values->session_capacity = capacity;
        }
        FW_TRY(map64_set(&values->by_session, name, values->session_count));
        *number = values->session_count++;
    } else {
        *number = values->oldest;
        CHECK(map64_remove(&values->by_session, values->sessions[*number].session, NULL));
        unlink_session(values, *number);
        CHECK(map64_set(&values->by_session, name, *number) == FW_OK);
    }
    struct value_session *session = &values->sessions[*number];
    *session = (struct value_session){.session = name, .last_resource = NONE};
    for (int i = 0; i < VALUE_FAVOURITES; i++)
        session->favourites[i].resource = NONE;
    return FW_OK;
}

static void count_favourite(struct value_session *session, uint32_t resource)
{
    int place = 0;
    for (int i = 0; i < VALUE_FAVOURITES; i++) {
        if (session->favourites[i].resource == resource) {
            session->favourites[i].count += 1;
            return;
        }
        if (session->favourites[i].count < session->favourites[place].count)
            place = i;
    }
    session->favourites[place].resource = resource;
    session->favourites[place].count = 1;
}

enum fw_err value_sessions_request(struct values *values, uint32_t resource, uint64_t name,
                                   int64_t at_ns)
{
    uint64_t found;
    uint32_t number;
    if (map64_get(&values->by_session, name, &found)) {
        number = (uint32_t)found;
        struct value_session *session = &values->sessions[number];
        int class = class_of(session->requests),
            bin = value_bin(time_to_seconds(at_ns - session->last_ns));
        values->events[class][bin] += 1;
        for (int i = 0; i <= bin; i++)
            values->risk[class][i] += 1;
        values->follow_ups += 1;
        if (session->last_resource == resource)
            values->same += 1;
        unlink_session(values, number);
    } else {
        FW_TRY(place_session(values, name, &number));
    }
    struct value_session *session = &values->sessions[number];
    session->last_ns = at_ns;
    session->last_resource = resource;
    if (session->requests < UINT32_MAX)
        session->requests++;
    count_favourite(session, resource);
    link_session(values, number);
    return FW_OK;
}

void value_sessions_rebuild(struct values *values, int64_t now_ns)
{
    double risk[VALUE_CLASSES][VALUE_BINS];
    for (int c = 0; c < VALUE_CLASSES; c++)
        for (int i = 0; i < VALUE_BINS; i++)
            risk[c][i] = (double)values->risk[c][i];
    for (uint32_t i = values->newest; i != NONE; i = values->sessions[i].older) {
        const struct value_session *session = &values->sessions[i];
        if (now_ns - session->last_ns >= SILENT_MAX_NS)
            break; /* so are all that are older */
        int bin = value_bin(time_to_seconds(now_ns - session->last_ns));
        for (int j = 0; j < bin; j++)
            risk[class_of(session->requests)][j] += 1;
    }
    for (int c = 0; c < VALUE_CLASSES; c++) {
        values->survival[c][0] = 1;
        for (int i = 0; i < VALUE_BINS; i++) {
            double hazard = ((double)values->events[c][i] + 0.02) / (risk[c][i] + 1);
            hazard = hazard > HAZARD_MAX ? HAZARD_MAX : hazard;
            values->survival[c][i + 1] = values->survival[c][i] * (1 - hazard);
        }
    }
    values->rebuilt_at_ns = now_ns;
}

static double survival_at(const struct values *values, int class, double age_s)
{
    int bin = value_bin(age_s);
    const double *survival = values->survival[class];
    if (bin == VALUE_BINS - 1)
        return survival[bin];
    double low_s = value_edge_s(bin), high_s = value_edge_s(bin + 1);
    return survival[bin] + (survival[bin + 1] - survival[bin]) * (age_s - low_s) / (high_s - low_s);
}

static double goes_on(const struct values *values, const struct value_session *session,
                      int64_t now_ns, double within_s)
{
    int class = class_of(session->requests);
    double age_s = time_to_seconds(now_ns - session->last_ns);
    double now = survival_at(values, class, age_s);
    return now > 0 ? 1 - survival_at(values, class, age_s + within_s) / now : 0;
}

/* Adds one session's expectation; returns the part that is spread by popularity over all resources.
 */
static double add_session(struct values *values, const struct value_session *session,
                          int64_t now_ns, double stay)
{
    double probability = goes_on(values, session, now_ns, time_to_seconds(VALUE_HORIZON_NS));
    double elsewhere = probability * (1 - stay) / ((double)session->requests + POPULAR_PRIOR);
    struct value_resource *last = &values->resources[session->last_resource];
    last->from_sessions += probability * stay;
    if (now_ns - session->last_ns < SOON_SILENT_NS)
        last->from_sessions_soon += stay * goes_on(values, session, now_ns, SOON_S);
    for (int i = 0; i < VALUE_FAVOURITES; i++)
        if (session->favourites[i].resource != NONE)
            values->resources[session->favourites[i].resource].from_sessions +=
                elsewhere * (double)session->favourites[i].count;
    return elsewhere * POPULAR_PRIOR;
}

void values_refresh(struct values *values, int64_t now_ns)
{
    if (values->refreshed_at_ns != INT64_MIN && now_ns - values->refreshed_at_ns < TIME_SECOND)
        return;
    values->refreshed_at_ns = now_ns;
    if (values->rebuilt_at_ns == INT64_MIN || now_ns - values->rebuilt_at_ns >= REBUILD_NS)
        value_sessions_rebuild(values, now_ns);
    for (uint32_t i = 0; i < values->resource_count; i++)
        values->resources[i].from_sessions = values->resources[i].from_sessions_soon = 0;
    double stay = ((double)values->same + SAME_PRIOR) / ((double)values->follow_ups + FOLLOW_PRIOR);
    double spread = 0;
    for (uint32_t i = values->newest; i != NONE; i = values->sessions[i].older) {
        if (now_ns - values->sessions[i].last_ns >= SILENT_MAX_NS)
            break;
        spread += add_session(values, &values->sessions[i], now_ns, stay);
    }
    for (uint32_t i = 0; i < values->resource_count && values->popularity_sum > 0; i++)
        values->resources[i].from_sessions +=
            spread * (double)values->resources[i].popularity / (double)values->popularity_sum;
}

/* Oldest first, so that reading them back in order restores the order of use. */
void value_sessions_save(const struct values *values, struct buf *out)
{
    buf_put_u32(out, values->session_count);
    for (uint32_t i = values->oldest; i != NONE; i = values->sessions[i].newer) {
        const struct value_session *session = &values->sessions[i];
        buf_put_u64(out, session->session);
        buf_put_i64(out, session->last_ns);
        buf_put_u32(out, session->last_resource);
        buf_put_u32(out, session->requests);
        for (int j = 0; j < VALUE_FAVOURITES; j++) {
            buf_put_u32(out, session->favourites[j].resource);
            buf_put_float(out, session->favourites[j].count);
        }
    }
    for (int c = 0; c < VALUE_CLASSES; c++)
        for (int i = 0; i < VALUE_BINS; i++) {
            buf_put_float(out, values->events[c][i]);
            buf_put_float(out, values->risk[c][i]);
            buf_put_double(out, values->survival[c][i + 1]);
        }
    buf_put_float(out, values->same);
    buf_put_float(out, values->follow_ups);
    buf_put_i64(out, values->rebuilt_at_ns);
    buf_put_i64(out, values->refreshed_at_ns);
}

static bool load_session(struct values *values, struct buf_reader *in)
{
    uint32_t number;
    uint64_t known, name = buf_get_u64(in);
    if (in->failed || map64_get(&values->by_session, name, &known) ||
        place_session(values, name, &number) != FW_OK)
        return false;
    struct value_session *session = &values->sessions[number];
    session->last_ns = buf_get_i64(in);
    session->last_resource = buf_get_u32(in);
    session->requests = buf_get_u32(in);
    bool good = session->last_resource < values->resource_count;
    for (int j = 0; j < VALUE_FAVOURITES; j++) {
        session->favourites[j].resource = buf_get_u32(in);
        session->favourites[j].count = buf_get_float(in);
        good = good && (session->favourites[j].resource == NONE ||
                        session->favourites[j].resource < values->resource_count);
    }
    link_session(values, number);
    return good && !in->failed;
}

bool value_sessions_load(struct values *values, struct buf_reader *in)
{
    uint32_t count = buf_get_u32(in);
    if (in->failed || count > values->session_max)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!load_session(values, in))
            return false;
    for (int c = 0; c < VALUE_CLASSES; c++)
        for (int i = 0; i < VALUE_BINS; i++) {
            values->events[c][i] = buf_get_float(in);
            values->risk[c][i] = buf_get_float(in);
            values->survival[c][i + 1] = buf_get_double(in);
        }
    values->same = buf_get_float(in);
    values->follow_ups = buf_get_float(in);
    values->rebuilt_at_ns = buf_get_i64(in);
    values->refreshed_at_ns = buf_get_i64(in);
    return !in->failed;
}
