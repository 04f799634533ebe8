/* SPDX-License-Identifier: MIT */
#include "cli/import_swap.h"
#include <stdio.h>
#include <stdlib.h>

enum { ENV_BEGIN = 1, ENV_END = 2, NAME_MAX_LEN = 63 };

/* ---- macros ---- */

static bool is_reserved(struct str name)
{
    return str_equal(name, STR("PORT")) || str_equal(name, STR("PID")) ||
           str_equal(name, STR("MODEL_ID"));
}

static const struct swap_macro *find(const struct swap_macros *macros, struct str name)
{
    for (uint32_t i = 0; macros && i < macros->count; i++)
        if (str_equal(macros->items[i].name, name))
            return &macros->items[i];
    return NULL;
}

static bool name_ok(struct str name)
{
    if (name.len == 0 || name.len > NAME_MAX_LEN || is_reserved(name))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!word && c != '_' && c != '-')
            return false;
    }
    return true;
}

static bool put_env(struct swap *swap, const yaml_node_t *at, struct str name, bool command,
                    struct buf *out)
{
    char text[256];
    if (command) {
        buf_add_char(out, ENV_BEGIN);
        buf_add_str(out, name);
        buf_add_char(out, ENV_END);
        return true;
    }
    snprintf(text, sizeof text, "%.*s", STR_ARG(name));
    const char *value = swap->getenv_fn(text);
    if (value)
        buf_add_text(out, value);
    else
        yaml_walk_problem(&swap->walk, at, "${env.%s}: this variable is not set", text);
    return value != NULL;
}

/* False: it is not one of those that only a model's text may use. */
static bool put_reserved(struct swap *swap, struct swap_model *model, struct str name,
                         struct buf *out)
{
    if (str_equal(name, STR("PORT"))) {
        if (model->port == 0)
            model->port = swap->next_port++;
        buf_printf(out, "%llu", (unsigned long long)model->port);
    } else if (str_equal(name, STR("MODEL_ID"))) {
        buf_add_str(out, model->id);
    } else {
        return false;
    }
    return true;
}

/* One ${name}. Without a model it is a macro's own text: what is reserved waits for its use. */
static bool put(struct swap *swap, struct swap_model *model, const yaml_node_t *at, struct str name,
                bool command, struct buf *out)
{
    const struct swap_macro *macro = find(model ? &model->macros : swap->scope, name);
    if (!macro)
        macro = find(&swap->macros, name);
    bool env = str_starts(name, STR("env."));
    if (!model && (env || is_reserved(name))) {
        buf_printf(out, "${%.*s}", STR_ARG(name));
        return true;
    }
    if (env)
        return put_env(swap, at, (struct str){name.data + 4, name.len - 4}, command, out);
    if (model && put_reserved(swap, model, name, out))
        return true;
    if (macro && !model) {
        buf_add_str(out, buf_str(&macro->value));
        return true;
    }
    if (macro) /* it holds nothing but what is reserved */
        return swap_expand(swap, model, at, buf_str(&macro->value), command, out);
    yaml_walk_problem(&swap->walk, at, "${%.*s}: no such macro is defined before this place",
                      STR_ARG(name));
    return false;
}

bool swap_expand(struct swap *swap, struct swap_model *model, const yaml_node_t *at,
                 struct str text, bool command, struct buf *out)
{
    while (text.len > 0) {
        const char *begin = memmem(text.data, text.len, "${", 2);
        if (!begin)
            break;
        size_t before = (size_t)(begin - text.data);
        const char *end = memchr(begin, '}', text.len - before);
        if (!end) {
            yaml_walk_problem(&swap->walk, at, "found \"${\" without \"}\"");
            return false;
        }
        buf_add(out, text.data, before);
        struct str name = {begin + 2, (size_t)(end - begin) - 2};
        if (!put(swap, model, at, name, command, out))
            return false;
        text = (struct str){end + 1, text.len - before - (size_t)(end + 1 - begin)};
    }
    buf_add_str(out, text);
    if (out->failed)
        yaml_walk_problem(&swap->walk, at, "longer than %d bytes with its macros put in",
                          SWAP_TEXT_MAX);
    return !out->failed;
}

