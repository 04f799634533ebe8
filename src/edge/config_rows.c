/* SPDX-License-Identifier: MIT */
#include "edge/config.h"
#include "edge/config_part.h"
#include "edge/log.h"

#define SECOND 1e9
#define MINUTE 60e9
#define HOUR   3600e9
#define MIB    1048576.0
#define GIB    1073741824.0

const char *const config_log_levels[] = {
#define X(level, name, sentence) name,
    LOG_LEVELS(X)
#undef X
        NULL};
static const char *const fleet_alones[] = {
#define X(value, name) name,
    FLEET_ALONES(X)
#undef X
        NULL};
const char *const config_warmer_kinds[] = {
#define X(kind, name, sentence) name,
    WARMER_KINDS(X)
#undef X
        NULL};

const char *const config_level_servers[] = {
#define X(server, name) name,
    LEVEL_SERVERS(X)
#undef X
        NULL};

#define AT(field) offsetof(struct config, field)
/* clang-format off */
const struct option_row config_option_rows[] = {
    {"listen", OPTION_TEXT, AT(listen), "127.0.0.1:7700", 0, 0, false, NULL,
     "Address of the data plane, where clients send their requests."},
    {"control_listen", OPTION_TEXT, AT(control_listen), "127.0.0.1:7701", 0, 0, false, NULL,
     "Address of the control plane."},
    {"control_token_file", OPTION_TEXT, AT(control_token_file), "", 0, 0, true, NULL,
     "File whose first line is the bearer token that control calls must carry; absent: none is asked for."},
    {"state", OPTION_TEXT, AT(state), "sqlite:forewarm.db", 0, 0, false, NULL,
     "Where learning and accounts are kept: memory:, sqlite:PATH, or redis://HOST:PORT/DB, which several forewarms share."},
    {"redis_password_file", OPTION_TEXT, AT(redis_password_file), "", 0, 0, false, NULL,
     "state: redis://: file whose first line is the password; absent: none."},
    {"node", OPTION_TEXT, AT(node), "", 0, 0, false, NULL,
     "state: redis://: this forewarm's name among the others; absent: the host's name and the port of listen."},
    {"lease_time", OPTION_DURATION, AT(lease_time_ns), "10s", SECOND / 2, HOUR, false, NULL,
     "state: redis://: another forewarm takes over a load when the one that loaded was silent for this long; the same for all."},
    {"fleet_alone", OPTION_CHOICE, AT(fleet_alone), "load", 0, 0, false, fleet_alones,
     "state: redis://: without Redis, load without a lease once all leases have run out, or wait until it answers again."},
    {"journal", OPTION_TEXT, AT(journal), "", 0, 0, false, NULL,
     "File that gets every event, for `forewarm replay`; absent: none is written."},
    {"journal_max", OPTION_SIZE, AT(journal_max), "1GiB", MIB, 1024 * GIB, true, NULL,
     "A journal that grows past this is moved to NAME.old and begun anew."},
    {"log_file", OPTION_TEXT, AT(log_file), "", 0, 0, false, NULL,
     "File that gets the log; absent: standard error."},
    {"log_level", OPTION_CHOICE, AT(log_level), "info", 0, 0, true, config_log_levels,
     "How much is logged."},
    {"io_threads", OPTION_INT, AT(io_threads), "0", 0, 14, false, NULL,
     "Threads that move requests; 0 means one a core, at most 4."},
    {"job_threads", OPTION_INT, AT(job_threads), "4", 2, 64, false, NULL,
     "Threads for slow work: probes, load calls, saving."},
    {"max_body", OPTION_SIZE, AT(max_body), "16MiB", 1024, 1 * GIB, true, NULL,
     "Largest request body."},
    {"max_parked", OPTION_SIZE, AT(max_parked), "256MiB", 1024, 64 * GIB, true, NULL,
     "Memory that the bodies of waiting requests may use together."},
    {"max_connections", OPTION_INT, AT(max_connections), "10000", 1, 1e6, false, NULL,
     "Client connections at the same time."},
    {"head_timeout", OPTION_DURATION, AT(head_timeout_ns), "10s", SECOND / 10, HOUR, true, NULL,
     "A request's head must have arrived by then."},
    {"body_grace", OPTION_DURATION, AT(body_grace_ns), "10s", SECOND / 10, HOUR, true, NULL,
     "After this long a body must arrive at 1 KiB/s or more."},
    {"idle_timeout", OPTION_DURATION, AT(idle_timeout_ns), "75s", SECOND / 10, 24 * HOUR, true, NULL,
     "A connection without a request is closed after this."},
    {"connect_timeout", OPTION_DURATION, AT(connect_timeout_ns), "5s", SECOND / 100, HOUR, true, NULL,
     "Connecting to an upstream."},
    {"first_byte_timeout", OPTION_DURATION, AT(first_byte_timeout_ns), "600s", SECOND / 100, 24 * HOUR, true,
     NULL, "Until the first byte of an upstream's answer."},
    {"chunk_timeout", OPTION_DURATION, AT(chunk_timeout_ns), "300s", SECOND / 100, 24 * HOUR, true, NULL,
     "Between two pieces of an upstream's answer."},
    {"write_timeout", OPTION_DURATION, AT(write_timeout_ns), "60s", SECOND / 10, 24 * HOUR, true, NULL,
     "A client that takes nothing of its answer for this long is cut off."},
    {"drain_timeout", OPTION_DURATION, AT(drain_timeout_ns), "30s", 0, 24 * HOUR, true, NULL,
     "At shutdown, requests that still run get this long."},
    {"upstream_connections", OPTION_INT, AT(upstream_connections), "64", 0, 10000, true, NULL,
     "Idle connections kept for each upstream and thread."},
    {"abort_on_half_close", OPTION_BOOL, AT(abort_on_half_close), "true", 0, 0, true, NULL,
     "A client that closes its sending side has left."},
    {"keep_children", OPTION_BOOL, AT(keep_children), "false", 0, 0, true, NULL,
     "A clean shutdown leaves started commands running, and the next start takes them over."},
    {"default_resource", OPTION_TEXT, AT(default_resource), "", 0, 0, true, NULL,
     "Resource for requests that name none; absent: they are refused."},
    {"allowed_origins", OPTION_TEXT, AT(allowed_origins), "", 0, 0, true, NULL,
     "Origins whose pages may call the control plane, separated by blanks."},
    {"tokens_file", OPTION_TEXT, AT(tokens_file), "", 0, 0, true, NULL,
     "File of bearer tokens, one a line with its scopes: observe, warm, admin (control plane), use (data plane)."},
    {"tls_certificate", OPTION_TEXT, AT(tls_certificate), "", 0, 0, true, NULL,
     "PEM file with the data plane's certificate and chain: HTTPS instead of HTTP."},
    {"tls_key", OPTION_TEXT, AT(tls_key), "", 0, 0, true, NULL,
     "PEM file with that certificate's key."},
    {"control_tls_certificate", OPTION_TEXT, AT(control_tls_certificate), "", 0, 0, true, NULL,
     "PEM file with the control plane's certificate and chain; written control: {tls: {certificate: ...}}."},
    {"control_tls_key", OPTION_TEXT, AT(control_tls_key), "", 0, 0, true, NULL,
     "PEM file with that certificate's key."},
    {"ca_file", OPTION_TEXT, AT(ca_file), "", 0, 0, true, NULL,
     "PEM file of the authorities that HTTPS upstreams and the fallback are checked with; absent: the system's."},
    {"fallback_url", OPTION_TEXT, AT(fallback_url), "", 0, 0, true, NULL,
     "Where requests go that are not held: the fallback upstream, or the core."},
    {"fallback_edge_id", OPTION_TEXT, AT(fallback_edge_id), "", 0, 0, true, NULL,
     "Name under which the core knows this edge; requests to the fallback are signed."},
    {"fallback_shared_secret_file", OPTION_TEXT, AT(fallback_shared_secret_file), "", 0, 0, true, NULL,
     "File whose first line is the secret shared with the core."},
    {"fallback_ca_file", OPTION_TEXT, AT(fallback_ca_file), "", 0, 0, true, NULL,
     "PEM file of the authorities that the fallback is checked with; absent: the general ca_file."},
    {"core_skew", OPTION_DURATION, AT(core_skew_ns), "5m", SECOND, 24 * HOUR, true, NULL,
     "How far the time of a signed request may be from this clock."},
    {"client_connections", OPTION_INT, AT(client_connections), "0", 0, 1e6, true, NULL,
     "Connections of one client address (IPv6: /64) at the same time; 0: any number."},
    {"client_requests", OPTION_DOUBLE, AT(client_requests), "0", 0, 1e6, true, NULL,
     "Requests a second of one client address, on average; 0: any number."},
    {"client_burst", OPTION_INT, AT(client_burst), "20", 1, 1e6, true, NULL,
     "Requests that a client address may send at once before client_requests counts."},
    {"demand_resources", OPTION_INT, AT(demand_resources), "256", 0, 10000, false, NULL,
     "Resources whose requests are counted one by one, by minute, ten minutes and hour; others count in the total. About 40 KB each."},
    {"forecast_resources", OPTION_INT, AT(forecast_resources), "16", 0, 1000, true, NULL,
     "Of these the most demanded ones that get forecasts and an anomaly watch, beside the total; 0: nothing is foretold."},
    {"forecast_horizon", OPTION_DURATION, AT(forecast_horizon_ns), "7d", 24 * HOUR, 60 * 24 * HOUR, true, NULL,
     "How far ahead demand is foretold."},
    {"forecast_signal", OPTION_BOOL, AT(forecast_signal), "true", 0, 0, true, NULL,
     "Our own forecasts are a signal to the planner, beside the clock; a forecast of POST /v1/forecasts goes before."},
    {"capacity_buffer", OPTION_DOUBLE, AT(capacity_buffer), "1.3", 1, 100, true, NULL,
     "Recommended capacity over the 95th percentile of what is foretold."},
    {"service_level", OPTION_DOUBLE, AT(service_level), "0.95", 0.5, 0.9999, true, NULL,
     "Share of lead times in which the planned capacity is to suffice."},
    {"target_utilization", OPTION_DOUBLE, AT(target_utilization), "0.7", 0.05, 1, true, NULL,
     "How busy replicas may be on average; what /v1/scale and /v1/plan count with."},
    {"scale_lead_time", OPTION_DURATION, AT(scale_lead_time_ns), "10m", 0, 7 * 24 * HOUR, true, NULL,
     "How long a new replica takes to come; demand up to then is what /v1/scale and /v1/plan provide for."},
    {"hints_observe", OPTION_CHOICE, AT(hints.observe), "auto", 0, 0, true, config_hint_observes,
     "Learn from the calls of agents that come through here, by the headers below or traceparent: on, off, or auto, where a resource wants hints."},
    {"hints_plan", OPTION_BOOL, AT(hints.plan), "true", 0, 0, true, NULL,
     "What an agent that runs will probably call next is a hint for the planner."},
    {"hints_run_header", OPTION_TEXT, AT(hints.run_header), "", 0, 0, true, NULL,
     "Header that tells runs apart; absent: x-forewarm-session, x-session-id, x-litellm-session-id, else the trace id of traceparent."},
    {"hints_agent_header", OPTION_TEXT, AT(hints.agent_header), "x-forewarm-agent", 0, 0, true, NULL,
     "Header with the agent's name; without one the agent is \"default\"."},
    {"hints_path_header", OPTION_TEXT, AT(hints.path_header), "x-forewarm-path", 0, 0, true, NULL,
     "Header with the scopes around the call, outermost first: separated by commas, in percent-encoding, or one a header. The resource follows as the last element."},
    {"hints_parent_header", OPTION_TEXT, AT(hints.parent_header), "x-forewarm-parent", 0, 0, true, NULL,
     "Header with the id of what made the call; calls of one parent are siblings. Absent: the parent of traceparent."},
    {"hints_level_header", OPTION_TEXT, AT(hints.level_header), "x-forewarm-sensitivity", 0, 0, true, NULL,
     "Header with an explicit level of latency sensitivity, which wins over what was learned."},
    {"hints_end_header", OPTION_TEXT, AT(hints.end_header), "x-forewarm-run-end", 0, 0, true, NULL,
     "Header that says, with 1 or true, that the run ends with this call."},
    {"hints_run_idle", OPTION_DURATION, AT(hints.run_idle_ns), "1h", SECOND / 10, 24 * HOUR, true, NULL,
     "A run without a call for this long has ended, and is learned."},
    {"hints_max_open_runs", OPTION_INT, AT(hints.max_open_runs), "10000", 1, 1e6, true, NULL,
     "Runs at the same time; one more, and the one that was silent the longest has ended."},
    {"hints_max_nodes", OPTION_INT, AT(hints.max_nodes), "65536", 64, 16777216, false, NULL,
     "Places in the call paths of all agents that are remembered; the one used longest ago goes first."},
    {"hints_scale", OPTION_INT, AT(hints.scale), "5", 1, 1000, false, NULL,
     "Levels of latency sensitivity."},
    {"hints_w_critical", OPTION_DOUBLE, AT(hints.w_critical), "0.5", 0, 1e6, false, NULL,
     "Weight of a call's share of its run's time in its sensitivity."},
    {"hints_w_fanout", OPTION_DOUBLE, AT(hints.w_fanout), "0.3", 0, 1e6, false, NULL,
     "Weight of how much of the run follows the call."},
    {"hints_w_position", OPTION_DOUBLE, AT(hints.w_position), "0.2", 0, 1e6, false, NULL,
     "Weight of how near the call is to either end of its run."},
    {"hints_w_parallel", OPTION_DOUBLE, AT(hints.w_parallel), "0", 0, 1e6, false, NULL,
     "Weight of the slack that a call has beside longer ones, against it."},
    {"hints_half_life", OPTION_DURATION, AT(hints.half_life_ns), "168h", MINUTE, 87600 * HOUR, false, NULL,
     "What was learned counts half after so long."},
    {"hints_half_life_samples", OPTION_INT, AT(hints.half_life_samples), "500", 1, 1048576, false, NULL,
     "And half after so many newer calls of the same place."},
};
/* clang-format on */
const size_t config_option_count = sizeof config_option_rows / sizeof config_option_rows[0];

