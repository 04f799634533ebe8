/* SPDX-License-Identifier: MIT */
#include "core/settings.h"

#define AT(field) offsetof(struct engine_settings, field)
#define SECOND    1e9
#define HOUR      3600e9

/* clang-format off */
const struct option_row engine_option_rows[] = {
    {"policy", OPTION_TEXT, AT(policy), "planner", 0, 0, false, NULL,
     "What decides when a resource is kept warm and warmed ahead: planner, ttl:DUR, lru, median, hybrid, breakeven or cold."},
    {"memory", OPTION_SIZE, AT(memory), "unlimited", 0, 0, true, NULL,
     "Bytes that warm resources may use together."},
    {"host_memory", OPTION_SIZE, AT(host_memory), "unlimited", 0, 0, true, NULL,
     "Bytes of host memory that half warm resources may use together."},
    {"devices", OPTION_TEXT, AT(devices), "", 0, 0, false, NULL,
     "Several devices instead of memory: [NAME=][COUNTx]SIZE[@SIZE/s][*LOADS], separated by blanks, such as 2x24GiB; "
     "with the bandwidth of loading and the loads at the same time on each. In YAML also a list of mappings."},
    {"wait_price", OPTION_DOUBLE, AT(wait_price), "54", 0, 1e6, false, NULL,
     "Warm seconds that one second of a user's waiting is worth; 54 is what a 10 minute time-out at an 11 s load implies."},
    {"idle_price", OPTION_DOUBLE, AT(idle_price), "1", 0, 1e6, false, NULL,
     "Price of one second in which a resource is warm and unused."},
    {"baseline", OPTION_DURATION, AT(baseline_ns), "0s", 0, 24 * HOUR, false, NULL,
     "The keep-alive timer you have: the planner begins with it, and returns to it where it has cost more; 0 means as long as a cold start would cost."},
    {"dwell", OPTION_DURATION, AT(dwell_ns), "1m", 0, 24 * HOUR, true, NULL,
     "Longest stay of what was just loaded while others wait for its room: only where what made way was soon asked for again, three "
     "times in a row, and never longer than loading takes; 0s: none."},
    {"load_time", OPTION_DURATION, AT(load_time_ns), "11s", 0, 24 * HOUR, true, NULL,
     "Expected load time of a resource until its own loads have been measured."},
    {"max_loads", OPTION_INT, AT(max_loads), "0", 0, 1e6, true, NULL,
     "Loads at the same time; 0 means one under a memory budget, what each of the devices allows with devices, and any number otherwise."},
    {"hold_timeout", OPTION_DURATION, AT(hold_timeout_ns), "120s", 0, 24 * HOUR, true, NULL,
     "How long a request may be held while its resource warms."},
    {"hold_limit", OPTION_INT, AT(hold_limit), "512", 1, 1e6, true, NULL,
     "Requests held for one resource; one more is refused."},
    {"hold_total", OPTION_INT, AT(hold_total), "4096", 1, 1e7, false, NULL,
     "Requests held for all resources together."},
    {"enable_prewarming", OPTION_BOOL, AT(enable_prewarming), "true", 0, 0, true, NULL,
     "Warm resources before they are asked for; off: only requests, operators and pins cause loads."},
    {"prewarm_min_requests", OPTION_INT, AT(prewarm_min_requests), "10", 1, 1e6, false, NULL,
     "Requests the median rule must have seen before it predicts."},
    {"prewarm_horizon", OPTION_DURATION, AT(prewarm_horizon_ns), "5m", SECOND, 24 * HOUR, false, NULL,
     "How far ahead the median rule predicts."},
    {"prewarm_lead_time", OPTION_DURATION, AT(prewarm_lead_time_ns), "2m", SECOND, 24 * HOUR, false, NULL,
     "How long before a predicted request the median rule warms."},
    {"prewarm_tick", OPTION_DURATION, AT(prewarm_tick_ns), "30s", SECOND, HOUR, false, NULL,
     "How often the median rule looks."},
    {"prewarm_expiry", OPTION_DURATION, AT(prewarm_expiry_ns), "5m", SECOND, 24 * HOUR, true, NULL,
     "A resource warmed ahead for a hint, a page or the median rule is let go when unused this long."},
    {"history", OPTION_INT, AT(history), "1000", 1, 1e6, false, NULL,
     "Requests the rolling history remembers."},
    {"cooldown", OPTION_DURATION, AT(cooldown_ns), "15m", 0, 24 * HOUR, true, NULL,
     "After a warm-up for a hint or page went unused, further ones for that resource are ignored this long."},
    {"retry_min", OPTION_DURATION, AT(retry_min_ns), "1s", 1e6, HOUR, true, NULL,
     "Pause after a failed warm-up; doubles with each failure in a row."},
    {"retry_max", OPTION_DURATION, AT(retry_max_ns), "5m", 1e6, 24 * HOUR, true, NULL,
     "Longest pause after failed warm-ups."},
    {"budget_warmups", OPTION_INT, AT(budget.warmups), "0", 0, 1e6, true, NULL,
     "Warm-ups of all resources in any hour, those that requests cause included; when they are spent nothing is warmed ahead. 0: no limit."},
    {"budget_loading", OPTION_DURATION, AT(budget.loading_ns), "0s", 0, 1000 * HOUR, true, NULL,
     "Loading time in any hour, times the devices that load, such as 10m; when it is spent nothing is warmed ahead. 0s: no limit."},
    {"budget_usd", OPTION_DOUBLE, AT(budget.usd), "0", 0, 1e9, true, NULL,
     "US dollars that loading may cost in any day, at hour_price; when they are spent nothing is warmed ahead. 0: no limit."},
    {"budget_strict", OPTION_BOOL, AT(budget_strict), "false", 0, 0, true, NULL,
     "Requests and pins have to keep to the budgets too: what is cold then goes to the fallback or is refused."},
    {"hour_price", OPTION_DOUBLE, AT(hour_price_usd), "3.5", 0, 1e6, true, NULL,
     "US dollars that an hour of one device costs; for the accounts and budget_usd."},
    {"breaker_failures", OPTION_INT, AT(breaker_failures), "5", 0, 1000, true, NULL,
     "Failed warm-ups in a row, of at least two resources of one server, after which it is left alone for retry_max and then tried with one at a time; 0: never."},
    {"yield_in_flight", OPTION_INT, AT(yield_in_flight), "0", 0, 1e6, true, NULL,
     "Warming ahead waits while more than this many requests run on the same server or device; 0: it does not wait."},
    {"yield_max", OPTION_DURATION, AT(yield_max_ns), "30s", 0, HOUR, true, NULL,
     "Longest time that warming ahead waits for them."},
    {"max_resources", OPTION_INT, AT(max_resources), "1048576", 1, 1 << 24, false, NULL,
     "Resources that can be known."},
    {"max_sessions", OPTION_INT, AT(max_sessions), "100000", 1, 1e7, false, NULL,
     "Sessions remembered; the one longest silent is forgotten first."},
    {"transitions", OPTION_SIZE, AT(transitions), "16MiB", 0, 0, false, NULL,
     "Memory for what follows what within sessions, taken as it is needed; 0B: sessions foretell nothing."},
    {"seed", OPTION_INT, AT(seed), "1", 0, 9e15, false, NULL,
     "Seed of everything that is random."},
};
const size_t engine_option_count = sizeof engine_option_rows / sizeof engine_option_rows[0];

