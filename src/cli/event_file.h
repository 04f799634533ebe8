/* SPDX-License-Identifier: MIT
 * The files that say what is known of events: the calendar (a list of {date, name, class,
 * expected_multiplier, expected_duration_hours}) and the classes events are told apart by. YAML or
 * JSON, which YAML reads as well; every problem is named with its line and column. */
#ifndef FOREWARM_CLI_EVENT_FILE_H
#define FOREWARM_CLI_EVENT_FILE_H

#include "base/err.h"
#include "base/str.h"
#include "forecast/calendar.h"
#include "forecast/event_class.h"

enum { EVENT_FILE_EVENTS_MAX = 100000, EVENT_FILE_BYTES_MAX = 1 << 26 };

/* FW_INPUT lists the problems, as many as fit the detail. */
FW_MUST_CHECK enum fw_err event_file_read(struct calendar *calendar, const char *path,
                                          struct fw_detail *detail);
FW_MUST_CHECK enum fw_err event_file_parse(struct calendar *calendar, const char *name,
                                           struct str text, struct fw_detail *detail);
void event_file_fini(struct calendar *calendar);

/* Adds the file's classes to those there are; one of the same name takes the other's place. */
FW_MUST_CHECK enum fw_err event_file_read_classes(struct event_classes *classes, const char *path,
                                                  struct fw_detail *detail);
FW_MUST_CHECK enum fw_err event_file_parse_classes(struct event_classes *classes, const char *name,
                                                   struct str text, struct fw_detail *detail);

#endif
