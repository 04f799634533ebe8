/* SPDX-License-Identifier: MIT */
#include "edge/hint_inject.h"
#include "base/check.h"
#include "learn/callpath_view.h"

static const char *const outcome_names[] = {
#define X(id, name) name,
    HINT_OUTCOMES(X)
#undef X
};

const char *hint_outcome_name(enum hint_outcome outcome)
{
    return outcome_names[outcome];
}

/* ---- our fields ---- */

/* With the text that begins the member. */
static const struct {
    struct str key, start;
} names[HINT_FIELDS] = {
#define X(field, name) {{name, sizeof name - 1}, {"\"" name "\":", sizeof name + 2}},
    HINT_FIELD_NAMES(X)
#undef X
};
#define BIT(field) (1u << (field))
enum { BOUNDED = BIT(HINT_PRIORITY) | BIT(HINT_TIER) | BIT(HINT_SENSITIVITY) };

/* Which fields the dialect writes, of what is known. */
unsigned hint_fields(const struct hint_rules *rules, const struct hint_values *values)
{
    unsigned known = values->known, fields = known & KNOWN_OSL ? BIT(HINT_OUTPUT) : 0;
    if (rules->dialect == HINT_STRICT)
        return fields | (known & KNOWN_LEVEL ? BIT(HINT_TIER) : 0);
    if (known & KNOWN_LEVEL)
        fields |= BIT(HINT_PRIORITY);
    if (rules->dialect == HINT_DYNAMO)
        return fields;
    if (known & KNOWN_LEVEL)
        fields |= BIT(HINT_SENSITIVITY);
    if (known & KNOWN_IAT)
        fields |= BIT(HINT_GAP);
    if (known & KNOWN_TOTAL)
        fields |= BIT(HINT_CALLS);
    return known != 0 && values->prefix_id[0] ? fields | BIT(HINT_PREFIX) : fields;
}

_Static_assert((int)HINT_DYNAMO == (int)CALLPATH_DYNAMO &&
                   (int)HINT_LEGACY == (int)CALLPATH_LEGACY &&
                   (int)HINT_STRICT == (int)CALLPATH_STRICT,
               "the same order");

static uint32_t priority_of(const struct hint_rules *rules, const struct hint_values *values)
{
    return callpath_priority((enum callpath_dialect)rules->dialect, values->level, rules->scale,
                             rules->cap);
}

static void add_number(struct buf *out, uint32_t value)
{
    char digits[10];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    buf_add(out, digits + at, sizeof digits - at);
}

static void add_value(struct buf *out, const struct hint_rules *rules,
                      const struct hint_values *values, enum hint_field field)
{
    switch (field) {
    case HINT_PRIORITY:
    case HINT_TIER:
        add_number(out, priority_of(rules, values));
        break;
    case HINT_OUTPUT:
        add_number(out, values->osl);
        break;
    case HINT_GAP:
        add_number(out, values->iat_ms);
        break;
    case HINT_SENSITIVITY:
        add_number(out, values->level);
        break;
    case HINT_CALLS:
        add_number(out, values->total_requests);
        break;
    default:
        buf_add_char(out, '"');
        buf_add_text(out, values->prefix_id);
        buf_add_char(out, '"');
    }
}

/* The members of `fields`, with commas between them. */
static void add_members(struct buf *out, const struct hint_rules *rules,
                        const struct hint_values *values, unsigned fields)
{
    bool first = true;
    for (enum hint_field field = 0; field < HINT_FIELDS; field++) {
        if (!(fields & BIT(field)))
            continue;
        if (!first)
            buf_add_char(out, ',');
        first = false;
        buf_add_str(out, names[field].start);
        add_value(out, rules, values, field);
    }
}

void hint_write(const struct hint_rules *rules, const struct hint_values *values, struct buf *out)
{
    buf_add_char(out, '{');
    add_members(out, rules, values, hint_fields(rules, values));
    buf_add_char(out, '}');
}

/* ---- how long a server should keep the prompt ---- */

/* NeMo-Agent-Toolkit's form: the calls that will come times the time between them. No call remains:
 * nothing is worth pinning (0 is a value, not an unknown). */
