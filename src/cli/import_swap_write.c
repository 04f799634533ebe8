/* SPDX-License-Identifier: MIT
 * Our configuration. Texts are written as JSON, which is YAML. */
#include "base/json.h"
#include "cli/import_swap.h"

#define PLACE "1TiB" /* all of a device whose size nobody said */
enum { PLACE_GIB = 1024 };

static void write_text(struct buf *out, const char *key, struct str value)
{
    buf_printf(out, "%s: ", key);
    json_escape(out, value);
    buf_add_char(out, '\n');
}

/* The timer is general here: one that all models have is what the planner begins with. */
static void write_ttl(struct swap *swap, struct buf *out)
{
    int64_t common_s = -1;
    bool same = true;
    for (uint32_t i = 0; i < swap->model_count; i++) {
        const struct swap_model *model = &swap->models[i];
        int64_t ttl_s = model->ttl_s >= 0 ? model->ttl_s : swap->ttl_s;
        if (model->is_peer)
            continue;
        same = same && (common_s < 0 || ttl_s == common_s);
        common_s = ttl_s;
    }
    if (same && common_s > 0)
        buf_printf(out, "baseline: %llds # the ttl; left for what has shown to be cheaper\n",
                   (long long)common_s);
    for (uint32_t i = 0; i < swap->model_count; i++) {
        const struct swap_model *model = &swap->models[i];
        if (model->ttl_node && model->ttl_s == 0)
            swap_note(swap, model->ttl_node,
                      "ttl: never to be unloaded for being idle; forewarm keeps what is worth it, "
                      "`pin: true` keeps it always");
        else if (model->ttl_node && !same)
            swap_note(
                swap, model->ttl_node,
                "ttl: a timer of its own; how long a model stays is learned, `policy: ttl:%llds` "
                "is one timer for all",
                (long long)model->ttl_s);
    }
}

static void write_places(const struct swap *swap, struct buf *out)
{
    buf_add_text(out, "\n# llama-swap knows no memory. " PLACE
                      " stands for all of the device: who takes it is alone there. Say what your\n"
                      "# device has and what each model takes (memory: 24GiB, memory: auto), and "
                      "as many stay loaded as fit.\n");
    if (swap->place_count == 1) {
        buf_add_text(out, "memory: " PLACE "\n");
        return;
    }
    buf_add_text(out, "devices:\n");
    for (uint32_t i = 0; i < swap->place_count; i++) {
        buf_add_text(out, "  - {name: ");
        if (i == 0)
            buf_add_text(out, "shared");
        else
            buf_printf(out, "group%u", i);
        buf_printf(out, ", memory: %uTiB, loads: %u}", swap->places[i].parts,
                   swap->places[i].parts < 64 ? swap->places[i].parts : 64);
        if (i > 0)
            buf_printf(out, " # %.*s", STR_ARG(swap->places[i].name));
        buf_add_char(out, '\n');
    }
}

/* "KEY=value" items, macros put in. */
static void write_environment(struct swap *swap, struct swap_model *model, struct buf *out)
{
    struct buf text;
    buf_init(&text, SWAP_TEXT_MAX);
    const yaml_node_t *item;
    for (uint32_t i = 0; (item = swap_item(swap, model->environment, i)) != NULL; i++) {
        struct str line, name;
        buf_clear(&text);
        if (!yaml_walk_scalar(&swap->walk, item, STR("env"), &line) ||
            !swap_expand(swap, model, item, line, false, &text))
            continue;
        struct str rest = buf_str(&text);
        if (!memchr(rest.data, '=', rest.len) || !str_cut(&rest, '=', &name) || name.len == 0) {
            yaml_walk_problem(&swap->walk, item, "env: expected NAME=value");
            continue;
        }
        buf_add_text(out, i == 0 ? "      environment:\n        " : "        ");
        json_escape(out, name);
        write_text(out, "", rest);
    }
    buf_fini(&text);
}

static bool says(const struct swap_model *model, const char *option)
{
    return model->command.len > 0 &&
           memmem(model->command.data, model->command.len, option, strlen(option)) != NULL;
}

