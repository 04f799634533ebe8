/* SPDX-License-Identifier: MIT
 * One SQLite file in WAL mode. Whose file it is and which version are in its header
 * (application_id, user_version), and are looked at before anything is written. */
#include "edge/store/store_sqlite.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { APPLICATION_ID = 0x46574d52 /* "FWMR" */, SCHEMA_VERSION = 1, HEADER_LEN = 100 };

static const char SCHEMA[] =
    "PRAGMA application_id = 1180126546;" /* APPLICATION_ID */
    "PRAGMA user_version = 1;"            /* SCHEMA_VERSION */
    "CREATE TABLE engine(one INTEGER PRIMARY KEY CHECK (one = 1), at_ns INTEGER NOT NULL, snapshot "
    "BLOB NOT NULL);"
    "CREATE TABLE learned(id TEXT PRIMARY KEY, data BLOB NOT NULL);"
    "CREATE TABLE children(id TEXT PRIMARY KEY, pid INTEGER NOT NULL, start_time INTEGER NOT NULL, "
    "command TEXT NOT NULL);"
    "CREATE TABLE sources(number INTEGER PRIMARY KEY, name TEXT NOT NULL);";

/* ---- opening ---- */

static uint32_t big_endian(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static bool has_log(const char *path)
{
    char log[1100];
    struct stat stat_log;
    snprintf(log, sizeof log, "%s-wal", path);
    return stat(log, &stat_log) == 0 && stat_log.st_size > 0;
}

/* Looks at the header without SQLite, which would write to what it opens. FW_NO: there is nothing
 * yet. */
static enum fw_err inspect(const char *path, struct fw_detail *detail)
{
    unsigned char header[HEADER_LEN];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return FW_NO;
    if (fd < 0)
        return err_set(detail, FW_IO, "state: \"%s\" cannot be opened: %s", path, strerror(errno));
    struct stat stat;
    ssize_t n =
        fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode) ? read(fd, header, sizeof header) : -1;
    close(fd);
    if (n < 0)
        return err_set(detail, FW_IO, "state: \"%s\" is not a file that can be read", path);
    if (n == 0)
        return FW_NO;
    if (memcmp(header, "SQLite format 3", (size_t)n < 16 ? (size_t)n : 16) != 0)
        return err_set(
            detail, FW_FOREIGN,
            "state: \"%s\" was not written by forewarm; it was left as it is: name another path",
            path);
    if (n < HEADER_LEN)
        return err_set(
            detail, FW_CORRUPT,
            "state: \"%s\" is damaged (%zd bytes): move it away to start afresh, or restore a copy",
            path, n);
    uint32_t application = big_endian(header + 68), version = big_endian(header + 60);
    if (application != APPLICATION_ID)
        return err_set(detail, FW_FOREIGN,
                       "state: \"%s\" is a database of another program; it was left as it is: name "
                       "another path",
                       path);
    if (version > SCHEMA_VERSION)
        return err_set(detail, FW_VERSION,
                       "state: \"%s\" was written by a newer forewarm (state version %u, this one "
                       "knows %d): use that version, or move the file away to start afresh",
                       path, version, SCHEMA_VERSION);
    uint32_t page = (uint32_t)header[16] << 8 | header[17];
    page = page == 1 ? 65536 : page;
    /* With a write-ahead log beside it the file may be behind its header, and SQLite knows better.
     */
    if (!has_log(path) && (uint64_t)stat.st_size < (uint64_t)page * big_endian(header + 28))
        return err_set(
            detail, FW_CORRUPT,
            "state: \"%s\" is cut short: move it away to start afresh, or restore a copy", path);
    return FW_OK;
}

