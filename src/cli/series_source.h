/* SPDX-License-Identifier: MIT
 * Where a command's series comes from: a CSV file, or a Prometheus server. The flags of both, for
 * the option rows of a command: place the struct in its options and the rows in its table, let it
 * take 0 to 1 operands, and read with series_source_read. */
#ifndef FOREWARM_CLI_SERIES_SOURCE_H
#define FOREWARM_CLI_SERIES_SOURCE_H

#include "cli/args.h"
#include "cli/series_read.h"

struct series_source {
    struct series_read_flags file;
    char prometheus[OPTION_TEXT_MAX], token_file[OPTION_TEXT_MAX], ca_file[OPTION_TEXT_MAX],
        until[OPTION_TEXT_MAX];
    char query[OPTION_TEXT_MAX];
    int64_t range_ns, timeout_ns;
};
/* clang-format off */
#define SERIES_SOURCE_AT(offset, field) ((offset) + offsetof(struct series_source, field))
#define SERIES_SOURCE_ROWS(offset) \
    SERIES_READ_ROWS(SERIES_SOURCE_AT(offset, file)), \
    {{"prometheus", OPTION_TEXT, SERIES_SOURCE_AT(offset, prometheus), "", 0, 0, false, NULL, "in place of SERIES: a Prometheus server, such as http://127.0.0.1:9090"}, "URL", 0}, \
    {{"query", OPTION_TEXT, SERIES_SOURCE_AT(offset, query), "", 0, 0, false, NULL, "what it is asked for, PromQL that gives one series"}, "PROMQL", 0}, \
    {{"range", OPTION_DURATION, SERIES_SOURCE_AT(offset, range_ns), "28d", 1e9, 3660 * 86400e9, false, NULL, "how much of it; --every is the step: else 1h, or less for a range below 7d"}, "DUR", 0}, \
    {{"until", OPTION_TEXT, SERIES_SOURCE_AT(offset, until), "", 0, 0, false, NULL, "the range's end, such as 2026-03-01T09:00:00Z; default: now"}, "TIME", 0}, \
    {{"prometheus_token_file", OPTION_TEXT, SERIES_SOURCE_AT(offset, token_file), "", 0, 0, false, NULL, "file whose first line is its bearer token"}, "FILE", 0}, \
    {{"prometheus_ca_file", OPTION_TEXT, SERIES_SOURCE_AT(offset, ca_file), "", 0, 0, false, NULL, "https: file with the CA certificates it is checked against; default: the system's"}, "FILE", 0}, \
    {{"prometheus_timeout", OPTION_DURATION, SERIES_SOURCE_AT(offset, timeout_ns), "30s", 1e6, 3600e9, false, NULL, "how long it may take over each 11,000 points"}, "DUR", 0}
/* clang-format on */

/* For the help of such a command: what stands for its operand. */
#define SERIES_SOURCE_OPERANDS "SERIES | --prometheus URL --query PROMQL"

/* Reads the operand, or what the flags name. `covariates`: a file's other columns, too. FW_USAGE:
 * neither or both are given; else as series_read and prometheus_query. What came of a Prometheus is
 * said in series_read_describe; a newest value older than two steps before the end is said there
 * too. */
FW_MUST_CHECK enum fw_err series_source_read(struct series_read *read, const struct args *args,
                                             const struct series_source *source, bool covariates,
                                             struct fw_detail *detail);

#endif
