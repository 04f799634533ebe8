/* SPDX-License-Identifier: MIT
 * Runs of agents in, call hints out. Both are worked on by the runs' thread: what it has answered
 * is kept, and what was kept before an answer is in the next one. */
#include "edge/run_record.h"
/* jansson first, see base/json.h */
#include "base/time.h"
#include "edge/control_part.h"
#include "edge/form.h"
#include <stdlib.h>

enum { ERRORS_SHOWN = 100, PATH_MAX_ELEMENTS = 64, QUERY_TEXT_MAX = 32 << 10 };

struct work {
    struct runs_task task;
    struct call *call;
};

/* To the runs' thread, and back by control_finish. */
static void hand_over(struct control *control, struct work *work)
{
    exchange_set_context(work->call->exchange, work->call);
    runs_do(control->setup.runs, &work->task);
}

/* ---- runs in ---- */

struct posting {
    struct runs_batch batch;
    struct json *errors;
    uint64_t rejected;
};

static enum fw_err add(struct posting *posting, size_t number, struct str item,
                       struct fw_detail *detail)
{
    const struct run_record_place place = {.file = "runs", .line = number};
    struct run_record record;
    FW_TRY(run_record_parse(&record, item, &place, STR(""), detail));
    struct str *models = calloc((size_t)record.run.count + 1, sizeof *models);
    enum fw_err err = models ? FW_OK : FW_NOMEM;
    for (uint32_t i = 0; models && i < record.run.count; i++)
        models[i] = record.more[i].model.len > 0 ? record.more[i].model : record.more[i].name;
    if (err == FW_OK)
        err = runs_batch_add(&posting->batch, record.id, &record.run, models, detail);
    free(models);
    run_record_fini(&record);
    return err;
}

static void take_item(void *context, size_t number, struct str item)
{
    struct posting *posting = context;
    struct fw_detail detail = {{0}};
    enum fw_err err = add(posting, number, item, &detail);
    if (err == FW_OK)
        return;
    posting->rejected++;
    if (posting->rejected > ERRORS_SHOWN)
        return;
    json_object(posting->errors);
    json_key_uint(posting->errors, "line", number);
    json_key_text(posting->errors, "error", detail.text[0] ? detail.text : err_row(err)->sentence);
    json_object_end(posting->errors);
}

static void answer_posting(struct call *call, const struct posting *posting, uint64_t known,
                           struct str errors)
{
    struct json json;
    json_init(&json, &call->out, false);
    json_object(&json);
    json_key_uint(&json, "accepted", posting->batch.count - known);
    json_key_uint(&json, "known", known);
    json_key_uint(&json, "rejected", posting->rejected);
    json_key(&json, "errors");
    json_raw(&json, errors);
    json_object_end(&json);
    call->status = posting->batch.count > 0 ? 200 : 400;
}

/* {"accepted","known","rejected","errors":[{"line","error"}]}; 400 when every line was wrong. */
static void post(struct runs *runs, struct runs_task *task)
{
    struct call *call = ((struct work *)task)->call;
    free(task);
    struct buf errors_text;
    struct json errors;
    uint64_t known = 0;
    buf_init(&errors_text, 1 << 20);
    json_init(&errors, &errors_text, false);
    json_array(&errors);
    struct posting posting = {.errors = &errors};
    runs_batch_init(&posting.batch);
    call->err = runs_stopping(runs)
                    ? FW_CLOSED
                    : control_body_each(buf_str(&call->body), take_item, &posting, &call->detail);
    json_array_end(&errors);
    if (call->err == FW_OK && posting.batch.count + posting.rejected == 0)
        call->err =
            err_set(&call->detail, FW_INPUT, "the body is empty, expected one run record a line");
    if (call->err == FW_OK)
        call->err = runs_commit(runs, &posting.batch, &known, &call->detail);
    runs_count_refused(runs, posting.rejected);
    if (call->err == FW_OK)
        answer_posting(call, &posting, known, buf_str(&errors_text));
    else if (call->err == FW_UNREACHABLE)
        call->retry_after_s = 1;
    runs_batch_fini(&posting.batch);
    buf_fini(&errors_text);
    control_finish(call->control, call);
}