const struct option_alias config_option_aliases[] = {
    {"EDGE_CORE_ENDPOINT", "fallback_url", ""},
    {"EDGE_ID", "fallback_edge_id", ""},
    {"EDGE_SHARED_SECRET_FILE", "fallback_shared_secret_file", ""},
};
const size_t config_option_alias_count =
    sizeof config_option_aliases / sizeof config_option_aliases[0];

#undef AT
#define AT(field) offsetof(struct config_resource, field)
/* Texts and lists below the top level are pointers; `max` is the longest length. */
/* clang-format off */
const struct option_row config_resource_rows[] = {
    {"id", OPTION_TEXT, AT(id), "", 0, CONFIG_ID_MAX - 1, false, NULL,
     "Its name, as requests say it. Required."},
    {"upstream_model", OPTION_TEXT, AT(upstream_model), "", 0, CONFIG_ID_MAX - 1, true, NULL,
     "The name its upstream knows it by; absent: the id."},
    {"shared", OPTION_BOOL, AT(shared), "true", 0, 0, false, NULL,
     "state: redis://: its server is the same for all forewarms; one at a time loads it."},
    {"option_keys", OPTION_TEXT, AT(option_keys), "", 0, CONFIG_ID_MAX - 1, true, NULL,
     "Members of requests, separated by blanks, that make its server load anew when they change, such as "
     "options.num_ctx or lora; the probe is sent with those most used. Absent: what its warmer's kind knows; none: none."},
    {"probe_count", OPTION_INT, AT(probe_count), "1", 1, 32, true, NULL,
     "Probes sent at the same time: as many as its server has instances that begin lazily."},
    {"warm_factor", OPTION_DOUBLE, AT(warm_factor), "3", 1, 1000, true, NULL,
     "A probe is at warm speed when it takes at most this many times what it takes when the "
     "resource is warm."},
    {"ca_file", OPTION_TEXT, AT(ca_file), "", 0, OPTION_TEXT_MAX - 1, true, NULL,
     "https upstream: PEM file of the authorities to check it with; absent: the general ca_file."},
    {"prefill", OPTION_SIZE, AT(prefill_bytes), "0B", 0, 0, true, NULL,
     "llama-server: memory for the latest prompts of sessions, which it is given to read again, ahead of the session's next "
     "request, when it has lost them and is idle; 0B: none are kept."},
    {"hold_comments", OPTION_DURATION, AT(hold_comments_ns), "0s", 0, HOUR, true, NULL,
     "Held requests with \"stream\": true get a comment this often; 0s: only those that ask for them."},
    {"replica_concurrency", OPTION_INT, AT(replica_concurrency), "1", 1, 1e6, true, NULL,
     "Requests that one replica of it serves at the same time, for what /v1/scale and /v1/plan measure."},
    {"unit_capacity", OPTION_DOUBLE, AT(unit_capacity), "0", 0, 1e12, true, NULL,
     "Requests an hour that one GPU of it does when wholly used, for /v1/scale and /v1/plan; 0: measured from how long requests take."},
};
const size_t config_resource_row_count =
    sizeof config_resource_rows / sizeof config_resource_rows[0];

