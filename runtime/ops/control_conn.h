/* SPDX-License-Identifier: Apache-2.0 */
/* control_conn: show conn of the control socket. The picture is taken by a thread of the loops while
 * the others stand, and written by the control thread while all go on. */
#ifndef WEIR_OPS_CONTROL_CONN_H
#define WEIR_OPS_CONTROL_CONN_H

#include "control_row.h"

/* Control thread: a row for each connection. False: the stop came in between, or memory is out. */
bool control_conns(struct answer *a);
/* Any thread: nobody waits for a picture any more. Held until the next start. */
void control_conns_stop(void);
/* Before the control thread. */
void control_conns_start(void);

#endif
