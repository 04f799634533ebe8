/* SPDX-License-Identifier: MIT
 * Values of options, and the numbers and times below them: what is read is written, and what is
 * written reads as the same value. Doubles are held against the C library, which rounds correctly.
 */
#include "base/option.h"
#include "base/time.h"
#include <math.h>
#include <stdlib.h>

static void require(bool condition)
{
    if (!condition)
        abort();
}

struct settings {
    bool flag;
    int choice;
    int64_t integer, duration_ns, bounded_ns;
    uint64_t size;
    double number;
    char text[OPTION_TEXT_MAX];
};
static const char *const choices[] = {"hold", "fallback", "refuse", NULL};
#define AT(field) offsetof(struct settings, field)
static const struct option_row rows[] = {
    {"flag", OPTION_BOOL, AT(flag), "true", 0, 0, true, NULL, ""},
    {"choice", OPTION_CHOICE, AT(choice), "hold", 0, 0, true, choices, ""},
    {"integer", OPTION_INT, AT(integer), "1", -1000, 1000000, true, NULL, ""},
    {"duration", OPTION_DURATION, AT(duration_ns), "1s", 0, 0, true, NULL, ""},
    {"bounded", OPTION_DURATION, AT(bounded_ns), "inherit", -1, 3600e9, true, NULL, ""},
    {"size", OPTION_SIZE, AT(size), "1B", 0, 0, true, NULL, ""},
    {"number", OPTION_DOUBLE, AT(number), "1", 0, 0, true, NULL, ""},
    {"text", OPTION_TEXT, AT(text), "", 0, 0, true, NULL, ""},
};
enum { ROWS = sizeof rows / sizeof *rows };

/* parse -> print -> parse -> print gives the same text, and the same bytes of settings. */
static void check_row(const struct option_row *row, struct str text)
{
    static struct settings first, second;
    struct fw_detail detail = {""};
    option_defaults(rows, ROWS, &first);
    second = first;
    enum fw_err err = option_set(row, &first, text, &detail);
    if (err != FW_OK) {
        require(err == FW_INPUT && str_starts(str_of(detail.text), str_of(row->name)));
        require(memcmp(&first, &second, sizeof first) == 0);
        return;
    }
    struct buf printed, again;
    buf_init(&printed, 2 * OPTION_TEXT_MAX);
    buf_init(&again, 2 * OPTION_TEXT_MAX);
    option_get(row, &first, &printed);
    require(option_set(row, &second, buf_str(&printed), &detail) == FW_OK);
    option_get(row, &second, &again);
    require(str_equal(buf_str(&printed), buf_str(&again)));
    require(first.duration_ns == second.duration_ns && first.bounded_ns == second.bounded_ns);
    require(first.integer == second.integer && first.size == second.size);
    require(memcmp(&first.number, &second.number, sizeof first.number) == 0);
    buf_fini(&printed);
    buf_fini(&again);
}

static void check_double(struct str text)
{
    char terminated[512], *rest;
    double value;
    if (text.len >= sizeof terminated || !str_to_double(text, &value))
        return;
    memcpy(terminated, text.data, text.len);
    terminated[text.len] = '\0';
    double expected = strtod(terminated, &rest);
    require(*rest == '\0' && memcmp(&value, &expected, sizeof value) == 0);
    for (int decimals = 0; decimals <= 9; decimals++) {
        char fixed[STR_NUMBER_MAX];
        double back;
        require(str_to_double(str_of(str_from_fixed(value, decimals, fixed)), &back));
        require(!(fabs(value) < 1e15) ||
                fabs(back - value) <= 0.5000001 * pow(10, -decimals) + fabs(value) * 1e-15);
    }
}

static void check_time(struct str text)
{
    char printed[TIME_TEXT_MAX];
    int64_t at_ns, back;
    enum time_style style;
    if (time_parse_iso(text, &at_ns, &style)) {
        require(style == TIME_ISO || style == TIME_CIVIL);
        require(time_parse_iso(str_of(time_format_iso(at_ns, printed)), &back, NULL) &&
                back == at_ns);
    }
    if (time_parse_clf(text, &at_ns))
        require(at_ns % TIME_SECOND == 0);
    for (style = TIME_EPOCH_S; style <= TIME_EPOCH_NS; style++)
        if (time_parse_epoch(text, style, &at_ns)) {
            (void)time_format_human(at_ns, printed);
            require(time_parse_iso(str_of(time_format_iso(at_ns, printed)), &back, NULL) &&
                    back == at_ns);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len > 4096)
        return 0;
    struct str text = {(const char *)data, len};
    for (size_t i = 0; i < ROWS; i++)
        check_row(&rows[i], text);
    check_double(text);
    check_time(text);
    (void)option_suggest(rows, ROWS, text);
    return 0;
}