#undef AT
#define AT(field) offsetof(struct config_warmer, field)
const struct option_row config_warmer_rows[] = {
    {"kind", OPTION_CHOICE, AT(kind), "none", 0, 0, true, config_warmer_kinds,
     "How it is loaded and unloaded."},
    {"command", OPTION_TEXT, AT(command), "", 0, 8191, true, NULL,
     "exec: the shell command that serves it, run in a process group of its own."},
    {"directory", OPTION_TEXT, AT(directory), "", 0, 1023, true, NULL,
     "exec: the command's working directory."},
    {"log", OPTION_TEXT, AT(log), "", 0, 1023, true, NULL,
     "exec: file that gets the command's output; absent: forewarm's log."},
    {"start_timeout", OPTION_DURATION, AT(start_timeout_ns), "120s", SECOND / 100, 24 * HOUR, true,
     NULL, "It must be loaded and answer a first probe by then."},
    {"stop_timeout", OPTION_DURATION, AT(stop_timeout_ns), "10s", SECOND / 100, HOUR, true, NULL,
     "exec: SIGTERM, and SIGKILL after this; http: it must be unloaded by then."},
    {"loaded", OPTION_TEXT, AT(loaded), "", 0, 511, true, NULL,
     "http: text in the answer of the state call that means it is loaded; absent: its status "
     "alone."},
    {"measure_command", OPTION_TEXT, AT(measure_command), "", 0, 1023, true, NULL,
     "exec: a command that lists \"PID, MEBIBYTES\", such as nvidia-smi "
     "--query-compute-apps=pid,used_memory --format=csv,noheader,nounits; what its processes have "
     "there is its size. Absent: their resident memory."},
    {"measure_json", OPTION_TEXT, AT(measure_json), "", 0, 255, true, NULL,
     "http: JSON pointer to the bytes it uses in the answer of the measure call; key=value picks an "
     "element of a list."},
    {"sleep_level", OPTION_INT, AT(sleep_level), "0", 0, 2, true, NULL,
     "vllm: the sleep that counts as unloaded, 1 (weights in host memory) or 2 (dropped); 0: 1, or 2 "
     "where a level is vllm-1."},
    {"token_file", OPTION_TEXT, AT(token_file), "", 0, 1023, true, NULL,
     "Kinds of a server: file whose first line is sent as bearer token, read anew for every call; "
     "kubernetes without url: the pod's own."},
    {"ca_file", OPTION_TEXT, AT(ca_file), "", 0, 1023, true, NULL,
     "Kinds of a server, https: file with the CA certificates that its certificate is checked "
     "against; absent: the system's, kubernetes without url: the pod's own."},
    {"namespace", OPTION_TEXT, AT(ns), "", 0, 63, true, NULL,
     "kubernetes: the deployment's namespace; absent: default."},
    {"deployment", OPTION_TEXT, AT(deployment), "", 0, 253, true, NULL,
     "kubernetes: the deployment. Required."},
    {"names", OPTION_TEXT, AT(names), "", 0, 511, true, NULL,
     "sablier: the containers, separated by commas; they or group are required."},
    {"group", OPTION_TEXT, AT(group), "", 0, 255, true, NULL, "sablier: the containers' group."},
    {"session_duration", OPTION_DURATION, AT(session_ns), "10m", SECOND, 24 * HOUR, true, NULL,
     "sablier: it stops the containers so long after the last request for them, which is how they "
     "are unloaded."},
    {"blocking", OPTION_BOOL, AT(blocking), "false", 0, 0, true, NULL,
     "sablier: the load is one call that waits until they are ready, not calls that ask."},
    {"poll", OPTION_DURATION, AT(poll_ns), "100ms", SECOND / 1000, MINUTE, true, NULL,
     "How often a load that is under way is looked at."},
};
const size_t config_warmer_row_count = sizeof config_warmer_rows / sizeof config_warmer_rows[0];

