/* SPDX-License-Identifier: MIT */
#include "edge/store/redis_link.h"
#include "base/check.h"
#include "base/time.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PAUSE_FIRST_NS (100 * TIME_MILLISECOND)
#define PAUSE_MAX_NS   (5 * TIME_SECOND)
enum { PORT_DEFAULT = 6379, DATABASE_MAX = 1 << 20, VERSION_MIN = 5 };

extern const char lease_script[];

/* ---- the address ---- */

static enum fw_err wrong_address(struct fw_detail *detail, const char *why)
{
    return err_set(detail, FW_INPUT, "state: %s, expected redis://HOST:PORT/DB", why);
}

enum fw_err redis_address_parse(struct redis_address *address, const char *url,
                                struct fw_detail *detail)
{
    struct str rest = str_of(url), host, number;
    uint64_t port = PORT_DEFAULT, database = 0;
    memset(address, 0, sizeof *address);
    if (!str_starts(rest, STR("redis://")))
        return wrong_address(detail, "not a Redis address");
    rest = str_of(url + 8);
    if (strchr(url + 8, '@'))
        return wrong_address(detail, "a password does not belong into the address but into the "
                                     "file that redis_password_file names");
    const char *slash = strchr(url + 8, '/');
    host = (struct str){rest.data, slash ? (size_t)(slash - rest.data) : rest.len};
    if (slash) {
        number = (struct str){slash + 1, rest.len - host.len - 1};
        if (number.len > 0 && (!str_to_uint64(number, &database) || database > DATABASE_MAX))
            return wrong_address(detail, "its database is not a number");
    }
    bool v6 = host.len > 0 && host.data[0] == '[';
    const char *from = v6 ? memchr(host.data, ']', host.len) : host.data;
    if (!from)
        return wrong_address(detail, "\"[\" is not closed");
    const char *colon = memchr(from, ':', (size_t)(host.data + host.len - from));
    if (colon) {
        number = (struct str){colon + 1, (size_t)(host.data + host.len - colon - 1)};
        if (!str_to_uint64(number, &port) || port == 0 || port > UINT16_MAX)
            return wrong_address(detail, "its port is not a number from 1 to 65535");
        host.len = (size_t)(colon - host.data);
    }
    if (v6)
        host = (struct str){host.data + 1, (size_t)(from - host.data - 1)};
    if (host.len == 0 || host.len >= sizeof address->host)
        return wrong_address(detail, "no host");
    memcpy(address->host, host.data, host.len);
    address->port = (uint16_t)port;
    address->database = (uint32_t)database;
    return FW_OK;
}

/* ---- life ---- */

void redis_link_init(struct redis_link *link, const struct redis_address *address,
                     const char *password_file, int64_t timeout_ns)
{
    memset(link, 0, sizeof *link);
    link->address = *address;
    link->password_file = password_file;
    link->timeout_ns = timeout_ns;
}

void redis_link_fini(struct redis_link *link)
{
    if (link->context)
        redisFree(link->context);
    link->context = NULL;
}

void redis_link_drop(struct redis_link *link, int64_t now_ns)
{
    redis_link_fini(link);
    link->pause_ns = link->pause_ns == 0 ? PAUSE_FIRST_NS : link->pause_ns * 2;
    link->pause_ns = link->pause_ns > PAUSE_MAX_NS ? PAUSE_MAX_NS : link->pause_ns;
    link->retry_ns = time_add(now_ns, link->pause_ns);
}

static struct timeval limit_of(const struct redis_link *link)
{
    return (struct timeval){.tv_sec = link->timeout_ns / TIME_SECOND,
                            .tv_usec = link->timeout_ns % TIME_SECOND / 1000};
}

/* ---- commands ---- */

static enum fw_err broken(const struct redis_link *link, struct fw_detail *detail)
{
    bool slow = link->context->err == REDIS_ERR_IO && (errno == EAGAIN || errno == EWOULDBLOCK);
    return err_set(detail, FW_UNREACHABLE, "Redis at %s:%u: %s", link->address.host,
                   link->address.port, slow ? "no answer in time" : link->context->errstr);
}

redisReply *redis_link_reply(struct redis_link *link, struct fw_detail *detail)
{
    void *reply = NULL;
    errno = 0;
    if (redisGetReply(link->context, &reply) != REDIS_OK || !reply) {
        (void)broken(link, detail);
        return NULL;
    }
    redisReply *answer = reply;
    if (answer->type != REDIS_REPLY_ERROR)
        return answer;
    (void)err_set(detail, FW_UNREACHABLE, "Redis at %s:%u: %.200s", link->address.host,
                  link->address.port, answer->str);
    freeReplyObject(answer);
    return NULL;
}

