/* SPDX-License-Identifier: MIT
 * Session files of `eval next` (F1): what is read hangs together, and a refusal says where. The
 * names that were read go through the learner of strides, whose guesses must be names it may say.
 */
#include "cli/eval_sessions.h"
#include "learn/sequence_names.h"
#include <stdio.h>
#include <stdlib.h>

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void check_sessions(const struct eval_sessions *sessions)
{
    require(sessions->count > 0 && sessions->starts[0] == 0);
    require(sessions->starts[sessions->count] == sessions->item_count);
    for (size_t i = 0; i < sessions->count; i++)
        require(sessions->starts[i] < sessions->starts[i + 1]);
    for (size_t i = 0; i < sessions->item_count; i++)
        require(sessions->items[i] < sessions->words.count);
}

/* Every item once, sessions each in their own order, times never back. */
static void check_events(const struct eval_sessions *sessions)
{
    uint32_t *next = calloc(sessions->count, sizeof *next);
    require(next != NULL);
    for (size_t i = 0; i < sessions->item_count; i++) {
        const struct eval_event *event = &sessions->events[i];
        uint32_t len;
        require(event->session < sessions->count);
        (void)eval_session(sessions, event->session, &len);
        require(event->position < len);
        require(!sessions->timed || event->position == next[event->session]++);
        require(i == 0 || event->at_ns >= event[-1].at_ns);
    }
    for (size_t i = 0; i < sessions->count; i++)
        require(sessions->session_users[i] < sessions->users.count);
    free(next);
}

static void check_names(const struct eval_sessions *sessions)
{
    struct names *names;
    struct names_session session;
    struct names_guess guesses[4];
    uint32_t len;
    require(names_create(&names, 1) == FW_OK);
    names_session_init(&session, names);
    for (size_t i = 0; i < sessions->count && i < 64; i++) {
        const uint32_t *items = eval_session(sessions, i, &len);
        for (uint32_t t = 0; t < len && t < 256; t++) {
            names_observe(names, &session, table_key(&sessions->words, items[t]));
            uint32_t count = names_predict(names, &session, guesses, 4, 3);
            require(count <= 4);
            for (uint32_t g = 0; g < count; g++)
                require(guesses[g].len < sizeof guesses[g].text &&
                        guesses[g].text[guesses[g].len] == '\0' && guesses[g].probability >= 0 &&
                        guesses[g].probability <= 1 && guesses[g].soon >= 0 &&
                        guesses[g].soon <= 1);
        }
        names_end(names, &session);
    }
    names_session_fini(&session);
    names_free(&names);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const char *const maps[] = {"", "item=i,user=u", "item=i,user=u,session=s,time=t",
                                       "time=t,session=s,item=i"};
    if (len < 1 || len > 1 << 16)
        return 0;
    struct eval_sessions sessions;
    struct eval_columns columns = {.skip_bad_rows = data[0] & 4};
    struct fw_detail detail = {""};
    snprintf(columns.text, sizeof columns.text, "%s", maps[data[0] & 3]);
    columns.idle_ns = (data[0] & 3) > 1 && (data[0] & 8) ? 60000000000 : 0;
    enum fw_err err = eval_sessions_parse(
        &sessions, "fuzz", (struct str){(const char *)data + 1, len - 1}, &columns, &detail);
    require(err == FW_OK || detail.text[0] != '\0' || err == FW_NOMEM);
    if (err == FW_OK) {
        check_sessions(&sessions);
        if (sessions.events)
            check_events(&sessions);
        check_names(&sessions);
    }
    eval_sessions_fini(&sessions);
    return 0;
}