#undef AT
#define AT(field) offsetof(struct config_call, field)
const struct option_row config_call_rows[] = {
    {"method", OPTION_TEXT, AT(method), "", 0, 15, true, NULL,
     "HTTP method; absent: POST with a body, else GET."},
    {"url", OPTION_TEXT, AT(url), "", 0, CONFIG_URL_MAX - 1, true, NULL, "Absolute address."},
    {"path", OPTION_TEXT, AT(url), "", 0, CONFIG_URL_MAX - 1, true, NULL,
     "Path under the resource's upstream, instead of url."},
    {"body", OPTION_TEXT, AT(body), "", 0, 1 << 20, true, NULL, "What is sent."},
    {"expect_status", OPTION_INT, AT(expect_status), "200", 100, 599, true, NULL,
     "The status that means success."},
    {"expect_body", OPTION_TEXT, AT(expect_body), "", 0, 511, true, NULL,
     "Text that the answer must hold."},
    {"ca_file", OPTION_TEXT, AT(ca_file), "", 0, 1023, true, NULL,
     "https: file with the CA certificates that the server's is checked against; absent: the "
     "system's."},
    {"timeout", OPTION_DURATION, AT(timeout_ns), "60s", SECOND / 1000, 24 * HOUR, true, NULL,
     "For the whole call."},
};
const size_t config_call_row_count = sizeof config_call_rows / sizeof config_call_rows[0];

