/* SPDX-License-Identifier: MIT
 * Three tables beside the others of the file: the log, the ids of its runs, and the snapshot. Older
 * forewarms leave them alone. A batch is one transaction that waits for the disk: what was
 * acknowledged is there after a power cut too. */
#include "edge/store/store_runs.h"
#include "edge/store/store_sqlite.h"
#include <openssl/sha.h>
#include <stdlib.h>

enum { READ_MAX = 4096, ID_BYTES = 16, VERSION = 1 };

enum statement { ADD_ID, ADD_RUN, READ_RUNS, STATEMENTS };
static const char *const texts[STATEMENTS] = {
    "INSERT OR IGNORE INTO run_ids(id) VALUES (?)",
    "INSERT INTO run_log(seq, facts) VALUES (?, ?)",
    "SELECT seq, facts FROM run_log WHERE seq > ? ORDER BY seq LIMIT ?",
};
static const char schema[] =
    "CREATE TABLE IF NOT EXISTS run_ids(seq INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL "
    "UNIQUE);"
    "CREATE TABLE IF NOT EXISTS run_log(seq INTEGER PRIMARY KEY, facts BLOB NOT NULL);"
    "CREATE TABLE IF NOT EXISTS run_state(one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER "
    "NOT NULL, at INTEGER NOT NULL, state BLOB NOT NULL);";

struct sqlite_runs {
    struct store_runs runs;
    struct sqlite_store *store;
    sqlite3_stmt *statements[STATEMENTS];
};

/* ---- ids ---- */

/* A UUID's own sixteen bytes (those of version 7 come in order, which the index likes); of any
 * other text a digest. */
static void id_bytes(struct str id, unsigned char bytes[SHA256_DIGEST_LENGTH])
{
    size_t n = 0;
    if (id.len == 36) {
        for (size_t i = 0; i < id.len && n < 2 * ID_BYTES; i++) {
            char c = id.data[i];
            int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
            if (digit < 0) {
                if (c != '-' || (i != 8 && i != 13 && i != 18 && i != 23))
                    break;
                continue;
            }
            bytes[n / 2] = (unsigned char)(n % 2 ? bytes[n / 2] | digit : digit << 4);
            n++;
        }
    }
    if (n != (size_t)2 * ID_BYTES)
        SHA256((const unsigned char *)id.data, id.len, bytes);
}

/* ---- appending ---- */

/* A run in the transaction: its id, and behind the same number its facts. */
static int add(struct sqlite_runs *sqlite, struct store_run *run)
{
    unsigned char id[SHA256_DIGEST_LENGTH] = {0};
    sqlite3_stmt *add_id = sqlite->statements[ADD_ID], *add_run = sqlite->statements[ADD_RUN];
    sqlite3 *db = sqlite->store->db;
    id_bytes(run->id, id);
    sqlite3_bind_blob(add_id, 1, id, ID_BYTES, SQLITE_STATIC);
    int code = sqlite3_step(add_id);
    sqlite3_reset(add_id);
    if (code != SQLITE_DONE)
        return code;
    run->known = sqlite3_changes(db) == 0;
    if (run->known)
        return SQLITE_OK;
    sqlite3_bind_int64(add_run, 1, sqlite3_last_insert_rowid(db));
    sqlite3_bind_blob64(add_run, 2, run->facts.data, run->facts.len, SQLITE_STATIC);
    code = sqlite3_step(add_run);
    sqlite3_reset(add_run);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

static enum fw_err append(struct store_runs *runs, struct store_run *batch, size_t count,
                          struct fw_detail *detail)
{
    struct sqlite_runs *sqlite = (struct sqlite_runs *)runs;
    struct sqlite_store *store = sqlite->store;
    pthread_mutex_lock(&store->lock);
    int code = sqlite_execute(sqlite->store, "PRAGMA synchronous = FULL; BEGIN IMMEDIATE");
    for (size_t i = 0; i < count && code == SQLITE_OK; i++)
        code = add(sqlite, &batch[i]);
    if (code == SQLITE_OK)
        code = sqlite_execute(sqlite->store, "COMMIT");
    enum fw_err err = code == SQLITE_OK ? FW_OK : sqlite_failed(store, code, "writing", detail);
    if (!sqlite3_get_autocommit(store->db))
        (void)sqlite_execute(sqlite->store, "ROLLBACK");
    (void)sqlite_execute(sqlite->store, "PRAGMA synchronous = NORMAL");
    pthread_mutex_unlock(&store->lock);
    return err;
}

/* ---- reading ---- */

static enum fw_err read_runs(struct store_runs *runs, struct store_runs_at *at, store_run_fn *fn,
                             void *context, bool *more, struct fw_detail *detail)
{
    struct sqlite_runs *sqlite = (struct sqlite_runs *)runs;
    struct sqlite_store *store = sqlite->store;
    sqlite3_stmt *statement = sqlite->statements[READ_RUNS];
    int code, count = 0;
    pthread_mutex_lock(&store->lock);
    sqlite3_bind_int64(statement, 1, (int64_t)at->minor);
    sqlite3_bind_int(statement, 2, READ_MAX);
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        fn(context, (struct str){sqlite3_column_blob(statement, 1),
                                 (size_t)sqlite3_column_bytes(statement, 1)});
        at->minor = (uint64_t)sqlite3_column_int64(statement, 0);
        count++;
    }
    sqlite3_reset(statement);
    enum fw_err err = code == SQLITE_DONE ? FW_OK : sqlite_failed(store, code, "reading", detail);
    pthread_mutex_unlock(&store->lock);
    *more = count == READ_MAX;
    return err;
}

