/* SPDX-License-Identifier: MIT
 * forewarm eval anomaly: our detectors on the Numenta Anomaly Benchmark, by its published rules. */
#include "base/json.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/detect_methods.h"
#include "cli/eval_nab.h"
#include "cli/output.h"
#include <stdlib.h>
#include <time.h>

struct options {
    char labels[OPTION_TEXT_MAX], output[OPTION_TEXT_MAX];
    int method;
    double threshold;
    int64_t refractory, seed;
};

#define AT(field) offsetof(struct options, field)
/* clang-format off */
static const struct args_row rows[] = {
    {{"labels", OPTION_TEXT, AT(labels), "", 0, 0, false, NULL, "windows in which something is wrong: {\"folder/file.csv\": [[begin, end], ...]}"}, "FILE", 0},
    {{"output", OPTION_TEXT, AT(output), "", 0, 0, false, NULL, "write result files below this folder, for the benchmark's own scorer"}, "DIR", 'o'},
    {{"method", OPTION_CHOICE, AT(method), "n9", 0, 0, false, detect_methods, "the detector"}, NULL, 0},
    {{"threshold", OPTION_DOUBLE, AT(threshold), "0", 0, 1e6, false, NULL, "what counts as strange; 0: the method's own"}, NULL, 0},
    {{"refractory", OPTION_INT, AT(refractory), "0", 0, 1e9, false, NULL, "rows from one alert to the next at least; 0: a quarter of the learning period"}, "ROWS", 0},
    {{"seed", OPTION_INT, AT(seed), "1", 0, 1e15, false, NULL, "of the isolation forest"}, NULL, 0},
};
/* clang-format on */
static const struct args_spec spec = {
    .command = "eval anomaly",
    .operands = "DIR",
    .sentence = "Scores a detector on the Numenta Anomaly Benchmark.",
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .operands_min = 1,
    .operands_max = 1,
    .more = "DIR: its folder data/, files zipped or not. One pass a file, no look-ahead, nothing "
            "tuned to a\nfile; the learning period is the benchmark's (15 % of the rows, at most "
            "750). A row with an\nalert gets its score, every other row 0.\n"
            "The scores are the benchmark's: 100 is perfect, 0 is what silence gets; one threshold "
            "a profile,\nthe best for all files. docs/guide/anomalies.md says what they mean.",
};

struct outcome {
    size_t rows, windows, events;
    double us_per_row;
    double scores[NAB_PROFILES];
};

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static enum fw_err run_file(struct eval_nab_file *file, const struct options *options,
                            struct outcome *outcome)
{
    struct anomaly *anomaly;
    struct anomaly_settings settings = {.method = options->method,
                                        .threshold = options->threshold,
                                        .day_rows = eval_nab_day_rows(file),
                                        .learn_rows = (uint32_t)nab_learning_rows(file->rows),
                                        .refractory_rows = (uint32_t)options->refractory,
                                        .seed = (uint64_t)options->seed};
    FW_TRY(anomaly_create(&anomaly, &settings));
    enum fw_err err = FW_OK;
    for (size_t i = 0; i < file->rows && err == FW_OK; i++) {
        struct anomaly_result result;
        err = anomaly_step(anomaly, file->value[i], &result);
        if (err == FW_OK && result.event) {
            file->score[i] = result.score;
            outcome->events++;
        }
    }
    anomaly_destroy(&anomaly);
    return err;
}

static enum fw_err run_all(struct eval_nab *nab, const struct options *options, bool quiet,
                           struct outcome *outcome)
{
    struct output_progress progress;
    double took = 0;
    output_progress_init(&progress, "eval anomaly", quiet);
    for (size_t i = 0; i < nab->count; i++) {
        double before = seconds_now();
        FW_TRY(run_file(&nab->files[i], options, outcome));
        took += seconds_now() - before;
        outcome->rows += nab->files[i].rows;
        outcome->windows += nab->files[i].window_count;
        output_progress_step(&progress, (uint64_t)(i + 1) * OUTPUT_SHARE / nab->count,
                             OUTPUT_SHARE);
    }
    output_progress_end(&progress);
    outcome->us_per_row = outcome->rows > 0 ? 1e6 * took / (double)outcome->rows : 0;
    struct nab_file *files = calloc(nab->count + 1, sizeof *files);
    if (!files)
        return FW_NOMEM;
    for (size_t i = 0; i < nab->count; i++)
        files[i] = (struct nab_file){nab->files[i].score, nab->files[i].rows, nab->files[i].windows,
                                     nab->files[i].window_count};
    enum fw_err err = nab_score(files, nab->count, outcome->scores);
    free(files);
    return err;
}

