/* SPDX-License-Identifier: MIT */
#include "words.h"

#include <string.h>

enum { MARK_FIRST = 1, MARK_LAST = 4 };

static const char *const words[WORDS_COUNT] = {
    "",         ",",       ".",       ";",        "?",        "the",     "a",      "and",
    "of",       "to",      "in",      "is",       "it",       "that",    "for",    "on",
    "with",     "as",      "at",      "by",       "from",     "we",      "you",    "they",
    "this",     "river",   "forest",  "mountain", "valley",   "meadow",  "stone",  "leaf",
    "branch",   "root",    "seed",    "flower",   "grass",    "moss",    "fern",   "oak",
    "birch",    "pine",    "willow",  "cedar",    "maple",    "wind",    "rain",   "snow",
    "cloud",    "storm",   "thunder", "mist",     "frost",    "dew",     "light",  "shadow",
    "dawn",     "dusk",    "morning", "evening",  "night",    "noon",    "spring", "summer",
    "autumn",   "winter",  "bird",    "fox",      "deer",     "hare",    "owl",    "crow",
    "heron",    "swan",    "otter",   "trout",    "salmon",   "bee",     "moth",   "spider",
    "wolf",     "bear",    "lynx",    "badger",   "squirrel", "frog",    "water",  "fire",
    "earth",    "sky",     "sea",     "shore",    "wave",     "tide",    "island", "harbour",
    "boat",     "sail",    "anchor",  "lantern",  "rope",     "net",     "path",   "road",
    "bridge",   "gate",    "house",   "door",     "window",   "table",   "chair",  "bread",
    "salt",     "honey",   "milk",    "apple",    "pear",     "plum",    "walnut", "kettle",
    "cup",      "spoon",   "candle",  "book",     "letter",   "song",    "word",   "story",
    "question", "answer",  "reason",  "number",   "pattern",  "memory",  "dream",  "thought",
    "silence",  "voice",   "echo",    "name",     "promise",  "secret",  "map",    "journey",
    "step",     "model",   "layer",   "weight",   "token",    "vector",  "batch",  "cache",
    "queue",    "request", "signal",  "stream",   "buffer",   "loop",    "thread", "clock",
    "timer",    "engine",  "old",     "young",    "small",    "great",   "quiet",  "bright",
    "dark",     "warm",    "cold",    "slow",     "swift",    "gentle",  "deep",   "high",
    "long",     "wide",    "soft",    "clear",    "green",    "golden",  "silver", "blue",
    "red",      "white",   "grey",    "early",    "late",     "near",    "far",    "ready",
    "open",     "hidden",  "patient", "honest",   "simple",   "kind",    "brave",  "careful",
    "steady",   "walks",   "runs",    "waits",    "sings",    "grows",   "falls",  "rises",
    "turns",    "flows",   "burns",   "sleeps",   "wakes",    "carries", "keeps",  "gives",
    "finds",    "learns",  "asks",    "begins",   "ends",     "opens",   "closes", "remembers",
    "forgets",  "listens", "answers", "follows",  "leads",    "builds",  "shapes", "holds",
    "returns",  "moves",   "rests",   "sees",     "hears",    "knows",   "before", "after",
    "under",    "over",    "between", "beside",   "through",  "without", "until",  "while",
    "because",  "where",   "when",    "then",     "now",      "soon",    "again",  "always",
};

const char *words_text(uint32_t token)
{
    return words[token % WORDS_COUNT];
}

bool words_is_mark(uint32_t token)
{
    return token >= MARK_FIRST && token <= MARK_LAST;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (unsigned char)c >= 0x80;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static uint32_t find(const char *text, size_t len)
{
    uint32_t hash = 2166136261U; /* FNV-1a */
    char word[16] = {0};
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ (unsigned char)lower(text[i])) * 16777619U;
        if (i < sizeof word - 1)
            word[i] = lower(text[i]);
    }
    for (uint32_t token = 1; len < sizeof word && token < WORDS_COUNT; token++)
        if (strcmp(words[token], word) == 0)
            return token;
    return 1 + hash % (WORDS_COUNT - 1);
}

size_t words_split(const char *text, size_t len, uint32_t *tokens, size_t max, size_t *count)
{
    size_t all = 0;
    for (size_t at = 0; at < len;) {
        size_t end = at;
        while (end < len && is_letter(text[end]))
            end++;
        if (end == at && text[at] > ' ')
            end++; /* a mark is a word of its own */
        if (end > at)
            tokens[all++ % max] = find(text + at, end - at);
        at = end > at ? end : at + 1;
    }
    *count = all;
    if (all <= max)
        return all;
    /* The ring has turned: bring the oldest kept token to the front. */
    size_t shift = all % max;
    for (size_t i = 0; i < shift; i++) {
        uint32_t first = tokens[0];
        memmove(tokens, tokens + 1, (max - 1) * sizeof *tokens);
        tokens[max - 1] = first;
    }
    return max;
}