void control_runs(struct control *control, struct call *call)
{
    struct work *work = malloc(sizeof *work);
    if (!work) {
        call->err = FW_NOMEM;
        control_send(call);
        return;
    }
    *work = (struct work){{.run = post}, call};
    hand_over(control, work);
}

/* ---- hints out ---- */

struct question {
    struct str agent, path[PATH_MAX_ELEMENTS];
    uint32_t depth, index, ordinal;
    enum callpath_dialect dialect;
    size_t used;
    char text[QUERY_TEXT_MAX];
};

static enum fw_err take_text(struct question *question, const char *name, struct str raw,
                             struct str *value, struct fw_detail *detail)
{
    size_t len;
    char *to = question->text + question->used;
    enum form_find found = form_decode(raw, true, to, sizeof question->text - question->used, &len);
    if (found == FORM_FOUND && len > 0 && len <= CALLPATH_NAME_MAX) {
        *value = (struct str){to, len};
        question->used += len + 1;
        return FW_OK;
    }
    return err_set(detail, FW_INPUT,
                   "%s: found %zu bytes, expected 1 to %d of percent-encoded text", name, raw.len,
                   CALLPATH_NAME_MAX);
}

static enum fw_err take_number(const char *name, struct str raw, uint32_t *value,
                               struct fw_detail *detail)
{
    uint64_t number;
    if (!str_to_uint64(raw, &number) || number == 0 || number > UINT32_MAX)
        return err_set(detail, FW_INPUT, "%s: found \"%.*s\", expected a number from 1", name,
                       (int)(raw.len < 40 ? raw.len : 40), raw.data);
    *value = (uint32_t)number;
    return FW_OK;
}

