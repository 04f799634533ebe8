/* SPDX-License-Identifier: MIT */
#include "edge/run_facts.h"
#include "base/table.h"
#include <math.h>
#include <stdlib.h>

/* Numbers of seven bits a byte, the lowest first; small ones are short. */
static void put_number(struct buf *out, uint64_t value)
{
    while (value >= 0x80) {
        buf_add_char(out, (char)(value | 0x80));
        value >>= 7;
    }
    buf_add_char(out, (char)value);
}

static uint64_t get_number(struct buf_reader *in)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = buf_get_u8(in);
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
    in->failed = true;
    return 0;
}

/* Either sign, near zero short. */
static void put_signed(struct buf *out, int64_t value)
{
    put_number(out, (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0));
}

static int64_t get_signed(struct buf_reader *in)
{
    uint64_t value = get_number(in);
    return (int64_t)(value >> 1 ^ (value & 1 ? UINT64_MAX : 0));
}

/* ---- writing ---- */

static uint32_t name_number(struct table *names, struct str name, bool *failed)
{
    uint32_t number = 0;
    if (table_add(names, name, &number, NULL) != FW_OK)
        *failed = true;
    return number;
}

/* Differences of instants >= 0 fit. An end is told from its start, one more: 0 is open. */
static void put_call(struct buf *out, const struct callpath_call *call, struct str model,
                     struct table *names, int64_t before_ns, bool *failed)
{
    put_number(out, (uint64_t)call->kind | (call->tokens >= 0 ? 2 : 0));
    put_number(out, call->depth);
    for (uint32_t i = 0; i < call->depth; i++)
        put_number(out, name_number(names, call->path[i], failed));
    put_number(out, name_number(names, model, failed));
    put_number(out, call->parent);
    put_signed(out, call->start_ns - before_ns);
    put_number(out,
               call->end_ns == CALLPATH_OPEN ? 0 : (uint64_t)(call->end_ns - call->start_ns) + 1);
    if (call->tokens >= 0)
        put_number(out, call->tokens < 0x1p53 ? (uint64_t)call->tokens : UINT64_C(1) << 53);
}

void run_facts_put(struct buf *out, const struct callpath_run *run, const struct str *models)
{
    struct table names;
    struct buf calls;
    bool failed = false;
    int64_t before_ns = run->start_ns;
    table_init(&names, RUN_FACTS_MAX);
    buf_init(&calls, RUN_FACTS_MAX);
    (void)name_number(&names, run->agent, &failed);
    for (uint32_t i = 0; i < run->count; i++) {
        put_call(&calls, &run->calls[i], models[i], &names, before_ns, &failed);
        before_ns = run->calls[i].start_ns;
    }
    put_number(out, RUN_FACTS_VERSION);
    put_number(out, names.count);
    for (uint32_t i = 0; i < names.count; i++) {
        put_number(out, table_key(&names, i).len);
        buf_add_str(out, table_key(&names, i));
    }
    put_number(out, (uint64_t)run->start_ns);
    put_number(out, run->end_ns == CALLPATH_OPEN ? 0 : (uint64_t)(run->end_ns - run->start_ns) + 1);
    put_number(out, run->count);
    buf_add_str(out, buf_str(&calls));
    out->failed |= failed || calls.failed;
    table_fini(&names);
    buf_fini(&calls);
}

/* ---- reading ---- */

struct reading {
    struct buf_reader in;
    struct str *names;
    uint64_t name_count;
    struct callpath_call *calls;
    struct str *models, *elements;
    size_t used, room; /* of elements */
};

static struct str get_name(struct reading *reading)
{
    uint64_t number = get_number(&reading->in);
    if (number >= reading->name_count) {
        reading->in.failed = true;
        return (struct str){0};
    }
    return reading->names[number];
}

static int64_t end_of(struct buf_reader *in, int64_t start_ns)
{
    uint64_t length = get_number(in);
    if (length > 0 && length - 1 > (uint64_t)(INT64_MAX - start_ns))
        in->failed = true;
    return length == 0 || in->failed ? CALLPATH_OPEN : start_ns + (int64_t)(length - 1);
}

