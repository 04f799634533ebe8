/* SPDX-License-Identifier: MIT
 * The answer to a range query, read strictly: what is no such answer is said to be none. */
#include "base/grow.h"
#include "base/time.h"
#include "edge/call.h"
#include "edge/prometheus.h"
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct answer {
    struct prometheus_points *points;
    const struct prometheus_range *piece;
    const char *place;
    struct fw_detail *detail;
    int64_t before_ns; /* of the point before */
};

static enum fw_err nonsense(const struct answer *answer, const char *found)
{
    return err_set(answer->detail, FW_UPSTREAM,
                   "%s: found %s, expected the answer to a range query; is it a Prometheus?",
                   answer->place, found);
}

/* name{a="x",b="y"}, as people write it. */
static void write_name(json_t *metric, struct buf *out)
{
    const char *key;
    json_t *value, *name = json_object_get(metric, "__name__");
    const char *separator = "";
    if (json_is_string(name))
        buf_add_text(out, json_string_value(name));
    buf_add_char(out, '{');
    json_object_foreach(metric, key, value)
    {
        if (strcmp(key, "__name__") == 0 || !json_is_string(value))
            continue;
        buf_printf(out, "%s%s=\"%s\"", separator, key, json_string_value(value));
        separator = ",";
    }
    buf_add_char(out, '}');
}

static void cut_text(struct str text, char to[PROMETHEUS_NAME_MAX])
{
    size_t len = text.len < PROMETHEUS_NAME_MAX ? text.len : PROMETHEUS_NAME_MAX - 1;
    while (len < text.len && len > 0 && ((unsigned char)text.data[len] & 0xC0) == 0x80)
        len--;
    for (size_t i = 0; i < len; i++)
        to[i] = (unsigned char)text.data[i] < ' ' ? '?' : text.data[i];
    to[len] = '\0';
}

static void name_of(json_t *metric, char name[PROMETHEUS_NAME_MAX])
{
    struct buf text;
    buf_init(&text, 1 << 20);
    write_name(metric, &text);
    cut_text(buf_str(&text), name);
    buf_fini(&text);
}

static enum fw_err several(const struct answer *answer, json_t *list)
{
    struct buf names;
    char name[PROMETHEUS_NAME_MAX];
    size_t count = json_array_size(list);
    buf_init(&names, 4096);
    for (size_t i = 0; i < count && i < PROMETHEUS_NAMED_MAX; i++) {
        name_of(json_object_get(json_array_get(list, i), "metric"), name);
        buf_printf(&names, "%s%.60s%s", i > 0 ? ", " : "", name, strlen(name) > 60 ? "..." : "");
    }
    enum fw_err err =
        err_set(answer->detail, FW_INPUT,
                "the query gives %zu series (%s%s), expected one: add them up with "
                "sum(...), or choose one by its labels",
                count, names.data ? names.data : "", count > PROMETHEUS_NAMED_MAX ? ", ..." : "");
    buf_fini(&names);
    return err;
}

static enum fw_err add_point(struct answer *answer, int64_t at_ns, double value)
{
    struct prometheus_points *points = answer->points;
    if (points->count == points->capacity) {
        size_t capacity =
            (size_t)grow_capacity(points->capacity, points->count + 1, PROMETHEUS_POINTS_MAX + 1);
        int64_t *times = realloc(points->at_ns, capacity * sizeof *times);
        if (times)
            points->at_ns = times;
        double *values = times ? realloc(points->value, capacity * sizeof *values) : NULL;
        if (!values)
            return err_set(answer->detail, FW_NOMEM, "no memory for %zu points", capacity);
        points->value = values;
        points->capacity = capacity;
    }
    points->at_ns[points->count] = at_ns;
    points->value[points->count++] = value;
    return FW_OK;
}

static bool read_value(json_t *node, double *value)
{
    struct str text = str_of(json_string_value(node));
    if (str_equal(text, STR("NaN")))
        *value = NAN;
    else if (str_equal(text, STR("+Inf")) || str_equal(text, STR("Inf")))
        *value = INFINITY;
    else if (str_equal(text, STR("-Inf")))
        *value = -INFINITY;
    else
        return text.len > 0 && str_to_double(text, value);
    return true;
}

