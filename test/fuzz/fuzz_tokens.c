/* SPDX-License-Identifier: MIT
 * Token files: whatever is in them, nothing of it is in the message, and every token that was
 * taken is found again with some scope. */
#include "edge/tokens.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tokens tokens = {0};
    struct fw_detail detail = {{0}};
    struct str rest = {(const char *)data, size}, line;
    enum fw_err err = tokens_parse(&tokens, "t", rest, &detail);
    for (const char *c = detail.text; *c; c++)
        if ((unsigned char)*c < ' ' || (unsigned char)*c > '~')
            abort();
    while (str_cut(&rest, '\n', &line)) {
        struct str word = str_trim(line);
        size_t len = 0;
        if (word.len > 0 && memchr(" \t,", word.data[0], 3))
            continue; /* a comma in front */
        while (len < word.len && !memchr(" \t,", word.data[len], 3))
            len++;
        if (err == FW_OK && len > 0 && word.data[0] != '#' &&
            tokens_find(&tokens, (struct str){word.data, len}) == 0)
            abort();
        if (len >= SECRET_MIN * 2 && memmem(detail.text, strlen(detail.text), word.data, len))
            abort(); /* shorter ones could be words of ours */
    }
    tokens_fini(&tokens);
    return 0;
}
