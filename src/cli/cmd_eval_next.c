/* SPDX-License-Identifier: MIT
 * forewarm eval next: how well what comes next in sessions is foretold, by public protocols. */
#include "base/json.h"
#include "base/prng.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/eval_score.h"
#include "cli/output.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { PROTOCOL_P1, PROTOCOL_P2, PREDICTORS_MAX = 16, SHUFFLES_MAX = 100 };

struct next_options {
    int protocol;
    int64_t folds, suffix, window, shuffles, seed, first;
    char predictor[OPTION_TEXT_MAX];
};
#define AT(field) offsetof(struct next_options, field)
static const char *const protocols[] = {"p1", "p2", NULL};
static const struct args_row next_rows[] = {
    {{"protocol", OPTION_CHOICE, AT(protocol), "p2", 0, 0, false, protocols,
      "p1: ends of sessions, in folds; p2: every item, predicted then learned"},
     NULL,
     0},
    {{"predictor", OPTION_TEXT, AT(predictor), "all", 0, 0, false, NULL,
      "mix, markov1, sequential, pattern, user, stride, repeat-last, several with commas, or all"},
     "LIST",
     0},
    {{"folds", OPTION_INT, AT(folds), "14", 2, 1000, false, NULL, "p1: parts of the file"},
     NULL,
     0},
    {{"suffix", OPTION_INT, AT(suffix), "1", 1, 16, false, NULL,
      "p1: items at a session's end of which any is right"},
     NULL,
     0},
    {{"window", OPTION_INT, AT(window), "5", 1, 64, false, NULL,
      "p1: items before them that are shown"},
     NULL,
     0},
    {{"shuffles", OPTION_INT, AT(shuffles), "0", 0, SHUFFLES_MAX, false, NULL,
      "p1: the mean over so many orders of the sessions; 0: the file's own"},
     NULL,
     0},
    {{"seed", OPTION_INT, AT(seed), "1", 0, 0, false, NULL, "of the shuffles"}, NULL, 0},
    {{"first", OPTION_INT, AT(first), "0", 0, 1e9, false, NULL,
      "use only so many sessions from the beginning; 0: all"},
     NULL,
     0},
};
static const struct args_spec next_spec = {
    .command = "eval next",
    .operands = "SESSIONS",
    .sentence = "Scores predictors of the next item on sessions: a session a line, items separated "
                "by blanks; plain or zipped, - is standard input.",
    .rows = next_rows,
    .row_count = sizeof next_rows / sizeof next_rows[0],
    .operands_min = 1,
    .operands_max = 1,
    .more = "p1 counts a session of no more than --suffix items as asked and not answered.\n"
            "The sequential strategy takes a bare number 7 as item_7.\n"
            "Exit status: 0 done, 2 wrong usage or a line that cannot be read, 3 the world failed.",
};

/* ---- which predictors ---- */

static enum fw_err choose(const char *list, const struct eval_predictor *chosen[PREDICTORS_MAX],
                          size_t *count, struct fw_detail *detail)
{
    struct str rest = str_of(list), name;
    *count = 0;
    while (str_cut(&rest, ',', &name)) {
        bool found = false;
        for (size_t i = 0; i < eval_predictor_count && *count < PREDICTORS_MAX; i++) {
            if (!str_equal(name, STR("all")) && !str_equal(name, str_of(eval_predictors[i].name)))
                continue;
            chosen[(*count)++] = &eval_predictors[i];
            found = true;
        }
        if (!found)
            return err_set(detail, FW_USAGE,
                           "--predictor: found \"%.*s\", expected mix, markov1, sequential, "
                           "pattern, user, stride, repeat-last or all",
                           STR_ARG(name));
    }
    return FW_OK;
}

/* ---- running ---- */

static void shuffle(size_t *order, size_t count, uint64_t seed)
{
    struct prng prng;
    prng_init(&prng, seed);
    for (size_t i = count; i > 1; i--) {
        size_t j = (size_t)prng_below(&prng, i), kept = order[i - 1];
        order[i - 1] = order[j];
        order[j] = kept;
    }
}