static bool pins(const struct hint_rules *rules, const struct hint_values *values)
{
    const unsigned wanted = KNOWN_REMAINING | KNOWN_IAT | KNOWN_TOTAL;
    return rules->dialect == HINT_LEGACY && (values->known & wanted) == wanted &&
           values->remaining > 0;
}

static void add_cache(struct buf *out, const struct hint_values *values)
{
    enum { TTL_MAX_S = 24 * 3600 };
    uint64_t ms = (uint64_t)values->remaining * values->iat_ms;
    uint64_t s = ms / 1000 + (ms % 1000 > 0);
    s = s < 1 ? 1 : s > TTL_MAX_S ? TTL_MAX_S : s;
    bool minutes = s >= 60 && s % 60 == 0;
    buf_add_text(out, "{\"type\":\"ephemeral\",\"ttl\":\"");
    add_number(out, (uint32_t)(minutes ? s / 60 : s));
    buf_add_text(out, minutes ? "m\"}" : "s\"}");
}

/* ---- members of objects that are there already ---- */

static bool is_empty_object(struct str object)
{
    size_t at = 1;
    while (at < object.len && (object.data[at] == ' ' || object.data[at] == '\n' ||
                               object.data[at] == '\r' || object.data[at] == '\t'))
        at++;
    return object.data[at] == '}';
}

/* The client's number as it may stand: whole and within 0..cap. */
static uint32_t bounded(struct str raw, uint32_t cap)
{
    double value = 0;
    if (!str_to_double(raw, &value) || !(value > 0))
        return 0;
    return value < (double)cap ? (uint32_t)value : cap;
}

/* Where the parts of one text end and others begin: `from` grows with every part. */
struct splice {
    struct buf *out;
    struct str text;
    size_t from;
};

static void splice_until(struct splice *splice, const char *at)
{
    size_t to = (size_t)(at - splice->text.data);
    buf_add(splice->out, splice->text.data + splice->from, to - splice->from);
    splice->from = to;
}

static void splice_past(struct splice *splice, struct str raw)
{
    splice_until(splice, raw.data);
    splice->from += raw.len;
}

static void splice_end(struct splice *splice)
{
    splice_until(splice, splice->text.data + splice->text.len);
}

/* The field that comes next in the text, of those that are there and not done. */
static int next_of(const struct scan_field *fields, size_t count, unsigned done)
{
    int next = -1;
    for (size_t i = 0; i < count; i++)
        if (fields[i].type != SCAN_ABSENT && !(done & BIT(i)) &&
            (next < 0 || fields[i].raw.data < fields[next].raw.data))
            next = (int)i;
    return next;
}

/* The client's agent_hints with ours among them. False: a field is there twice. */
static bool combine(const struct hint_rules *rules, const struct hint_values *values,
                    struct str theirs, struct buf *out)
{
    struct scan_field found[HINT_FIELDS] = {{.key = {0}}};
    struct scan_error error;
    unsigned ours = hint_fields(rules, values), there = 0, done = 0;
    for (enum hint_field field = 0; field < HINT_FIELDS; field++)
        found[field].key = names[field].key;
    if (scan_object(theirs, found, HINT_FIELDS, &error) != FW_OK)
        return false;
    for (enum hint_field field = 0; field < HINT_FIELDS; field++) {
        there |= found[field].type != SCAN_ABSENT ? BIT(field) : 0;
        if (found[field].twice)
            return false;
    }
    struct splice splice = {out, theirs, 0};
    splice_until(&splice, theirs.data + 1);
    add_members(out, rules, values, ours & ~there);
    if ((ours & ~there) != 0 && !is_empty_object(theirs))
        buf_add_char(out, ',');
    for (int at; (at = next_of(found, HINT_FIELDS, done)) >= 0; done |= BIT(at)) {
        bool replace = rules->client == HINT_MERGE && ours & BIT(at);
        if (!replace && !(BOUNDED & BIT(at)))
            continue;
        splice_past(&splice, found[at].raw);
        if (replace)
            add_value(out, rules, values, (enum hint_field)at);
        else
            add_number(out, bounded(found[at].raw, rules->cap));
    }
    splice_end(&splice);
    return true;
}

/* ---- nvext ---- */

struct writing {
    const struct hint_rules *rules;
    const struct hint_values *values;
    struct buf *out;
    bool ours, pin; /* there is something of ours to write */
};

