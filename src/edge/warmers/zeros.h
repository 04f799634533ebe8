/* SPDX-License-Identifier: MIT
 * An inference request of zeros for a model that nobody described to us: made from what a server of
 * the Open Inference Protocol (KServe V2) tells of the model's inputs. Dimensions it leaves open
 * (-1) become 1, the batch's as asked. Half precision has no JSON form there: it goes as binary
 * tensors behind the JSON (Triton's extension). */
#ifndef FOREWARM_EDGE_ZEROS_H
#define FOREWARM_EDGE_ZEROS_H

#include "base/buf.h"
#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

struct json_t;
enum { ZEROS_DIMENSIONS_MAX = 16, ZEROS_BYTES_MAX = 16 << 20 };

/* `metadata`: the answer of GET /v2/models/M. `batch` 0: the model has no batch dimension; else the
 * first one is it. `json_bytes`: how much of the body is JSON, 0 when all of it is. FW_LIMIT: more
 * than ZEROS_BYTES_MAX; FW_UPSTREAM: the metadata is none. */
FW_MUST_CHECK enum fw_err zeros_write(const struct json_t *metadata, int64_t batch,
                                      struct buf *body, size_t *json_bytes,
                                      struct fw_detail *detail);

#endif