enum fw_err sqlite_failed(struct sqlite_store *store, int code, const char *what,
                          struct fw_detail *detail)
{
    const char *why = store->db ? sqlite3_errmsg(store->db) : sqlite3_errstr(code);
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_set(detail, FW_IN_USE,
                       "state: \"%s\" is used by another forewarm: stop it, or name another path",
                       store->path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return err_set(
            detail, FW_CORRUPT,
            "state: \"%s\" is damaged (%s): move it away to start afresh, or restore a copy",
            store->path, why);
    case SQLITE_NOMEM:
        return FW_NOMEM;
    case SQLITE_FULL:
        return err_set(detail, FW_IO, "state: \"%s\": %s failed: the disk is full", store->path,
                       what);
    default:
        return err_set(detail, FW_IO, "state: \"%s\": %s failed: %s", store->path, what, why);
    }
}

int sqlite_execute(struct sqlite_store *store, const char *sql)
{
    return sqlite3_exec(store->db, sql, NULL, NULL, NULL);
}

/* The first column of the first row as text. */
static int take_text(void *context, int columns, char **values, char **names)
{
    (void)names;
    if (columns > 0 && values[0])
        snprintf(context, 128, "%s", values[0]);
    return 0;
}

static int ask(struct sqlite_store *store, const char *sql, char answer[128])
{
    answer[0] = 0;
    return sqlite3_exec(store->db, sql, take_text, answer, NULL);
}

/* The header may lag behind the log, so what counts is asked again. */
static enum fw_err check_version(struct sqlite_store *store, struct fw_detail *detail)
{
    char version[128];
    int64_t number = 0;
    int code = ask(store, "PRAGMA user_version", version);
    if (code != SQLITE_OK)
        return sqlite_failed(store, code, "opening", detail);
    if (!str_to_int64(str_of(version), &number) || number > SCHEMA_VERSION)
        return err_set(detail, FW_VERSION,
                       "state: \"%s\" was written by a newer forewarm (state version %s, this one "
                       "knows %d): use that version, or move the file away to start afresh",
                       store->path, version, SCHEMA_VERSION);
    return FW_OK;
}

/* A new file gets its tables before it goes over to write-ahead logging: from its first moment its
 * header says whose it is. */
static int create_tables(struct sqlite_store *store)
{
    char tables[128];
    int code = ask(store, "SELECT count(*) FROM sqlite_master", tables);
    if (code != SQLITE_OK || strcmp(tables, "0") != 0)
        return code;
    code = sqlite_execute(store, "BEGIN IMMEDIATE");
    if (code == SQLITE_OK)
        code = sqlite_execute(store, SCHEMA);
    return code == SQLITE_OK ? sqlite_execute(store, "COMMIT") : code;
}

