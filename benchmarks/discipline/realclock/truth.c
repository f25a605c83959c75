/* A time base of one's own on one machine, to measure how well a daemon steers CLOCK_REALTIME.
 *
 *   cc -O2 -o truth truth.c -lm
 *   truth serve PORT OFFSET_S DRIFT_PPM JITTER_US SEED >BASE    NTP server (stratum 1) on 127.0.0.1:PORT that serves the truth
 *   truth watch BASE SECONDS      prints, once a second: seconds, CLOCK_REALTIME - truth in ns
 *   truth restore BASE            puts back frequency, tick and status as BASE has them, and the time as it would have been
 *
 * Theory.  CLOCK_MONOTONIC_RAW is not touched by adjtimex, so
 *     truth = realtime at the start + OFFSET + (raw - raw at the start) * (1 + DRIFT)
 * is known at every instant whatever a daemon does to CLOCK_REALTIME.
 *
 * The server busy-waits an exponentially distributed JITTER between a packet's arrival and its receive stamp, and
 * between the transmit stamp and the sending: real queueing on both ways.  The arrival is the kernel's stamp carried
 * over to CLOCK_MONOTONIC_RAW; the transmit stamp is taken just before sending and so is 2-4 us early, which is a bias
 * of 1-2 us in every result.
 *
 * Only restore needs CAP_SYS_TIME.  serve refuses more than 50 ms and 500 ppm; restore refuses to move the time by more
 * than 0.5 s, since then something else has set the clock.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <inttypes.h>
#include <math.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)
#define UNIX_TO_NTP INT64_C(2208988800)
#define MAX_OFFSET_S 0.05
#define MAX_DRIFT 500e-6
#define MAX_RESTORE (SECOND / 2)
#define MAX_LATE (SECOND / 10)
#define HEADER 48

/* What was at the start: both clocks at one instant (ns), the truth's difference, and how the kernel steered. */
struct base {
	int64_t realtime, raw;
	double offset, drift;
	long freq, tick;
	int status;
};

static int64_t now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

/* Both clocks at the same instant: the tightest of several bracketed readings. */
static void read_both(int64_t *realtime, int64_t *raw)
{
	int64_t best = INT64_MAX;

	for (int i = 0; i < 15; i++) {
		int64_t before = now(CLOCK_MONOTONIC_RAW), middle = now(CLOCK_REALTIME), after = now(CLOCK_MONOTONIC_RAW);

		if (after - before < best) {
			best = after - before;
			*realtime = middle;
			*raw = before + best / 2;
		}
	}
}

static int64_t truth_at(const struct base *b, int64_t raw)
{
	int64_t since = raw - b->raw;

	return b->realtime + (int64_t)(b->offset * 1e9) + since + (int64_t)((double)since * b->drift);
}

static int save(FILE *file, const struct base *b)
{
	int n = fprintf(file, "%" PRId64 " %" PRId64 " %.9f %.12f %ld %ld %d\n",
			b->realtime, b->raw, b->offset, b->drift, b->freq, b->tick, b->status);

	return n < 0 || fflush(file) ? -1 : 0;
}

static int load(const char *path, struct base *b)
{
	FILE *file = fopen(path, "r");
	int n;

	if (!file) {
		perror(path);
		return -1;
	}
	n = fscanf(file, "%" SCNd64 " %" SCNd64 " %lf %lf %ld %ld %d",
		   &b->realtime, &b->raw, &b->offset, &b->drift, &b->freq, &b->tick, &b->status);
	fclose(file);
	if (n != 7)
		fprintf(stderr, "%s: not written by serve\n", path);
	return n == 7 ? 0 : -1;
}

static void put_timestamp(unsigned char *at, int64_t t)
{
	uint32_t seconds = htonl((uint32_t)(t / SECOND + UNIX_TO_NTP));
	uint32_t fraction = htonl((uint32_t)(((uint64_t)(t % SECOND) << 32) / (uint64_t)SECOND));

	memcpy(at, &seconds, 4);
	memcpy(at + 4, &fraction, 4);
}

static void spin_until(int64_t raw)
{
	while (now(CLOCK_MONOTONIC_RAW) < raw)
		;
}

/* A queueing delay in ns with this mean in us. */
static int64_t queueing(double mean_us)
{
	return mean_us > 0 ? (int64_t)(-log(1 - drand48()) * mean_us * 1e3) : 0;
}

/* When the packet arrived, on CLOCK_MONOTONIC_RAW: the kernel's stamp, carried over. */
static int64_t arrival_of(struct msghdr *message)
{
	int64_t realtime, raw, late = 0;

	read_both(&realtime, &raw);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS) {
			struct timespec t;

			memcpy(&t, CMSG_DATA(c), sizeof t);
			late = realtime - (t.tv_sec * SECOND + t.tv_nsec);
		}
	if (late < 0 || late > MAX_LATE) /* the clock was stepped in between */
		late = 0;
	return raw - late;
}

