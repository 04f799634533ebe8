/* SPDX-License-Identifier: MIT
 * What the reader found and put right, in words and as JSON; the flags commands share. */
#include "base/time.h"
#include "cli/series_read.h"
#include "sim/trace.h"

struct series_read_options series_read_flags(const struct series_read_flags *flags, bool covariates)
{
    return (struct series_read_options){flags->time, flags->value, flags->every_ns, covariates};
}

const struct series *series_read_find(const struct series_read *read, const char *name)
{
    for (uint32_t i = 0; i < read->covariate_count; i++)
        if (str_equal_nocase(str_of(read->covariates[i].name), str_of(name)))
            return &read->covariates[i].series;
    return NULL;
}

void series_read_describe(const struct series_read *read, struct buf *out)
{
    char step[TIME_TEXT_MAX], from[TIME_TEXT_MAX], to[TIME_TEXT_MAX];
    const struct series *value = &read->value;
    buf_printf(out, "%zu rows of \"%s\" at \"%s\" (%s), every %s%s, %s to %s\n", read->report.rows,
               read->value_name, read->time_name, trace_time_words(read->time_style),
               time_format_duration(value->step_ns, step),
               read->report.step_inferred ? " (found from the rows)" : "",
               time_format_iso(value->start_ns, from),
               time_format_iso(series_at_ns(value, value->count - 1), to));
    series_describe(&read->report, out);
    if (read->left_out > 0)
        buf_printf(out, "%u columns are left out: at most %d beside the value are used\n",
                   read->left_out, SERIES_READ_COLUMNS_MAX);
    if (read->note[0])
        buf_printf(out, "%s\n", read->note);
}

void series_read_json(const struct series_read *read, struct json *json)
{
    const struct series_report *report = &read->report;
    char text[TIME_TEXT_MAX];
    json_object(json);
    json_key_text(json, "time", read->time_name);
    json_key_text(json, "value", read->value_name);
    json_key_text(json, "time_style", trace_time_name(read->time_style));
    json_key_double(json, "every_s", (double)read->value.step_ns / 1e9);
    json_key_bool(json, "every_inferred", report->step_inferred);
    json_key_text(json, "from", time_format_iso(read->value.start_ns, text));
    json_key_text(json, "to",
                  time_format_iso(series_at_ns(&read->value, read->value.count - 1), text));
    json_key_uint(json, "rows", report->rows);
    json_key_uint(json, "slots", report->slots);
    json_key_uint(json, "missing", report->not_numbers);
    json_key_uint(json, "infinite", report->infinite);
    json_key_uint(json, "gap_slots", report->gap_slots);
    json_key_uint(json, "gaps", report->gaps);
    json_key_uint(json, "backwards", report->backwards);
    json_key_uint(json, "same_time", report->same_time);
    json_key_uint(json, "same_slot", report->same_slot);
    json_key_uint(json, "moved", report->moved);
    json_key_uint(json, "clock_set_back", report->set_back);
    json_key_uint(json, "clock_set_forward", report->set_forward);
    if (read->note[0])
        json_key_text(json, "note", read->note);
    json_key(json, "covariates");
    json_array(json);
    for (uint32_t i = 0; i < read->covariate_count; i++)
        json_text(json, read->covariates[i].name);
    json_array_end(json);
    json_object_end(json);
}