static enum fw_err run_one(const struct eval_predictor *predictor,
                           const struct eval_sessions *sessions, const struct next_options *options,
                           struct eval_score *score)
{
    FW_TRY(eval_score_init(score));
    if (options->protocol == PROTOCOL_P2)
        return eval_prequential(predictor, sessions, score);
    size_t *order = malloc(sessions->count * sizeof *order);
    struct eval_how how = {(size_t)options->folds, (uint32_t)options->suffix,
                           (uint32_t)options->window, order};
    enum fw_err err = order ? FW_OK : FW_NOMEM;
    int64_t rounds = options->shuffles > 0 ? options->shuffles : 1;
    for (int64_t round = 0; err == FW_OK && round < rounds; round++) {
        for (size_t i = 0; i < sessions->count; i++)
            order[i] = i;
        if (options->shuffles > 0)
            shuffle(order, sessions->count, prng_mix((uint64_t)options->seed, (uint64_t)round));
        err = eval_folds(predictor, sessions, &how, score);
    }
    free(order);
    return err;
}

/* ---- telling ---- */

static double share(uint64_t part, uint64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : NAN;
}

static void json_admission(struct json *json, const struct eval_score *score)
{
    json_key(json, "admission");
    json_array(json);
    for (int t = 0; t < EVAL_THRESHOLDS; t++) {
        json_object(json);
        json_key_fixed(json, "above", t == 0 ? NAN : eval_thresholds[t], 1);
        json_key_fixed(json, "issued_per_request", share(score->issued[t], score->asked), 4);
        json_key_fixed(json, "precision", share(score->useful[t], score->issued[t]), 4);
        json_key_fixed(json, "coverage", share(score->useful[t], score->asked), 4);
        json_object_end(json);
    }
    json_array_end(json);
    json_key(json, "calibration");
    json_array(json);
    for (int i = 0; i < EVAL_DECILES; i++) {
        const struct eval_decile *decile = &score->deciles[i];
        json_object(json);
        json_key_uint(json, "guesses", decile->count);
        json_key_fixed(json, "predicted", decile->predicted / (double)decile->count, 4);
        json_key_fixed(json, "observed", share(decile->hits, decile->count), 4);
        json_object_end(json);
    }
    json_array_end(json);
}

static void json_score(struct json *json, const char *name, const struct eval_score *score,
                       int protocol)
{
    uint64_t all = score->asked + score->too_small;
    json_object(json);
    json_key_text(json, "name", name);
    json_key_uint(json, "positions", all);
    json_key_fixed(json, "accuracy", share(score->hits, all), 4);
    json_key_fixed(json, "coverage", share(score->answered, all), 4);
    json_key_fixed(json, "hit_at_3", share(score->hits_3, all), 4);
    json_key_fixed(json, "mrr_at_20", all > 0 ? score->reciprocal / (double)all : NAN, 4);
    if (protocol == PROTOCOL_P2) {
        json_key_fixed(json, "calibration_error", eval_calibration_error(score), 4);
        json_admission(json, score);
    }
    json_key_double(json, "observe_ns_p50", eval_median_ns(score->observe_times));
    json_key_double(json, "predict_ns_p50", eval_median_ns(score->predict_times));
    json_key_uint(json, "bytes", score->bytes);
    json_object_end(json);
}

enum { COLUMNS = 9 };

static void table_row(char text[COLUMNS][STR_NUMBER_MAX], const char *name,
                      const struct eval_score *score, int protocol)
{
    uint64_t all = score->asked + score->too_small;
    const double shares[] = {share(score->hits, all), share(score->hits_3, all),
                             all > 0 ? score->reciprocal / (double)all : NAN,
                             share(score->answered, all)};
    snprintf(text[0], STR_NUMBER_MAX, "%s", name);
    for (int i = 0; i < 4; i++)
        str_from_fixed(100 * shares[i], 2, text[1 + i]);
    str_from_fixed(protocol == PROTOCOL_P2 ? eval_calibration_error(score) : NAN, 3, text[5]);
    str_from_fixed(eval_median_ns(score->observe_times) / 1000, 2, text[6]);
    str_from_fixed(eval_median_ns(score->predict_times) / 1000, 2, text[7]);
    str_from_fixed((double)score->bytes / 1e6, 2, text[8]);
    for (int i = 1; i < COLUMNS; i++)
        if (strcmp(text[i], "null") == 0)
            snprintf(text[i], STR_NUMBER_MAX, "-");
}

