/* SPDX-License-Identifier: MIT */
#include "plan/foresee.h"
#include <string.h>

void foresee_init(struct foresee *foresee, unsigned sources)
{
    foresee->sources = sources;
    foresee->now_ns = foresee->load_ns = 0;
    prefetch_init(&foresee->prefetch);
    admission_init(&foresee->admission, &prefetch_admission, 0);
    strides_init(&foresee->strides);
    pairs_init(&foresee->pairs, FORESEE_PAIRS_MAX);
    streams_init(&foresee->streams, FORESEE_LOG_MAX);
}

void foresee_fini(struct foresee *foresee)
{
    pairs_fini(&foresee->pairs);
    streams_fini(&foresee->streams);
    prefetch_fini(&foresee->prefetch);
}

/* False: nothing further ahead, for now. */
static bool consider(struct foresee *foresee, const struct prefetch_guess *guess,
                     const struct foresee_door *door)
{
    if (door->held(door->context, guess->key))
        return true;
    double worth;
    switch (
        prefetch_judge(&foresee->prefetch, &foresee->admission, guess, foresee->load_ns, &worth)) {
    case PREFETCH_WORTH:
        if (!admission_may_begin(&foresee->admission, worth, 1, foresee->now_ns) ||
            !door->load(door->context, guess->key))
            return false;
        admission_begin(&foresee->admission, 1, foresee->now_ns);
        return true;
    case PREFETCH_TOO_LATE:
        return true;
    case PREFETCH_DOUBTED:
        break;
    }
    return false;
}

void foresee_loaded(struct foresee *foresee)
{
    admission_end(&foresee->admission, 1, 1);
}

void foresee_used(struct foresee *foresee)
{
    admission_outcome(&foresee->admission, 1, true);
}

void foresee_wasted(struct foresee *foresee, uint64_t key)
{
    admission_outcome(&foresee->admission, 1, false);
    prefetch_wasted(&foresee->prefetch, key);
}

/* Steps further ahead of the run until one is not worth it or its turn has not come. */
static void look_along_run(struct foresee *foresee, uint64_t key, int64_t at_ns, int64_t load_ns,
                           const struct foresee_door *door)
{
    struct stride_run *run = strides_observe(&foresee->strides, key, at_ns);
    uint32_t depth = prefetch_depth(run, load_ns);
    while (run->ahead < depth) {
        struct prefetch_guess guess = prefetch_guess_run(run, run->ahead + 1, load_ns);
        if (!consider(foresee, &guess, door))
            return;
        run->ahead++;
    }
}

/* What came after the key last time, until one came a load later. */
static enum fw_err look_along_stream(struct foresee *foresee, uint64_t key, int64_t at_ns,
                                     int64_t load_ns, const struct foresee_door *door)
{
    struct stream *stream;
    FW_TRY(streams_observe(&foresee->streams, key, at_ns, &stream));
    const struct stream_event *now = stream ? streams_event(&foresee->streams, stream->at) : NULL;
    while (now && stream->ahead - stream->at < PREFETCH_AHEAD_MAX) {
        const struct stream_event *done = streams_event(&foresee->streams, stream->ahead);
        const struct stream_event *then = streams_event(&foresee->streams, stream->ahead + 1);
        if (!then || !done || stream->ahead + 1 == foresee->streams.count ||
            (stream->ahead > stream->at && done->at_ns - now->at_ns > load_ns))
            break;
        struct prefetch_guess guess =
            prefetch_guess_stream(stream, now, then, stream->ahead + 1, load_ns);
        if (then->key != key && !consider(foresee, &guess, door))
            break;
        stream->ahead++;
    }
    return FW_OK;
}

static enum fw_err look_at_pairs(struct foresee *foresee, uint64_t key, int64_t at_ns,
                                 int64_t load_ns, const struct foresee_door *door)
{
    FW_TRY(pairs_observe(&foresee->pairs, key, at_ns, load_ns));
    for (int order = PAIRS_ORDERS; order > 0; order--) {
        const struct pairs_context *context = pairs_latest(&foresee->pairs, order);
        for (int i = 0; context && i < PAIRS_NEXT; i++) {
            if (context->counts[i] * 2 < context->visits || context->next[i] == key)
                continue;
            struct prefetch_guess guess =
                prefetch_guess_pair(context, order, i, foresee->pairs.count - foresee->pairs.lag);
            (void)consider(foresee, &guess, door);
        }
    }
    return FW_OK;
}

void foresee_fetch(const struct foresee *foresee, uint64_t key)
{
    if (foresee->sources & FORESEE_STREAMS)
        streams_fetch(&foresee->streams, key);
    if (foresee->sources & FORESEE_PAIRS)
        pairs_fetch(&foresee->pairs, key);
}

enum fw_err foresee_request(struct foresee *foresee, uint64_t key, int64_t at_ns, bool missed,
                            int64_t load_ns, const struct foresee_door *door)
{
    foresee->now_ns = at_ns;
    foresee->load_ns = load_ns;
    prefetch_request(&foresee->prefetch, key);
    if (foresee->sources & FORESEE_STRIDES)
        look_along_run(foresee, key, at_ns, load_ns, door);
    if ((foresee->sources & FORESEE_STREAMS) && missed)
        FW_TRY(look_along_stream(foresee, key, at_ns, load_ns, door));
    if ((foresee->sources & FORESEE_PAIRS) && missed)
        FW_TRY(look_at_pairs(foresee, key, at_ns, load_ns, door));
    return FW_OK;
}
