/* SPDX-License-Identifier: MIT
 * The configuration file: YAML, read strictly (libyaml and our option tables). Every problem is
 * reported at once with line and column. An immutable value once read: reload reads a new one,
 * validates it whole, then swaps. */
#ifndef FOREWARM_EDGE_CONFIG_H
#define FOREWARM_EDGE_CONFIG_H

#include "base/buf.h"
#include "base/err.h"
#include "base/option.h"
#include "core/settings.h"
#include "edge/alert_rules.h"
#include "edge/hint_inject.h"

enum {
    CONFIG_URL_MAX = 1024,
    CONFIG_ID_MAX = 256,
    CONFIG_ALIASES_MAX = 64,
    CONFIG_HEADERS_MAX = 16,
    CONFIG_COMMAND_MAX = 8191,
    CONFIG_EDGES_MAX = 256,
    CONFIG_PREFETCH_MAX = 64,
    ALERT_RECEIVERS_MAX = 8,
    DEMAND_SOURCES_MAX = 16
};

/* scheme://host[:port][/prefix], taken apart. */
struct config_url {
    char text[CONFIG_URL_MAX]; /* as written; empty: absent */
    bool tls;
    char host[256]; /* without brackets for IPv6 */
    uint16_t port;
    char prefix[512];    /* "" or "/base", never ending in "/" */
    const char *ca_file; /* https: the authorities to check it with; "" or NULL the system's */
    struct tls_context *context; /* https: made of them by access_load; NULL else */
};
struct tls_context;

/* Texts and lists below point into the config's own memory and live as long as it does. */
struct config_call {            /* one HTTP call of a warmer, or the probe */
    const char *method;         /* default POST with a body, else GET */
    const char *url;            /* absolute, or a path under the resource's upstream; "" absent */
    const char *body;           /* "" none */
    size_t body_bytes;          /* of a body that is no text; 0: its length */
    const char *token;          /* given by the caller, never in a file; NULL none */
    const char *const *headers; /* "Name: value" */
    uint32_t header_count;
    int64_t expect_status;   /* default 200 */
    const char *expect_body; /* a substring the answer must hold; "" none */
    const char *ca_file;     /* https: CA certificates; "" the system's */
    int64_t timeout_ns;
};

/* X(kind, name, sentence) */
#define WARMER_KINDS(X)                                                                            \
    X(WARMER_NONE, "none", "the upstream is always loaded; only the probe is run")                 \
    X(WARMER_EXEC, "exec", "a command is started and stopped")                                     \
    X(WARMER_HTTP, "http", "HTTP calls load and unload it")                                        \
    X(WARMER_OLLAMA, "ollama", "Ollama loads and unloads it")                                      \
    X(WARMER_VLLM, "vllm", "vLLM puts it to sleep and wakes it")                                   \
    X(WARMER_LLAMA_SERVER, "llama-server", "llama.cpp's server: one model, or its router's")       \
    X(WARMER_LM_STUDIO, "lm-studio", "LM Studio loads and unloads it")                             \
    X(WARMER_TRITON, "triton", "a Triton server's repository loads and unloads it")                \
    X(WARMER_TGI, "tgi", "a TGI server has it for as long as it runs")                             \
    X(WARMER_LOCALAI, "localai", "LocalAI loads and unloads it")                                   \
    X(WARMER_TORCHSERVE, "torchserve", "TorchServe starts and ends its workers")                   \
    X(WARMER_KUBERNETES, "kubernetes", "a deployment is scaled from 0 to 1 and back")              \
    X(WARMER_SABLIER, "sablier", "Sablier starts its containers")                                  \
    X(WARMER_LLAMA_SWAP, "llama-swap", "a llama-swap loads and unloads it")
enum warmer_kind {
#define X(kind, name, sentence) kind,
    WARMER_KINDS(X)
#undef X
        WARMER_KIND_COUNT
};

