/* SPDX-License-Identifier: MIT
 * forewarm hints lookup: what a trie foretells for a call, and the hints made of it. */
#include <jansson.h>

#include "base/json.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/hints_json.h"
#include "cli/hints_learner.h"
#include "cli/hints_read.h"
#include "cli/output.h"
#include "sim/trace.h"
#include <stdlib.h>
#include <string.h>

enum { PATH_MAX_ELEMENTS = 1024 };
static const char *const dialects[] = {"dynamo", "legacy", "strict", NULL};

struct lookup_options {
    int compat, dialect;
    int64_t call, ordinal, mark, scale;
    char path[OPTION_TEXT_MAX], lookups[OPTION_TEXT_MAX], agent[OPTION_TEXT_MAX],
        run[OPTION_TEXT_MAX];
};
#define AT(field) offsetof(struct lookup_options, field)
static const struct args_row lookup_rows[] = {
    {{"call", OPTION_INT, AT(call), "1", 0, UINT32_MAX, false, NULL,
      "how often the agent has made a call of this path in the run, this one with it"},
     "N",
     0},
    {{"path", OPTION_TEXT, AT(path), "", 0, 0, false, NULL,
      "an element of the call's path; given once for each, outermost first"},
     "NAME",
     0},
    {{"lookups", OPTION_TEXT, AT(lookups), "", 0, 0, false, NULL,
      "answer a document's list \"lookups\" of {\"path\", \"call_index\"} instead"},
     "FILE",
     0},
    {{"compat", OPTION_CHOICE, AT(compat), "none", 0, 0, false, hints_modes,
      "hints as NeMo-Agent-Toolkit (nat) or NeMo-Relay (relay) makes them"},
     NULL,
     0},
    {{"ordinal", OPTION_INT, AT(ordinal), "0", 0, UINT32_MAX, false, NULL,
      "number of this call among all of the run, for total_requests; 0: as --call"},
     "N",
     0},
    {{"mark", OPTION_INT, AT(mark), "0", 0, CALLPATH_SCALE_MAX, false, NULL,
      "a level of sensitivity that somebody set for this call; 0: none"},
     "N",
     0},
    {{"scale", OPTION_INT, AT(scale), "5", 1, CALLPATH_SCALE_MAX, false, NULL,
      "levels of sensitivity the trie was learned with"},
     "N",
     0},
    {{"dialect", OPTION_CHOICE, AT(dialect), "dynamo", 0, 0, false, dialects,
      "how the server reads a priority: higher matters more, lower does, or a tier"},
     NULL,
     0},
    {{"agent", OPTION_TEXT, AT(agent), "", 0, 0, false, NULL,
      "named in prefix_id; the trie's own if not given"},
     "ID",
     0},
    {{"run", OPTION_TEXT, AT(run), "", 0, 0, false, NULL, "the run that prefix_id is for"},
     "ID",
     0},
};
static const struct args_spec lookup_spec = {
    .command = "hints lookup",
    .operands = "TRIE.json",
    .sentence =
        "Looks up what a trie foretells for a call and prints it with the hints made of it.",
    .rows = lookup_rows,
    .row_count = sizeof lookup_rows / sizeof lookup_rows[0],
    .operands_min = 1,
    .operands_max = 1,
    .more = "Prints {\"path\", \"call_index\", \"prediction\", \"hints\"}; with --lookups a list "
            "of them.\nExit status: 0 done, 2 wrong usage or input, 3 the world failed.",
};

struct lookup {
    const struct lookup_options *options;
    struct hints_file file;
    struct str agent;
    uint32_t scale;
};

/* ---- answers ---- */

static void write_ours(const struct lookup *lookup, const struct callpath_found *found,
                       const struct str *path, uint32_t depth, uint32_t call, struct json *json)
{
    const struct lookup_options *options = lookup->options;
    struct callpath_hints hints;
    char prefix[CALLPATH_PREFIX_LEN + 1];
    uint32_t ordinal = options->ordinal > 0 ? (uint32_t)options->ordinal : call;
    callpath_hints(found, ordinal, (uint32_t)options->mark, &hints);
    if (hints.known == 0) {
        json_null(json);
        return;
    }
    json_object(json);
    if (hints.known & CALLPATH_HINT_OSL)
        json_key_uint(json, "osl", hints.osl);
    if (hints.known & CALLPATH_HINT_IAT)
        json_key_uint(json, "iat", hints.iat_ms);
    if (hints.known & CALLPATH_HINT_LEVEL) {
        enum callpath_dialect dialect = (enum callpath_dialect)options->dialect;
        json_key_uint(json, "latency_sensitivity", hints.level);
        json_key_uint(json, dialect == CALLPATH_STRICT ? "strict_priority" : "priority",
                      callpath_priority(dialect, hints.level, lookup->scale, lookup->scale));
    }
    callpath_prefix(lookup->agent, str_of(options->run), path, depth > 0 ? depth - 1 : 0, prefix);
    json_key_text(json, "prefix_id", prefix);
    if (hints.known & CALLPATH_HINT_TOTAL) {
        json_key_uint(json, "total_requests", hints.total_requests);
        json_key_bool(json, "last", hints.remaining == 0);
    }
    json_object_end(json);
}

