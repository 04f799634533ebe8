/* SPDX-License-Identifier: MIT */
#include "learn/streams.h"
#include "base/check.h"
#include "base/fetch.h"
#include "base/prng.h"
#include <stdbool.h>
#include <stdlib.h>

enum {
    INDEX_SHARE = 2, /* places of the index for each of the log */
    AT_BITS = 20,    /* of a place: where in the log; the others: of the key's hash, never 0 */
};

void streams_init(struct streams *streams, uint64_t room_max)
{
    CHECK(room_max >= STREAMS_LOG_FIRST && (room_max & (room_max - 1)) == 0 &&
          room_max < UINT32_MAX);
    *streams = (struct streams){.room_max = room_max};
}

void streams_fini(struct streams *streams)
{
    free(streams->log);
    free(streams->index);
    *streams = (struct streams){0};
}

const struct stream_event *streams_event(const struct streams *streams, uint64_t number)
{
    if (number == 0 || number > streams->count || streams->count - number >= streams->room)
        return NULL;
    return &streams->log[number & (streams->room - 1)];
}

static uint32_t *set_of(const struct streams *streams, uint64_t hash)
{
    return &streams
                ->index[(hash & (streams->room * INDEX_SHARE / STREAMS_WAYS - 1)) * STREAMS_WAYS];
}

static uint32_t tag_of(uint64_t hash)
{
    return (uint32_t)(hash >> 32 | 1) << AT_BITS;
}

/* How many events ago the place was written, as far as can be told. */
static uint64_t age_of(const struct streams *streams, uint32_t place)
{
    return (streams->count - (place & ((1u << AT_BITS) - 1))) & (streams->room - 1);
}

/* The key's place in the index; if it has none, that of the one whose event is longest ago. */
static uint32_t *place_of(const struct streams *streams, uint64_t key, bool *known)
{
    uint64_t hash = prng_scramble(key + PRNG_GOLDEN);
    uint32_t *set = set_of(streams, hash), *oldest = &set[0];
    *known = true;
    for (int way = 0; way < STREAMS_WAYS; way++) {
        if (set[way] >> AT_BITS == tag_of(hash) >> AT_BITS &&
            streams->log[set[way] & (streams->room - 1)].key == key)
            return &set[way];
        if (*oldest != 0 && (set[way] == 0 || age_of(streams, set[way]) > age_of(streams, *oldest)))
            oldest = &set[way];
    }
    *known = false;
    return oldest;
}

static void write(struct streams *streams, uint32_t *place, uint64_t number, uint64_t key,
                  int64_t at_ns)
{
    uint64_t at = number & (streams->room - 1);
    *place = tag_of(prng_scramble(key + PRNG_GOLDEN)) | (uint32_t)at;
    streams->log[at] = (struct stream_event){key, at_ns};
}

static enum fw_err grow(struct streams *streams)
{
    uint64_t room = streams->room > 0 ? streams->room * 2 : STREAMS_LOG_FIRST;
    struct stream_event *log = calloc((size_t)room, sizeof *log);
    uint32_t *index = calloc((size_t)room * INDEX_SHARE, sizeof *index);
    if (!log || !index) {
        free(log);
        free(index);
        return FW_NOMEM;
    }
    struct streams bigger = *streams;
    bigger.log = log;
    bigger.index = index;
    bigger.room = room;
    for (uint64_t back = streams->room; back > 0; back--) {
        const struct stream_event *event = streams_event(streams, streams->count - back + 1);
        if (!event)
            continue;
        bool known;
        bigger.count = streams->count - back + 1;
        write(&bigger, place_of(&bigger, event->key, &known), bigger.count, event->key,
              event->at_ns);
    }
    free(streams->log);
    free(streams->index);
    streams->log = log;
    streams->index = index;
    streams->room = room;
    return FW_OK;
}

/* The stream that event `number` continues, or the place of the one that was followed longest ago.
 */
static struct stream *follow(struct streams *streams, uint64_t number)
{
    struct stream *oldest = &streams->followed[0];
    for (int i = 0; i < STREAMS_FOLLOWED; i++) {
        struct stream *stream = &streams->followed[i];
        if (stream->at > 0 && number - stream->at - 1 < STREAMS_SKIP) {
            stream->at = number;
            stream->ahead = stream->ahead > number ? stream->ahead : number;
            stream->steps += stream->steps < UINT32_MAX;
            return stream;
        }
        if (stream->came < oldest->came)
            oldest = stream;
    }
    *oldest = (struct stream){.at = number, .ahead = number};
    return oldest;
}

enum fw_err streams_observe(struct streams *streams, uint64_t key, int64_t at_ns,
                            struct stream **stream)
{
    *stream = NULL;
    if (streams->count + 1 >= streams->room && streams->room < streams->room_max)
        FW_TRY(grow(streams));
    bool known;
    uint32_t *place = place_of(streams, key, &known);
    uint64_t before = streams->count - age_of(streams, *place);
    streams->count++;
    write(streams, place, streams->count, key, at_ns);
    if (!known || !streams_event(streams, before))
        return FW_OK;
    *stream = follow(streams, before);
    (*stream)->came = streams->count;
    return FW_OK;
}

void streams_fetch(const struct streams *streams, uint64_t key)
{
    if (streams->room > 0)
        fetch(set_of(streams, prng_scramble(key + PRNG_GOLDEN)), STREAMS_WAYS * sizeof(uint32_t));
}