/* Both members as they stand where no nvext was. */
static void add_own(const struct writing *writing)
{
    struct buf *out = writing->out;
    buf_add_text(out, "\"agent_hints\":");
    hint_write(writing->rules, writing->values, out);
    if (writing->pin) {
        buf_add_text(out, ",\"cache_control\":");
        add_cache(out, writing->values);
    }
}

enum member { MEMBER_HINTS, MEMBER_CACHE, MEMBERS };

static bool replace_member(const struct writing *writing, enum member member,
                           const struct scan_field *found, struct splice *splice)
{
    const struct hint_rules *rules = writing->rules;
    if (member == MEMBER_CACHE) {
        if (!writing->pin || rules->client == HINT_KEEP)
            return true;
        splice_past(splice, found->raw);
        add_cache(splice->out, writing->values);
        return true;
    }
    splice_past(splice, found->raw);
    if (rules->client == HINT_STRIP || found->type != SCAN_OBJECT)
        hint_write(rules, writing->values, splice->out);
    else if (!combine(rules, writing->values, found->raw, splice->out))
        return false;
    return true;
}

/* What stands in nvext already, and whether it can be worked with. */
static enum hint_outcome look_inside(struct str nvext, struct scan_field found[MEMBERS])
{
    struct scan_error error;
    found[MEMBER_HINTS] = (struct scan_field){.key = STR("agent_hints")};
    found[MEMBER_CACHE] = (struct scan_field){.key = STR("cache_control")};
    if (nvext.len > HINT_NVEXT_MAX || scan_object(nvext, found, MEMBERS, &error) != FW_OK)
        return HINT_TAKEN;
    if (found[MEMBER_HINTS].twice || found[MEMBER_CACHE].twice)
        return HINT_DUPLICATE;
    enum scan_type type = found[MEMBER_HINTS].type;
    return type == SCAN_ABSENT || type == SCAN_NULL || type == SCAN_OBJECT ? HINT_INJECTED
                                                                           : HINT_TAKEN;
}

/* The members that are not there, at the front. */
static void add_missing(const struct writing *writing, const struct scan_field found[MEMBERS],
                        struct str nvext)
{
    struct buf *out = writing->out;
    size_t before = out->len;
    if (writing->ours && found[MEMBER_HINTS].type == SCAN_ABSENT) {
        buf_add_text(out, "\"agent_hints\":");
        hint_write(writing->rules, writing->values, out);
    }
    if (writing->pin && found[MEMBER_CACHE].type == SCAN_ABSENT) {
        buf_add_text(out, out->len > before ? ",\"cache_control\":" : "\"cache_control\":");
        add_cache(out, writing->values);
    }
    if (out->len > before && !is_empty_object(nvext))
        buf_add_char(out, ',');
}

static enum hint_outcome change_nvext(const struct writing *writing, struct str nvext)
{
    struct scan_field found[MEMBERS];
    struct splice splice = {writing->out, nvext, 0};
    unsigned done = 0;
    enum hint_outcome outcome = look_inside(nvext, found);
    if (outcome != HINT_INJECTED)
        return outcome;
    if (!writing->ours && found[MEMBER_HINTS].type != SCAN_OBJECT)
        return HINT_UNKNOWN;
    splice_until(&splice, nvext.data + 1);
    add_missing(writing, found, nvext);
    for (int at; (at = next_of(found, MEMBERS, done)) >= 0; done |= BIT(at))
        if (!replace_member(writing, (enum member)at, &found[at], &splice))
            return HINT_DUPLICATE;
    splice_end(&splice);
    return writing->ours ? HINT_INJECTED : HINT_STRIPPED;
}

/* ---- the body ---- */