/* A real inference, of the kind that the command's options speak of. */
static void write_probe(const struct swap_model *model, struct buf *out)
{
    struct buf body;
    bool ranks = says(model, "--rerank"), embeds = says(model, "--embedding");
    struct str name = model->upstream_model.len > 0 ? model->upstream_model : model->id;
    buf_init(&body, SWAP_TEXT_MAX);
    buf_add_text(&body, "{\"model\":");
    json_escape(&body, name);
    buf_add_text(&body, ranks    ? ",\"query\":\"hi\",\"documents\":[\"hi\"]}"
                        : embeds ? ",\"input\":\"hi\"}"
                                 : ",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],"
                                   "\"max_tokens\":1}");
    buf_printf(out, "    probe:\n      path: /v1/%s\n      ",
               ranks    ? "rerank"
               : embeds ? "embeddings"
                        : "chat/completions");
    write_text(out, "body", buf_str(&body));
    buf_fini(&body);
}

static void write_aliases(struct swap *swap, const struct swap_model *model, struct buf *out)
{
    const yaml_node_t *item;
    for (uint32_t i = 0; (item = swap_item(swap, model->aliases, i)) != NULL; i++) {
        struct str name;
        if (!yaml_walk_scalar(&swap->walk, item, STR("aliases"), &name))
            continue;
        buf_add_text(out, i == 0 ? "    aliases:\n      - " : "      - ");
        json_escape(out, name);
        buf_add_char(out, '\n');
    }
}

static void write_place(const struct swap *swap, const struct swap_model *model, struct buf *out)
{
    if (model->place > 0)
        buf_printf(out, "    devices: group%u\n", model->place);
    else if (swap->place_count > 1)
        buf_add_text(out, "    devices: shared\n");
    buf_printf(out, "    memory: %uGiB\n",
               PLACE_GIB / (model->share < PLACE_GIB ? model->share : PLACE_GIB));
    if (model->pin)
        buf_add_text(out, "    pin: true\n");
}

static void write_model(struct swap *swap, struct swap_model *model, struct buf *out)
{
    buf_add_text(out, "  - ");
    write_text(out, "id", model->id);
    write_aliases(swap, model, out);
    buf_add_text(out, "    ");
    write_text(out, "upstream", buf_str(&model->upstream));
    if (model->upstream_model.len > 0) {
        buf_add_text(out, "    ");
        write_text(out, "upstream_model", model->upstream_model);
    }
    if (model->is_peer) {
        buf_add_text(out, "    warmer: {kind: none}\n");
        return;
    }
    write_place(swap, model, out);
    if (model->loading_state)
        buf_add_text(out, "    hold_comments: 5s\n");
    buf_add_text(out, "    warmer:\n      kind: exec\n      ");
    write_text(out, "command", buf_str(&model->command));
    buf_printf(out, "      start_timeout: %llds\n", (long long)swap->start_s);
    int64_t stop_s = model->stop_s >= 0 ? model->stop_s : swap->stop_s;
    if (stop_s >= 0)
        buf_printf(out, "      stop_timeout: %llds\n", (long long)stop_s);
    write_environment(swap, model, out);
    write_probe(model, out);
}

void swap_write(struct swap *swap, const char *tokens_file, struct buf *out)
{
    buf_add_text(out, "# Made by `forewarm import llama-swap`; what it could not carry over was "
                      "listed then.\n"
                      "listen: 127.0.0.1:7700\n"
                      "control: {listen: 127.0.0.1:7701}\n"
                      "state: sqlite:forewarm.db\n");
    if (swap->log_level)
        buf_printf(out, "log_level: %s\n", swap->log_level);
    if (tokens_file[0])
        write_text(out, "tokens_file", str_of(tokens_file));
    write_ttl(swap, out);
    write_places(swap, out);
    buf_add_text(out, "\nresources:\n");
    for (uint32_t i = 0; i < swap->model_count; i++)
        write_model(swap, &swap->models[i], out);
}
