/* SPDX-License-Identifier: MIT
 * Parts: one table of bytes by kind and name. A forewarm that does not know it leaves it alone, so
 * that it needs no new version of the file. */
#include "edge/store/store_sqlite.h"

enum fw_err sqlite_parts_set_up(struct sqlite_store *store, struct fw_detail *detail)
{
    int code = sqlite_execute(store, "CREATE TABLE IF NOT EXISTS parts(kind TEXT NOT NULL, "
                                     "name TEXT NOT NULL, data BLOB NOT NULL, "
                                     "PRIMARY KEY (kind, name)) WITHOUT ROWID");
    return code == SQLITE_OK ? FW_OK : sqlite_failed(store, code, "opening", detail);
}

static int put(struct sqlite_store *store, const char *kind, const struct store_part *part)
{
    const char *sql = part->data.len > 0 ? "INSERT OR REPLACE INTO parts VALUES (?, ?, ?)"
                                         : "DELETE FROM parts WHERE kind = ? AND name = ?";
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);
    if (code != SQLITE_OK)
        return code;
    sqlite3_bind_text(statement, 1, kind, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, part->name, -1, SQLITE_STATIC);
    if (part->data.len > 0)
        sqlite3_bind_blob64(statement, 3, part->data.data, part->data.len, SQLITE_STATIC);
    code = sqlite3_step(statement);
    sqlite3_finalize(statement);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

enum fw_err sqlite_put_parts(struct store *base, const char *kind, const struct store_part *parts,
                             size_t count, struct fw_detail *detail)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    pthread_mutex_lock(&store->lock);
    int code = sqlite_execute(store, "BEGIN IMMEDIATE");
    for (size_t i = 0; i < count && code == SQLITE_OK; i++)
        code = put(store, kind, &parts[i]);
    if (code == SQLITE_OK)
        code = sqlite_execute(store, "COMMIT");
    enum fw_err err = code == SQLITE_OK ? FW_OK : sqlite_failed(store, code, "writing", detail);
    if (!sqlite3_get_autocommit(store->db))
        (void)sqlite_execute(store, "ROLLBACK");
    pthread_mutex_unlock(&store->lock);
    return err;
}

enum fw_err sqlite_get_parts(struct store *base, const char *kind, store_part_fn *take,
                             void *context, struct fw_detail *detail)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    sqlite3_stmt *statement = NULL;
    pthread_mutex_lock(&store->lock);
    int code = sqlite3_prepare_v2(store->db, "SELECT name, data FROM parts WHERE kind = ?", -1,
                                  &statement, NULL);
    if (code == SQLITE_OK) {
        sqlite3_bind_text(statement, 1, kind, -1, SQLITE_STATIC);
        while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
            struct str data = {sqlite3_column_blob(statement, 1),
                               (size_t)sqlite3_column_bytes(statement, 1)};
            take(context, (const char *)sqlite3_column_text(statement, 0), data);
        }
        code = code == SQLITE_DONE ? SQLITE_OK : code;
    }
    enum fw_err err = code == SQLITE_OK ? FW_OK : sqlite_failed(store, code, "reading", detail);
    sqlite3_finalize(statement);
    pthread_mutex_unlock(&store->lock);
    return err;
}
