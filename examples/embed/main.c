/* SPDX-License-Identifier: MIT
 * The engine inside another program. A job runs every ten minutes on a resource that takes eight
 * seconds to load; the program plays two days of it on a clock of its own and says how often the
 * job had to wait. Build: cc main.c $(pkg-config --cflags --libs forewarm) */
#include <forewarm/forewarm.h>
#include <stdio.h>

#define SECOND INT64_C(1000000000)
#define LOAD   (8 * SECOND)

struct program {
    struct fw_engine *engine;
    uint32_t job;
    uint64_t loading; /* attempt under way; 0 none */
    int64_t loaded_at_ns;
    unsigned runs, waits, loads;
};

/* Does what the engine asks. Draining and unloading take no time here; a load takes eight seconds.
 */
static void perform(struct program *program, int64_t now_ns)
{
    struct fw_action action;
    while (fw_engine_next_action(program->engine, &action)) {
        switch (action.kind) {
        case FW_ACTION_WARM:
            program->loading = action.attempt;
            program->loaded_at_ns = action.at_ns + LOAD;
            program->loads++;
            break;
        case FW_ACTION_DRAIN:
            fw_engine_report(program->engine, now_ns, FW_REPORT_DRAINED, action.resource,
                             action.attempt, 0);
            break;
        case FW_ACTION_UNLOAD:
            fw_engine_report(program->engine, now_ns, FW_REPORT_UNLOADED, action.resource,
                             action.attempt, 0);
            break;
        case FW_ACTION_RELEASE:
            fw_engine_end(program->engine, now_ns, action.resource, action.request, 0);
            break;
        default:
            break;
        }
    }
}

/* Lets time pass until `until_ns`, stopping where the engine or the load has something to do. */
static void pass_time(struct program *program, int64_t until_ns)
{
    for (;;) {
        int64_t next_ns = fw_engine_deadline(program->engine);
        bool load_ends = program->loading != 0 && program->loaded_at_ns <= next_ns;
        next_ns = load_ends ? program->loaded_at_ns : next_ns;
        if (next_ns > until_ns)
            return;
        if (load_ends) {
            uint64_t attempt = program->loading;
            program->loading = 0;
            fw_engine_report(program->engine, next_ns, FW_REPORT_PROVEN, program->job, attempt, 0);
        } else {
            fw_engine_time(program->engine, next_ns);
        }
        perform(program, next_ns);
    }
}

int main(void)
{
    struct program program = {0};
    char error[512];
    const char *options[] = {"policy=planner", "load_time=8s", NULL};
    if (fw_engine_create(&program.engine, options, error, sizeof error) != 0 ||
        fw_engine_add(program.engine, 0, "nightly-report", NULL, &program.job, error,
                      sizeof error) != 0) {
        fprintf(stderr, "embed: %s\n", error);
        return 3;
    }
    for (int64_t now_ns = 600 * SECOND; now_ns <= 2 * 86400 * SECOND; now_ns += 600 * SECOND) {
        pass_time(&program, now_ns);
        bool ready = fw_engine_state(program.engine, program.job)[0] == 'w' && program.loading == 0;
        program.runs++;
        program.waits += !ready;
        if (fw_engine_request(program.engine, now_ns, program.job, program.runs, 0) != 0)
            return 3;
        perform(&program, now_ns);
    }
    printf("%u runs, %u waited for a load, %u loads\n", program.runs, program.waits, program.loads);
    fw_engine_destroy(&program.engine);
    return 0;
}
