/* SPDX-License-Identifier: MIT */
#include "cli/eval_tell.h"
#include "base/json.h"
#include "cli/output.h"
#include <math.h>
#include <stdio.h>

const char *const eval_protocols[] = {"p1", "p2", "holdout", NULL};

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
        json_key_fixed(json, "issued_per_request", share(score->issued[t], score->hits.asked), 4);
        json_key_fixed(json, "precision", share(score->useful[t], score->issued[t]), 4);
        json_key_fixed(json, "coverage", share(score->useful[t], score->hits.asked), 4);
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

static void json_hits(struct json *json, const struct eval_hits *hits, uint64_t all)
{
    json_key_uint(json, "positions", all);
    json_key_fixed(json, "accuracy", share(hits->at_1, all), 4);
    json_key_fixed(json, "hit_at_3", share(hits->at_3, all), 4);
    json_key_fixed(json, "hit_at_20", share(hits->at_20, all), 4);
    json_key_fixed(json, "mrr_at_20", all > 0 ? hits->reciprocal / (double)all : NAN, 4);
}

/* Of the orders; NAN of one alone. */
static double deviation(const struct eval_result *result)
{
    double mean = 0, squares = 0, count = (double)result->orders;
    for (size_t i = 0; i < result->orders; i++)
        mean += result->by_order[i] / count;
    for (size_t i = 0; i < result->orders; i++)
        squares += (result->by_order[i] - mean) * (result->by_order[i] - mean);
    return result->orders > 1 ? sqrt(squares / (count - 1)) : NAN;
}

static void json_orders(struct json *json, const struct eval_result *result)
{
    json_key_fixed(json, "accuracy_sd", deviation(result), 4);
    json_key(json, "accuracy_by_order");
    json_array(json);
    for (size_t i = 0; i < result->orders; i++)
        json_fixed(json, result->by_order[i], 4);
    json_array_end(json);
}

static void json_result(struct json *json, const struct eval_result *result, int protocol)
{
    const struct eval_score *score = &result->score;
    uint64_t all = score->hits.asked + score->too_small;
    json_object(json);
    json_key_text(json, "name", result->predictor->name);
    json_hits(json, &score->hits, all);
    json_key_fixed(json, "coverage", share(score->answered, all), 4);
    if (protocol == EVAL_P1) {
        json_orders(json, result);
    } else {
        json_key_fixed(json, "calibration_error", eval_calibration_error(score), 4);
        json_admission(json, score);
    }
    if (score->first_max > 0) {
        json_key(json, "first");
        json_object(json);
        json_hits(json, &score->first, score->first.asked);
        json_object_end(json);
    }
    json_key_double(json, "observe_ns_p50", eval_median_ns(score->observe_times));
    json_key_double(json, "predict_ns_p50", eval_median_ns(score->predict_times));
    json_key_uint(json, "bytes", score->bytes);
    json_object_end(json);
}

enum { COLUMNS = 11, HITS_COLUMNS = 6, ROWS_MAX = 2 * EVAL_PREDICTORS_MAX };

static const char *const heading[COLUMNS] = {
    "predictor",  "hit@1 %",     "sd",          "hit@3 %",     "hit@20 %", "MRR@20 %",
    "answered %", "calibration", "observe, us", "predict, us", "MB"};

static void row_hits(char text[COLUMNS][STR_NUMBER_MAX], const struct eval_hits *hits, uint64_t all)
{
    const double shares[] = {share(hits->at_1, all), NAN, share(hits->at_3, all),
                             share(hits->at_20, all),
                             all > 0 ? hits->reciprocal / (double)all : NAN};
    for (int i = 1; i < HITS_COLUMNS; i++)
        str_from_fixed(100 * shares[i - 1], 2, text[i]);
    for (int i = HITS_COLUMNS; i < COLUMNS; i++)
        str_from_fixed(NAN, 0, text[i]);
}

static void row_result(char text[COLUMNS][STR_NUMBER_MAX], const struct eval_result *result,
                       int protocol)
{
    const struct eval_score *score = &result->score;
    uint64_t all = score->hits.asked + score->too_small;
    snprintf(text[0], STR_NUMBER_MAX, "%s", result->predictor->name);
    row_hits(text, &score->hits, all);
    str_from_fixed(100 * deviation(result), 2, text[2]);
    str_from_fixed(100 * share(score->answered, all), 2, text[6]);
    str_from_fixed(protocol != EVAL_P1 ? eval_calibration_error(score) : NAN, 3, text[7]);
    str_from_fixed(eval_median_ns(score->observe_times) / 1000, 2, text[8]);
    str_from_fixed(eval_median_ns(score->predict_times) / 1000, 2, text[9]);
    str_from_fixed((double)score->bytes / 1e6, 2, text[10]);
}

static void tell_table(struct buf *out, const struct eval_results *results)
{
    static char text[ROWS_MAX][COLUMNS][STR_NUMBER_MAX];
    const char *cells[(ROWS_MAX + 1) * COLUMNS];
    size_t rows = 0;
    for (size_t i = 0; i < results->count; i++) {
        const struct eval_result *result = &results->of[i];
        row_result(text[rows++], result, results->protocol);
        if (result->score.first_max == 0)
            continue;
        snprintf(text[rows][0], STR_NUMBER_MAX, "%s, first %llu", result->predictor->name,
                 (unsigned long long)result->score.first.asked);
        row_hits(text[rows++], &result->score.first, result->score.first.asked);
    }
    for (int i = 0; i < COLUMNS; i++)
        cells[i] = heading[i];
    for (size_t cell = 0; cell < rows * COLUMNS; cell++) {
        const char *said = text[cell / COLUMNS][cell % COLUMNS];
        cells[COLUMNS + cell] = strcmp(said, "null") == 0 ? "-" : said;
    }
    output_table(out, cells, rows + 1, COLUMNS);
}

static void tell_json(struct buf *out, const struct eval_results *results)
{
    const struct eval_sessions *sessions = results->sessions;
    struct json json;
    json_init(&json, out, true);
    json_object(&json);
    json_key_text(&json, "protocol", eval_protocols[results->protocol]);
    json_key_uint(&json, "sessions", sessions->count);
    json_key_uint(&json, "items", sessions->words.count);
    if (sessions->events) {
        json_key_uint(&json, "users", sessions->users.count);
        json_key_uint(&json, "skipped", sessions->skipped);
    }
    json_key(&json, "predictors");
    json_array(&json);
    for (size_t i = 0; i < results->count; i++)
        json_result(&json, &results->of[i], results->protocol);
    json_array_end(&json);
    json_object_end(&json);
    buf_add_char(out, '\n');
}

int eval_tell(const struct eval_results *results, bool as_json)
{
    const struct eval_sessions *sessions = results->sessions;
    struct buf out;
    buf_init(&out, OUTPUT_MAX);
    if (as_json) {
        tell_json(&out, results);
    } else {
        buf_printf(&out, "%zu sessions of %u items", sessions->count,
                   (unsigned)sessions->words.count);
        if (sessions->events)
            buf_printf(&out, " by %u users", (unsigned)sessions->users.count);
        buf_printf(&out, ", protocol %s\n", eval_protocols[results->protocol]);
        if (sessions->skipped > 0)
            buf_printf(&out, "%llu rows that could not be read were left out\n",
                       (unsigned long long)sessions->skipped);
        buf_add_char(&out, '\n');
        tell_table(&out, results);
    }
    int status = output_print(&out, 0);
    buf_fini(&out);
    return status;
}