/* A macro may use those before it; a model's also the general ones. */
void swap_read_macros(struct swap *swap, struct swap_macros *macros, const yaml_node_t *node)
{
    struct yaml_pair pairs[YAML_WALK_KEYS_MAX];
    if (yaml_walk_is_null(node) || !yaml_walk_mapping(&swap->walk, node, STR("macros")))
        return;
    uint32_t count = yaml_walk_pairs(&swap->walk, node, "macros", pairs);
    swap->scope = macros;
    for (uint32_t i = 0; i < count && macros->count < SWAP_MACROS_MAX; i++) {
        struct str text;
        struct buf value;
        if (!name_ok(pairs[i].key)) {
            yaml_walk_problem(&swap->walk, pairs[i].key_node,
                              "macros: found \"%.*s\", expected a name of at most %d letters, "
                              "digits, _ and - other than PORT, PID and MODEL_ID",
                              STR_ARG(pairs[i].key), NAME_MAX_LEN);
            continue;
        }
        if (!yaml_walk_scalar(&swap->walk, pairs[i].value, pairs[i].key, &text))
            continue;
        buf_init(&value, SWAP_TEXT_MAX);
        swap_expand(swap, NULL, pairs[i].value, text, false, &value);
        macros->items[macros->count++] = (struct swap_macro){pairs[i].key, value};
    }
}

/* ---- commands ---- */

/* Lines that begin with # are comments; a line's end is a blank, whatever stands before it. */
static void join_lines(struct str text, struct buf *out)
{
    struct str line;
    while (str_cut(&text, '\n', &line)) {
        struct str trimmed = str_trim(line);
        if (trimmed.len == 0 || trimmed.data[0] == '#')
            continue;
        if (trimmed.data[trimmed.len - 1] == '\\')
            trimmed.len--;
        buf_add_str(out, trimmed);
        buf_add_char(out, ' ');
    }
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != 0 && strchr("_./:,@%+-", c) != NULL);
}

/* A word for a shell: what is between ENV_BEGIN and ENV_END is a variable. */
static void write_word(struct str word, struct buf *out)
{
    bool plain = word.len > 0;
    for (size_t i = 0; i < word.len; i++)
        plain = plain && is_plain(word.data[i]);
    if (plain) {
        buf_add_str(out, word);
        return;
    }
    buf_add_char(out, '\'');
    for (size_t i = 0; i < word.len; i++) {
        if (word.data[i] == ENV_BEGIN)
            buf_add_text(out, "'\"${");
        else if (word.data[i] == ENV_END)
            buf_add_text(out, "}\"'");
        else if (word.data[i] == '\'')
            buf_add_text(out, "'\\''");
        else
            buf_add_char(out, word.data[i]);
    }
    buf_add_char(out, '\'');
}

/* Takes the next word off the front; false at the end. *open: a quote was not closed. */
static bool next_word(struct str *rest, struct buf *word, bool *open)
{
    size_t i = 0;
    char quote = 0;
    bool any = false;
    buf_clear(word);
    while (i < rest->len && (rest->data[i] == ' ' || rest->data[i] == '\t'))
        i++;
    for (; i < rest->len && (quote || (rest->data[i] != ' ' && rest->data[i] != '\t')); i++) {
        char c = rest->data[i];
        any = true;
        if (quote && c == quote)
            quote = 0;
        else if (!quote && (c == '"' || c == '\''))
            quote = c;
        else if (c == '\\' && quote != '\'' && i + 1 < rest->len)
            buf_add_char(word, rest->data[++i]);
        else
            buf_add_char(word, c);
    }
    *open = quote != 0;
    *rest = (struct str){rest->data + i, rest->len - i};
    return any;
}

void swap_command(struct swap *swap, const yaml_node_t *at, struct str text, struct buf *out)
{
    struct buf line, word;
    buf_init(&line, SWAP_TEXT_MAX);
    buf_init(&word, SWAP_TEXT_MAX);
    join_lines(text, &line);
    struct str rest = buf_str(&line);
    bool open = false;
    buf_add_text(out, "exec");
    while (!open && next_word(&rest, &word, &open)) {
        buf_add_char(out, ' ');
        write_word(buf_str(&word), out);
    }
    if (open)
        yaml_walk_problem(&swap->walk, at, "cmd: a quote is not closed");
    if (out->failed || line.failed || word.failed)
        yaml_walk_problem(&swap->walk, at, "cmd: longer than %d bytes", SWAP_TEXT_MAX);
    if (out->len == 4)
        yaml_walk_problem(&swap->walk, at, "cmd: empty, expected a command");
    buf_fini(&line);
    buf_fini(&word);
}
