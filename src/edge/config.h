/* SPDX-License-Identifier: MIT
 * The configuration file: YAML, read strictly (libyaml and our option tables). Every problem is reported at once
 * with line and column. An immutable value once read: reload reads a new one, validates it whole, then swaps. */
#ifndef FOREWARM_EDGE_CONFIG_H
#define FOREWARM_EDGE_CONFIG_H

#include "base/buf.h"
#include "base/err.h"
#include "base/option.h"
#include "core/settings.h"

enum { CONFIG_URL_MAX = 1024, CONFIG_ID_MAX = 256, CONFIG_ALIASES_MAX = 64, CONFIG_HEADERS_MAX = 16 };

/* scheme://host[:port][/prefix], taken apart. */
struct config_url {
    char text[CONFIG_URL_MAX];   /* as written; empty: absent */
    bool tls;
    char host[256];              /* without brackets for IPv6 */
    uint16_t port;
    char prefix[512];            /* "" or "/base", never ending in "/" */
};

struct config_call { /* one HTTP call of a warmer, or the probe */
    char method[16];
    char url[CONFIG_URL_MAX];    /* absolute, or a path under the resource's upstream */
    char body[8192];
    char headers[CONFIG_HEADERS_MAX][512]; /* "Name: value" */
    uint32_t header_count;
    int64_t expect_status;       /* default 200 */
    char expect_body[512];       /* a substring the answer must hold; "" none */
    int64_t timeout_ns;
};

enum warmer_kind { WARMER_NONE, WARMER_EXEC, WARMER_HTTP };

struct config_warmer {
    int kind;                    /* enum warmer_kind */
    char command[8192];          /* exec: run by /bin/sh -c "exec ..." in its own process group */
    char directory[1024];        /* exec: working directory */
    char environment[CONFIG_HEADERS_MAX][512]; /* exec: NAME=value */
    uint32_t environment_count;
    char log[1024];              /* exec: file that gets the command's output; "" the daemon's log */
    int64_t start_timeout_ns;    /* exec, http: until the load must be done (120s) */
    int64_t stop_timeout_ns;     /* exec: SIGTERM, then SIGKILL after this (10s) */
    struct config_call load, unload, state; /* http; state answers whether it is loaded */
    char state_loaded[512];      /* http: the substring of the state answer that means loaded; "" status alone */
    int64_t poll_ns;             /* how often a load that is under way is looked at (100ms) */
};

struct config_resource {
    char id[CONFIG_ID_MAX];
    char aliases[CONFIG_ALIASES_MAX][CONFIG_ID_MAX];
    uint32_t alias_count;
    struct config_url upstream;
    char upstream_model[CONFIG_ID_MAX]; /* name the upstream knows it by; "" the id: aliases are rewritten to this */
    struct resource_settings engine;
    struct config_warmer warmer;
    struct config_call probe;    /* url "" : no probe is configured (an error unless warmer is none) */
    double warm_factor;          /* a probe is at warm speed when <= this times the learned warm latency (3.0) */
    uint32_t line;               /* where it stands in the file */
};

enum { RESOURCE_FROM_PARTS_MAX = 8 };
struct config_resource_from { /* "slm_{quality}": a literal with {field} parts, each from a header or JSON field */
    char text[256];
};

struct config {
    char path[1024];
    /* top-level scalars (rows in config_option_rows) */
    char listen[256], control_listen[256], control_token_file[1024];
    char state[1024], journal[1024], log_file[1024];
    int log_level;               /* enum log_level */
    int64_t io_threads;          /* 0: cores, at most 4 */
    int64_t job_threads;
    uint64_t max_body, max_parked; /* per request; all parked bodies together */
    int64_t max_connections;
    int64_t head_timeout_ns, body_grace_ns, idle_timeout_ns, connect_timeout_ns, first_byte_timeout_ns,
        chunk_timeout_ns, write_timeout_ns, drain_timeout_ns;
    int64_t upstream_connections; /* kept alive per thread and upstream */
    bool abort_on_half_close;
    char default_resource[CONFIG_ID_MAX]; /* for requests that name no model; "" none: 400 */
    char allowed_origins[1024];  /* CORS, separated by blanks */
    struct config_resource_from resource_from;
    struct config_url fallback;
    struct engine_settings engine;
    struct config_resource *resources;
    uint32_t resource_count;
};

extern const struct option_row config_option_rows[];
extern const size_t config_option_count;

/* One problem per line: "forewarm.yaml:12:5: memory: found \"24\", expected a size with a unit such as 24GiB". */
struct config_problems {
    struct buf text;
    uint32_t count;
};
/* FW_INPUT with every problem; FW_IO, FW_NOT_FOUND with one. `getenv_fn` supplies FOREWARM_* and EDGE_* overrides. */
FW_MUST_CHECK enum fw_err config_read(struct config **config, const char *path, option_getenv_fn *getenv_fn,
                                      struct config_problems *problems);
/* The same from memory; `path` is for the messages. What the fuzzer calls. */
FW_MUST_CHECK enum fw_err config_parse(struct config **config, const char *path, struct str text,
                                       option_getenv_fn *getenv_fn, struct config_problems *problems);
void config_problems_fini(struct config_problems *problems);
void config_free(struct config **config);
FW_MUST_CHECK bool config_parse_url(struct str text, struct config_url *url);

#endif
