/* SPDX-License-Identifier: MIT */
#include "cli/import_swap.h"
#include <stdio.h>
#include <stdlib.h>

enum { PORT_FIRST = 5800, START_S = 120, START_MIN_S = 15, KEY_MIN = 8 };

static void top_models(struct swap *swap, struct swap_model *model, const struct yaml_pair *pair)
{
    struct yaml_pair pairs[YAML_WALK_KEYS_MAX];
    (void)model;
    if (yaml_walk_is_null(pair->value) || !yaml_walk_mapping(&swap->walk, pair->value, pair->key))
        return;
    uint32_t count = yaml_walk_pairs(&swap->walk, pair->value, "models", pairs);
    for (uint32_t i = 0; i < count; i++)
        swap_read_model(swap, &pairs[i]);
}

static void peer_key(struct swap *swap, struct swap_model *model, const struct yaml_pair *pair)
{
    (void)model;
    swap_note(swap, pair->key_node, "peers: %.*s: requests go to a peer as they came",
              STR_ARG(pair->key));
}

static const struct swap_key peer_keys[] = {
    {"proxy", NULL, NULL},
    {"models", NULL, NULL},
    {"apiKey", NULL, "a peer gets the client's own Authorization"},
    {"filters", peer_key, NULL},
    {"timeouts", peer_key, NULL},
};

/* A peer's models are resources that nobody here loads. */
static void read_peer(struct swap *swap, const struct yaml_pair *peer)
{
    struct yaml_pair pairs[YAML_WALK_KEYS_MAX];
    struct str proxy = {"", 0}, name;
    const yaml_node_t *models = NULL;
    uint32_t items = 0;
    if (!yaml_walk_mapping(&swap->walk, peer->value, peer->key))
        return;
    swap_read_keys(swap, NULL, peer->value, "peers", peer_keys,
                   sizeof peer_keys / sizeof peer_keys[0]);
    uint32_t count = yaml_walk_pairs(&swap->walk, peer->value, "", pairs);
    for (uint32_t i = 0; i < count; i++) {
        if (str_equal(pairs[i].key, STR("proxy")))
            (void)yaml_walk_scalar(&swap->walk, pairs[i].value, pairs[i].key, &proxy);
        if (str_equal(pairs[i].key, STR("models")))
            models = pairs[i].value;
    }
    if (proxy.len == 0)
        yaml_walk_problem(&swap->walk, peer->key_node, "peers.%.*s: proxy is missing",
                          STR_ARG(peer->key));
    if (!models || !yaml_walk_list(&swap->walk, models, STR("models"), &items))
        return;
    for (uint32_t i = 0; i < items; i++) {
        const yaml_node_t *item = yaml_walk_item(&swap->walk, models, i);
        if (!yaml_walk_scalar(&swap->walk, item, STR("models"), &name))
            continue;
        if (swap_find(swap, name)) {
            swap_note(swap, item, "peers: \"%.*s\" is served here", STR_ARG(name));
            continue;
        }
        struct swap_model *model = swap_add_model(swap, name, item);
        if (!model)
            return;
        model->is_peer = true;
        swap_expand(swap, model, item, proxy, false, &model->upstream);
    }
}

static void top_peers(struct swap *swap, struct swap_model *model, const struct yaml_pair *pair)
{
    struct yaml_pair pairs[YAML_WALK_KEYS_MAX];
    (void)model;
    if (yaml_walk_is_null(pair->value) || !yaml_walk_mapping(&swap->walk, pair->value, pair->key))
        return;
    uint32_t count = yaml_walk_pairs(&swap->walk, pair->value, "peers", pairs);
    for (uint32_t i = 0; i < count; i++)
        read_peer(swap, &pairs[i]);
}

static void top_keys(struct swap *swap, struct swap_model *model, const struct yaml_pair *pair)
{
    static struct swap_model nobody;
    uint32_t count = 0;
    (void)model;
    if (yaml_walk_is_null(pair->value) ||
        !yaml_walk_list(&swap->walk, pair->value, pair->key, &count))
        return;
    for (uint32_t i = 0; i < count; i++) {
        const yaml_node_t *item = yaml_walk_item(&swap->walk, pair->value, i);
        struct str text;
        size_t before = swap->keys.len;
        if (!yaml_walk_scalar(&swap->walk, item, pair->key, &text) ||
            !swap_expand(swap, &nobody, item, text, false, &swap->keys))
            continue;
        struct str key = {swap->keys.data + before, swap->keys.len - before};
        bool blank = memchr(key.data, ' ', key.len) || memchr(key.data, '\n', key.len);
        if (key.len < KEY_MIN || blank) { /* the key itself is a secret */
            swap->keys.len = before;
            swap_note(swap, item,
                      "apiKeys: a key of %zu bytes; ours have at least %d and no blanks", key.len,
                      KEY_MIN);
        } else {
            buf_add_text(&swap->keys, "\n");
        }
    }
}