static void answer(int socket, const struct base *b, double jitter_us)
{
	unsigned char request[1024], reply[HEADER] = { 0 };
	union {
		char bytes[256];
		struct cmsghdr align;
	} control;
	struct sockaddr_in from;
	struct iovec part = { request, sizeof request };
	struct msghdr message = {
		.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &part, .msg_iovlen = 1,
		.msg_control = control.bytes, .msg_controllen = sizeof control,
	};
	int64_t received, receive_stamp;

	if (recvmsg(socket, &message, 0) < HEADER || (request[0] & 7) != 3)
		return;
	received = arrival_of(&message) + queueing(jitter_us);
	spin_until(received);
	receive_stamp = truth_at(b, received);
	reply[0] = (unsigned char)((request[0] & 0x38) | 4); /* the version asked in, mode server */
	reply[1] = 1;
	reply[2] = request[2];
	reply[3] = (unsigned char)-23;
	memcpy(reply + 12, "TRUE", 4);
	put_timestamp(reply + 16, receive_stamp - SECOND);
	memcpy(reply + 24, request + 40, 8);
	put_timestamp(reply + 32, receive_stamp);
	put_timestamp(reply + 40, truth_at(b, now(CLOCK_MONOTONIC_RAW)));
	if (jitter_us > 0)
		spin_until(now(CLOCK_MONOTONIC_RAW) + queueing(jitter_us));
	sendto(socket, reply, HEADER, 0, (struct sockaddr *)&from, message.msg_namelen);
}

static int serve(char **argument)
{
	struct base b = { .offset = atof(argument[1]), .drift = atof(argument[2]) * 1e-6 };
	double jitter_us = atof(argument[3]);
	struct timex kernel = { .modes = 0 };
	struct sockaddr_in here = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argument[0])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int on = 1, udp = socket(AF_INET, SOCK_DGRAM, 0);

	if (!(fabs(b.offset) <= MAX_OFFSET_S) || !(fabs(b.drift) <= MAX_DRIFT)) {
		fprintf(stderr, "at most 50 ms and 500 ppm\n");
		return 1;
	}
	if (udp < 0 || bind(udp, (struct sockaddr *)&here, sizeof here) ||
	    setsockopt(udp, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on)) {
		perror("socket");
		return 1;
	}
	if (adjtimex(&kernel) < 0) {
		perror("adjtimex");
		return 1;
	}
	b.freq = kernel.freq;
	b.tick = kernel.tick;
	b.status = kernel.status & (STA_UNSYNC | STA_INS | STA_DEL);
	srand48(atol(argument[4]));
	read_both(&b.realtime, &b.raw);
	if (save(stdout, &b))
		return 1;
	for (;;)
		answer(udp, &b, jitter_us);
}

static int watch(char **argument)
{
	struct base b;
	long seconds = atol(argument[1]);
	int64_t start = now(CLOCK_MONOTONIC_RAW);

	if (load(argument[0], &b))
		return 1;
	for (long i = 0; i < seconds; i++) {
		int64_t realtime, raw, left;

		read_both(&realtime, &raw);
		printf("%.3f %" PRId64 "\n", (double)(raw - start) / 1e9, realtime - truth_at(&b, raw));
		fflush(stdout);
		left = start + (i + 1) * SECOND - now(CLOCK_MONOTONIC_RAW);
		if (left > 0)
			usleep((useconds_t)(left / 1000));
	}
	return 0;
}

/* How far to move the time: to where the clock would be, had it run on as it did at the start. */
static int64_t way_back(const struct base *b)
{
	double rate = ((double)b->tick * 100 + (double)b->freq / 65536) * 1e-6 - 1;
	int64_t realtime, raw;

	read_both(&realtime, &raw);
	return b->realtime + (raw - b->raw) + (int64_t)((double)(raw - b->raw) * rate) - realtime;
}

static int restore(char **argument)
{
	struct base b;
	struct timex steer = { .modes = ADJ_FREQUENCY | ADJ_TICK | ADJ_STATUS | ADJ_OFFSET };
	struct timex move = { .modes = ADJ_SETOFFSET | ADJ_NANO };
	struct timex status = { .modes = ADJ_STATUS };
	int64_t back;

	if (load(argument[0], &b))
		return 1;
	steer.freq = b.freq;
	steer.tick = b.tick;
	steer.status = STA_UNSYNC;
	if (adjtimex(&steer) < 0) {
		perror("adjtimex");
		return 1;
	}
	back = way_back(&b);
	if (llabs(back) > MAX_RESTORE) {
		fprintf(stderr, "the time is %.3f s away, more than this can have done: not moved\n", (double)back / 1e9);
		return 1;
	}
	move.time.tv_sec = back / SECOND - (back % SECOND < 0);
	move.time.tv_usec = back % SECOND + (back % SECOND < 0 ? SECOND : 0); /* ns, by ADJ_NANO */
	status.status = b.status;
	if (adjtimex(&move) < 0 || adjtimex(&status) < 0) {
		perror("adjtimex");
		return 1;
	}
	fprintf(stderr, "moved by %+.6f s\n", (double)back / 1e9);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 7 && !strcmp(argv[1], "serve"))
		return serve(argv + 2);
	if (argc == 4 && !strcmp(argv[1], "watch"))
		return watch(argv + 2);
	if (argc == 3 && !strcmp(argv[1], "restore"))
		return restore(argv + 2);
	fprintf(stderr, "usage: truth serve PORT OFFSET_S DRIFT_PPM JITTER_US SEED | watch BASE SECONDS | restore BASE\n");
	return 2;
}
