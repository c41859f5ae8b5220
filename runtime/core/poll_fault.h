/* SPDX-License-Identifier: Apache-2.0 */
/* poll_fault: which faults the test poller injects and how often. Its choices follow from the seed
 * alone. */
#ifndef WEIR_CORE_POLL_FAULT_H
#define WEIR_CORE_POLL_FAULT_H

#include <stdint.h>

/* Chances in 1000. */
struct poll_fault {
	uint64_t seed;
	uint16_t short_read; /* received bytes come in pieces, down to single bytes */
	uint16_t partial; /* a send takes a part only */
	uint16_t again; /* a send takes nothing: sent(0) */
	uint16_t delay; /* a completion comes some turns later */
	uint16_t starve; /* received bytes wait as if no buffer could be had */
	uint16_t late; /* a stopped receive is completed all the same, once */
	uint16_t reset; /* ECONNRESET on receive, ECONNRESET, EPIPE or ETIMEDOUT on send */
	uint16_t refuse; /* ECONNREFUSED or ETIMEDOUT on connect */
	uint16_t accept; /* EMFILE on accept */
};

/* For loops started later. Without a call, the variable WEIR_FAULT decides:
 * "seed=1,short_read=300,delay=100" with the names above; without that, faults that every peer must
 * stand (no errors), with seed 1. */
void poll_fault_set(const struct poll_fault *f);

#endif