static void top_log_level(struct swap *swap, struct swap_model *model, const struct yaml_pair *pair)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    struct str text;
    (void)model;
    if (!yaml_walk_scalar(&swap->walk, pair->value, pair->key, &text))
        return;
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
        if (str_equal(text, str_of(levels[i])))
            swap->log_level = levels[i];
}

static void top_macros(struct swap *swap, struct swap_model *model, const struct yaml_pair *pair)
{
    (void)model;
    swap_read_macros(swap, &swap->macros, pair->value);
    swap->scope = NULL;
}

static void top_port(struct swap *swap, struct swap_model *model, const struct yaml_pair *pair)
{
    int64_t port;
    (void)model;
    if (swap_read_seconds(swap, pair, 1, &port))
        swap->next_port = (uint64_t)port;
}

static void top_start(struct swap *swap, struct swap_model *model, const struct yaml_pair *pair)
{
    (void)model;
    if (swap_read_seconds(swap, pair, 0, &swap->start_s) && swap->start_s < START_MIN_S)
        swap->start_s = START_MIN_S;
}

static void top_stop(struct swap *swap, struct swap_model *model, const struct yaml_pair *pair)
{
    (void)model;
    swap_read_seconds(swap, pair, 0, &swap->stop_s);
}

static void top_ttl(struct swap *swap, struct swap_model *model, const struct yaml_pair *pair)
{
    (void)model;
    swap_read_seconds(swap, pair, 0, &swap->ttl_s);
}

static void top_loading(struct swap *swap, struct swap_model *model, const struct yaml_pair *pair)
{
    (void)model;
    swap_read_flag(swap, pair, &swap->loading_state);
}

/* ---- groups, routing, hooks: after the models, wherever they stand ---- */

static const struct yaml_pair *find(const struct yaml_pair *pairs, uint32_t count, const char *key)
{
    for (uint32_t i = 0; i < count; i++)
        if (str_equal(pairs[i].key, str_of(key)))
            return &pairs[i];
    return NULL;
}

/* Nothing has to make way for it, so that it may be kept. */
static bool has_room(const struct swap *swap, const struct swap_model *model)
{
    uint32_t there = 0;
    for (uint32_t i = 0; i < swap->model_count; i++)
        there += !swap->models[i].is_peer && swap->models[i].place == model->place;
    return there <= swap->places[model->place].parts;
}

static void preload(struct swap *swap, const yaml_node_t *list)
{
    uint32_t count = 0;
    struct str name;
    if (yaml_walk_is_null(list) || !yaml_walk_list(&swap->walk, list, STR("preload"), &count))
        return;
    for (uint32_t i = 0; i < count; i++) {
        const yaml_node_t *item = yaml_walk_item(&swap->walk, list, i);
        if (!yaml_walk_scalar(&swap->walk, item, STR("preload"), &name))
            continue;
        struct swap_model *model = swap_find(swap, name);
        if (!model)
            yaml_walk_problem(&swap->walk, item, "preload: \"%.*s\" is no model", STR_ARG(name));
        else
            model->preload = true;
        if (model && has_room(swap, model))
            model->pin = true; /* nothing has to make way for it */
        else if (model)
            swap_note(swap, item,
                      "preload: \"%.*s\" would keep the others out if it were kept warm; run "
                      "`forewarm warm %.*s` after the start",
                      STR_ARG(name), STR_ARG(name));
    }
}