struct config_warmer {
    int kind;                       /* enum warmer_kind */
    const char *command;            /* exec: run by /bin/sh -c in its own process group */
    const char *directory;          /* exec: working directory; "" the daemon's */
    const char *const *environment; /* exec: NAME=value */
    uint32_t environment_count;
    const char *log;          /* exec: file that gets the command's output; "" the daemon's log */
    int64_t start_timeout_ns; /* until it must be loaded and answer a first probe (120s) */
    int64_t stop_timeout_ns;  /* exec: SIGTERM, then SIGKILL after this; http: until it must be
                                 unloaded (10s) */
    struct config_call load, unload, state; /* http; state answers whether it is loaded */
    const char
        *loaded; /* http: the substring of the state answer that means loaded; "" status alone */
    const char *measure_command; /* exec: lists processes and their memory; "" the processes' own */
    struct config_call measure;  /* http: a document that holds what it uses */
    const char *measure_json;    /* http: where in it, a JSON pointer */
    struct config_url server;    /* a server's own API; "": at the upstream */
    const char *token_file;      /* its first line goes as bearer token; "" none */
    const char *ca_file;         /* https: CA certificates; "" the system's */
    const char *ns, *deployment; /* kubernetes */
    const char *names, *group;   /* sablier: containers by name, or by group */
    int64_t session_ns;          /* sablier: they stop so long after the last request */
    bool blocking;               /* sablier: the load call waits until they are ready */
    const char *const *headers;  /* sent with every call to it and with the probe its kind makes */
    uint32_t header_count;
    int64_t sleep_level; /* vllm: what unloaded means; 0: 1, or 2 below a level vllm-1 */
    int64_t poll_ns;     /* how often a load that is under way is looked at (100ms) */
};

/* One thing to do about a level: a shell command, or an HTTP call; neither: nothing. */
struct config_action {
    const char *command;
    struct config_call call;
};
/* How a server that runs is put to sleep and woken. X(server, name) */
#define LEVEL_SERVERS(X)                                                                           \
    X(LEVEL_SERVER_NONE, "none")                                                                   \
    X(LEVEL_VLLM_1, "vllm-1")                                                                      \
    X(LEVEL_VLLM_2, "vllm-2")                                                                      \
    X(LEVEL_LLAMA_SERVER, "llama-server")
enum level_server {
#define X(server, name) server,
    LEVEL_SERVERS(X)
#undef X
        LEVEL_SERVER_COUNT
};
/* A level of warmth between cold and warm; how much it keeps is in the engine's part. */
struct config_level {
    const char *name;
    struct config_action up;    /* from cold to it */
    struct config_action down;  /* from it to cold, before what is asleep there is unloaded */
    struct config_action sleep; /* from warm to it: the server stays */
    struct config_action wake;  /* from there to warm; else it is just used */
    int server;                 /* enum level_server: sleeps and wakes so, without calls */
    int64_t timeout_ns;         /* for each command, and for sleeping by a server's own way */
};
bool config_action_given(const struct config_action *action);

struct config_resource {
    char id[CONFIG_ID_MAX];
    const char *const *aliases;
    uint32_t alias_count;
    struct config_url upstream;
    char upstream_model[CONFIG_ID_MAX]; /* name the upstream knows it by; "" the id: aliases are
                                           rewritten to this */
    struct resource_settings engine;
    bool measured;                   /* memory: auto */
    char option_keys[CONFIG_ID_MAX]; /* "": those of the warmer's kind; see edge/options.h */
    int64_t probe_count;             /* probes at the same time, for lazy instances */
    struct config_warmer warmer;
    struct config_level levels[LEVELS_MAX]; /* as many as engine.level_count */
    char ca_file[OPTION_TEXT_MAX];          /* "": the general one */
    struct config_call probe; /* url "": none is configured; an error unless the warmer is none or
                                 makes one */
    bool shared;              /* its server is the same for all forewarms over one Redis */
    uint64_t prefill_bytes;   /* for prompts of sessions that are prefilled; 0: none are */
    int64_t hold_comments_ns; /* between comments on held streams; 0: only for clients that ask */
    double warm_factor;   /* a probe is at warm speed when <= this times the learned warm latency
                             (3.0) */
    double unit_capacity; /* requests an hour that one device of it does; 0: measured */
    int64_t replica_concurrency; /* requests that one replica serves at the same time */
    struct hint_rules hints;     /* what its upstream is told of each call */
    uint32_t line;               /* where it stands in the file */
};

/* An upstream whose pages are kept and fetched ahead. */
struct config_prefetch {
    struct config_url upstream;
    const char *paths;   /* prefixes, separated by blanks */
    const char *session; /* header:NAME, cookie:NAME, address; "": see edge/pages/page_session.h */
    const char *ignore_cookies; /* names, separated by blanks; "*" all */
    const char *ca_file;
    unsigned strategies; /* bits of enum page_strategy */
    uint64_t cache, object_max;
    uint64_t budget; /* bytes a second; UINT64_MAX: no limit */
    int64_t max_concurrent, yield_at;
    int64_t assume_fresh_ns, load_timeout_ns;
    bool ahead, trust_forwarded;
};