#undef AT
#define AT(field) offsetof(struct config_level, field)
const struct option_row config_level_rows[] = {
    {"name", OPTION_TEXT, AT(name), "", 0, 63, true, NULL, "What people call it. Required."},
    {"timeout", OPTION_DURATION, AT(timeout_ns), "120s", SECOND / 100, 24 * HOUR, true, NULL,
     "For each of its commands, and for falling asleep with server; a call has its own."},
    {"server", OPTION_CHOICE, AT(server), "none", 0, 0, true, config_level_servers,
     "Its server sleeps and wakes by its own way, in place of sleep and wake: vLLM's level 1 (weights "
     "in host memory) or 2 (weights dropped), llama-server's --sleep-idle-seconds."},
};
const size_t config_level_row_count = sizeof config_level_rows / sizeof config_level_rows[0];

/* Keys that are no rows, for the reference page and for suggestions. */
const struct option_row config_top_keys[] = {
    {"control", OPTION_TEXT, 0, "", 0, 0, false, NULL,
     "The control plane: keys listen, token_file, tls."},
    {"tls", OPTION_TEXT, 0, "", 0, 0, true, NULL, "TLS on the data plane: keys certificate, key."},
    {"hints", OPTION_TEXT, 0, "", 0, 0, true, NULL,
     "Call hints for agents: which calls are learned from, and how they are known."},
    {"core", OPTION_TEXT, 0, "", 0, 0, true, NULL,
     "Takes signed requests of edges: keys edges (list of {id, secret_file}), skew."},
    {"resources", OPTION_TEXT, 0, "", 0, 0, true, NULL, "List of resources. Required."},
    {"events", OPTION_TEXT, 0, "", 0, 0, true, NULL,
     "List of planned events: what is loaded in time for them."},
    {"prefetch", OPTION_TEXT, 0, "", 0, 0, true, NULL,
     "Upstreams whose pages are kept and fetched ahead: one mapping, or a list of them."},
    {"demand", OPTION_TEXT, 0, "", 0, 0, true, NULL,
     "Where demand is read from, if it is not counted here."},
    {"alerts", OPTION_TEXT, 0, "", 0, 0, true, NULL,
     "Who is told when something is wrong, and what that is."},
    {"fallback", OPTION_TEXT, 0, "", 0, 0, true, NULL,
     "Where requests go that are not held: keys url, edge_id, shared_secret_file, ca_file."},
    {"resource_from", OPTION_TEXT, 0, "", 0, 255, true, NULL,
     "Name of the resource for requests without a model, such as slm_{quality}, from headers or "
     "JSON fields."},
};
const size_t config_top_key_count = sizeof config_top_keys / sizeof config_top_keys[0];
const struct option_row config_resource_keys[] = {
    {"aliases", OPTION_TEXT, 0, "", 0, 0, true, NULL, "List of further names."},
    {"upstream", OPTION_TEXT, 0, "", 0, CONFIG_URL_MAX - 1, true, NULL,
     "Address of its server. Required."},
    {"devices", OPTION_TEXT, 0, "", 0, 0, true, NULL,
     "Name of the device it may go to, or a list of names; absent: any."},
    {"warmer", OPTION_TEXT, 0, "", 0, 0, true, NULL, "How it is loaded and unloaded."},
    {"probe", OPTION_TEXT, 0, "", 0, 0, true, NULL,
     "A real inference that proves it warm. Required for the warmers exec and http; others make "
     "their own."},
    {"hints", OPTION_TEXT, 0, "", 0, 0, true, NULL,
     "What its upstream is told of agents' calls."},
    {"levels", OPTION_TEXT, 0, "", 0, 0, true, NULL,
     "List of up to 3 levels of warmth between cold and warm."},
};
const struct option_row config_level_keys[] = {
    {"up", OPTION_TEXT, 0, "", 0, CONFIG_COMMAND_MAX, true, NULL,
     "Brings it there from cold: a shell command or a call. It or sleep is required."},
    {"down", OPTION_TEXT, 0, "", 0, CONFIG_COMMAND_MAX, true, NULL,
     "From there to cold: a command or a call; what sleeps is unloaded besides."},
    {"sleep", OPTION_TEXT, 0, "", 0, CONFIG_COMMAND_MAX, true, NULL,
     "Brings it there from warm: a command or a call; its server goes on running."},
    {"wake", OPTION_TEXT, 0, "", 0, CONFIG_COMMAND_MAX, true, NULL,
     "Wakes what sleeps: a command or a call; absent: the probe does."},
};
const size_t config_level_key_count = sizeof config_level_keys / sizeof config_level_keys[0];
const size_t config_resource_key_count =
    sizeof config_resource_keys / sizeof config_resource_keys[0];