static void get_call(struct reading *reading, uint64_t i, int64_t *before_ns)
{
    struct callpath_call *call = &reading->calls[i];
    struct buf_reader *in = &reading->in;
    uint64_t flags = get_number(in), depth = get_number(in);
    int64_t start_ns = 0;
    if (flags > 3 || depth == 0 || depth > reading->room - reading->used) {
        in->failed = true;
        return;
    }
    call->kind = flags & 1 ? CALLPATH_TOOL : CALLPATH_LLM;
    call->path = reading->elements + reading->used;
    call->depth = (uint32_t)depth;
    for (uint64_t j = 0; j < depth; j++)
        reading->elements[reading->used++] = get_name(reading);
    reading->models[i] = get_name(reading);
    call->parent = get_number(in);
    if (__builtin_add_overflow(*before_ns, get_signed(in), &start_ns) || start_ns < 0)
        in->failed = true;
    call->start_ns = *before_ns = in->failed ? 0 : start_ns;
    call->end_ns = end_of(in, call->start_ns);
    call->tokens = flags & 2 ? (double)get_number(in) : CALLPATH_NO_TOKENS;
}

static bool get_names(struct reading *reading)
{
    for (uint64_t i = 0; i < reading->name_count; i++) {
        struct buf_reader *in = &reading->in;
        uint64_t len = get_number(in);
        if (in->failed || len > in->len - in->at)
            return false;
        reading->names[i] = (struct str){(const char *)in->data + in->at, (size_t)len};
        in->at += (size_t)len;
    }
    return true;
}

/* Every call and every path element takes a byte at least: what is left bounds them all. */
static void *make_room(struct reading *reading, uint64_t count)
{
    size_t left = reading->in.len - reading->in.at;
    if (reading->in.failed || count > left)
        return NULL;
    reading->room = left;
    char *memory = calloc(1, (size_t)count * (sizeof *reading->calls + sizeof *reading->models) +
                                 left * sizeof *reading->elements + 1);
    if (memory) {
        reading->calls = (struct callpath_call *)(void *)memory;
        reading->models = (struct str *)(void *)(reading->calls + count);
        reading->elements = reading->models + count;
    }
    return memory;
}

static enum fw_err get_run(struct reading *reading, struct run_facts *facts)
{
    struct buf_reader *in = &reading->in;
    if (!get_names(reading))
        return FW_CORRUPT;
    uint64_t start = get_number(in);
    int64_t before_ns = start <= INT64_MAX ? (int64_t)start : 0;
    in->failed |= start > INT64_MAX || reading->name_count == 0;
    facts->run.start_ns = before_ns;
    facts->run.end_ns = end_of(in, before_ns);
    uint64_t count = get_number(in);
    if (in->failed || count > in->len - in->at || count > CALLPATH_RUN_CALLS_MAX)
        return FW_CORRUPT;
    facts->memory = make_room(reading, count);
    if (!facts->memory)
        return FW_NOMEM;
    for (uint64_t i = 0; i < count && !in->failed; i++)
        get_call(reading, i, &before_ns);
    facts->run.agent = reading->names[0];
    facts->run.calls = reading->calls;
    facts->run.count = (uint32_t)count;
    facts->models = reading->models;
    return in->failed || in->at != in->len ? FW_CORRUPT : FW_OK;
}

enum fw_err run_facts_get(struct run_facts *facts, struct str data)
{
    struct reading reading = {.in = {.data = (const uint8_t *)data.data, .len = data.len}};
    *facts = (struct run_facts){0};
    uint64_t version = get_number(&reading.in);
    reading.name_count = get_number(&reading.in);
    if (!reading.in.failed && version > RUN_FACTS_VERSION)
        return FW_VERSION;
    if (reading.in.failed || version == 0 || reading.name_count > data.len)
        return FW_CORRUPT;
    reading.names = calloc((size_t)reading.name_count + 1, sizeof *reading.names);
    enum fw_err err = reading.names ? get_run(&reading, facts) : FW_NOMEM;
    free(reading.names);
    if (err != FW_OK)
        run_facts_fini(facts);
    return err;
}

void run_facts_fini(struct run_facts *facts)
{
    free(facts->memory);
    *facts = (struct run_facts){0};
}
