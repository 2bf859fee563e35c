// A clock that is wrong on one host: hosts of a sandbox share the kernel's, so a preloaded library
// moves what programs are told. Only the wall clock; what measures intervals stays right, as with
// a clock that was set wrong.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../scripts/machine/command.ts';
import type { SandboxHost } from '../../scripts/sandbox/host.ts';

const source = `#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static long shift(void) {
	const char *text = getenv("SHIFTED_CLOCK_SECONDS");
	return text ? atol(text) : 0;
}

int clock_gettime(clockid_t id, struct timespec *at) {
	static int (*real)(clockid_t, struct timespec *);
	if (!real) *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	int result = real(id, at);
	if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) at->tv_sec += shift();
	return result;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
	(void)zone;
	struct timespec exact;
	if (clock_gettime(CLOCK_REALTIME, &exact)) return -1;
	at->tv_sec = exact.tv_sec;
	at->tv_usec = exact.tv_nsec / 1000;
	return 0;
}
`;

/** The environment in which a program on that host sees a clock that is so many seconds off. */
export async function shiftedClock(host: SandboxHost, seconds: number): Promise<Record<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), 'shifted-clock-'));
  try {
    const [c, library] = [join(folder, 'shifted-clock.c'), join(folder, 'shifted-clock.so')];
    await writeFile(c, source);
    await run('gcc', ['-shared', '-fPIC', '-O2', '-Wall', '-o', library, c, '-ldl']);
    await host.copyIn(library, '/root/shifted-clock.so');
  } finally {
    await rm(folder, { recursive: true });
  }
  return { LD_PRELOAD: '/root/shifted-clock.so', SHIFTED_CLOCK_SECONDS: String(seconds) };
}
