/* SPDX-License-Identifier: MIT
 * The table of kinds. */
#include "edge/warmers/warmer.h"
#include "edge/warmers/llama.h"
#include "edge/warmers/vllm.h"

const struct warmer_ops *warmer_find(enum warmer_kind kind)
{
    static const struct warmer_ops *const table[WARMER_KIND_COUNT] = {
        [WARMER_NONE] = &warmer_none,
        [WARMER_EXEC] = &warmer_exec,
        [WARMER_HTTP] = &warmer_http,
        [WARMER_OLLAMA] = &warmer_ollama,
        [WARMER_VLLM] = &warmer_vllm,
        [WARMER_LLAMA_SERVER] = &warmer_llama_server,
        [WARMER_LM_STUDIO] = &warmer_lm_studio,
        [WARMER_TRITON] = &warmer_triton,
        [WARMER_TGI] = &warmer_tgi,
        [WARMER_LOCALAI] = &warmer_localai,
        [WARMER_TORCHSERVE] = &warmer_torchserve,
        [WARMER_KUBERNETES] = &warmer_kubernetes,
        [WARMER_SABLIER] = &warmer_sablier,
        [WARMER_LLAMA_SWAP] = &warmer_llama_swap,
    };
    return table[kind];
}

const struct warmer_sleeper *warmer_sleeper_find(enum level_server server)
{
    static const struct warmer_sleeper table[LEVEL_SERVER_COUNT] = {
        [LEVEL_VLLM_1] = {vllm_sleep, vllm_wake, 1},
        [LEVEL_VLLM_2] = {vllm_sleep, vllm_wake, 2},
        [LEVEL_LLAMA_SERVER] = {llama_sleep, llama_wake, 1},
    };
    return &table[server];
}

bool warmer_tells(const struct config_resource *config)
{
    const struct config_warmer *warmer = &config->warmer;
    if (warmer->kind == WARMER_HTTP)
        return warmer->state.url[0] != 0;
    return warmer_find((enum warmer_kind)warmer->kind)->tells;
}

bool warmer_proves(const struct config_resource *config)
{
    return config->probe.url[0] || warmer_find((enum warmer_kind)config->warmer.kind)->probe;
}

const char *warmer_model(const struct warmer *warmer)
{
    return warmer->config->upstream_model[0] ? warmer->config->upstream_model : warmer->config->id;
}
