/* SPDX-License-Identifier: MIT
 * The daemon's own journal. Its events are told to a fresh engine exactly as they were, so that its
 * decisions and their hash can be compared with what the daemon wrote down; the requests in it
 * become a trace like any other. */
#include "core/engine.h"
#include "core/journal.h"
#include "base/prng.h"
#include "sim/reader.h"
#include <stdio.h>
#include <stdlib.h>

struct telling {
    struct reader *reader;
    struct engine *engine; /* of the run being told; NULL before the first BEGIN */
    struct action_list actions;
    struct map64 starts; /* request -> its place in the trace + 1, to find its duration at END */
    uint64_t events;     /* since BEGIN */
    int64_t last_ns;     /* of the latest event */
};

static enum fw_err begin_run(struct telling *telling, const struct journal_record *record)
{
    engine_destroy(&telling->engine);
    map64_fini(&telling->starts);
    map64_init(&telling->starts, SIZE_MAX / 4);
    telling->events = 0;
    telling->last_ns = 0;
    telling->reader->trace->journal.runs++;
    return engine_create(&telling->engine, &record->settings, NULL, telling->reader->detail);
}

/* Requests and observations are demand; an END tells how long the request took. */
static enum fw_err note_request(struct telling *telling, const struct event *event)
{
    struct trace *trace = telling->reader->trace;
    uint64_t place;
    if (event->kind == EVENT_END && map64_remove(&telling->starts, event->request, &place)) {
        if (event->duration_ns > 0 && place - 1 < trace->count)
            trace->requests[place - 1].duration_ns = event->duration_ns;
        return FW_OK;
    }
    if (event->kind != EVENT_REQUEST && event->kind != EVENT_OBSERVED)
        return FW_OK;
    struct str id = engine_resource_id(telling->engine, event->resource);
    uint64_t hash = str_hash(id.data, id.len, prng_mix(event->request, (uint64_t)event->at_ns));
    char session[24];
    int len = event->session == 0 ? 0
                                  : snprintf(session, sizeof session, "%016llx",
                                             (unsigned long long)event->session);
    FW_TRY(reader_add_parsed(telling->reader, telling->events, event->at_ns, id,
                             (struct str){session, (size_t)len}, 0, hash));
    trace->rows++;
    if (event->kind == EVENT_REQUEST && event->request != 0)
        FW_TRY(map64_set(&telling->starts, event->request, trace->count));
    return FW_OK;
}

/* The engine aborts on an event that cannot be: one that a daemon never wrote. */
static enum fw_err check_event(struct telling *telling, const struct journal_record *record)
{
    const struct event *event = &record->event;
    const char *wrong = NULL;
    if (event->kind >= EVENT_KIND_COUNT)
        wrong = "an unknown kind of event";
    else if (event->at_ns < telling->last_ns)
        wrong = "an event before the one before it";
    else if (event->kind != EVENT_RESOURCE && event->kind != EVENT_TIME &&
             event->resource >= engine_resource_count(telling->engine))
        wrong = "an event of a resource that was never named";
    if (!wrong) {
        telling->last_ns = event->at_ns;
        return FW_OK;
    }
    return err_set(telling->reader->detail, FW_CORRUPT, "%s: record %llu: found %s",
                   telling->reader->file, (unsigned long long)record->number, wrong);
}

static enum fw_err check_mark(struct telling *telling, const struct journal_record *record)
{
    uint64_t hash = engine_decision_hash(telling->engine);
    struct trace_journal *journal = &telling->reader->trace->journal;
    if (hash == record->mark.hash && engine_action_count(telling->engine) == record->mark.actions) {
        journal->marks++;
        return FW_OK;
    }
    return err_set(telling->reader->detail, FW_NO,
                   "%s: record %llu: after %llu events the decision hash is %016llx, the daemon "
                   "wrote %016llx: this engine "
                   "decides differently",
                   telling->reader->file, (unsigned long long)record->number,
                   (unsigned long long)telling->events, (unsigned long long)hash,
                   (unsigned long long)record->mark.hash);
}

static enum fw_err tell(struct telling *telling, const struct journal_record *record)
{
    struct fw_detail *detail = telling->reader->detail;
    if (record->kind != JOURNAL_BEGIN && !telling->engine)
        return err_set(detail, FW_CORRUPT, "%s: record %llu: found \"%s\" before a run begins",
                       telling->reader->file, (unsigned long long)record->number,
                       journal_kind_name(record->kind));
    switch (record->kind) {
    case JOURNAL_BEGIN:
        return begin_run(telling, record);
    case JOURNAL_SNAPSHOT:
        return engine_load(telling->engine, record->snapshot.data, record->snapshot.len, detail);
    case JOURNAL_SETTINGS:
        return engine_reconfigure(telling->engine, &record->settings, detail);
    case JOURNAL_EVENT:
        FW_TRY(check_event(telling, record));
        FW_TRY(note_request(telling, &record->event));
        telling->events++;
        telling->reader->trace->journal.events++;
        telling->actions.count = 0;
        return engine_step(telling->engine, &record->event, &telling->actions);
    case JOURNAL_MARK:
    case JOURNAL_END:
        return check_mark(telling, record);
    default:
        return err_set(detail, FW_CORRUPT, "%s: record %llu of an unknown kind",
                       telling->reader->file, (unsigned long long)record->number);
    }
}

static enum fw_err tell_all(struct telling *telling, struct str text)
{
    struct journal_reader journal = {0};
    struct journal_record *record = calloc(1, sizeof *record);
    if (!record)
        return err_set(telling->reader->detail, FW_NOMEM, "no memory for a record");
    enum fw_err err = FW_OK;
    size_t at = 0;
    for (;;) {
        size_t used = 0;
        err = journal_read(&journal, text.data + at, text.len - at, record, &used,
                           telling->reader->detail);
        if (err != FW_OK)
            break;
        at += used;
        err = tell(telling, record);
        if (err != FW_OK)
            goto out;
    }
    if (err == FW_NO) { /* no whole record is left */
        err = FW_OK;
        telling->reader->trace->journal.torn = at < text.len && journal.number > 0;
    } else {
        struct fw_detail inner = *telling->reader->detail;
        err = err_set(telling->reader->detail, err, "%s: %s", telling->reader->file, inner.text);
    }
out:
    free(record);
    return err;
}

enum fw_err read_journal(struct reader *reader, struct str text)
{
    struct telling telling = {.reader = reader};
    map64_init(&telling.starts, SIZE_MAX / 4);
    enum fw_err err = tell_all(&telling, text);
    reader->trace->journal.present = true;
    if (err == FW_OK && telling.engine)
        reader->trace->journal.hash = engine_decision_hash(telling.engine);
    reader->trace->time = TRACE_TIME_NS;
    engine_destroy(&telling.engine);
    action_list_fini(&telling.actions);
    map64_fini(&telling.starts);
    return err;
}
