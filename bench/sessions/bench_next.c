/* SPDX-License-Identifier: MIT
 * Which resource a session asks for next: the engine, asked just before every request of a session
 * it knows, beside what follows its latest two resources (learn/transitions.h), the larger sequence
 * learner (learn/sequence.h) and the answer "the last one again". All learn as they go; what lies
 * from SPLIT on is scored.
 *
 * usage: bench_next NAME COLUMNS SPLIT UNTIL TRACE...
 *   SPLIT, UNTIL  a date (2024-11-28), or a share of the trace's time (0.6): scored from, and to
 * prints a CSV row a predictor: requests asked about, share right, mean log loss (probabilities
 * given that the session goes on; at least 1e-4), answers that differ from the last one, and how
 * many more of those were right than the last one would have been. */
#include "core/engine.h"
#include "learn/decay.h"
#include "learn/following.h"
#include "learn/sequence.h"
#include "sim/trace.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENGINE, TRANSITIONS, SEQUENCE, REPEAT, PREDICTORS, SHOWN = 20, PAST = 32 };
static const char *const names[PREDICTORS] = {"engine", "transitions", "sequence", "repeat-last"};

struct guess {
    uint32_t resource;
    double probability;
};
struct guesses {
    struct guess of[SHOWN];
    size_t count;
};
struct score {
    uint64_t asked, right, differed;
    int64_t won;
    double loss;
};
/* What the predictors beside the engine know of a session. */
struct session {
    uint32_t items[PAST];
    uint32_t len;
    struct transition_context stands;
    int64_t at_ns;
};
struct bench {
    struct trace trace;
    struct engine *engine;
    struct transitions transitions;
    struct sequence *sequence;
    struct session *sessions;
    struct score scores[PREDICTORS];
    int64_t split_ns, until_ns;
    uint64_t first;
};

static void die(const char *what)
{
    fprintf(stderr, "bench_next: %s\n", what);
    exit(3);
}

static void note(struct score *score, const struct guesses *guesses, uint32_t last, uint32_t came)
{
    double sum = 0, probability = 0;
    uint32_t best = guesses->count > 0 ? guesses->of[0].resource : UINT32_MAX;
    for (size_t i = 0; i < guesses->count; i++) {
        sum += guesses->of[i].probability;
        if (guesses->of[i].resource == came)
            probability = guesses->of[i].probability;
    }
    probability = sum > 0 ? probability / sum : 0;
    score->asked++;
    score->right += best == came;
    score->differed += best != last;
    score->won += (best == came) - (last == came);
    score->loss -= decay_log(probability > 1e-4 ? probability : 1e-4);
}

static void ask_engine(const struct bench *bench, uint64_t session, struct guesses *guesses)
{
    struct next_resource next[SHOWN];
    guesses->count = engine_next(bench->engine, session, next, SHOWN);
    for (size_t i = 0; i < guesses->count; i++)
        guesses->of[i] = (struct guess){next[i].resource, next[i].probability};
}

static void ask_transitions(const struct bench *bench, const struct session *session,
                            struct guesses *guesses)
{
    struct transition_guess told[TRANSITION_GUESSES];
    guesses->count =
        transitions_guess(&bench->transitions, session->stands, 0, told, TRANSITION_GUESSES);
    for (size_t i = 0; i < guesses->count; i++)
        guesses->of[i] = (struct guess){told[i].resource, told[i].probability};
}

static void ask_sequence(struct bench *bench, const struct session *session,
                         struct guesses *guesses)
{
    struct sequence_guess told[SHOWN];
    guesses->count = sequence_predict(bench->sequence, session->items, session->len, told, SHOWN);
    for (size_t i = 0; i < guesses->count; i++)
        guesses->of[i] = (struct guess){told[i].item, told[i].probability};
}

/* The last one again, with the share that it is right of all requests so far. */
static void ask_repeat(const struct session *session, struct guesses *guesses)
{
    guesses->count = 1;
    guesses->of[0] = (struct guess){session->stands.last, 1};
}

static void ask_all(struct bench *bench, const struct trace_request *request)
{
    struct session *session = &bench->sessions[request->session_number];
    struct guesses guesses[PREDICTORS];
    ask_engine(bench, request->session, &guesses[ENGINE]);
    ask_transitions(bench, session, &guesses[TRANSITIONS]);
    ask_sequence(bench, session, &guesses[SEQUENCE]);
    ask_repeat(session, &guesses[REPEAT]);
    if (request->at_ns >= bench->split_ns && request->at_ns < bench->until_ns)
        for (int i = 0; i < PREDICTORS; i++)
            note(&bench->scores[i], &guesses[i], session->stands.last, request->resource);
    sequence_adapt(bench->sequence, &request->resource, 1);
    sequence_learn(bench->sequence, session->items, session->len, request->resource);
    transitions_learn(&bench->transitions, session->stands, request->resource,
                      request->at_ns - session->at_ns);
}

