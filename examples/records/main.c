/* SPDX-License-Identifier: MIT
 * Reads the records of an SQLite database, the next ones read before they are asked for
 * (specification F5): what users did in whole sessions before teaches what they will do next.
 *
 *     records DATABASE SESSIONS < requests
 *
 * The database has a table record(id INTEGER PRIMARY KEY, body). A line of SESSIONS is a user's
 * number and the ids of one session; a line of the standard input is the number of a user, the
 * number of a session and one id: its body goes to the standard output. At most 200 are held. */
#include <forewarm/forewarm.h>
#include <inttypes.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { READERS_MAX = 16, IDS_MAX = 1000 };

/* A reader is one connection with its prepared query: of one load at a time. */
struct reader {
    sqlite3 *connection;
    sqlite3_stmt *query;
};
struct database {
    const char *path;
    pthread_mutex_t lock;
    struct reader free[READERS_MAX];
    int free_count;
};

static int open_reader(const char *path, struct reader *reader)
{
    int code = sqlite3_open_v2(path, &reader->connection,
                               SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_prepare_v2(reader->connection, "SELECT body FROM record WHERE id = ?1", -1,
                                  &reader->query, NULL);
    return code;
}

static void close_reader(struct reader *reader)
{
    sqlite3_finalize(reader->query);
    sqlite3_close(reader->connection);
}

static int take_reader(struct database *database, struct reader *reader)
{
    *reader = (struct reader){0};
    pthread_mutex_lock(&database->lock);
    if (database->free_count > 0)
        *reader = database->free[--database->free_count];
    pthread_mutex_unlock(&database->lock);
    return reader->query ? SQLITE_OK : open_reader(database->path, reader);
}

static void give_reader(struct database *database, struct reader *reader)
{
    sqlite3_reset(reader->query);
    pthread_mutex_lock(&database->lock);
    bool room = database->free_count < READERS_MAX;
    if (room)
        database->free[database->free_count++] = *reader;
    pthread_mutex_unlock(&database->lock);
    if (!room)
        close_reader(reader);
}

static void free_body(void *data, size_t size)
{
    (void)size;
    free(data);
}

static int copy_body(sqlite3_stmt *query, struct fw_prefetch_loaded *loaded)
{
    const void *body = sqlite3_column_blob(query, 0);
    size_t size = (size_t)sqlite3_column_bytes(query, 0);
    char *copy = size > 0 ? malloc(size) : NULL;
    if (size > 0 && !copy)
        return SQLITE_NOMEM;
    if (size > 0)
        memcpy(copy, body, size);
    *loaded = (struct fw_prefetch_loaded){copy, size, free_body, -1};
    return FW_PREFETCH_LOADED;
}

static int read_record(void *context, const struct fw_prefetch_load *load,
                       struct fw_prefetch_loaded *loaded)
{
    struct database *database = context;
    struct reader reader;
    int code = take_reader(database, &reader);
    if (code != SQLITE_OK) {
        close_reader(&reader);
        return code;
    }
    sqlite3_bind_int64(reader.query, 1, strtoll(load->key, NULL, 10));
    code = sqlite3_step(reader.query);
    if (code == SQLITE_ROW)
        code = copy_body(reader.query, loaded);
    else if (code == SQLITE_DONE)
        code = FW_PREFETCH_ABSENT;
    give_reader(database, &reader);
    return code;
}

/* "7 12 40 3": user 7 asked for 12, 40 and 3. */
static void teach_line(struct fw_prefetch *records, char *line)
{
    const char *keys[IDS_MAX];
    size_t sizes[IDS_MAX], count = 0;
    char *rest = NULL, *word = strtok_r(line, " \n", &rest);
    uint64_t user = word ? strtoull(word, NULL, 10) : 0;
    while (count < IDS_MAX && (word = strtok_r(NULL, " \n", &rest)) != NULL) {
        keys[count] = word;
        sizes[count++] = strlen(word);
    }
    fw_prefetch_teach(records, user, keys, sizes, count);
}

static bool teach(struct fw_prefetch *records, const char *path)
{
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;
    while (file && getline(&line, &room, file) >= 0)
        teach_line(records, line);
    free(line);
    return file && fclose(file) == 0;
}

static void answer(struct fw_prefetch *records, uint64_t user, uint64_t session, const char *id)
{
    struct fw_prefetch_got record;
    fw_prefetch_get(records, id, strlen(id), session, user, 10 * FW_SECOND, &record);
    if (record.value)
        printf("%s %s %.*s\n", id, record.answer == FW_PREFETCH_HIT ? "hit" : "came",
               (int)record.size, record.data ? (const char *)record.data : "");
    else if (record.answer == FW_PREFETCH_NEGATIVE)
        printf("%s absent\n", id);
    else
        printf("%s failed: error %d\n", id, record.error);
    fflush(stdout);
    fw_prefetch_release(&record);
}

int main(int argc, char **argv)
{
    static const char *const options[] = {"max_entries=200", "strategies=user", NULL};
    struct database database = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct fw_prefetch *records;
    struct fw_prefetch_stats s;
    char error[256], id[24];
    uint64_t user, session;
    if (argc != 3) {
        fprintf(stderr, "usage: records DATABASE SESSIONS < requests\n");
        return 2;
    }
    database.path = argv[1];
    if (fw_prefetch_create(&records, read_record, &database, options, error, sizeof error) != 0) {
        fprintf(stderr, "%s\n", error);
        return 3;
    }
    if (!teach(records, argv[2])) {
        fprintf(stderr, "%s cannot be read\n", argv[2]);
        return 3;
    }
    while (scanf("%" SCNu64 " %" SCNu64 " %23s", &user, &session, id) == 3)
        answer(records, user, session, id);
    fw_prefetch_read_stats(records, &s);
    fprintf(stderr,
            "%" PRIu64 " records: %" PRIu64 " there, %" PRIu64 " waited for; %" PRIu64
            " read ahead, %.0f %% of them used\n",
            s.requests, s.hits, s.joins + s.misses, s.issued, 100 * s.accuracy);
    if (fw_prefetch_destroy(&records, 20 * FW_SECOND) != 0)
        return 3;
    while (database.free_count > 0)
        close_reader(&database.free[--database.free_count]);
    return 0;
}