static enum fw_err take_dialect(struct question *question, struct str raw, struct fw_detail *detail)
{
    static const char *const names[] = {
#define X(id, name) name,
        HINT_DIALECTS(X)
#undef X
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (str_equal(raw, str_of(names[i]))) {
            question->dialect = (enum callpath_dialect)i;
            return FW_OK;
        }
    return err_set(detail, FW_INPUT, "dialect: found \"%.*s\", expected dynamo, legacy or strict",
                   (int)(raw.len < 40 ? raw.len : 40), raw.data);
}

static enum fw_err take_pair(struct question *question, struct str key, struct str raw,
                             struct fw_detail *detail)
{
    if (str_equal(key, STR("agent")))
        return take_text(question, "agent", raw, &question->agent, detail);
    if (str_equal(key, STR("call")))
        return take_number("call", raw, &question->index, detail);
    if (str_equal(key, STR("ordinal")))
        return take_number("ordinal", raw, &question->ordinal, detail);
    if (str_equal(key, STR("dialect")))
        return take_dialect(question, raw, detail);
    if (!str_equal(key, STR("path")))
        return err_set(detail, FW_INPUT,
                       "found \"%.*s\", expected agent, path, call, ordinal or dialect",
                       (int)(key.len < 40 ? key.len : 40), key.data);
    if (question->depth == PATH_MAX_ELEMENTS)
        return err_set(detail, FW_INPUT, "path: found more than %d elements", PATH_MAX_ELEMENTS);
    return take_text(question, "path", raw, &question->path[question->depth++], detail);
}

static enum fw_err read_question(struct question *question, struct str query,
                                 struct fw_detail *detail)
{
    struct str pair, key;
    *question = (struct question){.index = 1};
    while (query.len > 0 && str_cut(&query, '&', &pair)) {
        if (pair.len == 0)
            continue;
        struct str value = pair;
        if (!str_cut(&value, '=', &key))
            continue;
        FW_TRY(take_pair(question, key, value.data ? value : STR(""), detail));
    }
    if (question->agent.len == 0)
        return err_set(detail, FW_INPUT, "agent: missing, expected the agent's name");
    if (question->ordinal == 0)
        question->ordinal = question->index;
    return FW_OK;
}

static void write_metric(struct json *json, const char *key, const struct callpath_metric *metric)
{
    json_key(json, key);
    json_object(json);
    json_key_uint(json, "sample_count", metric->samples);
    json_key_double(json, "mean", metric->mean);
    json_key_double(json, "p50", metric->p50);
    json_key_double(json, "p90", metric->p90);
    json_key_double(json, "p95", metric->p95);
    json_object_end(json);
}

static void write_prediction(struct json *json, const struct callpath_prediction *prediction)
{
    json_key(json, "prediction");
    json_object(json);
    write_metric(json, "remaining_calls", &prediction->metrics[CALLPATH_REMAINING]);
    write_metric(json, "interarrival_ms", &prediction->metrics[CALLPATH_INTERARRIVAL]);
    write_metric(json, "output_tokens", &prediction->metrics[CALLPATH_TOKENS]);
    json_key(json, "latency_sensitivity");
    if (prediction->level > 0)
        json_uint(json, prediction->level);
    else
        json_null(json);
    json_object_end(json);
}

/* What is not known is left out. */
static void write_hints(struct json *json, const struct question *question,
                        const struct runs_answer *answer)
{
    const struct callpath_hints *hints = &answer->hints;
    json_key(json, "hints");
    json_object(json);
    if (hints->known & CALLPATH_HINT_OSL)
        json_key_uint(json, "osl", hints->osl);
    if (hints->known & CALLPATH_HINT_IAT)
        json_key_uint(json, "iat", hints->iat_ms);
    if (hints->known & CALLPATH_HINT_LEVEL) {
        json_key_uint(
            json, question->dialect == CALLPATH_STRICT ? "strict_priority" : "priority",
            callpath_priority(question->dialect, hints->level, answer->scale, answer->scale));
        json_key_uint(json, "latency_sensitivity", hints->level);
    }
    if (hints->known & CALLPATH_HINT_TOTAL)
        json_key_uint(json, "total_requests", hints->total_requests);
    json_object_end(json);
}

static void write_next(struct json *json, const struct runs_answer *answer)
{
    json_key(json, "next");
    json_array(json);
    for (size_t i = 0; i < answer->guess_count; i++) {
        json_object(json);
        json_key_str(json, "model", answer->guesses[i].model);
        json_key_fixed(json, "probability", answer->guesses[i].probability, 3);
        json_key_fixed(json, "after_s", time_to_seconds(answer->guesses[i].delay_ns), 3);
        json_object_end(json);
    }
    json_array_end(json);
}

static void write_answer(struct json *json, const struct question *question,
                         const struct runs_answer *answer)
{
    json_object(json);
    json_key_str(json, "agent", question->agent);
    json_key(json, "path");
    json_array(json);
    for (uint32_t i = 0; i < question->depth; i++)
        json_str(json, question->path[i]);
    json_array_end(json);
    json_key_uint(json, "call_index", question->index);
    if (answer->found) {
        json_key_uint(json, "sample_count", answer->hints.samples);
        json_key_uint(json, "matched_depth", answer->hints.depth);
        json_key(json, "matched_index");
        if (answer->hints.index == CALLPATH_ANY)
            json_null(json);
        else
            json_uint(json, answer->hints.index);
        write_prediction(json, &answer->prediction);
        write_hints(json, question, answer);
    } else {
        json_key_uint(json, "sample_count", 0);
        json_key_text(json, "matched_depth", NULL);
        json_key_text(json, "matched_index", NULL);
        json_key_text(json, "prediction", NULL);
        json_key_text(json, "hints", NULL);
    }
    write_next(json, answer);
    json_object_end(json);
}

struct asking {
    struct work work;
    struct question question;
};

static void ask(struct runs *runs, struct runs_task *task)
{
    struct asking *asking = (struct asking *)task;
    struct call *call = asking->work.call;
    struct runs_answer answer;
    struct json json;
    runs_ask(runs, asking->question.agent, asking->question.path, asking->question.depth,
             asking->question.index, asking->question.ordinal, &answer);
    json_init(&json, &call->out, false);
    write_answer(&json, &asking->question, &answer);
    free(asking);
    control_finish(call->control, call);
}

void control_call_hints(struct control *control, struct call *call)
{
    struct asking *asking = malloc(sizeof *asking);
    call->err = asking ? read_question(&asking->question, exchange_request(call->exchange)->query,
                                       &call->detail)
                       : FW_NOMEM;
    if (call->err != FW_OK) {
        free(asking);
        control_send(call);
        return;
    }
    asking->work = (struct work){{.run = ask}, call};
    hand_over(control, &asking->work);
}