static void learn(struct bench *bench, const struct trace_request *request)
{
    struct session *session = &bench->sessions[request->session_number];
    if (session->len == PAST) {
        session->len--;
        memmove(session->items, session->items + 1, (PAST - 1) * sizeof *session->items);
    }
    session->items[session->len++] = request->resource;
    session->stands.before = session->len > 1 ? session->stands.last : TRANSITION_START;
    session->stands.last = request->resource;
    session->at_ns = request->at_ns;
    if (transitions_visit(&bench->transitions, session->stands, request->at_ns) != FW_OK)
        die("no memory");
}

static void step(struct bench *bench, struct action_list *actions, struct event event)
{
    actions->count = 0;
    if (engine_step(bench->engine, &event, actions) != FW_OK)
        die("the engine failed");
}

static void start(struct bench *bench)
{
    struct engine_settings settings;
    struct fw_detail detail = {""};
    option_defaults(engine_option_rows, engine_option_count, &settings);
    if (engine_create(&bench->engine, &settings, NULL, &detail) != FW_OK)
        die(detail.text);
    if (sequence_create(&bench->sequence, &sequence_defaults) != FW_OK)
        die("no memory");
    transitions_init(&bench->transitions, settings.transitions);
    bench->sessions = calloc(bench->trace.sessions.count + 1u, sizeof *bench->sessions);
    if (!bench->sessions)
        die("no memory");
}

static void run(struct bench *bench)
{
    struct action_list actions = {0};
    for (uint32_t i = 0; i < bench->trace.resources.count; i++) {
        struct resource_settings settings = {.hold_timeout_ns = RESOURCE_INHERITS};
        struct event event = {.kind = EVENT_RESOURCE,
                              .at_ns = bench->trace.requests[0].at_ns,
                              .resource = i,
                              .id = table_key(&bench->trace.resources, i),
                              .settings = &settings};
        step(bench, &actions, event);
    }
    for (size_t i = 0; i < bench->trace.count; i++) {
        const struct trace_request *request = &bench->trace.requests[i];
        if (request->session_number == TABLE_NONE)
            continue;
        if (bench->sessions[request->session_number].len > 0)
            ask_all(bench, request);
        learn(bench, request);
        step(bench, &actions,
             (struct event){.kind = EVENT_OBSERVED,
                            .at_ns = request->at_ns,
                            .resource = request->resource,
                            .session = request->session});
    }
    action_list_fini(&actions);
}

static int64_t instant(const struct trace *trace, const char *text)
{
    double share;
    int64_t at_ns, first_ns = trace->requests[0].at_ns,
                   last_ns = trace->requests[trace->count - 1].at_ns;
    if (trace_time_parse(str_of(text), TRACE_TIME_ISO, &at_ns))
        return at_ns;
    if (!str_to_double(str_of(text), &share))
        die("SPLIT, UNTIL: expected a date or a share");
    return first_ns + (int64_t)(share * (double)(last_ns - first_ns)) + (share >= 1);
}

static void finish(struct bench *bench)
{
    engine_destroy(&bench->engine);
    sequence_free(&bench->sequence);
    transitions_fini(&bench->transitions);
    free(bench->sessions);
    trace_fini(&bench->trace);
}

int main(int argc, char **argv)
{
    struct bench bench = {0};
    struct trace_options options = {.skip_bad_rows = true};
    struct fw_detail detail = {""};
    if (argc < 6) {
        fprintf(stderr, "usage: bench_next NAME COLUMNS SPLIT UNTIL TRACE...\n");
        return 2;
    }
    snprintf(options.columns, sizeof options.columns, "%s", argv[2]);
    for (int i = 5; i < argc; i++) {
        const char *path = argv[i];
        trace_init(&bench.trace);
        if (trace_read(&bench.trace, &path, 1, &options, &detail) != FW_OK)
            die(detail.text);
        bench.split_ns = instant(&bench.trace, argv[3]);
        bench.until_ns = instant(&bench.trace, argv[4]);
        start(&bench);
        run(&bench);
        finish(&bench);
    }
    printf("name,predictor,asked,right_pct,log_loss,differed,won\n");
    for (int i = 0; i < PREDICTORS; i++) {
        const struct score *score = &bench.scores[i];
        double asked = score->asked > 0 ? (double)score->asked : 1;
        printf("\"%s\",%s,%llu,%.2f,%.4f,%llu,%lld\n", argv[1], names[i],
               (unsigned long long)score->asked, 100 * (double)score->right / asked,
               score->loss / asked, (unsigned long long)score->differed, (long long)score->won);
    }
    return 0;
}