static void tell_table(struct buf *out, const struct eval_predictor *const *chosen,
                       const struct eval_score *scores, size_t count, int protocol)
{
    static const char *const heading[COLUMNS] = {"predictor",   "hit@1 %",     "hit@3 %",
                                                 "MRR@20 %",    "answered %",  "calibration",
                                                 "observe, us", "predict, us", "MB"};
    static char text[PREDICTORS_MAX][COLUMNS][STR_NUMBER_MAX];
    const char *cells[(PREDICTORS_MAX + 1) * COLUMNS];
    for (int i = 0; i < COLUMNS; i++)
        cells[i] = heading[i];
    for (size_t row = 0; row < count; row++) {
        table_row(text[row], chosen[row]->name, &scores[row], protocol);
        for (int i = 0; i < COLUMNS; i++)
            cells[(row + 1) * COLUMNS + (size_t)i] = text[row][i];
    }
    output_table(out, cells, count + 1, COLUMNS);
}

static int tell(const struct eval_predictor *const *chosen, const struct eval_score *scores,
                size_t count, int protocol, const struct eval_sessions *sessions, bool as_json)
{
    struct buf out;
    struct json json;
    buf_init(&out, OUTPUT_MAX);
    if (as_json) {
        json_init(&json, &out, true);
        json_object(&json);
        json_key_text(&json, "protocol", protocols[protocol]);
        json_key_uint(&json, "sessions", sessions->count);
        json_key_uint(&json, "items", sessions->words.count);
        json_key(&json, "predictors");
        json_array(&json);
        for (size_t i = 0; i < count; i++)
            json_score(&json, chosen[i]->name, &scores[i], protocol);
        json_array_end(&json);
        json_object_end(&json);
        buf_add_char(&out, '\n');
    } else {
        buf_printf(&out, "%zu sessions of %u items, protocol %s\n\n", sessions->count,
                   (unsigned)sessions->words.count, protocols[protocol]);
        tell_table(&out, chosen, scores, count, protocol);
    }
    int status = output_print(&out, 0);
    buf_fini(&out);
    return status;
}

static enum fw_err check_folds(const struct eval_sessions *sessions,
                               const struct next_options *options, const char *path,
                               struct fw_detail *detail)
{
    if (options->protocol == PROTOCOL_P1 && sessions->count < (size_t)options->folds)
        return err_set(detail, FW_INPUT, "%s: found %zu sessions, expected at least %d, one a fold",
                       path, sessions->count, (int)options->folds);
    return FW_OK;
}

int cmd_eval_next(int argc, char **argv)
{
    struct next_options options;
    struct args args = {0};
    struct fw_detail detail = {""};
    struct eval_sessions sessions = {0};
    const struct eval_predictor *chosen[PREDICTORS_MAX];
    struct eval_score scores[PREDICTORS_MAX] = {0};
    size_t count = 0;
    enum fw_err err = args_parse(&args, &next_spec, &options, argc, argv, &detail);
    if (err == FW_OK && args.done)
        return 0;
    if (err == FW_OK)
        err = choose(options.predictor, chosen, &count, &detail);
    if (err == FW_OK)
        err = eval_sessions_read(&sessions, args.operands[0], &detail);
    if (err == FW_OK && options.first > 0 && (size_t)options.first < sessions.count)
        sessions.count = (size_t)options.first;
    if (err == FW_OK)
        err = check_folds(&sessions, &options, args.operands[0], &detail);
    struct output_progress progress;
    output_progress_init(&progress, "predictors", args.quiet);
    for (size_t i = 0; err == FW_OK && i < count; i++) {
        err = run_one(chosen[i], &sessions, &options, &scores[i]);
        output_progress_step(&progress, i + 1, count);
    }
    output_progress_end(&progress);
    int status = err == FW_OK ? tell(chosen, scores, count, options.protocol, &sessions, args.json)
                              : output_fail(next_spec.command, err, &detail);
    for (size_t i = 0; i < count; i++)
        eval_score_fini(&scores[i]);
    eval_sessions_fini(&sessions);
    return status;
}