static void top_hooks(struct swap *swap, struct swap_model *model, const struct yaml_pair *pair)
{
    struct yaml_pair pairs[YAML_WALK_KEYS_MAX];
    (void)model;
    if (yaml_walk_is_null(pair->value) || !yaml_walk_mapping(&swap->walk, pair->value, pair->key))
        return;
    uint32_t count = yaml_walk_pairs(&swap->walk, pair->value, "hooks", pairs);
    for (uint32_t i = 0; i < count; i++) {
        struct yaml_pair inner[YAML_WALK_KEYS_MAX];
        if (!str_equal(pairs[i].key, STR("on_startup"))) {
            swap_note(swap, pairs[i].key_node, "hooks.%.*s: unknown here", STR_ARG(pairs[i].key));
            continue;
        }
        if (!yaml_walk_mapping(&swap->walk, pairs[i].value, pairs[i].key))
            continue;
        uint32_t inner_count = yaml_walk_pairs(&swap->walk, pairs[i].value, "on_startup", inner);
        for (uint32_t k = 0; k < inner_count; k++)
            if (str_equal(inner[k].key, STR("preload")))
                preload(swap, inner[k].value);
            else
                swap_note(swap, inner[k].key_node, "hooks.on_startup.%.*s: unknown here",
                          STR_ARG(inner[k].key));
    }
}

static void note_matrix(struct swap *swap, const struct yaml_pair *pair)
{
    swap_note(
        swap, pair->key_node,
        "matrix: sets of models that may run together; one model is loaded at a time. Say what "
        "memory there is and what each model takes, and as many stay as fit");
}

/* Groups stand at the top, or in routing.router with the matrix; not both. */
static void read_grouping(struct swap *swap, const struct yaml_pair *pairs, uint32_t count)
{
    const struct yaml_pair *groups = find(pairs, count, "groups"),
                           *matrix = find(pairs, count, "matrix");
    if (groups && matrix)
        yaml_walk_problem(&swap->walk, matrix->key_node,
                          "matrix: found besides groups, expected one of them");
    else if (groups)
        swap_read_groups(swap, groups->value);
    else if (matrix)
        note_matrix(swap, matrix);
}

static void read_routing(struct swap *swap, const struct yaml_pair *routing)
{
    struct yaml_pair pairs[YAML_WALK_KEYS_MAX], inner[YAML_WALK_KEYS_MAX];
    if (!routing || yaml_walk_is_null(routing->value) ||
        !yaml_walk_mapping(&swap->walk, routing->value, routing->key))
        return;
    uint32_t count = yaml_walk_pairs(&swap->walk, routing->value, "routing", pairs);
    for (uint32_t i = 0; i < count; i++) {
        if (!str_equal(pairs[i].key, STR("router"))) {
            swap_note(swap, pairs[i].key_node,
                      "routing.%.*s: loads are ordered by expected waiting", STR_ARG(pairs[i].key));
            continue;
        }
        if (!yaml_walk_mapping(&swap->walk, pairs[i].value, pairs[i].key))
            continue;
        uint32_t inner_count = yaml_walk_pairs(&swap->walk, pairs[i].value, "router", inner);
        const struct yaml_pair *settings = find(inner, inner_count, "settings");
        if (settings && yaml_walk_mapping(&swap->walk, settings->value, settings->key))
            inner_count = yaml_walk_pairs(&swap->walk, settings->value, "settings", inner);
        read_grouping(swap, inner, inner_count);
    }
}

static const struct swap_key early_keys[] = {
    {"macros", top_macros, NULL},
    {"startPort", top_port, NULL},
    {"healthCheckTimeout", top_start, NULL},
    {"globalTTL", top_ttl, NULL},
    {"unloadTimeout", top_stop, NULL},
    {"sendLoadingState", top_loading, NULL},
    {"logLevel", top_log_level, NULL},
};
static const struct swap_key late_keys[] = {
    {"models", top_models, NULL},
    {"peers", top_peers, NULL},
    {"apiKeys", top_keys, NULL},
};
static const struct swap_key last_keys[] = {
    {"hooks", top_hooks, NULL},
    {"groups", NULL, NULL},
    {"matrix", NULL, NULL},
    {"routing", NULL, NULL},
    {"profiles", NULL, "requests name one model"},
    {"selectors", NULL, "a request goes to the model that it names"},
    {"includeAliasesInList", NULL, "GET /v1/models shows ids"},
    {"logRequests", NULL, "log_level: debug"},
    {"logTimeFormat", NULL, "the log has its own form"},
    {"logToStdout", NULL, "log_file says where it goes; each command's output has warmer.log"},
    {"upstream", NULL, "there are no paths to a model's own pages"},
    {"ui", NULL,
     "sessions are read from x-forewarm-session, x-session-id and x-litellm-session-id"},
    {"store", NULL, "state: says where learning is kept"},
    {"metricsMaxInMemory", NULL, "metrics are counters; the journal keeps requests"},
    {"captureBuffer", NULL, "bodies are not kept"},
};
#define COUNT(keys) (sizeof keys / sizeof keys[0])