static enum fw_err set_up(struct sqlite_store *store, struct fw_detail *detail)
{
    char check[128] = "";
    /* Exclusive, so that two daemons never share a file. Commits survive kill -9 without waiting
     * for the disk; after a power cut the last of them may be missing, the file is whole all the
     * same. */
    int code = sqlite_execute(store, "PRAGMA locking_mode = EXCLUSIVE");
    if (code == SQLITE_OK)
        code = create_tables(store);
    if (code == SQLITE_OK)
        code = sqlite_execute(
            store, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE");
    if (code == SQLITE_OK)
        code = ask(store, "PRAGMA quick_check(1)", check);
    if (code == SQLITE_OK)
        code = sqlite_execute(store, "COMMIT");
    if (code != SQLITE_OK)
        return sqlite_failed(store, code, "opening", detail);
    if (strcmp(check, "ok") != 0)
        return err_set(
            detail, FW_CORRUPT,
            "state: \"%s\" is damaged (%.100s): move it away to start afresh, or restore a copy",
            store->path, check);
    FW_TRY(check_version(store, detail));
    return sqlite_parts_set_up(store, detail);
}

/* ---- loading ---- */

static struct store_resource *resource_of(struct store_content *content, const char *id)
{
    for (uint32_t i = 0; i < content->resource_count; i++)
        if (strcmp(content->resources[i].id, id) == 0)
            return &content->resources[i];
    if (strlen(id) >= sizeof content->resources[0].id)
        return NULL;
    struct store_resource *grown =
        realloc(content->resources, (content->resource_count + 1) * sizeof *grown);
    if (!grown)
        return NULL;
    content->resources = grown;
    struct store_resource *resource = &grown[content->resource_count++];
    memset(resource, 0, sizeof *resource);
    memcpy(resource->id, id, strlen(id) + 1);
    return resource;
}

static bool load_engine_row(sqlite3_stmt *row, struct store_content *content)
{
    content->at_ns = sqlite3_column_int64(row, 0);
    buf_add(&content->engine, sqlite3_column_blob(row, 1), (size_t)sqlite3_column_bytes(row, 1));
    return !content->engine.failed;
}

static bool load_learned_row(sqlite3_stmt *row, struct store_content *content)
{
    struct store_resource *resource =
        resource_of(content, (const char *)sqlite3_column_text(row, 0));
    return resource && store_learned_get(sqlite3_column_blob(row, 1), sqlite3_column_bytes(row, 1),
                                         &resource->learned);
}

static bool load_child_row(sqlite3_stmt *row, struct store_content *content)
{
    struct store_resource *resource =
        resource_of(content, (const char *)sqlite3_column_text(row, 0));
    if (!resource)
        return false;
    resource->child.pid = sqlite3_column_int64(row, 1);
    resource->child.start_time = (uint64_t)sqlite3_column_int64(row, 2);
    resource->child.command = strdup((const char *)sqlite3_column_text(row, 3));
    return resource->child.command != NULL;
}

static bool load_source_row(sqlite3_stmt *row, struct store_content *content)
{
    char **grown = realloc(content->sources, (content->source_count + 1) * sizeof *grown);
    if (!grown || content->source_count >= STORE_SOURCES_MAX)
        return false;
    content->sources = grown;
    grown[content->source_count] = strdup((const char *)sqlite3_column_text(row, 0));
    return grown[content->source_count++] != NULL;
}

static enum fw_err load(struct store *base, struct store_content *content, struct fw_detail *detail)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    static const struct {
        const char *sql;
        bool (*take)(sqlite3_stmt *row, struct store_content *content);
    } parts[] = {
        {"SELECT at_ns, snapshot FROM engine", load_engine_row},
        {"SELECT id, data FROM learned ORDER BY rowid", load_learned_row},
        {"SELECT id, pid, start_time, command FROM children ORDER BY rowid", load_child_row},
        {"SELECT name FROM sources ORDER BY number", load_source_row},
    };
    *content = (struct store_content){0};
    buf_init(&content->engine, STORE_SNAPSHOT_MAX);
    int code = SQLITE_OK;
    bool taken = true;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && code == SQLITE_OK && taken; i++) {
        sqlite3_stmt *statement = NULL;
        code = sqlite3_prepare_v2(store->db, parts[i].sql, -1, &statement, NULL);
        while (code == SQLITE_OK && taken && (code = sqlite3_step(statement)) == SQLITE_ROW) {
            taken = parts[i].take(statement, content);
            code = SQLITE_OK;
        }
        code = code == SQLITE_DONE ? SQLITE_OK : code;
        sqlite3_finalize(statement);
    }
    if (code != SQLITE_OK)
        return sqlite_failed(store, code, "reading", detail);
    if (!taken)
        return err_set(
            detail, FW_CORRUPT,
            "state: \"%s\" holds what cannot be: move it away to start afresh, or restore a copy",
            store->path);
    return FW_OK;
}

/* ---- saving ---- */

/* Runs a statement whose parameters are bound. */
static int finish(sqlite3_stmt *statement)
{
    int code = sqlite3_step(statement);
    sqlite3_finalize(statement);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int save_engine(struct sqlite_store *store, const struct store_content *content)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(store->db, "INSERT OR REPLACE INTO engine VALUES (1, ?, ?)", -1,
                                  &statement, NULL);
    if (code != SQLITE_OK)
        return code;
    sqlite3_bind_int64(statement, 1, content->at_ns);
    sqlite3_bind_blob64(statement, 2, content->engine.data, content->engine.len, SQLITE_STATIC);
    return finish(statement);
}

