/* SPDX-License-Identifier: MIT */
#include "cli/import_swap.h"
#include "edge/config.h"
#include <stdarg.h>
#include <stdio.h>

void swap_note(struct swap *swap, const yaml_node_t *node, const char *fmt, ...)
{
    va_list args;
    char text[1024];
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    for (char *c = text; *c; c++) /* one note, one line */
        if ((unsigned char)*c < ' ')
            *c = ' ';
    buf_printf(&swap->notes, "%s:%zu:%zu: not carried over: %s\n", swap->walk.path,
               node->start_mark.line + 1, node->start_mark.column + 1, text);
    swap->note_count++;
}

void swap_read_keys(struct swap *swap, struct swap_model *model, const yaml_node_t *node,
                    const char *name, const struct swap_key *keys, size_t key_count)
{
    struct yaml_pair pairs[YAML_WALK_KEYS_MAX];
    uint32_t count = yaml_walk_pairs(&swap->walk, node, name, pairs);
    for (uint32_t i = 0; i < count; i++) {
        const struct swap_key *key = keys;
        while (key < keys + key_count && !str_equal(pairs[i].key, str_of(key->name)))
            key++;
        if (key == keys + key_count)
            swap_note(swap, pairs[i].key_node, "%.*s: unknown here", STR_ARG(pairs[i].key));
        else if (key->reason)
            swap_note(swap, pairs[i].key_node, "%s: %s", key->name, key->reason);
        else if (key->read)
            key->read(swap, model, &pairs[i]);
    }
}

bool swap_read_seconds(struct swap *swap, const struct yaml_pair *pair, int64_t min,
                       int64_t *seconds)
{
    struct str text;
    int64_t value;
    enum { MAX = 1000000000 };
    if (!yaml_walk_scalar(&swap->walk, pair->value, pair->key, &text))
        return false;
    if (!str_to_int64(text, &value) || value < min || value > MAX) {
        yaml_walk_problem(&swap->walk, pair->value,
                          "%.*s: found \"%.*s\", expected a whole number of at least %lld",
                          STR_ARG(pair->key), STR_ARG(text), (long long)min);
        return false;
    }
    *seconds = value;
    return true;
}

void swap_read_flag(struct swap *swap, const struct yaml_pair *pair, bool *flag)
{
    struct str text;
    if (!yaml_walk_scalar(&swap->walk, pair->value, pair->key, &text))
        return;
    if (!str_equal(text, STR("true")) && !str_equal(text, STR("false")))
        yaml_walk_problem(&swap->walk, pair->value, "%.*s: found \"%.*s\", expected true or false",
                          STR_ARG(pair->key), STR_ARG(text));
    *flag = str_equal(text, STR("true"));
}

const yaml_node_t *swap_item(struct swap *swap, const yaml_node_t *list, uint32_t index)
{
    if (!list ||
        (ptrdiff_t)index >= list->data.sequence.items.top - list->data.sequence.items.start)
        return NULL;
    return yaml_walk_item(&swap->walk, list, index);
}

static bool is_text(const yaml_node_t *node, struct str text)
{
    return node->type == YAML_SCALAR_NODE &&
           str_equal((struct str){(const char *)node->data.scalar.value, node->data.scalar.length},
                     text);
}

struct swap_model *swap_find(struct swap *swap, struct str name)
{
    for (uint32_t i = 0; i < swap->model_count; i++) {
        struct swap_model *model = &swap->models[i];
        const yaml_node_t *item;
        if (str_equal(model->id, name))
            return model;
        for (uint32_t k = 0; (item = swap_item(swap, model->aliases, k)) != NULL; k++)
            if (is_text(item, name))
                return model;
    }
    return NULL;
}

/* ---- a model ---- */

static void model_macros(struct swap *swap, struct swap_model *model, const struct yaml_pair *pair)
{
    (void)swap;
    (void)model;
    (void)pair; /* read before everything else */
}

static void model_command(struct swap *swap, struct swap_model *model, const struct yaml_pair *pair)
{
    struct str text;
    struct buf expanded;
    buf_init(&expanded, SWAP_TEXT_MAX);
    if (yaml_walk_scalar(&swap->walk, pair->value, pair->key, &text) &&
        swap_expand(swap, model, pair->value, text, true, &expanded))
        swap_command(swap, pair->value, buf_str(&expanded), &model->command);
    buf_fini(&expanded);
}

static void model_proxy(struct swap *swap, struct swap_model *model, const struct yaml_pair *pair)
{
    struct str text;
    struct config_url url;
    buf_clear(&model->upstream);
    if (!yaml_walk_scalar(&swap->walk, pair->value, pair->key, &text) ||
        !swap_expand(swap, model, pair->value, text, false, &model->upstream))
        return;
    if (!config_parse_url(buf_str(&model->upstream), &url))
        yaml_walk_problem(
            &swap->walk, pair->value,
            "proxy: found \"%.*s\", expected an address such as http://127.0.0.1:8080",
            STR_ARG(buf_str(&model->upstream)));
}