/* Those of a table in its order, so that macros are known before what uses them. */
static void read_in_order(struct swap *swap, const struct yaml_pair *pairs, uint32_t count,
                          const struct swap_key *keys, size_t key_count)
{
    for (size_t i = 0; i < key_count; i++) {
        const struct yaml_pair *pair = find(pairs, count, keys[i].name);
        if (pair && keys[i].reason)
            swap_note(swap, pair->key_node, "%s: %s", keys[i].name, keys[i].reason);
        else if (pair && keys[i].read)
            keys[i].read(swap, NULL, pair);
    }
}

static bool is_known(struct str name)
{
    static const struct {
        const struct swap_key *keys;
        size_t count;
    } tables[] = {{early_keys, COUNT(early_keys)},
                  {late_keys, COUNT(late_keys)},
                  {last_keys, COUNT(last_keys)}};
    for (size_t t = 0; t < COUNT(tables); t++)
        for (size_t i = 0; i < tables[t].count; i++)
            if (str_equal(name, str_of(tables[t].keys[i].name)))
                return true;
    return false;
}

static void read_top(struct swap *swap, const yaml_node_t *root)
{
    struct yaml_pair pairs[YAML_WALK_KEYS_MAX];
    uint32_t count = yaml_walk_pairs(&swap->walk, root, "", pairs);
    read_in_order(swap, pairs, count, early_keys, COUNT(early_keys));
    read_in_order(swap, pairs, count, late_keys, COUNT(late_keys));
    read_grouping(swap, pairs, count);
    read_routing(swap, find(pairs, count, "routing"));
    read_in_order(swap, pairs, count, last_keys, COUNT(last_keys));
    for (uint32_t i = 0; i < count; i++) /* x-anything holds anchors, by custom */
        if (!is_known(pairs[i].key) && !str_starts(pairs[i].key, STR("x-")))
            swap_note(swap, pairs[i].key_node, "%.*s: unknown here", STR_ARG(pairs[i].key));
}

enum fw_err swap_read(struct swap *swap, const char *path, struct str text,
                      const char *(*getenv_fn)(const char *name))
{
    *swap = (struct swap){.next_port = PORT_FIRST, .start_s = START_S, .stop_s = -1};
    swap->getenv_fn = getenv_fn;
    swap->place_count = 1;
    swap->places[0].parts = 1;
    buf_init(&swap->notes, SWAP_TEXT_MAX * 4);
    buf_init(&swap->keys, SWAP_TEXT_MAX);
    buf_init(&swap->problems.text, SWAP_TEXT_MAX);
    swap->models = calloc(SWAP_MODELS_MAX, sizeof *swap->models);
    if (!swap->models)
        return FW_NOMEM;
    if (!yaml_walk_init(&swap->walk, path, text, &swap->problems))
        return FW_INPUT;
    yaml_node_t *root = yaml_walk_root(&swap->walk);
    if (!root || root->type != YAML_MAPPING_NODE)
        yaml_walk_problem(&swap->walk, root, "expected a mapping with the key models");
    else
        read_top(swap, root);
    if (swap->problems.count == 0 && swap->model_count == 0)
        yaml_walk_problem(&swap->walk, root, "models: none, expected at least one");
    return swap->problems.count > 0 ? FW_INPUT : FW_OK;
}

static void free_macros(struct swap_macros *macros)
{
    for (uint32_t i = 0; i < macros->count; i++)
        buf_fini(&macros->items[i].value);
}

void swap_fini(struct swap *swap)
{
    for (uint32_t i = 0; swap->models && i < swap->model_count; i++) {
        buf_fini(&swap->models[i].command);
        buf_fini(&swap->models[i].upstream);
        free_macros(&swap->models[i].macros);
    }
    free(swap->models);
    free_macros(&swap->macros);
    buf_fini(&swap->notes);
    buf_fini(&swap->keys);
    config_problems_fini(&swap->problems);
    yaml_walk_fini(&swap->walk);
}
