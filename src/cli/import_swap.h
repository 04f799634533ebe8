/* SPDX-License-Identifier: MIT
 * A llama-swap configuration as one of ours. What it says is read strictly, with line and column;
 * what we cannot say is listed with its line and the reason, never dropped in silence.
 *
 *   import_swap.c        reads it: the top level, peers, keys
 *   import_swap_model.c  one model
 *   import_swap_groups.c what may be loaded together
 *   import_swap_text.c   its macros, and its commands as words for a shell
 *   import_swap_write.c  writes ours
 *
 * The grammar: config.go and config.example.yaml of llama-swap (MIT). */
#ifndef FOREWARM_CLI_IMPORT_SWAP_H
#define FOREWARM_CLI_IMPORT_SWAP_H

#include "base/buf.h"
#include "edge/yaml_walk.h"

enum {
    SWAP_MODELS_MAX = 1024,
    SWAP_MACROS_MAX = 256,
    SWAP_TEXT_MAX = 1 << 20,
    SWAP_PLACES_MAX = 15
};

struct swap_macro {
    struct str name;
    struct buf value; /* what it names is put in; PORT, MODEL_ID, PID and env.X are not */
};
struct swap_macros {
    struct swap_macro items[SWAP_MACROS_MAX];
    uint32_t count;
};

/* What may be loaded together: a device of its own in our configuration, of so many equal parts. */
struct swap_place {
    struct str name; /* "" the one that all share */
    uint32_t parts;
};

struct swap_model {
    struct str id;
    const yaml_node_t *node, *aliases, *environment, *ttl_node;
    struct buf command, upstream; /* for a shell; "" none: a peer's */
    struct str upstream_model;
    int64_t ttl_s, stop_s; /* -1: not said */
    bool loading_state;    /* sendLoadingState */
    bool preload, pin, grouped;
    uint32_t place, share; /* 1/share of its place */
    uint64_t port;         /* 0: it uses none */
    bool is_peer;
    struct swap_macros macros;
};

struct swap {
    struct yaml_walk walk;
    struct config_problems problems;
    struct buf notes; /* what is not carried over, a line each */
    uint32_t note_count;
    struct swap_macros macros;
    const struct swap_macros *scope; /* those that are being read */
    struct swap_model *models;
    uint32_t model_count;
    struct swap_place places[SWAP_PLACES_MAX + 1];
    uint32_t place_count;
    uint64_t next_port;
    int64_t ttl_s, stop_s, start_s;
    bool loading_state;
    const char *log_level;
    struct buf keys; /* apiKeys, a line each */
    const char *(*getenv_fn)(const char *name);
};

/* FW_INPUT: swap->problems says where and what. */
FW_MUST_CHECK enum fw_err swap_read(struct swap *swap, const char *path, struct str text,
                                    const char *(*getenv_fn)(const char *name));
void swap_fini(struct swap *swap);
/* `tokens_file`: where the keys go; "" nowhere. */
void swap_write(struct swap *swap, const char *tokens_file, struct buf *out);

/* Inside. */
/* A key of a mapping: what reads it; or why it is not carried over, NULL for what changes nothing
 * that forewarm does. */
struct swap_key {
    const char *name;
    void (*read)(struct swap *swap, struct swap_model *model, const struct yaml_pair *pair);
    const char *reason;
};
void swap_read_keys(struct swap *swap, struct swap_model *model, const yaml_node_t *node,
                    const char *name, const struct swap_key *keys, size_t key_count);
bool swap_read_seconds(struct swap *swap, const struct yaml_pair *pair, int64_t min,
                       int64_t *seconds);
void swap_read_flag(struct swap *swap, const struct yaml_pair *pair, bool *flag);
struct swap_model *swap_add_model(struct swap *swap, struct str id, const yaml_node_t *node);
void swap_read_model(struct swap *swap, const struct yaml_pair *pair);
void swap_note(struct swap *swap, const yaml_node_t *node, const char *fmt, ...) FW_PRINTF(3, 4);
/* import_swap_text.c */
void swap_read_macros(struct swap *swap, struct swap_macros *macros, const yaml_node_t *node);
/* Puts macros in. In a command env.X stays, between the bytes 1 and 2; elsewhere its value is
 * taken. */
bool swap_expand(struct swap *swap, struct swap_model *model, const yaml_node_t *at,
                 struct str text, bool command, struct buf *out);
/* Comments and line ends out, words as llama-swap takes them, quoted for a shell. */
void swap_command(struct swap *swap, const yaml_node_t *at, struct str text, struct buf *out);
/* import_swap_groups.c */
void swap_read_groups(struct swap *swap, const yaml_node_t *node);
/* The next item of a list that was found to be one; NULL at its end, and for no list. */
const yaml_node_t *swap_item(struct swap *swap, const yaml_node_t *list, uint32_t index);
struct swap_model *swap_find(struct swap *swap, struct str name);

#endif
