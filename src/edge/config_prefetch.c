/* SPDX-License-Identifier: MIT
 * Upstreams in the config whose pages are kept and fetched ahead. */
#include "edge/config_part.h"
#include "edge/pages/page_guess.h"
#include <stdio.h>

#define AT(field) offsetof(struct config_prefetch, field)
#define SECOND    1e9
#define KIB       1024.0
/* clang-format off */
const struct option_row config_prefetch_keys[] = {
    {"upstream", OPTION_TEXT, 0, "", 0, CONFIG_URL_MAX - 1, true, NULL,
     "Address of the server whose pages they are. Required."},
    {"paths", OPTION_TEXT, 0, "", 0, 4095, true, NULL,
     "List of what paths begin with that go there, such as /pages/; the longest wins. Required."},
    {"cache", OPTION_SIZE, AT(cache), "64MiB", KIB * 1024, 0x1p50, true, NULL,
     "Memory for what is kept."},
    {"object_max", OPTION_SIZE, AT(object_max), "4MiB", KIB, 0x1p30, true, NULL,
     "Larger answers are not kept."},
    {"prefetch", OPTION_BOOL, AT(ahead), "true", 0, 0, true, NULL,
     "Fetch ahead; else what was asked for is kept, and nothing more is done."},
    {"max_concurrent", OPTION_INT, AT(max_concurrent), "5", 1, 1024, true, NULL,
     "Fetches ahead at the same time."},
    {"budget", OPTION_TEXT, 0, "10MiB/s", 0, 63, true, NULL,
     "Bytes a second that are fetched ahead, such as 10MiB/s, or unlimited."},
    {"yield_at", OPTION_INT, AT(yield_at), "32", 1, 1e6, true, NULL,
     "Requests of clients at the upstream from which on nothing is fetched ahead."},
    {"strategies", OPTION_TEXT, 0, "mix names links", 0, 255, true, NULL,
     "List of what guesses: mix (what came after it before), names (numbers in names that go on), "
     "links (Link: rel=next and rel=prefetch of the answers)."},
    {"session", OPTION_TEXT, 0, "", 0, 255, true, NULL,
     "What tells sessions apart: header:NAME, cookie:NAME or address; absent: x-forewarm-session, "
     "x-session-id or x-litellm-session-id, else the client's address."},
    {"ignore_cookies", OPTION_TEXT, 0, "", 0, 1023, true, NULL,
     "Names of cookies that make no answer personal, separated by blanks; * for all."},
    {"trust_forwarded", OPTION_BOOL, AT(trust_forwarded), "false", 0, 0, true, NULL,
     "Requests with X-Forwarded-Host and the like may be answered from the store: for clients that come through a proxy of yours."},
    {"assume_fresh", OPTION_DURATION, AT(assume_fresh_ns), "0s", 0, 24 * 3600 * SECOND, true, NULL,
     "How long answers hold that do not say it."},
    {"load_timeout", OPTION_DURATION, AT(load_timeout_ns), "60s", SECOND / 10, 3600 * SECOND, true, NULL,
     "After so long nobody waits any more for a fetch that somebody else began."},
    {"ca_file", OPTION_TEXT, 0, "", 0, 1023, true, NULL,
     "https: file with the CA certificates that the server's is checked against; absent: the general one."},
};
/* clang-format on */
_Static_assert(sizeof config_prefetch_keys / sizeof config_prefetch_keys[0] == 15,
               "config_rows.c lists so many");
const size_t config_prefetch_key_count =
    sizeof config_prefetch_keys / sizeof config_prefetch_keys[0];

static const struct option_row *row_of(const char *name)
{
    return option_find(config_prefetch_keys, config_prefetch_key_count, str_of(name));
}

