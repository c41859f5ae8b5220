/* SPDX-License-Identifier: Apache-2.0 */
/* control_row: what the control socket answers: NAME=VALUE with a blank between, or one JSON object
 * a line. */
#ifndef WEIR_OPS_CONTROL_ROW_H
#define WEIR_OPS_CONTROL_ROW_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#include "../base/str.h"

struct answer {
	FILE *f;
	bool json, first;
	struct ucred who; /* asks */
};

/* A row is begun, has fields in between, and is ended. */
void row_begin(struct answer *a);
void row_end(struct answer *a);
void row_text(struct answer *a, const char *name, struct str value);
void row_num(struct answer *a, const char *name, uint64_t value);
/* The command is not done: <why>. */
void row_refuse(struct answer *a, const char *why);
/* To the operator's log: what has been changed, and who asked for it. */
void row_log(const struct answer *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
