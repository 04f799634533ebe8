/* SPDX-License-Identifier: MIT */
#include "edge/store/store.h"
#include <stdlib.h>

enum fw_err store_open(struct store **store, const char *url, const char *password_file,
                       struct fw_detail *detail)
{
    *store = NULL;
    struct str text = str_of(url);
    if (str_equal(text, STR("memory:")))
        return store_memory_open(store);
    if (str_starts(text, STR("sqlite:")) && text.len > 7)
        return store_sqlite_open(store, url + 7, detail);
    if (str_starts(text, STR("redis://")))
        return store_redis_open(store, url, password_file, detail);
    return err_set(detail, FW_INPUT,
                   "state: found \"%s\", expected memory:, sqlite:PATH or redis://HOST:PORT/DB",
                   url);
}

void store_close(struct store **store)
{
    if (*store)
        (*store)->ops->close(*store);
    *store = NULL;
}

void store_content_fini(struct store_content *content)
{
    for (uint32_t i = 0; i < content->resource_count; i++)
        free((char *)content->resources[i].child.command);
    for (uint32_t i = 0; i < content->source_count; i++)
        free(content->sources[i]);
    free(content->resources);
    free(content->sources);
    buf_fini(&content->engine);
    *content = (struct store_content){0};
}