/* Without a prediction relay sends its default hints, which are of the root. */
static void write_relay(const struct lookup *lookup, const struct callpath_found *found,
                        uint32_t depth, uint32_t call, struct json *json)
{
    enum { PREFIX_MAX = CALLPATH_NAME_MAX + 32 };
    const struct hint_trie_node *root = &lookup->file.trie.nodes[0];
    struct compat_relay_hints hints;
    char prefix[PREFIX_MAX];
    if (found->prediction) {
        int len = snprintf(prefix, sizeof prefix, "%.*s-d%u", STR_ARG(lookup->agent), depth);
        compat_relay_request_hints(found->prediction, call, &hints);
        hints_write_relay(&hints, (struct str){prefix, (size_t)len}, json);
    } else if (root->has_any) {
        compat_relay_default_hints(&root->any, lookup->scale, &hints);
        hints_write_relay(&hints, STR("default"), json);
    } else {
        json_null(json);
    }
}

static void answer(const struct lookup *lookup, const struct str *path, uint32_t depth,
                   uint32_t call, struct json *json)
{
    struct callpath_found found;
    struct compat_nat_hints nat;
    bool known = hint_trie_find(&lookup->file.trie, path, depth, call, &found);
    json_object(json);
    json_key(json, "path");
    json_array(json);
    for (uint32_t i = 0; i < depth; i++)
        json_str(json, path[i]);
    json_array_end(json);
    json_key_uint(json, "call_index", call);
    json_key(json, "prediction");
    if (known)
        hints_json_prediction(found.prediction, json);
    else
        json_null(json);
    if (lookup->options->compat == HINTS_OURS && known) {
        json_key(json, "matched");
        json_object(json);
        json_key_uint(json, "depth", found.depth);
        json_key(json, "call_index");
        if (found.index == CALLPATH_ANY)
            json_null(json);
        else
            json_uint(json, found.index);
        json_key_uint(json, "sample_count", found.prediction->metrics[CALLPATH_REMAINING].samples);
        json_object_end(json);
    }
    json_key(json, "hints");
    if (lookup->options->compat == HINTS_NAT) {
        compat_nat_hints(found.prediction, &nat);
        hints_write_nat(&nat, json);
    } else if (lookup->options->compat == HINTS_RELAY) {
        write_relay(lookup, &found, depth, call, json);
    } else {
        write_ours(lookup, &found, path, depth, call, json);
    }
    json_object_end(json);
}

/* ---- lists of lookups ---- */

static enum fw_err wrong(const char *path, size_t number, const char *field, const char *expected,
                         struct fw_detail *detail)
{
    return err_set(detail, FW_INPUT, "%s: lookups[%zu].%s: expected %s", path, number, field,
                   expected);
}

static enum fw_err answer_one(const struct lookup *lookup, const json_t *one, size_t number,
                              struct json *json, struct fw_detail *detail)
{
    const char *file = lookup->options->lookups;
    const json_t *list = json_object_get(one, "path"), *call = json_object_get(one, "call_index");
    struct str path[PATH_MAX_ELEMENTS];
    size_t i;
    const json_t *element;
    if (!json_is_array(list) || json_array_size(list) > PATH_MAX_ELEMENTS)
        return wrong(file, number, "path", "a list of at most 1024 names", detail);
    if (!json_is_integer(call) || json_integer_value(call) < 0 ||
        json_integer_value(call) > UINT32_MAX)
        return wrong(file, number, "call_index", "a whole number from 0 to 4294967295", detail);
    json_array_foreach(list, i, element)
    {
        if (!json_is_string(element))
            return wrong(file, number, "path", "names", detail);
        path[i] = (struct str){json_string_value(element), json_string_length(element)};
    }
    answer(lookup, path, (uint32_t)i, (uint32_t)json_integer_value(call), json);
    return FW_OK;
}