static enum hint_outcome edit_body(const struct writing *writing, struct str body,
                                   const struct scan_field *nvext, struct hint_edit *edit)
{
    struct buf *out = writing->out;
    enum hint_outcome outcome = HINT_INJECTED;
    if (nvext->twice)
        return HINT_DUPLICATE;
    if (nvext->type != SCAN_ABSENT && nvext->type != SCAN_NULL && nvext->type != SCAN_OBJECT)
        return HINT_TAKEN;
    if (nvext->type != SCAN_OBJECT && !writing->ours)
        return HINT_UNKNOWN;
    if (nvext->type == SCAN_ABSENT) {
        /* Right behind the opening brace. */
        const char *brace = memchr(body.data, '{', body.len);
        CHECK(brace);
        size_t at = (size_t)(brace - body.data);
        *edit = (struct hint_edit){.at = at + 1};
        buf_add_text(out, "\"nvext\":{");
        add_own(writing);
        buf_add_text(out, is_empty_object((struct str){brace, body.len - at}) ? "}" : "},");
        return outcome;
    }
    *edit = (struct hint_edit){.at = (size_t)(nvext->raw.data - body.data), .cut = nvext->raw.len};
    if (nvext->type == SCAN_OBJECT)
        return change_nvext(writing, nvext->raw);
    buf_add_char(out, '{');
    add_own(writing);
    buf_add_char(out, '}');
    return outcome;
}

enum hint_outcome hint_inject_body(const struct hint_rules *rules, const struct hint_values *values,
                                   struct str body, const struct scan_field *nvext, struct buf *out,
                                   struct hint_edit *edit)
{
    struct writing writing = {rules, values, out, hint_fields(rules, values) != 0,
                              pins(rules, values)};
    buf_clear(out);
    *edit = (struct hint_edit){0};
    if (body.len > HINT_BODY_MAX)
        return HINT_TOO_LARGE;
    enum hint_outcome outcome = edit_body(&writing, body, nvext, edit);
    edit->text = buf_str(out);
    return out->failed ? HINT_NO_MEMORY : outcome;
}

enum hint_outcome hint_inject_scan(const struct hint_rules *rules, const struct hint_values *values,
                                   struct str body, struct buf *out, struct hint_edit *edit)
{
    struct scan_field nvext = {.key = STR("nvext")};
    struct scan_error error;
    *edit = (struct hint_edit){0};
    if (body.len > HINT_BODY_MAX)
        return HINT_TOO_LARGE;
    if (scan_object(body, &nvext, 1, &error) != FW_OK)
        return HINT_NO_OBJECT;
    return hint_inject_body(rules, values, body, &nvext, out, edit);
}

/* ---- headers ---- */

static void begin_line(struct buf *out, const char *name)
{
    buf_add_text(out, name);
    buf_add_text(out, ": ");
}

void hint_inject_header(const struct hint_rules *rules, const struct hint_values *values,
                        unsigned skip, struct buf *out)
{
    unsigned fields = hint_fields(rules, values);
    const char *whole = rules->headers[HINT_FIELDS];
    if (fields == 0)
        return;
    if (whole && whole[0] && !(skip & BIT(HINT_FIELDS))) {
        begin_line(out, whole);
        hint_write(rules, values, out);
        buf_add_text(out, "\r\n");
    }
    for (enum hint_field field = 0; field < HINT_FIELDS; field++) {
        const char *name = rules->headers[field];
        if (!(fields & ~skip & BIT(field)) || !name || !name[0])
            continue;
        begin_line(out, name);
        if (field == HINT_PREFIX)
            buf_add_text(out, values->prefix_id); /* a header needs no quotes */
        else
            add_value(out, rules, values, field);
        buf_add_text(out, "\r\n");
    }
}

static bool is_name(struct str name, const char *of)
{
    return of && of[0] == (name.data[0] | ('a' ^ 'A')) && str_equal_nocase(name, str_of(of));
}

int hint_header_field(const struct hint_rules *rules, struct str name)
{
    if (name.len == 0)
        return -1;
    for (int i = 0; i <= HINT_FIELDS; i++)
        if (is_name(name, rules->headers[i]))
            return i;
    return is_name(name, HINT_DYNAMO_PRIORITY) ? HINT_PRIORITY
           : is_name(name, HINT_DYNAMO_TIER)   ? HINT_TIER
                                               : -1;
}

bool hint_header_passes(const struct hint_rules *rules, unsigned ours, struct str name,
                        struct str value)
{
    int field = hint_header_field(rules, name);
    uint64_t number;
    if (field < 0)
        return true;
    if (rules->client == HINT_STRIP || field == HINT_FIELDS)
        return false;
    if (BOUNDED & BIT(field) && (!str_to_uint64(value, &number) || number > rules->cap))
        return false;
    return rules->client == HINT_KEEP || !(ours & BIT(field));
}