/* [1767225600.5, "42.5"]: on the grid that was asked for, later than the one before. */
static enum fw_err read_point(struct answer *answer, json_t *pair)
{
    const struct prometheus_range *piece = answer->piece;
    double seconds = json_number_value(json_array_get(pair, 0)), value = 0;
    if (!json_is_array(pair) || json_array_size(pair) != 2 ||
        !json_is_number(json_array_get(pair, 0)))
        return nonsense(answer, "a point that is no pair of time and value");
    if (!read_value(json_array_get(pair, 1), &value))
        return nonsense(answer, "a point whose value is no number");
    double from = (double)piece->from_ns / 1e9, step = (double)piece->step_ns / 1e9;
    double slot = round((seconds - from) / step);
    int64_t last = (piece->to_ns - piece->from_ns) / piece->step_ns;
    if (!(slot >= 0) || !(slot <= (double)last) || !(fabs(from + slot * step - seconds) < 0.002))
        return nonsense(answer, "a point at a time that was not asked for");
    int64_t at_ns = piece->from_ns + (int64_t)slot * piece->step_ns;
    if (answer->points->count > 0 && at_ns <= answer->before_ns)
        return nonsense(answer, "points that are not in the order of time");
    answer->before_ns = at_ns;
    return add_point(answer, at_ns, value);
}

static enum fw_err read_series(struct answer *answer, json_t *series)
{
    struct prometheus_points *points = answer->points;
    json_t *metric = json_object_get(series, "metric"), *pair;
    json_t *values = json_object_get(series, "values");
    char name[PROMETHEUS_NAME_MAX];
    size_t i;
    if (!json_is_object(metric))
        return nonsense(answer, "a series without its labels");
    name_of(metric, name);
    if (json_object_get(series, "histograms"))
        return err_set(answer->detail, FW_INPUT,
                       "the query gives the histogram %.80s, expected numbers: take "
                       "histogram_count(...) or histogram_quantile(...) of it",
                       name);
    if (points->name[0] && strcmp(points->name, name) != 0)
        return err_set(answer->detail, FW_INPUT,
                       "the query gives several series, one after the other (%.80s, %.80s), "
                       "expected one: add them up with sum(...)",
                       points->name, name);
    memcpy(points->name, name, sizeof name);
    if (!json_is_array(values))
        return nonsense(answer, "a series without its values");
    json_array_foreach(values, i, pair) FW_TRY(read_point(answer, pair));
    return FW_OK;
}

static enum fw_err read_success(struct answer *answer, json_t *root)
{
    json_t *data = json_object_get(root, "data"), *list = json_object_get(data, "result");
    const char *type = json_string_value(json_object_get(data, "resultType"));
    const char *warning = json_string_value(json_array_get(json_object_get(root, "warnings"), 0));
    if (!type || strcmp(type, "matrix") != 0 || !json_is_array(list))
        return nonsense(answer, "JSON without a matrix of series");
    if (warning && !answer->points->warning[0])
        cut_text(str_of(warning), answer->points->warning);
    if (json_array_size(list) > 1)
        return several(answer, list);
    return json_array_size(list) == 0 ? FW_OK : read_series(answer, json_array_get(list, 0));
}

/* What it says about itself, for a status that is not 200. */
static enum fw_err refused(const struct answer *answer, json_t *root, struct str body, long status)
{
    char found[CALL_EXCERPT_MAX], said[PROMETHEUS_NAME_MAX] = "";
    const char *why = json_string_value(json_object_get(root, "error"));
    if (why)
        cut_text(str_of(why), said);
    if (why && (status == 400 || status == 422))
        return err_set(answer->detail, FW_INPUT, "%s: the query is refused: %s", answer->place,
                       said);
    if (status == 401 || status == 403)
        return err_set(answer->detail, FW_FORBIDDEN,
                       "%s: answered %ld: it wants a token, or another one (from a file)",
                       answer->place, status);
    if (status == 404)
        return err_set(answer->detail, FW_UPSTREAM,
                       "%s: answered 404: expected the address of a Prometheus, without /api",
                       answer->place);
    return err_set(answer->detail, FW_UPSTREAM, "%s: answered %ld \"%s\"", answer->place, status,
                   why ? said : call_excerpt(body, found));
}

enum fw_err prometheus_answer(struct prometheus_points *points, struct str body, long status,
                              const struct prometheus_range *piece, const char *place,
                              struct fw_detail *detail)
{
    struct answer answer = {points, piece, place, detail, 0};
    char found[CALL_EXCERPT_MAX], words[CALL_EXCERPT_MAX + 2];
    enum fw_err err;
    if (points->count > 0)
        answer.before_ns = points->at_ns[points->count - 1];
    json_t *root = json_loadb(body.data ? body.data : "", body.len, JSON_REJECT_DUPLICATES, NULL);
    const char *verdict = json_string_value(json_object_get(root, "status"));
    if (status != 200)
        err = refused(&answer, root, body, status);
    else if (verdict && strcmp(verdict, "success") == 0)
        err = read_success(&answer, root);
    else {
        snprintf(words, sizeof words, "\"%s\"", call_excerpt(body, found));
        err = nonsense(&answer, words);
    }
    json_decref(root);
    return err;
}
