/* SPDX-License-Identifier: MIT
 * forewarm eval next: how well what comes next in sessions is foretold, by public protocols. */
#include "base/prng.h"
#include "base/time.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/eval_tell.h"
#include "cli/output.h"
#include "sim/trace.h"
#include <stdlib.h>

struct next_options {
    int protocol;
    int64_t folds, suffix, window, shuffles, seed, first, train_sessions, apart, idle_ns;
    bool skip_bad_rows, firsts;
    char predictor[OPTION_TEXT_MAX], columns[OPTION_TEXT_MAX], score_from[OPTION_TEXT_MAX];
};
#define AT(field) offsetof(struct next_options, field)
static const struct args_row next_rows[] = {
    {{"protocol", OPTION_CHOICE, AT(protocol), "p2", 0, 0, false, eval_protocols,
      "p1: ends of sessions, in folds; p2: every item, predicted then learned; holdout: learned "
      "from the beginning alone"},
     NULL,
     0},
    {{"predictor", OPTION_TEXT, AT(predictor), "all", 0, 0, false, NULL,
      "mix, mix-user, markov1, sequential, pattern, user, stride, repeat-last, several with "
      "commas, or all"},
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
    {{"shuffles", OPTION_INT, AT(shuffles), "1", 1, EVAL_ORDERS_MAX, false, NULL,
      "p1: the mean and the deviation over so many orders of the sessions, the file's own first"},
     NULL,
     0},
    {{"seed", OPTION_INT, AT(seed), "1", 0, 0, false, NULL, "of the shuffles"}, NULL, 0},
    {{"first", OPTION_INT, AT(first), "0", 0, 1e9, false, NULL,
      "use only so many sessions from the beginning; 0: all"},
     NULL,
     0},
    {{"train_sessions", OPTION_INT, AT(train_sessions), "0", 0, 1e9, false, NULL,
      "p2, holdout: so many sessions at the beginning teach and are not scored"},
     NULL,
     0},
    {{"score_from", OPTION_TEXT, AT(score_from), "", 0, 0, false, NULL,
      "p2, holdout: what happened before this instant teaches and is not scored"},
     "TIME",
     0},
    {{"firsts", OPTION_BOOL, AT(firsts), "false", 0, 0, false, NULL,
      "p2, holdout: ask for the first item of a session, too"},
     NULL,
     0},
    {{"apart", OPTION_INT, AT(apart), "0", 0, 1e9, false, NULL,
      "p2, holdout: tell the scores of the first so many questions also apart"},
     NULL,
     0},
    {{"columns", OPTION_TEXT, AT(columns), "", 0, 0, false, NULL,
      "item=C,user=C,session=C,time=C: the file is CSV with a header, an event a row"},
     "MAP",
     0},
    {{"idle", OPTION_DURATION, AT(idle_ns), "0s", 0, 0, false, NULL,
      "CSV with times: a pause that ends a session; 0s: none does"},
     "DUR",
     0},
    {{"skip_bad_rows", OPTION_BOOL, AT(skip_bad_rows), "false", 0, 0, false, NULL,
      "CSV: leave out and count rows that cannot be read"},
     NULL,
     0},
};
static const struct args_spec next_spec = {
    .command = "eval next",
    .operands = "SESSIONS",
    .sentence = "Scores predictors of the next item on sessions: a session a line, items separated "
                "by blanks, or CSV with --columns; plain or zipped, - is standard input.",
    .rows = next_rows,
    .row_count = sizeof next_rows / sizeof next_rows[0],
    .operands_min = 1,
    .operands_max = 1,
    .more = "p1 counts a session of no more than --suffix items as asked and not answered.\n"
            "The sequential strategy takes a bare number 7 as item_7.\n"
            "Exit status: 0 done, 2 wrong usage or a line that cannot be read, 3 the world failed.",
};

/* ---- which predictors ---- */

static enum fw_err choose(const char *list,
                          const struct eval_predictor *chosen[EVAL_PREDICTORS_MAX], size_t *count,
                          struct fw_detail *detail)
{
    struct str rest = str_of(list), name;
    *count = 0;
    while (str_cut(&rest, ',', &name)) {
        bool found = false;
        for (size_t i = 0; i < eval_predictor_count && *count < EVAL_PREDICTORS_MAX; i++) {
            if (!str_equal(name, STR("all")) && !str_equal(name, str_of(eval_predictors[i].name)))
                continue;
            chosen[(*count)++] = &eval_predictors[i];
            found = true;
        }
        if (!found)
            return err_set(detail, FW_USAGE,
                           "--predictor: found \"%.*s\", expected mix, mix-user, markov1, "
                           "sequential, pattern, user, stride, repeat-last or all",
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

static enum fw_err run_folds(const struct eval_predictor *predictor,
                             const struct eval_sessions *sessions,
                             const struct next_options *options, struct eval_result *result)
{
    struct eval_score *score = &result->score;
    size_t *order = malloc(sessions->count * sizeof *order);
    struct eval_how how = {(size_t)options->folds, (uint32_t)options->suffix,
                           (uint32_t)options->window, order};
    enum fw_err err = order ? FW_OK : FW_NOMEM;
    for (int64_t round = 0; err == FW_OK && round < options->shuffles; round++) {
        uint64_t hits = score->hits.at_1, all = score->hits.asked + score->too_small;
        for (size_t i = 0; i < sessions->count; i++)
            order[i] = i;
        if (round > 0)
            shuffle(order, sessions->count, prng_mix((uint64_t)options->seed, (uint64_t)round));
        err = eval_folds(predictor, sessions, &how, score);
        result->by_order[result->orders++] = (double)(score->hits.at_1 - hits) /
                                             (double)(score->hits.asked + score->too_small - all);
    }
    free(order);
    return err;
}

/* Where the scored part begins. */
static enum fw_err find_from(const struct eval_sessions *sessions,
                             const struct next_options *options, size_t *from,
                             struct fw_detail *detail)
{
    struct str text = str_of(options->score_from);
    int64_t at_ns;
    *from = 0;
    if (text.len > 0 && !sessions->timed)
        return err_set(detail, FW_USAGE, "--score-from: found no time= in --columns, expected one");
    if (options->train_sessions > 0 && sessions->events)
        return err_set(detail, FW_USAGE,
                       "--train-sessions: found --columns, expected a session a line; see "
                       "--score-from");
    if (options->protocol == EVAL_HOLDOUT && text.len == 0 && options->train_sessions == 0)
        return err_set(detail, FW_USAGE,
                       "--protocol holdout: found no part to learn from, expected "
                       "--train-sessions or --score-from");
    if (options->train_sessions > 0)
        *from = (size_t)options->train_sessions < sessions->count
                    ? sessions->starts[options->train_sessions]
                    : sessions->item_count;
    if (text.len > 0 && sessions->events) {
        int style = trace_time_guess(text, text, STR(""));
        if (style == TRACE_TIME_AUTO || !trace_time_parse(text, style, &at_ns))
            return err_set(detail, FW_USAGE, "--score-from: found \"%s\", expected an instant",
                           options->score_from);
        while (*from < sessions->item_count && sessions->events[*from].at_ns < at_ns)
            ++*from;
    }
    if (*from > 0 && *from >= sessions->item_count)
        return err_set(detail, FW_INPUT, "found nothing after the part to learn from, of %zu items",
                       sessions->item_count);
    return FW_OK;
}

static enum fw_err run_one(const struct eval_predictor *predictor,
                           const struct eval_sessions *sessions, const struct next_options *options,
                           size_t from, struct eval_result *result)
{
    const struct eval_online how = {from, options->protocol == EVAL_HOLDOUT, options->firsts,
                                    options->idle_ns};
    result->predictor = predictor;
    FW_TRY(eval_score_init(&result->score));
    result->score.first_max = (uint64_t)options->apart;
    return options->protocol == EVAL_P1 ? run_folds(predictor, sessions, options, result)
                                        : eval_online(predictor, sessions, &how, &result->score);
}

/* ---- the whole ---- */

static enum fw_err read_sessions(struct eval_sessions *sessions, const char *path,
                                 const struct next_options *options, struct fw_detail *detail)
{
    struct eval_columns columns = {.skip_bad_rows = options->skip_bad_rows,
                                   .idle_ns = options->idle_ns};
    memcpy(columns.text, options->columns, sizeof columns.text);
    FW_TRY(eval_sessions_read(sessions, path, &columns, detail));
    if (options->first > 0 && sessions->events)
        return err_set(detail, FW_USAGE, "--first: found --columns, expected a session a line");
    if (options->first > 0 && (size_t)options->first < sessions->count) {
        sessions->count = (size_t)options->first;
        sessions->item_count = sessions->starts[sessions->count];
    }
    if (options->protocol == EVAL_P1 && sessions->count < (size_t)options->folds)
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
    const struct eval_predictor *chosen[EVAL_PREDICTORS_MAX];
    struct eval_results results = {.sessions = &sessions};
    size_t count = 0, from = 0;
    enum fw_err err = args_parse(&args, &next_spec, &options, argc, argv, &detail);
    if (err == FW_OK && args.done)
        return 0;
    results.protocol = options.protocol;
    if (err == FW_OK)
        err = choose(options.predictor, chosen, &count, &detail);
    if (err == FW_OK)
        err = read_sessions(&sessions, args.operands[0], &options, &detail);
    if (err == FW_OK)
        err = find_from(&sessions, &options, &from, &detail);
    struct output_progress progress;
    output_progress_init(&progress, "predictors", args.quiet);
    for (; err == FW_OK && results.count < count; results.count++) {
        err = run_one(chosen[results.count], &sessions, &options, from, &results.of[results.count]);
        output_progress_step(&progress, results.count + 1, count);
    }
    output_progress_end(&progress);
    int status = err == FW_OK ? eval_tell(&results, args.json)
                              : output_fail(next_spec.command, err, &detail);
    for (size_t i = 0; i < results.count; i++)
        eval_score_fini(&results.of[i].score);
    eval_sessions_fini(&sessions);
    return status;
}
