/* SPDX-License-Identifier: MIT */
#include "report.h"

#include "base/stats.h"
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct summary {
    size_t requests, answered, failed, cold, fallback;
    double *wait, *first_byte, *total; /* ascending, seconds; of whole answers */
    double wait_sum, length_s;
};

static double *sorted(const struct play_result *results, size_t count, size_t offset, size_t *kept)
{
    double *values = malloc((count + 1) * sizeof *values);
    *kept = 0;
    for (size_t i = 0; values && i < count; i++)
        if (results[i].error[0] == 0)
            memcpy(&values[(*kept)++], (const char *)&results[i] + offset, sizeof *values);
    if (values)
        stats_sort_doubles(values, *kept);
    return values;
}

static bool summary_init(struct summary *summary, const struct play_result *results, size_t count)
{
    *summary = (struct summary){.requests = count};
    summary->wait =
        sorted(results, count, offsetof(struct play_result, wait_s), &summary->answered);
    summary->first_byte =
        sorted(results, count, offsetof(struct play_result, first_byte_s), &summary->answered);
    summary->total =
        sorted(results, count, offsetof(struct play_result, total_s), &summary->answered);
    for (size_t i = 0; i < count; i++) {
        summary->failed += results[i].error[0] != 0;
        summary->cold += strcmp(results[i].state, "cold") == 0;
        summary->fallback += strcmp(results[i].state, "fallback") == 0;
        summary->wait_sum += results[i].error[0] == 0 ? results[i].wait_s : 0;
        double end = results[i].sent_s + results[i].total_s;
        summary->length_s = end > summary->length_s ? end : summary->length_s;
    }
    return summary->wait && summary->first_byte && summary->total;
}

static void summary_fini(struct summary *summary)
{
    free(summary->wait);
    free(summary->first_byte);
    free(summary->total);
}

static void print_quantiles(const char *name, const double *values, size_t count)
{
    printf("%-12s p50 %6.3f s   p95 %6.3f s   p99 %6.3f s   longest %6.3f s\n", name,
           stats_quantile(values, count, 0.5), stats_quantile(values, count, 0.95),
           stats_quantile(values, count, 0.99), count > 0 ? values[count - 1] : 0);
}

void report_text(const struct play_result *results, size_t count)
{
    struct summary summary;
    if (summary_init(&summary, results, count)) {
        printf("%zu requests in %.1f s: %zu answered, %zu failed, %zu met a cold model, %zu went "
               "to the fallback\n",
               summary.requests, summary.length_s, summary.answered, summary.failed, summary.cold,
               summary.fallback);
        print_quantiles("held", summary.wait, summary.answered);
        print_quantiles("first byte", summary.first_byte, summary.answered);
        print_quantiles("whole answer", summary.total, summary.answered);
    }
    for (size_t i = 0, shown = 0; i < count && shown < 5; i++)
        if (results[i].error[0] && ++shown)
            printf("failed: request %zu at %.3f s: %s\n", i, results[i].sent_s, results[i].error);
    summary_fini(&summary);
}

static json_t *json_quantiles(const double *values, size_t count)
{
    return json_pack("{s:f,s:f,s:f,s:f}", "p50", stats_quantile(values, count, 0.5), "p95",
                     stats_quantile(values, count, 0.95), "p99",
                     stats_quantile(values, count, 0.99), "max",
                     count > 0 ? values[count - 1] : 0.0);
}

static json_t *json_resources(const struct trace *trace, const struct play_result *results,
                              size_t count)
{
    json_t *list = json_array();
    for (uint32_t r = 0; r < trace->resources.count; r++) {
        size_t requests = 0, cold = 0, failed = 0;
        double wait = 0;
        for (size_t i = 0; i < count; i++)
            if (trace->requests[i].resource == r) {
                requests++;
                cold += strcmp(results[i].state, "cold") == 0;
                failed += results[i].error[0] != 0;
                wait += results[i].wait_s;
            }
        struct str id = table_key(&trace->resources, r);
        json_array_append_new(list,
                              json_pack("{s:s%,s:I,s:I,s:I,s:f}", "id", id.data, id.len, "requests",
                                        (json_int_t)requests, "cold", (json_int_t)cold, "failed",
                                        (json_int_t)failed, "held_s", wait));
    }
    return list;
}

bool report_json(const struct trace *trace, const struct play_result *results, size_t count)
{
    struct summary summary;
    char *text = NULL;
    if (summary_init(&summary, results, count)) {
        json_t *value = json_pack(
            "{s:I,s:I,s:I,s:I,s:I,s:f,s:f,s:o,s:o,s:o,s:o}", "requests",
            (json_int_t)summary.requests, "answered", (json_int_t)summary.answered, "failed",
            (json_int_t)summary.failed, "cold", (json_int_t)summary.cold, "fallback",
            (json_int_t)summary.fallback, "duration_s", summary.length_s, "held_s",
            summary.wait_sum, "wait_s", json_quantiles(summary.wait, summary.answered),
            "first_byte_s", json_quantiles(summary.first_byte, summary.answered), "total_s",
            json_quantiles(summary.total, summary.answered), "resources",
            json_resources(trace, results, count));
        text = value ? json_dumps(value, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) : NULL;
        json_decref(value);
    }
    if (text)
        puts(text);
    free(text);
    summary_fini(&summary);
    return text != NULL;
}

bool report_csv(const struct trace *trace, const struct play_result *results, size_t count,
                const char *path)
{
    char temporary[4096];
    snprintf(temporary, sizeof temporary, "%s.%ld.tmp", path, (long)getpid());
    FILE *file = fopen(temporary, "we");
    bool good =
        file &&
        fputs("sent_s,resource,status,state,held_s,first_byte_s,total_s,bytes,error\n", file) >= 0;
    for (size_t i = 0; good && i < count; i++) {
        const struct play_result *result = &results[i];
        struct str id = table_key(&trace->resources, trace->requests[i].resource);
        good =
            fprintf(file, "%.6f,%.*s,%ld,%s,%.6f,%.6f,%.6f,%llu,%s\n", result->sent_s, STR_ARG(id),
                    result->status, result->state, result->wait_s, result->first_byte_s,
                    result->total_s, (unsigned long long)result->bytes, result->error) > 0;
    }
    good = good && fflush(file) == 0 && fsync(fileno(file)) == 0;
    if (file && fclose(file) != 0)
        good = false;
    if (good && rename(temporary, path) == 0)
        return true;
    fprintf(stderr, "loadgen: %s: %s\n", path, strerror(errno));
    unlink(temporary);
    return false;
}
