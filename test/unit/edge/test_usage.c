/* SPDX-License-Identifier: MIT
 * Output tokens out of the ends of answers, however they come in pieces. */
#include "edge/usage.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
/* cmocka wants the three above */
#include <cmocka.h>

static long tokens_of(struct str answer, size_t piece)
{
    struct usage_tail tail;
    uint32_t tokens;
    usage_begin(&tail);
    for (size_t at = 0; at < answer.len; at += piece)
        usage_feed(&tail, answer.data + at, answer.len - at < piece ? answer.len - at : piece);
    return usage_tokens(&tail, &tokens) ? (long)tokens : -1;
}

static void answers(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        long tokens;
    } rows[] = {
        {"{\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":42,\"total_tokens\":"
         "51}}",
         42},
        {"data: {\"usage\":null}\n\ndata: {\"usage\":{\"completion_tokens\" :\t7 }}\n\ndata: "
         "[DONE]\n\n",
         7},
        {"event: message_delta\ndata: {\"usage\":{\"output_tokens\":15}}\n\n", 15},
        {"{\"done\":true,\"eval_count\":290,\"eval_duration\":4709213000}", 290},
        {"{\"usage\":{\"completion_tokens\":1,\"completion_tokens\":2}}", 2},
        {"{\"completion_tokens\":12", -1}, /* cut off: it could be 120 */
        {"{\"completion_tokens\":1.5}", -1},
        {"{\"completion_tokens\":1e3}", -1},
        {"{\"completion_tokens\":-1}", -1},
        {"{\"completion_tokens\":\"9\"}", -1},
        {"{\"completion_tokens\":99999999999}", -1},
        {"{\"completion_tokens\"}", -1},
        {"", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t piece = 1; piece < 64; piece += 9)
            assert_int_equal(tokens_of(str_of(rows[i].answer), piece), rows[i].tokens);
}

/* What stands before the last two kilobytes is not seen; what is at their very end is. */
static void long_answers(void **state)
{
    (void)state;
    static const char usage[] = "\"completion_tokens\":33}";
    static char answer[3 * USAGE_TAIL_BYTES];
    memset(answer, 'x', sizeof answer);
    memcpy(answer, usage, sizeof usage - 1);
    assert_int_equal(tokens_of((struct str){answer, sizeof answer}, 1000), -1);
    memcpy(answer + sizeof answer - sizeof usage + 1, usage, sizeof usage - 1);
    for (size_t piece = 1; piece < 3 * sizeof answer; piece = piece * 2 + 1)
        assert_int_equal(tokens_of((struct str){answer, sizeof answer}, piece), 33);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(answers), cmocka_unit_test(long_answers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