static void model_aliases(struct swap *swap, struct swap_model *model, const struct yaml_pair *pair)
{
    uint32_t count;
    if (!yaml_walk_is_null(pair->value) &&
        yaml_walk_list(&swap->walk, pair->value, pair->key, &count))
        model->aliases = pair->value;
}

static void model_env(struct swap *swap, struct swap_model *model, const struct yaml_pair *pair)
{
    uint32_t count;
    if (!yaml_walk_is_null(pair->value) &&
        yaml_walk_list(&swap->walk, pair->value, pair->key, &count))
        model->environment = pair->value;
}

static void model_ttl(struct swap *swap, struct swap_model *model, const struct yaml_pair *pair)
{
    if (swap_read_seconds(swap, pair, -1, &model->ttl_s) && model->ttl_s >= 0)
        model->ttl_node = pair->key_node;
}

static void model_stop(struct swap *swap, struct swap_model *model, const struct yaml_pair *pair)
{
    swap_read_seconds(swap, pair, 0, &model->stop_s);
}

static void model_name(struct swap *swap, struct swap_model *model, const struct yaml_pair *pair)
{
    struct str text;
    if (!yaml_walk_is_null(pair->value) &&
        yaml_walk_scalar(&swap->walk, pair->value, pair->key, &text))
        model->upstream_model = text;
}

static void model_loading(struct swap *swap, struct swap_model *model, const struct yaml_pair *pair)
{
    swap_read_flag(swap, pair, &model->loading_state);
}

static const struct swap_key model_keys[] = {
    {"macros", model_macros, NULL},
    {"cmd", model_command, NULL},
    {"cmdStop", NULL, "commands are ended with SIGTERM to their process group, then SIGKILL"},
    {"proxy", model_proxy, NULL},
    {"checkEndpoint", NULL, "warm is proven by an inference, a health page is not believed"},
    {"ttl", model_ttl, NULL},
    {"unloadTimeout", model_stop, NULL},
    {"aliases", model_aliases, NULL},
    {"env", model_env, NULL},
    {"useModelName", model_name, NULL},
    {"sendLoadingState", model_loading, NULL},
    {"filters", NULL, "requests go to the server as they came, but for the model's name"},
    {"concurrencyLimit", NULL, "requests for one model are not counted; let its server queue them"},
    {"timeouts", NULL, "timeouts are general: connect_timeout, first_byte_timeout"},
    {"compat", NULL, "there are no compatibility switches"},
    {"name", NULL, "models have ids and aliases, no titles"},
    {"description", NULL, "models have ids and aliases, no titles"},
    {"metadata", NULL, "GET /v1/models shows no metadata"},
    {"unlisted", NULL, "GET /v1/models shows every model"},
};
enum { MODEL_KEYS = sizeof model_keys / sizeof model_keys[0] };

struct swap_model *swap_add_model(struct swap *swap, struct str id, const yaml_node_t *node)
{
    if (swap->model_count == SWAP_MODELS_MAX) {
        yaml_walk_problem(&swap->walk, node, "more than %d models", SWAP_MODELS_MAX);
        return NULL;
    }
    struct swap_model *model = &swap->models[swap->model_count++];
    model->id = id;
    model->node = node;
    model->ttl_s = model->stop_s = -1;
    model->share = 1;
    model->loading_state = swap->loading_state;
    buf_init(&model->command, SWAP_TEXT_MAX);
    buf_init(&model->upstream, SWAP_TEXT_MAX);
    return model;
}

void swap_read_model(struct swap *swap, const struct yaml_pair *pair)
{
    struct yaml_pair pairs[YAML_WALK_KEYS_MAX];
    struct swap_model *model = swap_add_model(swap, pair->key, pair->key_node);
    if (!model || !yaml_walk_mapping(&swap->walk, pair->value, pair->key))
        return;
    uint32_t count = yaml_walk_pairs(&swap->walk, pair->value, "", pairs);
    for (uint32_t i = 0; i < count; i++)
        if (str_equal(pairs[i].key, STR("macros")))
            swap_read_macros(swap, &model->macros, pairs[i].value);
    swap->scope = NULL;
    swap_read_keys(swap, model, pair->value, "", model_keys, MODEL_KEYS);
    if (model->command.len == 0 && swap->problems.count == 0)
        yaml_walk_problem(&swap->walk, pair->key_node, "%.*s: cmd is missing", STR_ARG(pair->key));
    if (model->upstream.len == 0)
        swap_expand(swap, model, pair->key_node, STR("http://127.0.0.1:${PORT}"), false,
                    &model->upstream);
}