/* A scalar with blanks, or a list: as one text. */
static const char *read_words(struct config_reader *reader, const char *name,
                              const yaml_node_t *node)
{
    struct str text = STR("");
    struct buf words;
    uint32_t count;
    const char *kept = "";
    if (node->type == YAML_SCALAR_NODE) {
        config_read_text(reader, row_of(name), node, &text);
        return config_keep_text(reader, str_trim(text));
    }
    if (!yaml_walk_list(&reader->walk, node, str_of(name), &count))
        return "";
    buf_init(&words, (size_t)row_of(name)->max);
    for (uint32_t i = 0; i < count; i++) {
        const yaml_node_t *item = yaml_walk_item(&reader->walk, node, i);
        if (!yaml_walk_scalar(&reader->walk, item, str_of(name), &text))
            continue;
        if (text.len == 0 || memchr(text.data, ' ', text.len))
            yaml_walk_problem(&reader->walk, item, "prefetch.%s: found \"%.*s\", expected a word",
                              name, STR_ARG(text));
        if (words.len > 0)
            buf_add_char(&words, ' ');
        buf_add_str(&words, text);
    }
    if (words.failed)
        yaml_walk_problem(&reader->walk, node, "prefetch.%s: expected at most %d bytes together",
                          name, (int)row_of(name)->max);
    else
        kept = config_keep_text(reader, buf_str(&words));
    buf_fini(&words);
    return kept;
}

static void read_paths(struct config_reader *reader, struct config_prefetch *prefetch,
                       const yaml_node_t *node)
{
    prefetch->paths = read_words(reader, "paths", node);
    struct str rest = str_of(prefetch->paths), path;
    while (str_cut(&rest, ' ', &path)) {
        bool ok = str_starts(path, STR("/"));
        for (size_t i = 0; i < path.len; i++)
            ok &= (unsigned char)path.data[i] > ' ' && (unsigned char)path.data[i] < 0x7f &&
                  path.data[i] != '?' && path.data[i] != '#';
        if (!ok)
            yaml_walk_problem(&reader->walk, node,
                              "prefetch.paths: found \"%.*s\", expected what paths begin with, "
                              "such as /pages/",
                              STR_ARG(path));
    }
}

static void read_strategies(struct config_reader *reader, struct config_prefetch *prefetch,
                            const yaml_node_t *node)
{
    struct str rest = str_of(read_words(reader, "strategies", node)), word;
    prefetch->strategies = 0;
    while (rest.len > 0 && str_cut(&rest, ' ', &word)) {
        int found = -1;
        for (int i = 0; i < PAGE_STRATEGY_COUNT; i++)
            if (str_equal(word, str_of(page_strategy_names[i])))
                found = i;
        if (found < 0)
            yaml_walk_problem(&reader->walk, node,
                              "prefetch.strategies: found \"%.*s\", expected mix, names or links",
                              STR_ARG(word));
        else
            prefetch->strategies |= 1u << found;
    }
}

/* A size with "/s". */
static void read_budget(struct config_reader *reader, struct config_prefetch *prefetch,
                        const yaml_node_t *node)
{
    struct str text = STR(""), size;
    if (!yaml_walk_scalar(&reader->walk, node, STR("budget"), &text))
        return;
    size = text;
    bool rate = str_ends(text, STR("/s"));
    if (rate)
        size.len -= 2;
    if (!str_to_size(size, &prefetch->budget) || prefetch->budget == 0 ||
        rate == (prefetch->budget == UINT64_MAX))
        yaml_walk_problem(&reader->walk, node,
                          "prefetch.budget: found \"%.*s\", expected bytes a second such as "
                          "10MiB/s, or unlimited",
                          STR_ARG(text));
}

static void read_session(struct config_reader *reader, struct config_prefetch *prefetch,
                         const yaml_node_t *node)
{
    struct str text;
    config_read_text(reader, row_of("session"), node, &text);
    prefetch->session = config_keep_text(reader, text);
    bool named = (str_starts(text, STR("header:")) || str_starts(text, STR("cookie:"))) &&
                 text.len > 7 && !memchr(text.data, ' ', text.len);
    if (text.len > 0 && !named && !str_equal(text, STR("address")))
        yaml_walk_problem(&reader->walk, node,
                          "prefetch.session: found \"%.*s\", expected header:NAME, cookie:NAME or "
                          "address",
                          STR_ARG(text));
}

