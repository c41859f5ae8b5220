/* SPDX-License-Identifier: Apache-2.0 */
/* log_setup: the site's log statements become sinks of its frontends. */
#ifndef WEIR_OPS_LOG_SETUP_H
#define WEIR_OPS_LOG_SETUP_H

#include <stdbool.h>
#include <stdio.h>

/* Before the threads, with the rights of the start. A frontend's own statements win over those of
 * global; "log off" among them means none. False after a message for each that cannot be opened.
 * */
bool log_setup(FILE *err);
/* The same messages, but nothing is opened or made. */
bool log_setup_check(FILE *err);

#endif