const struct option_row config_warmer_keys[] = {
    {"environment", OPTION_TEXT, 0, "", 0, 0, true, NULL,
     "exec: mapping of variables set for the command."},
    {"load", OPTION_TEXT, 0, "", 0, 0, true, NULL, "http: the call that loads it. Required."},
    {"unload", OPTION_TEXT, 0, "", 0, 0, true, NULL, "http: the call that unloads it. Required."},
    {"state", OPTION_TEXT, 0, "", 0, 0, true, NULL,
     "http: the call that tells whether it is loaded."},
    {"measure", OPTION_TEXT, 0, "", 0, 0, true, NULL,
     "http: the call that tells what it uses, with measure_json."},
    {"url", OPTION_TEXT, 0, "", 0, CONFIG_URL_MAX - 1, true, NULL,
     "Kinds of a server: where its own API is; absent: at the upstream."},
    {"headers", OPTION_TEXT, 0, "", 0, 0, true, NULL,
     "Kinds of a server: mapping of header fields for the calls to its API, such as an API key."},
};
const size_t config_warmer_key_count = sizeof config_warmer_keys / sizeof config_warmer_keys[0];
const struct option_row config_call_keys[] = {
    {"headers", OPTION_TEXT, 0, "", 0, 0, true, NULL, "Mapping of header fields."},
};
const size_t config_call_key_count = 1;
/* clang-format on */

