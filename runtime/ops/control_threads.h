/* SPDX-License-Identifier: Apache-2.0 */
/* control_threads: show threads and show groups of the control socket. Control thread, while the
 * threads go on. */
#ifndef WEIR_OPS_CONTROL_THREADS_H
#define WEIR_OPS_CONTROL_THREADS_H

#include "control_row.h"

void control_threads(struct answer *a);
void control_groups(struct answer *a);

#endif