static enum fw_err take_state(struct sqlite_runs *sqlite, sqlite3_stmt *row,
                              struct store_runs_at *at, struct buf *state, struct fw_detail *detail)
{
    int code = sqlite3_step(row);
    if (code == SQLITE_DONE)
        return FW_OK; /* nothing yet */
    if (code != SQLITE_ROW)
        return sqlite_failed(sqlite->store, code, "reading", detail);
    if (sqlite3_column_int(row, 0) > VERSION)
        return err_set(detail, FW_VERSION,
                       "state: \"%s\": what was learned of runs was written by a newer forewarm: "
                       "use that version, or move the file away to start afresh",
                       sqlite->store->path);
    at->minor = (uint64_t)sqlite3_column_int64(row, 1);
    buf_add(state, sqlite3_column_blob(row, 2), (size_t)sqlite3_column_bytes(row, 2));
    return state->failed ? FW_NOMEM : FW_OK;
}

static enum fw_err load(struct store_runs *runs, struct store_runs_at *at, struct buf *state,
                        struct fw_detail *detail)
{
    struct sqlite_runs *sqlite = (struct sqlite_runs *)runs;
    sqlite3_stmt *row = NULL;
    *at = (struct store_runs_at){0, 0};
    pthread_mutex_lock(&sqlite->store->lock);
    int code = sqlite3_prepare_v2(sqlite->store->db, "SELECT version, at, state FROM run_state", -1,
                                  &row, NULL);
    enum fw_err err = code == SQLITE_OK ? take_state(sqlite, row, at, state, detail)
                                        : sqlite_failed(sqlite->store, code, "reading", detail);
    sqlite3_finalize(row);
    pthread_mutex_unlock(&sqlite->store->lock);
    return err;
}

/* ---- the snapshot ---- */

static int with_number(struct sqlite_runs *sqlite, const char *sql, int64_t number)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(sqlite->store->db, sql, -1, &statement, NULL);
    if (code == SQLITE_OK) {
        sqlite3_bind_int64(statement, 1, number);
        code = sqlite3_step(statement);
    }
    sqlite3_finalize(statement);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int put_state(struct sqlite_runs *sqlite, int64_t at, struct str state)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(sqlite->store->db,
                                  "INSERT OR REPLACE INTO run_state VALUES (1, ?, ?, ?)", -1,
                                  &statement, NULL);
    if (code == SQLITE_OK) {
        sqlite3_bind_int(statement, 1, VERSION);
        sqlite3_bind_int64(statement, 2, at);
        sqlite3_bind_blob64(statement, 3, state.data, state.len, SQLITE_STATIC);
        code = sqlite3_step(statement);
    }
    sqlite3_finalize(statement);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

static enum fw_err save(struct store_runs *runs, const struct store_runs_at *at, struct str state,
                        struct fw_detail *detail)
{
    struct sqlite_runs *sqlite = (struct sqlite_runs *)runs;
    struct sqlite_store *store = sqlite->store;
    int64_t number = (int64_t)at->minor;
    pthread_mutex_lock(&store->lock);
    int code = sqlite_execute(sqlite->store, "BEGIN IMMEDIATE");
    if (code == SQLITE_OK)
        code = put_state(sqlite, number, state);
    if (code == SQLITE_OK)
        code = with_number(sqlite, "DELETE FROM run_log WHERE seq <= ?", number);
    if (code == SQLITE_OK)
        code = with_number(sqlite, "DELETE FROM run_ids WHERE seq <= ?", number - STORE_RUNS_IDS);
    if (code == SQLITE_OK)
        code = sqlite_execute(sqlite->store, "COMMIT");
    enum fw_err err = code == SQLITE_OK ? FW_OK : sqlite_failed(store, code, "writing", detail);
    if (!sqlite3_get_autocommit(store->db))
        (void)sqlite_execute(sqlite->store, "ROLLBACK");
    pthread_mutex_unlock(&store->lock);
    return err;
}

/* ---- life ---- */

static void close_runs(struct store_runs *runs)
{
    struct sqlite_runs *sqlite = (struct sqlite_runs *)runs;
    for (size_t i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(sqlite->statements[i]);
    free(sqlite);
}

enum fw_err store_runs_sqlite(struct store_runs **out, struct store *store,
                              struct fw_detail *detail)
{
    static const struct store_runs_ops ops = {load, append, read_runs, save, close_runs};
    struct sqlite_runs *sqlite = calloc(1, sizeof *sqlite);
    if (!sqlite)
        return FW_NOMEM;
    sqlite->runs.ops = &ops;
    sqlite->store = (struct sqlite_store *)store;
    pthread_mutex_lock(&sqlite->store->lock);
    int code = sqlite_execute(sqlite->store, schema);
    for (size_t i = 0; i < STATEMENTS && code == SQLITE_OK; i++)
        code = sqlite3_prepare_v3(sqlite->store->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                                  &sqlite->statements[i], NULL);
    enum fw_err err =
        code == SQLITE_OK ? FW_OK : sqlite_failed(sqlite->store, code, "opening", detail);
    pthread_mutex_unlock(&sqlite->store->lock);
    if (err != FW_OK) {
        close_runs(&sqlite->runs);
        return err;
    }
    *out = &sqlite->runs;
    return FW_OK;
}
