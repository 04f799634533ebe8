/* SPDX-License-Identifier: MIT
 * Runs a fuzzer without libFuzzer: every corpus file as it is, then seeded mutations of each, so
 * that the ordinary test run exercises every parser with hostile bytes and gives the same result
 * each time. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { INPUT_MAX = 1 << 16, MUTATIONS = 2000 };

static uint64_t random_state = 88172645463325252u;

static uint64_t random_next(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static size_t mutate(uint8_t *data, size_t len)
{
    for (uint64_t edits = 1 + random_next() % 4; edits > 0; edits--) {
        size_t at = len > 0 ? random_next() % len : 0;
        switch (random_next() % 4) {
        case 0:
            if (len > 0)
                data[at] = (uint8_t)random_next();
            break;
        case 1:
            if (len > 0)
                data[at] ^= (uint8_t)(1u << random_next() % 8);
            break;
        case 2:
            len = at;
            break;
        default:
            if (len < INPUT_MAX) {
                memmove(data + at + 1, data + at, len - at);
                data[at] = (uint8_t)random_next();
                len++;
            }
        }
    }
    return len;
}

static void run(const uint8_t *data, size_t len)
{
    /* A copy of the exact size, so that a sanitizer sees a read past the end. */
    uint8_t *copy = calloc(len > 0 ? len : 1, 1);
    if (!copy)
        abort();
    memcpy(copy, data, len);
    (void)LLVMFuzzerTestOneInput(copy, len);
    free(copy);
}

static void run_file(const char *path)
{
    static uint8_t original[INPUT_MAX], work[INPUT_MAX + 1];
    FILE *file = fopen(path, "rb");
    if (!file)
        return;
    size_t len = fread(original, 1, sizeof original, file);
    fclose(file);
    run(original, len);
    for (int i = 0; i < MUTATIONS; i++) {
        memcpy(work, original, len);
        run(work, mutate(work, len));
    }
}

int main(int argc, char **argv)
{
    static const uint8_t nothing[1];
    run(nothing, 0);
    DIR *dir = argc > 1 ? opendir(argv[1]) : NULL;
    if (!dir) {
        fprintf(stderr, "no corpus folder: %s\n", argc > 1 ? argv[1] : "(not named)");
        return 1;
    }
    int files = 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char path[1024];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
        run_file(path);
        files++;
    }
    closedir(dir);
    printf("%d corpus files, %d mutations each\n", files, MUTATIONS);
    return files > 0 ? 0 : 1;
}