static int save_learned(struct sqlite_store *store, const struct store_resource *resource)
{
    struct buf data;
    buf_init(&data, STORE_LEARNED_MAX);
    store_learned_put(&data, &resource->learned);
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(
        store->db,
        "INSERT INTO learned VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET data = excluded.data", -1,
        &statement, NULL);
    if (code == SQLITE_OK) {
        sqlite3_bind_text(statement, 1, resource->id, -1, SQLITE_STATIC);
        sqlite3_bind_blob64(statement, 2, data.data, data.len, SQLITE_STATIC);
        code = finish(statement);
    }
    buf_fini(&data);
    return code;
}

static int save_source(struct sqlite_store *store, uint32_t number, const char *name)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(store->db, "INSERT OR REPLACE INTO sources VALUES (?, ?)", -1,
                                  &statement, NULL);
    if (code != SQLITE_OK)
        return code;
    sqlite3_bind_int64(statement, 1, number);
    sqlite3_bind_text(statement, 2, name, -1, SQLITE_STATIC);
    return finish(statement);
}

static enum fw_err save(struct store *base, const struct store_content *content,
                        struct fw_detail *detail)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    pthread_mutex_lock(&store->lock);
    int code = sqlite_execute(store, "BEGIN IMMEDIATE");
    if (code == SQLITE_OK)
        code = save_engine(store, content);
    for (uint32_t i = 0; i < content->resource_count && code == SQLITE_OK; i++)
        code = save_learned(store, &content->resources[i]);
    for (uint32_t i = 0; i < content->source_count && code == SQLITE_OK; i++)
        code = save_source(store, i + 1, content->sources[i]);
    if (code == SQLITE_OK)
        code = sqlite_execute(store, "COMMIT");
    enum fw_err err = code == SQLITE_OK ? FW_OK : sqlite_failed(store, code, "writing", detail);
    if (!sqlite3_get_autocommit(store->db))
        (void)sqlite_execute(store, "ROLLBACK");
    pthread_mutex_unlock(&store->lock);
    return err;
}

static enum fw_err save_child(struct store *base, const char *id, const struct saved_child *child,
                              struct fw_detail *detail)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    const char *sql = child->pid != 0 ? "INSERT OR REPLACE INTO children VALUES (?, ?, ?, ?)"
                                      : "DELETE FROM children WHERE id = ?";
    sqlite3_stmt *statement = NULL;
    pthread_mutex_lock(&store->lock);
    int code = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);
    if (code == SQLITE_OK) {
        sqlite3_bind_text(statement, 1, id, -1, SQLITE_STATIC);
        if (child->pid != 0) {
            sqlite3_bind_int64(statement, 2, child->pid);
            sqlite3_bind_int64(statement, 3, (int64_t)child->start_time);
            sqlite3_bind_text(statement, 4, child->command, -1, SQLITE_STATIC);
        }
        code = finish(statement);
    }
    enum fw_err err = code == SQLITE_OK ? FW_OK : sqlite_failed(store, code, "writing", detail);
    pthread_mutex_unlock(&store->lock);
    return err;
}

static void close_store(struct store *base)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    sqlite3_close(store->db);
    pthread_mutex_destroy(&store->lock);
    free(store);
}

enum fw_err store_sqlite_open(struct store **out, const char *path, struct fw_detail *detail)
{
    static const struct store_ops ops = {
        "sqlite",         true,       true, load, save, save_child, sqlite_put_parts,
        sqlite_get_parts, close_store};
    enum fw_err err = inspect(path, detail);
    if (err != FW_OK && err != FW_NO)
        return err;
    struct sqlite_store *store = calloc(1, sizeof *store);
    if (!store)
        return FW_NOMEM;
    store->store.ops = &ops;
    snprintf(store->path, sizeof store->path, "%s", path);
    pthread_mutex_init(&store->lock, NULL);
    int code = sqlite3_open_v2(
        path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, NULL);
    err = code == SQLITE_OK ? set_up(store, detail) : sqlite_failed(store, code, "opening", detail);
    if (err != FW_OK) {
        close_store(&store->store);
        return err;
    }
    *out = &store->store;
    return FW_OK;
}
