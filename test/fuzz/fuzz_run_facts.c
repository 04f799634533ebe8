/* SPDX-License-Identifier: MIT
 * Facts of runs as they come from a log: refused, or a run that is written and read the same. What
 * is read twice is learned. */
#include "base/check.h"
#include "edge/run_facts.h"
#include "learn/callnext.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run_facts facts, again;
    struct buf out, twice;
    struct callnext *next = NULL;
    if (run_facts_get(&facts, (struct str){(const char *)data, size}) != FW_OK)
        return 0;
    buf_init(&out, RUN_FACTS_MAX);
    buf_init(&twice, RUN_FACTS_MAX);
    run_facts_put(&out, &facts.run, facts.models);
    CHECK(out.failed || run_facts_get(&again, buf_str(&out)) == FW_OK);
    if (!out.failed) {
        CHECK(again.run.count == facts.run.count && again.run.end_ns == facts.run.end_ns);
        run_facts_put(&twice, &again.run, again.models);
        CHECK(str_equal(buf_str(&out), buf_str(&twice)));
        CHECK(callnext_create(&next) == FW_OK);
        CHECK(callnext_learn(next, &again.run, again.models) == FW_OK);
        callnext_free(&next);
        run_facts_fini(&again);
    }
    run_facts_fini(&facts);
    buf_fini(&out);
    buf_fini(&twice);
    return 0;
}
