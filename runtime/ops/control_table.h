/* SPDX-License-Identifier: Apache-2.0 */
/* control_table: sets and maps that change, by the control socket. Control thread. */
#ifndef WEIR_OPS_CONTROL_TABLE_H
#define WEIR_OPS_CONTROL_TABLE_H

#include "control_row.h"

/* Of a client: all entries of a set or map come, one a line, until an empty one. */
struct control_bulk {
	bool on, of_map;
	uint32_t lines;
	char refused[160]; /* the first fault; the rest is passed over */
};

void control_sets(struct answer *a);
/* set|map list|add|set|del|clear|replace NAME …: <rest> is what stands behind the first word. */
void control_change(struct answer *a, struct control_bulk *bulk, bool map, struct str rest);
void control_bulk_line(struct control_bulk *b, struct str line);
/* The empty line: all is done, or <a> tells the fault. NULL: the client is gone, nothing is done. */
void control_bulk_end(struct control_bulk *b, struct answer *a);

#endif