/* A planned event, as POST /v1/events takes it. */
struct config_event {
    const char *name;       /* events of one name are judged together */
    const char *class_name; /* kind of event, for forecasts; "": not told */
    const char *resource;   /* an id or alias; NULL: all */
    int64_t start_ns, end_ns;
    double requests; /* expected; with `multiplier`: how many times the usual number */
    bool multiplier;
};

/* A Prometheus that knows demand. */
struct config_source {
    struct config_url url;
    const char *query;              /* gives requests a second */
    char resource[OPTION_TEXT_MAX]; /* "": all together */
    char token_file[OPTION_TEXT_MAX], ca_file[OPTION_TEXT_MAX];
    int64_t every_ns, history_ns, timeout_ns;
};

/* Who is told of alerts. */
struct config_receiver {
    char name[OPTION_TEXT_MAX];
    int kind; /* enum alert_kind */
    struct config_url url;
    char url_file[OPTION_TEXT_MAX]; /* the address where it is a secret; "" none */
    char key_file[OPTION_TEXT_MAX], token_file[OPTION_TEXT_MAX], ca_file[OPTION_TEXT_MAX];
};
struct config_rule {
    bool on;
    int severity; /* enum alert_severity */
    double threshold;
    int64_t hold_ns;    /* the condition opens an alert after so long */
    int64_t resolve_ns; /* and it is over when it has not held for so long */
};
struct config_alerts {
    int64_t every_ns, timeout_ns, retry_ns, retry_most_ns, repeat_ns;
    char instance[OPTION_TEXT_MAX], link[OPTION_TEXT_MAX];
    struct config_rule rules[ALERT_RULE_COUNT];
    struct config_receiver *receivers;
    uint32_t receiver_count;
};

struct config_edge { /* one that may send signed requests to this core */
    const char *id, *secret_file;
};

/* Which runs are learned from: none, those of all requests that say whose they are, or (auto) these
 * where a resource wants hints. X(value, name) */
#define HINT_OBSERVES(X)                                                                           \
    X(HINT_OBSERVE_AUTO, "auto")                                                                   \
    X(HINT_OBSERVE_ON, "on")                                                                       \
    X(HINT_OBSERVE_OFF, "off")
enum hint_observe {
#define X(value, name) value,
    HINT_OBSERVES(X)
#undef X
};
/* How calls of agents are known, and learned from. */
struct config_hints {
    int observe; /* enum hint_observe */
    bool plan;   /* the next calls of running agents are hints for the planner */
    char run_header[OPTION_TEXT_MAX], agent_header[OPTION_TEXT_MAX], path_header[OPTION_TEXT_MAX],
        parent_header[OPTION_TEXT_MAX], level_header[OPTION_TEXT_MAX], end_header[OPTION_TEXT_MAX];
    int64_t run_idle_ns, max_open_runs, max_nodes, scale;
    double w_critical, w_fanout, w_position, w_parallel;
    int64_t half_life_ns, half_life_samples;
    bool on; /* observe, with auto decided */
};

enum { RESOURCE_FROM_PARTS_MAX = 8 };
/* What a forewarm does that Redis does not answer. X(value, name) */
#define FLEET_ALONES(X)                                                                            \
    X(FLEET_ALONE_LOAD, "load")                                                                    \
    X(FLEET_ALONE_WAIT, "wait")
enum fleet_alone {
#define X(value, name) value,
    FLEET_ALONES(X)
#undef X
};

struct config_resource_from { /* "slm_{quality}": a literal with {field} parts, each from a header
                                 or JSON field */
    char text[256];
};