static void print_text(const struct eval_nab *nab, const struct options *options,
                       const struct outcome *outcome, struct buf *out)
{
    char number[STR_NUMBER_MAX];
    buf_printf(out, "%s: %zu files, %zu rows, %zu windows, %zu alerts, %s us a row\n\n",
               anomaly_method_name(options->method), nab->count, outcome->rows, outcome->windows,
               outcome->events, str_from_fixed(outcome->us_per_row, 2, number));
    const char *cells[(1 + NAB_PROFILES) * 2] = {"profile", "score"};
    char texts[NAB_PROFILES][STR_NUMBER_MAX];
    for (int i = 0; i < NAB_PROFILES; i++) {
        cells[2 + 2 * i] = nab_profiles[i];
        cells[3 + 2 * i] = str_from_fixed(outcome->scores[i], 2, texts[i]);
    }
    output_table(out, cells, 1 + NAB_PROFILES, 2);
    if (options->method == ANOMALY_N9)
        buf_add_text(out, "\nThe detector's structure was found on these files. When structure and "
                          "threshold are chosen on one half\nof them and scored on the other, its "
                          "family gets 71.3 (standard).\n");
}

static void print_json(const struct eval_nab *nab, const struct options *options,
                       const struct outcome *outcome, struct buf *out)
{
    struct json json;
    json_init(&json, out, true);
    json_object(&json);
    json_key_text(&json, "method", anomaly_method_name(options->method));
    json_key_double(&json, "threshold",
                    options->threshold > 0 ? options->threshold
                                           : anomaly_threshold(options->method));
    json_key_int(&json, "refractory_rows", options->refractory);
    json_key_uint(&json, "files", nab->count);
    json_key_uint(&json, "rows", outcome->rows);
    json_key_uint(&json, "windows", outcome->windows);
    json_key_uint(&json, "alerts", outcome->events);
    json_key_fixed(&json, "us_per_row", outcome->us_per_row, 3);
    json_key(&json, "scores");
    json_object(&json);
    for (int i = 0; i < NAB_PROFILES; i++)
        json_key_fixed(&json, nab_profiles[i], outcome->scores[i], 4);
    json_object_end(&json);
    json_object_end(&json);
    buf_add_char(out, '\n');
}

int cmd_eval_anomaly(int argc, char **argv)
{
    struct options options;
    struct args args = {0};
    struct fw_detail detail = {""};
    enum fw_err err = args_parse(&args, &spec, &options, argc, argv, &detail);
    if (err != FW_OK || args.done)
        return err != FW_OK ? output_fail(spec.command, err, &detail) : 0;
    struct eval_nab nab = {0};
    struct outcome outcome = {0};
    struct buf out;
    buf_init(&out, OUTPUT_MAX);
    if (options.labels[0] == '\0')
        err = err_set(&detail, FW_USAGE, "--labels is missing: the file with the windows");
    if (err == FW_OK)
        err = detect_method_is_one(options.method, &detail);
    if (err == FW_OK)
        err = eval_nab_read(&nab, args.operands[0], options.labels, &detail);
    if (err == FW_OK)
        err = run_all(&nab, &options, args.quiet, &outcome);
    if (err == FW_OK && options.output[0] != '\0')
        err = eval_nab_write(&nab, options.output, &detail);
    if (err == FW_OK && args.json)
        print_json(&nab, &options, &outcome, &out);
    else if (err == FW_OK)
        print_text(&nab, &options, &outcome, &out);
    int status = err == FW_OK ? output_print(&out, 0) : output_fail(spec.command, err, &detail);
    buf_fini(&out);
    eval_nab_fini(&nab);
    return status;
}