redisReply *redis_link_command(struct redis_link *link, int count, const struct str *words,
                               struct fw_detail *detail)
{
    const char *texts[REDIS_WORDS_MAX];
    size_t lens[REDIS_WORDS_MAX];
    CHECK(count > 0 && count <= REDIS_WORDS_MAX);
    for (int i = 0; i < count; i++) {
        texts[i] = words[i].data;
        lens[i] = words[i].len;
    }
    if (redisAppendCommandArgv(link->context, count, texts, lens) != REDIS_OK) {
        (void)broken(link, detail);
        return NULL;
    }
    return redis_link_reply(link, detail);
}

/* ---- connecting ---- */

static enum fw_err read_password(const struct redis_link *link, char password[REDIS_SECRET_MAX],
                                 struct fw_detail *detail)
{
    password[0] = 0;
    if (link->password_file[0] == 0)
        return FW_OK;
    FILE *file = fopen(link->password_file, "re");
    if (!file)
        return err_set(detail, FW_IO, "redis_password_file: \"%s\" cannot be opened: %s",
                       link->password_file, strerror(errno));
    bool read = fgets(password, REDIS_SECRET_MAX, file) != NULL;
    fclose(file);
    password[strcspn(password, "\r\n")] = 0;
    if (!read || password[0] == 0)
        return err_set(detail, FW_INPUT,
                       "redis_password_file: \"%s\" is empty, expected a password on its first "
                       "line",
                       link->password_file);
    return FW_OK;
}

static enum fw_err simple(struct redis_link *link, int count, const struct str *words,
                          struct fw_detail *detail)
{
    redisReply *reply = redis_link_command(link, count, words, detail);
    if (!reply)
        return FW_UNREACHABLE;
    freeReplyObject(reply);
    return FW_OK;
}

static enum fw_err log_in(struct redis_link *link, struct fw_detail *detail)
{
    char password[REDIS_SECRET_MAX], number[STR_NUMBER_MAX];
    FW_TRY(read_password(link, password, detail));
    if (password[0]) {
        const struct str words[] = {STR("AUTH"), str_of(password)};
        enum fw_err err = simple(link, 2, words, detail);
        explicit_bzero(password, sizeof password);
        FW_TRY(err);
    }
    snprintf(number, sizeof number, "%u", link->address.database);
    const struct str words[] = {STR("SELECT"), str_of(number)};
    return simple(link, 2, words, detail);
}

/* The value of a line "name:value" of INFO. */
static struct str info_value(const char *info, const char *name)
{
    const char *line = strstr(info, name);
    if (!line)
        return (struct str){"", 0};
    line += strlen(name);
    return (struct str){line, strcspn(line, "\r\n")};
}

static enum fw_err greet(struct redis_link *link, struct fw_detail *detail)
{
    const struct str words[] = {STR("INFO"), STR("server")};
    redisReply *reply = redis_link_command(link, 2, words, detail);
    if (!reply)
        return FW_UNREACHABLE;
    const char *info = reply->type == REDIS_REPLY_STRING ? reply->str : "";
    struct str run = info_value(info, "run_id:"), version = info_value(info, "redis_version:");
    snprintf(link->run, sizeof link->run, "%.*s", STR_ARG(run));
    uint64_t major = 0;
    struct str rest = version, first;
    bool known = str_cut(&rest, '.', &first) && str_to_uint64(first, &major);
    enum fw_err err = FW_OK;
    if (run.len == 0 || !known || major < VERSION_MIN)
        err = err_set(detail, FW_UNSUPPORTED,
                      "Redis at %s:%u: found version \"%.*s\", expected %d or newer",
                      link->address.host, link->address.port, STR_ARG(version), VERSION_MIN);
    freeReplyObject(reply);
    return err;
}

static enum fw_err load_script(struct redis_link *link, struct fw_detail *detail)
{
    const struct str words[] = {STR("SCRIPT"), STR("LOAD"), str_of(lease_script)};
    redisReply *reply = redis_link_command(link, 3, words, detail);
    if (!reply)
        return FW_UNREACHABLE;
    snprintf(link->script, sizeof link->script, "%s",
             reply->type == REDIS_REPLY_STRING ? reply->str : "");
    freeReplyObject(reply);
    return FW_OK;
}

enum fw_err redis_link_open(struct redis_link *link, int64_t now_ns, struct fw_detail *detail)
{
    if (link->context)
        return FW_OK;
    if (now_ns < link->retry_ns)
        return err_set(detail, FW_UNREACHABLE, "Redis at %s:%u is tried again soon",
                       link->address.host, link->address.port);
    link->context = redisConnectWithTimeout(link->address.host, link->address.port, limit_of(link));
    if (!link->context)
        return FW_NOMEM;
    enum fw_err err = FW_OK;
    if (link->context->err != 0)
        err = broken(link, detail);
    else if (redisSetTimeout(link->context, limit_of(link)) != REDIS_OK)
        err = broken(link, detail);
    if (err == FW_OK)
        err = log_in(link, detail);
    if (err == FW_OK)
        err = greet(link, detail);
    if (err == FW_OK)
        err = load_script(link, detail);
    if (err == FW_OK)
        link->pause_ns = 0;
    else
        redis_link_drop(link, now_ns);
    return err;
}
