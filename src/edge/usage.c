/* SPDX-License-Identifier: MIT */
#include "edge/usage.h"

void usage_begin(struct usage_tail *tail)
{
    tail->total = 0;
}

/* A ring: byte n of the answer is at n modulo its size. */
void usage_feed(struct usage_tail *tail, const char *data, size_t len)
{
    size_t skip = len > USAGE_TAIL_BYTES ? len - USAGE_TAIL_BYTES : 0;
    tail->total += skip;
    data += skip;
    len -= skip;
    while (len > 0) {
        size_t at = tail->total % USAGE_TAIL_BYTES;
        size_t n = len < USAGE_TAIL_BYTES - at ? len : USAGE_TAIL_BYTES - at;
        memcpy(tail->bytes + at, data, n);
        tail->total += n;
        data += n;
        len -= n;
    }
}

static size_t skip_blanks(struct str text, size_t at)
{
    while (at < text.len && (text.data[at] == ' ' || text.data[at] == '\n' ||
                             text.data[at] == '\r' || text.data[at] == '\t'))
        at++;
    return at;
}

/* Behind the name: a colon and a whole number that ends. */
static bool number_behind(struct str text, size_t at, uint32_t *tokens)
{
    uint64_t value;
    at = skip_blanks(text, at);
    if (at == text.len || text.data[at] != ':')
        return false;
    at = skip_blanks(text, at + 1);
    size_t end = at;
    while (end < text.len && text.data[end] >= '0' && text.data[end] <= '9')
        end++;
    if (end == text.len || text.data[end] == '.' || text.data[end] == 'e' ||
        text.data[end] == 'E' || !str_to_uint64((struct str){text.data + at, end - at}, &value) ||
        value > USAGE_TOKENS_MAX)
        return false;
    *tokens = (uint32_t)value;
    return true;
}

bool usage_tokens(const struct usage_tail *tail, uint32_t *tokens)
{
    static const char *const names[] = {"\"completion_tokens\"", "\"output_tokens\"",
                                        "\"eval_count\""};
    char whole[USAGE_TAIL_BYTES];
    size_t len = tail->total < USAGE_TAIL_BYTES ? tail->total : USAGE_TAIL_BYTES;
    size_t from = tail->total < USAGE_TAIL_BYTES ? 0 : tail->total % USAGE_TAIL_BYTES;
    memcpy(whole, tail->bytes + from, len - from);
    memcpy(whole + len - from, tail->bytes, from);
    for (size_t at = len; at-- > 0;) {
        if (whole[at] != '"')
            continue;
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            size_t n = strlen(names[i]);
            if (n <= len - at && memcmp(whole + at, names[i], n) == 0 &&
                number_behind((struct str){whole, len}, at + n, tokens))
                return true;
        }
    }
    return false;
}
