/* SPDX-License-Identifier: Apache-2.0 */
/* control_row: what the control socket answers: NAME=VALUE with a blank between, or one JSON object
 * a line. */
#ifndef WEIR_OPS_CONTROL_ROW_H
#define WEIR_OPS_CONTROL_ROW_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "../base/str.h"

struct answer {
	FILE *f;
	bool json, first;
};

/* A row is begun, has fields in between, and is ended. */
void row_begin(struct answer *a);
void row_end(struct answer *a);
void row_text(struct answer *a, const char *name, struct str value);
void row_num(struct answer *a, const char *name, uint64_t value);

#endif
