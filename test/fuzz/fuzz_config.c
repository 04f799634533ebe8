/* SPDX-License-Identifier: MIT
 * Any bytes as a configuration: accepted, or refused with at least one problem in words; never
 * both. */
#include "base/check.h"
#include "edge/warmers/warmer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct config *config = NULL;
    struct config_problems problems = {0};
    enum fw_err err =
        config_parse(&config, "fuzz.yaml", (struct str){(const char *)data, len}, NULL, &problems);
    CHECK((err == FW_OK) == (config != NULL));
    CHECK(err == FW_OK || err == FW_NOMEM ||
          (err == FW_INPUT && problems.count > 0 && problems.text.len > 0));
    for (uint32_t i = 0; config && i < config->resource_count; i++) {
        const struct config_resource *resource = &config->resources[i];
        CHECK(resource->id[0] && resource->upstream.host[0] && resource->upstream.port > 0);
        CHECK(resource->warmer.kind == WARMER_NONE || warmer_proves(resource));
        CHECK(resource->engine.memory == 0 || resource->engine.memory <= config->engine.memory);
    }
    config_problems_fini(&problems);
    config_free(&config);
    return 0;
}
