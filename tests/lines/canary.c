/* SPDX-License-Identifier: Apache-2.0 */
/* What tests/lines/run tries the recorder on: two threads that count one line or two, in each way
 * to write. canary DISTANCE: bytes between their counters. */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define TURNS 1000

static _Alignas(64) char room[256];
static size_t distance;

static void *count(void *arg)
{
	char *at = room + (arg ? distance : 0);
	volatile uint32_t *plain = (uint32_t *)(void *)at;
	_Atomic uint32_t *atomic = (_Atomic uint32_t *)(void *)(at + 4);

	for (unsigned i = 0; i < TURNS; i++) {
		++*plain;
		atomic_fetch_add(atomic, 1);
		memset(at + 8, (int)i, 4);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t other;
	int fd = open(getenv("WEIR_LINES"), O_RDWR);
	_Atomic uint32_t *on = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	distance = argc > 1 ? (size_t)atoi(argv[1]) : 16;
	if (on == MAP_FAILED)
		return 1;
	atomic_store(on, 1);
	if (pthread_create(&other, NULL, count, room) != 0)
		return 1;
	count(NULL);
	pthread_join(other, NULL);
	atomic_store(on, 0);
	return 0;
}