/* Counts are constants of this file, so that the table below can be one. */
#define ROWS(rows) rows, sizeof rows / sizeof rows[0]
enum { EVENT_KEYS = 9 };                                    /* checked in config_event.c */
enum { PREFETCH_KEYS = 15 };                                /* checked in config_prefetch.c */
enum { ALERTS_KEYS = 9, RECEIVER_KEYS = 7, RULE_KEYS = 5 }; /* checked in config_alerts.c */
enum { SOURCE_KEYS = 8 };                                   /* checked in config_demand.c */
enum { EDGE_KEYS = 2 };
enum { DEVICE_KEYS = 4 }; /* checked in config_devices.c */
enum { HINT_KEYS = 5 };   /* checked in config_hints.c */
const struct config_section config_sections[] = {
    {"",
     "top level; control_X, tls_X, fallback_X, core_X, hints_X are written control: {X: ...}, ...",
     ROWS(config_option_rows)},
    {"", "top level, parts", ROWS(config_top_keys)},
    {"core.edges[]", "an edge that may send signed requests", config_edge_keys, EDGE_KEYS},
    {"devices[]", "one of several devices", config_device_keys, DEVICE_KEYS},
    {"events[]", "one planned event", config_event_keys, EVENT_KEYS},
    {"prefetch[]", "an upstream whose pages are kept and fetched ahead", config_prefetch_keys,
     PREFETCH_KEYS},
    {"demand", "where demand is read from", config_demand_keys, 1},
    {"demand.prometheus[]", "a Prometheus that demand is read from", config_source_keys,
     SOURCE_KEYS},
    {"alerts", "who is told when something is wrong", config_alerts_keys, ALERTS_KEYS},
    {"alerts.receivers[]", "one who is told", config_receiver_keys, RECEIVER_KEYS},
    {"alerts.rules.NAME", "one rule; docs/guide/alerts.md has their names and defaults",
     config_rule_keys, RULE_KEYS},
    {"resources[]", "one resource", ROWS(config_resource_rows)},
    {"resources[]", "one resource, parts", ROWS(config_resource_keys)},
    {"resources[].warmer", "how it is loaded and unloaded", ROWS(config_warmer_rows)},
    {"resources[].warmer", "how it is loaded and unloaded, parts", ROWS(config_warmer_keys)},
    {"resources[].hints", "what its upstream is told of agents' calls", config_hint_keys,
     HINT_KEYS},
    {"resources[].levels[]", "a level between cold and warm", ROWS(config_level_rows)},
    {"resources[].levels[]", "a level between cold and warm, parts", ROWS(config_level_keys)},
    {"resources[].probe, .warmer.load, .unload, .state", "one HTTP call", ROWS(config_call_rows)},
    {"resources[].probe, .warmer.load, .unload, .state", "one HTTP call, parts",
     ROWS(config_call_keys)},
};
const size_t config_section_count = sizeof config_sections / sizeof config_sections[0];