const struct option_alias engine_option_aliases[] = {
    {"EDGE_ENABLE_PREWARMING", "enable_prewarming", ""},
    {"EDGE_PREWARM_MIN_REQUESTS", "prewarm_min_requests", ""},
    {"EDGE_PREWARM_HORIZON_MINUTES", "prewarm_horizon", "m"},
    {"EDGE_PREWARM_LEAD_TIME_MINUTES", "prewarm_lead_time", "m"},
};
const size_t engine_option_alias_count = sizeof engine_option_aliases / sizeof engine_option_aliases[0];

#undef AT
#define AT(field) offsetof(struct resource_settings, field)
static const char *const on_cold_choices[] = {"hold", "fallback", "refuse", "soonest", NULL};

/* "never" stands for "as the engine has it": see RESOURCE_INHERITS. */
const struct option_row resource_option_rows[] = {
    {"memory", OPTION_SIZE, AT(memory), "0B", 0, 0, true, NULL,
     "Bytes it uses while warm; 0B: unknown until measured."},
    {"on_cold", OPTION_CHOICE, AT(on_cold), "hold", 0, 0, true, on_cold_choices,
     "What a request meets while it is cold: hold it, send it to the fallback, refuse it, or what of the first two answers soonest."},
    {"hold_timeout", OPTION_DURATION, AT(hold_timeout_ns), "never", 0, 0, true, NULL,
     "How long a request may be held for it; absent: the general hold_timeout."},
    {"load_time", OPTION_DURATION, AT(load_time_ns), "never", 0, 24 * HOUR, true, NULL,
     "Its expected load time until measured; absent: the general load_time."},
    {"priority", OPTION_INT, AT(priority), "0", -1000, 1000, true, NULL,
     "Higher is loaded first and evicted last."},
    {"span", OPTION_INT, AT(span), "1", 1, 16, true, NULL,
     "Devices it is spread over, an equal part on each."},
    {"pin", OPTION_BOOL, AT(pin), "false", 0, 0, true, NULL,
     "Keep it warm always."},
    {"budget_warmups", OPTION_INT, AT(budget.warmups), "0", 0, 1e6, true, NULL,
     "Its own warm-ups in any hour; 0: no limit but the general one."},
    {"budget_loading", OPTION_DURATION, AT(budget.loading_ns), "0s", 0, 1000 * HOUR, true, NULL,
     "Its own loading time in any hour, times its devices; 0s: no limit but the general one."},
    {"budget_usd", OPTION_DOUBLE, AT(budget.usd), "0", 0, 1e9, true, NULL,
     "US dollars that its loading may cost in any day; 0: no limit but the general one."},
};
const size_t resource_option_count = sizeof resource_option_rows / sizeof resource_option_rows[0];

#undef AT
#define AT(field) offsetof(struct level_settings, field)
const struct option_row level_option_rows[] = {
    {"host_memory", OPTION_SIZE, AT(host_memory), "0B", 0, 0, true, NULL,
     "Bytes of host memory it keeps."},
    {"memory", OPTION_SIZE, AT(memory), "0B", 0, 0, true, NULL,
     "Bytes it keeps of what it uses while warm."},
    {"idle_price", OPTION_DOUBLE, AT(idle_price), "0.1", 0, 1e6, true, NULL,
     "Price of one second at this level; the general idle_price is that of a warm one."},
    {"load_time", OPTION_DURATION, AT(load_time_ns), "never", 0, 24 * HOUR, true, NULL,
     "Expected time from this level to warm until measured; absent: a quarter of a cold load."},
};
const size_t level_option_count = sizeof level_option_rows / sizeof level_option_rows[0];
/* clang-format on */