struct config {
    char path[1024];
    /* top-level scalars (rows in config_option_rows) */
    char listen[OPTION_TEXT_MAX], control_listen[OPTION_TEXT_MAX],
        control_token_file[OPTION_TEXT_MAX];
    char state[OPTION_TEXT_MAX], journal[OPTION_TEXT_MAX], log_file[OPTION_TEXT_MAX];
    char redis_password_file[OPTION_TEXT_MAX], node[OPTION_TEXT_MAX]; /* state: redis:// */
    int64_t lease_time_ns;
    int fleet_alone;      /* enum fleet_alone */
    uint64_t journal_max; /* a larger journal is moved to NAME.old and begun anew */
    int log_level;        /* enum log_level */
    int64_t io_threads;   /* 0: cores, at most 4 */
    int64_t job_threads;
    uint64_t max_body, max_parked; /* per request; all parked bodies together */
    int64_t max_connections;
    int64_t head_timeout_ns, body_grace_ns, idle_timeout_ns, connect_timeout_ns,
        first_byte_timeout_ns, chunk_timeout_ns, write_timeout_ns, drain_timeout_ns;
    int64_t upstream_connections; /* kept alive per thread and upstream */
    bool abort_on_half_close;
    bool keep_children; /* a clean shutdown leaves what it loaded running; the next start adopts it
                         */
    char default_resource[OPTION_TEXT_MAX]; /* for requests that name no model; "" none: 400 */
    char allowed_origins[OPTION_TEXT_MAX];  /* CORS, separated by blanks */
    struct config_resource_from resource_from;
    char tokens_file[OPTION_TEXT_MAX], ca_file[OPTION_TEXT_MAX];
    char tls_certificate[OPTION_TEXT_MAX], tls_key[OPTION_TEXT_MAX],
        control_tls_certificate[OPTION_TEXT_MAX], control_tls_key[OPTION_TEXT_MAX];
    char fallback_url[OPTION_TEXT_MAX], fallback_edge_id[OPTION_TEXT_MAX],
        fallback_shared_secret_file[OPTION_TEXT_MAX], fallback_ca_file[OPTION_TEXT_MAX];
    char fallback_secret[OPTION_TEXT_MAX]; /* from the environment; never shown */
    struct config_url fallback;            /* of fallback_url */
    int64_t core_skew_ns;
    struct config_edge *edges; /* the core's */
    uint32_t edge_count;
    int64_t client_connections, client_burst;
    double client_requests;
    /* demand: what was, what will be, and what it takes */
    int64_t demand_resources, forecast_resources, forecast_horizon_ns;
    bool forecast_signal;
    double capacity_buffer, target_utilization, service_level;
    int64_t scale_lead_time_ns;
    struct access *access; /* what the files named here hold; NULL until access_load */
    struct engine_settings engine;
    struct config_resource *resources;
    uint32_t resource_count;
    struct config_hints hints;
    const struct config_event *events;
    uint32_t event_count;
    struct config_alerts alerts;
    struct config_source *sources;
    uint32_t source_count;
    struct config_prefetch *prefetch;
    uint32_t prefetch_count;
    struct config_text *texts; /* what the pointers above point to */
    _Atomic uint32_t references;
};

extern const struct option_row config_option_rows[];
extern const size_t config_option_count;
extern const struct option_alias config_option_aliases[];
extern const size_t config_option_alias_count;

/* Every key the file may hold, part by part, for `forewarm options` and the reference page; the
 * engine's and the resources' own rows are in core/settings.h. Rows of type text below the top
 * level say their longest length as `max`. */
struct config_section {
    const char *name; /* "", "control", "fallback", "resources[]", "resources[].warmer", ... */
    const char *sentence;
    const struct option_row *rows;
    size_t count;
};
extern const struct config_section config_sections[];
extern const size_t config_section_count;

struct access;

/* One problem per line: "forewarm.yaml:12:5: memory: found \"24\", expected a size with a unit such
 * as 24GiB". */
struct config_problems {
    struct buf text;
    uint32_t count;
};
/* FW_INPUT with every problem; FW_IO, FW_NOT_FOUND with one. `getenv_fn` supplies FOREWARM_* and
 * EDGE_* overrides. */
FW_MUST_CHECK enum fw_err config_read(struct config **config, const char *path,
                                      option_getenv_fn *getenv_fn,
                                      struct config_problems *problems);
/* The same from memory; `path` is for the messages. What the fuzzer calls. */
FW_MUST_CHECK enum fw_err config_parse(struct config **config, const char *path, struct str text,
                                       option_getenv_fn *getenv_fn,
                                       struct config_problems *problems);
void config_problems_fini(struct config_problems *problems);
/* A config is shared by reference: the last free frees. */
struct config *config_retain(struct config *config);
void config_free(struct config **config);
FW_MUST_CHECK bool config_parse_url(struct str text, struct config_url *url);

#endif