static void read_pair(struct config_reader *reader, struct config_prefetch *prefetch,
                      const struct yaml_pair *pair)
{
    const struct option_row *row =
        option_find(config_prefetch_keys, config_prefetch_key_count, pair->key);
    struct str text;
    if (!row)
        config_unknown_key(reader, pair,
                           &(struct config_keys){config_prefetch_keys, config_prefetch_key_count},
                           1);
    else if (row->type != OPTION_TEXT)
        config_read_row(reader, row, prefetch, pair->key, pair->value);
    else if (str_equal(pair->key, STR("upstream")))
        config_read_url(reader, STR("prefetch.upstream"), pair->value, &prefetch->upstream);
    else if (str_equal(pair->key, STR("paths")))
        read_paths(reader, prefetch, pair->value);
    else if (str_equal(pair->key, STR("strategies")))
        read_strategies(reader, prefetch, pair->value);
    else if (str_equal(pair->key, STR("budget")))
        read_budget(reader, prefetch, pair->value);
    else if (str_equal(pair->key, STR("session")))
        read_session(reader, prefetch, pair->value);
    else if (str_equal(pair->key, STR("ignore_cookies")))
        prefetch->ignore_cookies = read_words(reader, "ignore_cookies", pair->value);
    else {
        config_read_text(reader, row, pair->value, &text);
        prefetch->ca_file = config_keep_text(reader, text);
    }
}

static void read_one(struct config_reader *reader, struct config_prefetch *prefetch,
                     const yaml_node_t *node)
{
    struct yaml_pair pairs[YAML_WALK_KEYS_MAX];
    for (size_t i = 0; i < config_prefetch_key_count; i++)
        if (config_prefetch_keys[i].type != OPTION_TEXT)
            option_defaults(&config_prefetch_keys[i], 1, prefetch);
    prefetch->paths = prefetch->session = prefetch->ignore_cookies = prefetch->ca_file = "";
    prefetch->strategies = (1u << PAGE_STRATEGY_COUNT) - 1;
    (void)str_to_size(STR("10MiB"), &prefetch->budget);
    if (!yaml_walk_mapping(&reader->walk, node, STR("prefetch")))
        return;
    uint32_t count = yaml_walk_pairs(&reader->walk, node, "prefetch.", pairs);
    for (uint32_t i = 0; i < count; i++)
        read_pair(reader, prefetch, &pairs[i]);
    if (!config_find(pairs, count, "upstream"))
        yaml_walk_problem(&reader->walk, node,
                          "prefetch.upstream: missing, expected the address of the pages' server");
    if (!config_find(pairs, count, "paths") || prefetch->paths[0] == 0)
        yaml_walk_problem(&reader->walk, node,
                          "prefetch.paths: missing, expected what paths begin with, such as "
                          "[/pages/]");
    if (prefetch->object_max > prefetch->cache)
        yaml_walk_problem(&reader->walk, node, "prefetch.object_max: larger than cache");
}

void config_read_prefetch(struct config_reader *reader, const yaml_node_t *node)
{
    struct config *config = reader->config;
    uint32_t count = 1;
    bool list = node->type != YAML_MAPPING_NODE;
    if (yaml_walk_is_null(node) ||
        (list && !yaml_walk_list(&reader->walk, node, STR("prefetch"), &count)))
        return;
    if (count > CONFIG_PREFETCH_MAX) {
        yaml_walk_problem(&reader->walk, node, "prefetch: found %u, expected at most %d", count,
                          CONFIG_PREFETCH_MAX);
        return;
    }
    config->prefetch = config_keep(reader, (count + 1) * sizeof *config->prefetch);
    if (!config->prefetch)
        return;
    config->prefetch_count = count;
    for (uint32_t i = 0; i < count; i++)
        read_one(reader, &config->prefetch[i],
                 list ? yaml_walk_item(&reader->walk, node, i) : node);
}

/* The same beginning twice would leave one of them without requests. */
void config_check_prefetch(struct config_reader *reader, const yaml_node_t *node)
{
    struct config *config = reader->config;
    struct table seen;
    table_init(&seen, UINT32_MAX - 1);
    for (uint32_t i = 0; i < config->prefetch_count; i++) {
        struct config_prefetch *prefetch = &config->prefetch[i];
        struct str rest = str_of(prefetch->paths), path;
        prefetch->upstream.ca_file = prefetch->ca_file[0] ? prefetch->ca_file : config->ca_file;
        while (rest.len > 0 && str_cut(&rest, ' ', &path)) {
            bool added = true;
            uint32_t number;
            if (table_add(&seen, path, &number, &added) != FW_OK)
                reader->no_memory = true;
            if (!added)
                yaml_walk_problem(&reader->walk, node, "prefetch.paths: \"%.*s\" is there twice",
                                  STR_ARG(path));
        }
    }
    table_fini(&seen);
}
