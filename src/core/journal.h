/* SPDX-License-Identifier: MIT
 * The event journal's format: everything the engine of a daemon was told, so that `replay` can tell
 * another engine the same and arrive at the same decision hash. Pure: bytes in, bytes out; files
 * are the edge's and the reader's.
 *
 * A file is the header, then records. A run is BEGIN (settings), SNAPSHOT (the engine as it stood,
 * the world already forgotten), then events, changed settings and marks, and after a clean shutdown
 * END. A file may hold several runs one after the other; each BEGIN makes a fresh engine. A record
 * is u8 kind, u32 length, payload, u32 checksum with the checksum over kind and payload, seeded
 * with the record's number in the file, so that a lost or repeated record is noticed. All numbers
 * are little-endian. What a killed daemon leaves is whole records and at most one torn one at the
 * end: readers stop before it. */
#ifndef FOREWARM_CORE_JOURNAL_H
#define FOREWARM_CORE_JOURNAL_H

#include "base/buf.h"
#include "core/event.h"
#include "core/settings.h"

enum {
    JOURNAL_VERSION = 1,
    JOURNAL_HEADER_LEN = 16, /* magic (8), version u32, reserved u32 */
    JOURNAL_RECORD_OVERHEAD = 9,
    JOURNAL_ID_MAX = 1024,        /* a resource's name */
    JOURNAL_PAYLOAD_MAX = 1 << 30 /* a snapshot */
};

/* X(kind, name, what it says) */
#define JOURNAL_KINDS(X)                                                                           \
    X(JOURNAL_BEGIN, "begin", "a run begins: a fresh engine with these settings")                  \
    X(JOURNAL_SNAPSHOT, "snapshot",                                                                \
      "the engine as it stood when the run began, as engine_save wrote it")                        \
    X(JOURNAL_EVENT, "event", "what engine_step was given")                                        \
    X(JOURNAL_SETTINGS, "settings", "what engine_reconfigure was given")                           \
    X(JOURNAL_MARK, "mark", "the decision hash at this point")                                     \
    X(JOURNAL_END, "end", "the decision hash at a clean shutdown")

enum journal_kind {
    JOURNAL_NONE,
#define X(kind, name, sentence) kind,
    JOURNAL_KINDS(X)
#undef X
        JOURNAL_KIND_COUNT
};
const char *journal_kind_name(uint32_t kind);

struct journal_mark {
    uint64_t hash;    /* engine_decision_hash */
    uint64_t actions; /* engine_action_count */
    uint64_t events;  /* handled since BEGIN */
};

/* One record, decoded. Texts and the snapshot point into the bytes that were read; `event.settings`
 * points to `resource` beside it, so a record must not be moved while its event is used. */
struct journal_record {
    uint32_t kind;      /* enum journal_kind */
    uint64_t number;    /* 1, 2, 3, ... in the file */
    struct event event; /* EVENT */
    struct resource_settings resource;
    struct engine_settings settings; /* BEGIN, SETTINGS */
    struct str snapshot;             /* SNAPSHOT */
    struct journal_mark mark;        /* MARK, END */
};

/* Writing: append to `out`; look at out->failed once at the end. `number` is the count of records
 * in the file, kept by the caller from one call to the next. */
void journal_put_header(struct buf *out);
void journal_put_settings(struct buf *out, uint64_t *number, enum journal_kind kind,
                          const struct engine_settings *settings);
void journal_put_snapshot(struct buf *out, uint64_t *number, struct str snapshot);
void journal_put_event(struct buf *out, uint64_t *number, const struct event *event);
void journal_put_mark(struct buf *out, uint64_t *number, enum journal_kind kind,
                      const struct journal_mark *mark);

/* Reading: feed the file's bytes in order. */
struct journal_reader {
    uint64_t number; /* records read */
    uint64_t offset; /* bytes read: where the next record begins in the file */
    bool header_read;
};
/* Decodes the record at the front of `data` and says in `used` how many bytes it took (the header
 * is taken along with the first record). FW_NO: the record is not whole yet, `used` is 0 and
 * `detail` is untouched: feed more, or, at the file's end, stop: the tail is torn (or, when len is
 * 0, there is none). FW_FOREIGN, FW_VERSION, FW_CORRUPT name the byte. */
FW_MUST_CHECK enum fw_err journal_read(struct journal_reader *reader, const void *data, size_t len,
                                       struct journal_record *record, size_t *used,
                                       struct fw_detail *detail);

#endif
