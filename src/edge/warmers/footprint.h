/* SPDX-License-Identifier: MIT
 * What a loaded resource uses, told by others: a command that lists processes and their memory (the
 * GPU's, such as nvidia-smi's), or a server's own status document. */
#ifndef FOREWARM_EDGE_FOOTPRINT_H
#define FOREWARM_EDGE_FOOTPRINT_H

#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Lines "PID, MEBIBYTES" of the command's output, added up over the process group. 0: it has none
 * of them, or did not answer within seconds. */
uint64_t footprint_by_command(const char *command, pid_t group);
/* The same from its output. */
uint64_t footprint_of_lines(struct str lines, pid_t group);
/* The number at a JSON pointer (RFC 6901) of a document; a token "key=value" is the element of a
 * list whose key has that value. False: there is no such number. */
bool footprint_of_json(struct str document, const char *pointer, uint64_t *bytes);

#endif