static enum fw_err answer_list(const struct lookup *lookup, const json_t *document,
                               struct json *json, struct fw_detail *detail)
{
    const json_t *list = json_object_get(document, "lookups"), *one;
    size_t i;
    if (!json_is_array(list))
        return err_set(detail, FW_INPUT, "%s: lookups: expected a list", lookup->options->lookups);
    json_array(json);
    json_array_foreach(list, i, one) FW_TRY(answer_one(lookup, one, i, json, detail));
    json_array_end(json);
    return FW_OK;
}

static enum fw_err answer_file(struct lookup *lookup, bool scale_given, struct json *json,
                               struct fw_detail *detail)
{
    const char *path = lookup->options->lookups;
    struct callpath_weights weights;
    struct buf text;
    json_error_t error;
    buf_init(&text, HINTS_BYTES_MAX);
    enum fw_err err = trace_load_file(path, &text, detail);
    json_t *document = err == FW_OK ? json_loadb(text.data ? text.data : "", text.len,
                                                 JSON_REJECT_DUPLICATES, &error)
                                    : NULL;
    if (err == FW_OK && !document)
        err = err_set(detail, FW_INPUT, "%s:%d:%d: %s", path, error.line, error.column, error.text);
    const json_t *config = json_object_get(document, "config");
    if (err == FW_OK && config && !scale_given) {
        err = hints_config(config, path, &weights, detail);
        lookup->scale = weights.scale;
    }
    if (err == FW_OK)
        err = answer_list(lookup, document, json, detail);
    json_decref(document);
    buf_fini(&text);
    return err;
}

/* ---- the command ---- */

static enum fw_err load_trie(struct lookup *lookup, const char *path, struct fw_detail *detail)
{
    struct buf text;
    buf_init(&text, HINTS_BYTES_MAX);
    enum fw_err err = trace_load_file(path, &text, detail);
    if (err == FW_OK)
        err = hints_json_read(&lookup->file, path, buf_str(&text),
                              lookup->options->compat == HINTS_OURS, detail);
    buf_fini(&text);
    lookup->agent = (struct str){lookup->file.workflow, lookup->file.workflow_len};
    if (lookup->options->agent[0] != '\0')
        lookup->agent = str_of(lookup->options->agent);
    if (err == FW_OK && lookup->agent.len > CALLPATH_NAME_MAX)
        return err_set(detail, FW_INPUT, "%s: workflow_name: found %zu bytes, expected at most %d",
                       path, lookup->agent.len, CALLPATH_NAME_MAX);
    return err;
}

/* Takes the elements of the path, each --path NAME or --path=NAME, out of the arguments. */
static int take_path(int argc, char **argv, struct str *path, uint32_t *depth)
{
    int kept = 0;
    *depth = 0;
    for (int i = 0; i < argc; i++) {
        const char *name = NULL;
        if (strncmp(argv[i], "--path=", 7) == 0)
            name = argv[i] + 7;
        else if (strcmp(argv[i], "--path") == 0 && i + 1 < argc)
            name = argv[++i];
        if (name && *depth < PATH_MAX_ELEMENTS)
            path[(*depth)++] = str_of(name);
        else if (!name)
            argv[kept++] = argv[i];
    }
    return kept;
}

static int run(const struct args *args, const struct lookup_options *options,
               const struct str *path, uint32_t depth, struct fw_detail *detail)
{
    struct lookup lookup = {.options = options, .scale = (uint32_t)options->scale};
    struct json json;
    struct buf out;
    buf_init(&out, OUTPUT_MAX);
    json_init(&json, &out, true);
    enum fw_err err = load_trie(&lookup, args->operands[0], detail);
    if (err == FW_OK && options->lookups[0] != '\0')
        err = answer_file(&lookup, args_given(args, "scale"), &json, detail);
    else if (err == FW_OK)
        answer(&lookup, path, depth, (uint32_t)options->call, &json);
    buf_add_char(&out, '\n');
    int status =
        err == FW_OK ? output_print(&out, 0) : output_fail(lookup_spec.command, err, detail);
    buf_fini(&out);
    hints_json_fini(&lookup.file);
    return status;
}

int cmd_hints_lookup(int argc, char **argv)
{
    struct lookup_options options;
    struct args args = {0};
    struct fw_detail detail = {""};
    struct str path[PATH_MAX_ELEMENTS];
    uint32_t depth;
    argc = take_path(argc, argv, path, &depth);
    enum fw_err err = args_parse(&args, &lookup_spec, &options, argc, argv, &detail);
    if (args.done)
        return 0;
    if (err == FW_OK && options.lookups[0] != '\0' && (depth > 0 || args_given(&args, "call")))
        err = err_set(&detail, FW_USAGE, "--lookups FILE has the paths and calls in it");
    if (err != FW_OK)
        return output_fail(lookup_spec.command, err, &detail);
    return run(&args, &options, path, depth, &detail);
}
