/* SPDX-License-Identifier: MIT
 * The synthetic demand as files. */
#include "forecast/synth_demand_part.h"

static void add_cell(struct buf *out, double value, int decimals)
{
    char text[STR_NUMBER_MAX];
    buf_add_char(out, ',');
    buf_add_text(out, str_from_fixed(value, decimals, text));
}

void synth_demand_write_csv(const struct synth_demand *demand, bool labels, struct buf *out)
{
    char time[TIME_TEXT_MAX];
    buf_add_text(out, "timestamp,compute_tflops,request_count,avg_tokens_per_request,"
                      "p95_latency_ms,queue_depth");
    buf_add_text(out, labels ? ",caller_concentration,class\n" : "\n");
    for (size_t i = 0; i < demand->count; i++) {
        const struct synth_demand_row *row = &demand->rows[i];
        buf_add_text(out, time_format_iso(synth_demand_at_ns(&demand->settings, i), time));
        add_cell(out, row->compute_tflops, 3);
        add_cell(out, row->requests, 0);
        add_cell(out, row->tokens, 1);
        add_cell(out, row->latency_ms, 1);
        add_cell(out, row->queue, 0);
        if (labels) {
            add_cell(out, row->concentration, 3);
            buf_add_char(out, ',');
            buf_add_text(out, row->event < 0
                                  ? "none"
                                  : synth_demand_class_names[demand->events[row->event].class]);
        }
        buf_add_char(out, '\n');
    }
}

static double hours_of(const struct synth_demand *demand, const struct synth_demand_event *event)
{
    return (double)(event->end - event->begin) * (double)demand->settings.step_ns /
           (double)TIME_HOUR;
}

void synth_demand_write_labels(const struct synth_demand *demand, struct buf *out)
{
    char time[TIME_TEXT_MAX];
    buf_add_text(out, "start,end,class,name,multiplier,duration_hours,planned\n");
    for (size_t i = 0; i < demand->event_count; i++) {
        const struct synth_demand_event *event = &demand->events[i];
        const char *class = synth_demand_class_names[event->class];
        buf_add_text(out,
                     time_format_iso(synth_demand_at_ns(&demand->settings, event->begin), time));
        buf_printf(out, ",%s,%s,%s %u",
                   time_format_iso(synth_demand_at_ns(&demand->settings, event->end), time), class,
                   class, event->number);
        add_cell(out, event->multiplier, 3);
        add_cell(out, hours_of(demand, event), 2);
        buf_add_text(out, event->class == SYNTH_DEMAND_LAUNCH ? ",1\n" : ",0\n");
    }
}

void synth_demand_write_events(const struct synth_demand *demand, struct buf *out)
{
    char time[TIME_TEXT_MAX], number[STR_NUMBER_MAX];
    buf_add_text(out, "# what was planned: the multiplier that came differs by up to 15 %\n");
    for (size_t i = 0; i < demand->chance_count; i++) {
        const struct synth_demand_event *event = &demand->events[i];
        if (event->class != SYNTH_DEMAND_LAUNCH)
            continue;
        buf_printf(out, "- {date: \"%s\", name: launch %u, class: %s, expected_multiplier: ",
                   time_format_iso(synth_demand_at_ns(&demand->settings, event->begin), time),
                   event->number, synth_demand_class_names[event->class]);
        buf_add_text(out, str_from_fixed(event->expected, 2, number));
        buf_add_text(out, ", expected_duration_hours: ");
        buf_add_text(out, str_from_fixed(hours_of(demand, event), 2, number));
        buf_add_text(out, "}\n");
    }
}
