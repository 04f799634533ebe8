/* SPDX-License-Identifier: MIT
 * Tables of numbers with a head line, for the tests against Prophet. */
#ifndef FOREWARM_TEST_ORACLE_H
#define FOREWARM_TEST_ORACLE_H

#include "base/time.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ORACLE_COLUMNS_MAX = 16, ORACLE_ROWS_MAX = 4000 };

struct oracle {
    char name[ORACLE_COLUMNS_MAX][40];
    size_t columns, rows;
    double cell[ORACLE_COLUMNS_MAX][ORACLE_ROWS_MAX]; /* NaN where a field is empty */
};

/* Dates become seconds since 1970. */
static double oracle_number(const char *field)
{
    int64_t at_ns;
    char *end;
    double value = strtod(field, &end);
    if (*field == 0)
        return NAN;
    if (*end == 0)
        return value;
    char date[40];
    snprintf(date, sizeof date, "%.20sT00:00:00Z", field);
    return time_parse_iso(str_of(date), &at_ns, NULL) ? (double)(at_ns / TIME_SECOND) : NAN;
}

static size_t oracle_split(char *line, char *field[ORACLE_COLUMNS_MAX])
{
    size_t n = 0;
    for (char *from = line; from && n < ORACLE_COLUMNS_MAX; n++) {
        char *comma = strchr(from, ',');
        if (comma)
            *comma = 0;
        from[strcspn(from, "\r\n")] = 0;
        if (*from == '"') {
            from++;
            from[strcspn(from, "\"")] = 0;
        }
        field[n] = from;
        from = comma ? comma + 1 : NULL;
    }
    return n;
}

/* `command` writes the table. NULL when it cannot. */
static struct oracle *oracle_read(const char *command)
{
    struct oracle *oracle = calloc(1, sizeof *oracle);
    FILE *file = popen(command, "r");
    char line[2000], *field[ORACLE_COLUMNS_MAX];
    if (oracle && file && fgets(line, sizeof line, file)) {
        oracle->columns = oracle_split(line, field);
        for (size_t i = 0; i < oracle->columns; i++)
            snprintf(oracle->name[i], sizeof oracle->name[i], "%.39s", field[i]);
        while (oracle->rows < ORACLE_ROWS_MAX && fgets(line, sizeof line, file)) {
            size_t n = oracle_split(line, field);
            for (size_t i = 0; i < oracle->columns; i++)
                oracle->cell[i][oracle->rows] = i < n ? oracle_number(field[i]) : NAN;
            oracle->rows++;
        }
    }
    int status = file ? pclose(file) : -1;
    if (status == 0 && oracle && oracle->rows > 0)
        return oracle;
    free(oracle);
    return NULL;
}

/* NULL when there is none of that name. */
static const double *oracle_column(const struct oracle *oracle, const char *name)
{
    for (size_t i = 0; i < oracle->columns; i++)
        if (strcmp(oracle->name[i], name) == 0)
            return oracle->cell[i];
    return NULL;
}

#endif
