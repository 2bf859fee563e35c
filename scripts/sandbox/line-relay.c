/*
 * A piece of bad cable: two TAP devices, frames from one come out of the other after a delay, with jitter, random
 * loss and a rate limit, the same in both directions and always in order. For kernels without the netem queue.
 * Usage: line-relay TAP TAP delay_us jitter_us loss_ppm rate_bits_per_s (0: no limit); says "ready" on stdout.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { FRAMES = 8192, FRAME_BYTES = 2048 };

struct frame {
	int64_t due_ns;
	int length;
	uint8_t bytes[FRAME_BYTES];
};

struct direction {
	int from, to;
	int64_t line_free_ns; /* when the last frame has left a line of this rate */
	int64_t last_due_ns;
	unsigned head, tail;
	struct frame *ring;
};

static int64_t delay_ns, jitter_ns, rate;
static long loss_ppm;
/* A router's buffer holds about this much of the line's rate; what comes on top is dropped. */
static const int64_t longest_queue_ns = 300000000;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int open_tap(const char *name)
{
	struct ifreq request;
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) die("/dev/net/tun");
	memset(&request, 0, sizeof request);
	request.ifr_flags = IFF_TAP | IFF_NO_PI;
	snprintf(request.ifr_name, IFNAMSIZ, "%s", name);
	if (ioctl(fd, TUNSETIFF, &request) < 0) die(name);
	return fd;
}

static void take(struct direction *d)
{
	static uint8_t scrap[65536];
	for (;;) {
		int full = d->head - d->tail == FRAMES;
		struct frame *f = &d->ring[d->head % FRAMES];
		ssize_t length = read(d->from, full ? scrap : f->bytes, full ? sizeof scrap : FRAME_BYTES);
		int64_t now = now_ns(), start, due;
		if (length <= 0) return;
		if (full || random() % 1000000 < loss_ppm) continue;
		start = d->line_free_ns > now ? d->line_free_ns : now;
		if (start - now > longest_queue_ns) continue;
		if (rate > 0) d->line_free_ns = start + length * 8 * 1000000000LL / rate;
		due = (rate > 0 ? d->line_free_ns : now) + delay_ns;
		if (jitter_ns > 0) due += random() % (2 * jitter_ns) - jitter_ns;
		if (due < d->last_due_ns) due = d->last_due_ns;
		d->last_due_ns = f->due_ns = due;
		f->length = (int)length;
		d->head++;
	}
}

/* Sends what is due; returns when the next frame is, or -1 when there is none. */
static int64_t give(struct direction *d)
{
	while (d->tail != d->head) {
		struct frame *f = &d->ring[d->tail % FRAMES];
		if (f->due_ns > now_ns()) return f->due_ns;
		/* A device that is down or full loses the frame, as a cable would. */
		if (write(d->to, f->bytes, f->length) < 0 && errno == EBADFD) die("write");
		d->tail++;
	}
	return -1;
}

int main(int argc, char **argv)
{
	struct direction ways[2];
	if (argc != 7) return 2;
	delay_ns = atoll(argv[3]) * 1000;
	jitter_ns = atoll(argv[4]) * 1000;
	loss_ppm = atol(argv[5]);
	rate = atoll(argv[6]);
	memset(ways, 0, sizeof ways);
	ways[0].from = ways[1].to = open_tap(argv[1]);
	ways[0].to = ways[1].from = open_tap(argv[2]);
	for (int i = 0; i < 2; i++)
		if (!(ways[i].ring = malloc(sizeof(struct frame) * FRAMES))) die("malloc");
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct pollfd polled[2] = {{ways[0].from, POLLIN, 0}, {ways[1].from, POLLIN, 0}};
		int64_t a = give(&ways[0]), b = give(&ways[1]);
		int64_t next = a < 0 ? b : b < 0 || a < b ? a : b, wait = next < 0 ? -1 : next - now_ns();
		struct timespec time = {wait / 1000000000LL, wait % 1000000000LL};
		if (wait < 0 && next >= 0) time.tv_sec = time.tv_nsec = 0;
		if (ppoll(polled, 2, next < 0 ? NULL : &time, NULL) < 0 && errno != EINTR) die("ppoll");
		take(&ways[0]);
		take(&ways[1]);
	}
}
