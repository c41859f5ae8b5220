/* SPDX-License-Identifier: Apache-2.0 */
/* control: the control socket: commands of the operator, one a line, while the site serves. A
 * thread of its own answers them, so a slow or dead client of it holds up nothing else. An optional
 * part: sites without a control statement do not link it. */
#ifndef WEIR_OPS_CONTROL_H
#define WEIR_OPS_CONTROL_H

#include <stdbool.h>
#include <stdio.h>

struct control_part {
	const char *name;
	/* Before rights are given up: makes the socket. False after a message on <err>. */
	bool (*open)(FILE *err);
	/* When all threads have been set up; 0, or -1 after a message. */
	int (*start)(void);
	/* Any thread, any number of times: afterwards nothing of the threads is looked at. */
	void (*stop)(void);
	/* After the threads: closes the socket and removes its file. */
	void (*close)(void);
};

#endif
