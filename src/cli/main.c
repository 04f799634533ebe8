/* SPDX-License-Identifier: MIT
 * forewarm COMMAND ...: looks the command up in the table (commands.c) and runs it. */
#include "base/check.h"
#include "cli/args.h"
#include "cli/commands.h"
#include <stdio.h>
#include <string.h>

enum { NAMES_MAX = 64 };

static void report_check(const char *file, int line, const char *condition)
{
    fprintf(stderr,
            "forewarm: %s:%d: this should never happen: %s\nPlease report it with what you did.\n",
            file, line, condition);
}

static void print_help(FILE *to)
{
    fprintf(to, "forewarm %s: makes AI models ready before they are asked for\n\n",
            FOREWARM_VERSION);
    fprintf(to, "usage: forewarm COMMAND [--help] [--json] [--quiet] ...\n\n");
    for (size_t i = 0; i < command_count; i++)
        fprintf(to, "  %-16s %s\n", commands[i].name, commands[i].sentence);
    fprintf(
        to,
        "\nExit status: 0 done, 1 the answer is no, 2 wrong usage or input, 3 the world failed.\n");
}

/* Two-word names win over one-word names. `words` gets how many arguments the name took. */
static const struct command *find_command(int argc, char **argv, int *words)
{
    char two[128] = "";
    if (argc > 2)
        snprintf(two, sizeof two, "%s %s", argv[1], argv[2]);
    for (size_t i = 0; i < command_count; i++) {
        if (argc > 2 && strcmp(commands[i].name, two) == 0) {
            *words = 2;
            return &commands[i];
        }
    }
    for (size_t i = 0; i < command_count; i++) {
        if (strcmp(commands[i].name, argv[1]) == 0) {
            *words = 1;
            return &commands[i];
        }
    }
    return NULL;
}

static int unknown_command(const char *word)
{
    size_t len = strlen(word), family = 0;
    const char *names[NAMES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < command_count && count < NAMES_MAX; i++) {
        names[count++] = commands[i].name;
        if (strncmp(commands[i].name, word, len) == 0 && commands[i].name[len] == ' ') {
            fprintf(stderr, family == 0 ? "forewarm %s: say which: %s" : "%.0s, %s", word,
                    commands[i].name);
            family++;
        }
    }
    if (family > 0) {
        fputc('\n', stderr);
        return 2;
    }
    const char *near = args_suggest(word, names, count);
    fprintf(stderr, "forewarm: there is no command \"%s\"", word);
    if (near)
        fprintf(stderr, "; did you mean \"%s\"?", near);
    fprintf(stderr, "\n`forewarm --help` lists the commands.\n");
    return 2;
}

int main(int argc, char **argv)
{
    check_report = report_check;
    if (argc < 2) {
        print_help(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("forewarm %s\n", FOREWARM_VERSION);
        return 0;
    }
    int words = 0;
    const struct command *command = find_command(argc, argv, &words);
    if (!command)
        return unknown_command(argv[1]);
    return command->run(argc - words, argv + words);
}
