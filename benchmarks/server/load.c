/* A load of NTP requests, and what a client would make of the answers.
 *
 *   cc -O2 -Wall -Wextra -o load load.c -lm
 *   ./load -p 11123 -s 5                    closed loop: as many requests under way as -w says, so that the server is always busy
 *   ./load -p 11123 -s 10 -r 100000         open loop: so many a second, whatever the server does
 *
 * -i lets it sleep while there is nothing to do, for a core that it shares with the server.
 *
 * Each request carries a random number with the index of its slot, so an answer is recognised without a search. An answer counts when it
 * is a server's, of our version, 48 bytes long and names the request. What a client would compute as its offset is the server's error,
 * because both sides read the same clock; -t takes the kernel's stamps of arrivals, as a good client does.
 *
 * Prints one JSON object: see report(). Loopback only: requests come from -c addresses from 127.16.0.1 on. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, PACKET = 48, SLOTS = 1 << 16, SOCKETS = 64, PROCESSES = 64, SAMPLES = 1 << 22 };
#define SECOND 1000000000LL
#define UNIX_EPOCH 2208988800LL /* of 1970 in seconds since 1900 */
#define PATIENCE (SECOND / 4)   /* then a request counts as lost */
#define FIRST_CLIENT 0x7f100001u /* 127.16.0.1 */

struct options {
    const char *host;
    int port, window, sockets, clients, batch, echo, kernel_stamps, version, waits;
    double seconds, warm_up, rate;
    int process[PROCESSES], processes;
};

struct slot {
    uint64_t nonce;
    int64_t sent_at; /* system's clock */
    int64_t since;
    uint32_t socket;
    bool waiting;
};

struct totals {
    uint64_t sent, answered, kisses, invalid, lost, unknown, refused;
};

static struct slot slots[SLOTS];
static uint32_t spare[SLOTS], spares;
static int sockets[SOCKETS], under_way[SOCKETS];
static struct sockaddr_in server;
static struct totals total;
static float *errors_us, *round_trips_us;
static uint32_t samples;
static int64_t measuring_from = INT64_MAX;
static uint64_t random_state;
static uint32_t next_client;

static uint8_t out[BATCH][PACKET], in[BATCH][512];
static union {
    struct cmsghdr aligned;
    char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
} source[BATCH];
static char stamp[BATCH][128] __attribute__((aligned(16)));
static struct iovec out_part[BATCH], in_part[BATCH];
static struct mmsghdr out_message[BATCH], in_message[BATCH];

static int64_t read_clock(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * SECOND + t.tv_nsec;
}

static int64_t system_now(void) { /* what timestamps tell */
    return read_clock(CLOCK_REALTIME);
}

static int64_t now(void) { /* what the load goes by: nobody sets it */
    return read_clock(CLOCK_MONOTONIC);
}

static uint64_t random_number(void) { /* splitmix64 */
    uint64_t z = random_state += 0x9e3779b97f4a7c15ULL;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    return z ^ z >> 31;
}

static int64_t from_ntp(const uint8_t *field) {
    uint32_t seconds, fraction;
    memcpy(&seconds, field, 4);
    memcpy(&fraction, field + 4, 4);
    return ((int64_t)ntohl(seconds) - UNIX_EPOCH) * SECOND + (int64_t)((ntohl(fraction) * (uint64_t)SECOND) >> 32);
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void open_sockets(const struct options *options) {
    int large = 4 << 20, on = 1;

    server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)options->port)};
    if (inet_pton(AF_INET, options->host, &server.sin_addr) != 1)
        fail("address");
    for (int i = 0; i < options->sockets; i++) {
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        if (fd < 0)
            fail("socket");
        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &large, sizeof large))
            setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &large, sizeof large);
        if (options->kernel_stamps)
            setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
        /* with many source addresses the socket stays unconnected, so that the kernel hands it the answers to all of them */
        if (!options->clients && connect(fd, (struct sockaddr *)&server, sizeof server))
            fail("connect");
        sockets[i] = fd;
    }
    for (int i = 0; i < BATCH; i++) {
        out_part[i] = (struct iovec){out[i], PACKET};
        in_part[i] = (struct iovec){in[i], sizeof in[i]};
        out_message[i].msg_hdr = (struct msghdr){.msg_iov = &out_part[i], .msg_iovlen = 1};
        in_message[i].msg_hdr = (struct msghdr){.msg_iov = &in_part[i], .msg_iovlen = 1};
        if (options->clients) {
            source[i].aligned = (struct cmsghdr){CMSG_LEN(sizeof(struct in_pktinfo)), IPPROTO_IP, IP_PKTINFO};
            out_message[i].msg_hdr.msg_control = source[i].bytes;
            out_message[i].msg_hdr.msg_controllen = sizeof source[i].bytes;
            out_message[i].msg_hdr.msg_name = &server;
            out_message[i].msg_hdr.msg_namelen = sizeof server;
        }
    }
}

static void prepare(int at, const struct options *options, int which) {
    uint32_t index = spare[--spares];
    struct slot *slot = &slots[index];

    *slot = (struct slot){(random_number() & ~0xffffULL) | index, system_now(), now(), (uint32_t)which, true};
    memset(out[at], 0, PACKET);
    out[at][0] = (uint8_t)(options->version << 3 | 3);
    out[at][2] = 6;
    memcpy(out[at] + 40, &slot->nonce, 8);
    if (options->clients) {
        struct in_pktinfo from = {.ipi_spec_dst.s_addr = htonl(FIRST_CLIENT + next_client++ % (uint32_t)options->clients)};
        memcpy(CMSG_DATA(&source[at].aligned), &from, sizeof from);
    }
}

static void send_requests(const struct options *options, int which, int count) {
    int done = 0;

    for (int i = 0; i < count; i++)
        prepare(i, options, which);
    while (done < count) {
        int sent = sendmmsg(sockets[which], out_message + done, (unsigned)(count - done), 0);
        if (sent < 0) {
            total.refused++; /* the slot's patience will end */
            sent = 1;
        }
        done += sent;
    }
    total.sent += (uint64_t)count;
    under_way[which] += count;
}

static void release(uint32_t index) {
    slots[index].waiting = false;
    under_way[slots[index].socket]--;
    spare[spares++] = index;
}

static int64_t arrival(struct msghdr *message, int64_t read_at) {
    struct cmsghdr *item = CMSG_FIRSTHDR(message);
    struct timespec t;

    if (!item || item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_TIMESTAMPNS)
        return read_at;
    memcpy(&t, CMSG_DATA(item), sizeof t);
    return t.tv_sec * SECOND + t.tv_nsec;
}

static void judge(const struct options *options, const uint8_t *packet, unsigned length, int64_t arrived) {
    bool valid = length == PACKET && (options->echo || (packet[0] & 0x3f) == (options->version << 3 | 4));
    uint64_t nonce;

    if (length < PACKET) {
        total.invalid++;
        return;
    }
    memcpy(&nonce, packet + (options->echo ? 40 : 24), 8);
    const uint32_t index = nonce & 0xffff;
    const struct slot *slot = &slots[index];
    if (!slot->waiting || slot->nonce != nonce) {
        total.unknown++;
        return;
    }
    if (!valid)
        total.invalid++;
    else if (!options->echo && packet[1] == 0)
        total.kisses++;
    else
        total.answered++;
    if (valid && slot->since >= measuring_from && samples < SAMPLES) {
        int64_t to = from_ntp(packet + 32) - slot->sent_at, back = from_ntp(packet + 40) - arrived;
        errors_us[samples] = (float)fabs((double)(to + back) / 2e3);
        round_trips_us[samples++] = (float)((double)(arrived - slot->sent_at) / 1e3);
    }
    release(index);
}

static int receive(const struct options *options, int which) {
    for (int i = 0; options->kernel_stamps && i < BATCH; i++) {
        in_message[i].msg_hdr.msg_control = stamp[i];
        in_message[i].msg_hdr.msg_controllen = sizeof stamp[i];
    }
    int count = recvmmsg(sockets[which], in_message, BATCH, MSG_DONTWAIT, NULL);
    int64_t read_at = system_now();
    for (int i = 0; i < count; i++)
        judge(options, in[i], in_message[i].msg_len, arrival(&in_message[i].msg_hdr, read_at));
    return count;
}

static void give_up_on_old(int64_t instant) {
    for (uint32_t i = 0; i < SLOTS; i++)
        if (slots[i].waiting && instant - slots[i].since > PATIENCE) {
            release(i);
            total.lost++;
        }
}

static double busy_seconds(const struct options *options) { /* of the server's processes, by the scheduler's account */
    double sum = 0;
    for (int i = 0; i < options->processes; i++) {
        char path[64];
        uint64_t ns;
        snprintf(path, sizeof path, "/proc/%d/schedstat", options->process[i]);
        FILE *file = fopen(path, "r");
        if (file && fscanf(file, "%lu", &ns) == 1)
            sum += (double)ns / SECOND;
        if (file)
            fclose(file);
    }
    return sum;
}

/* Until something comes: on a core that is shared with the server, looking all the time would take its time. */
static void wait_for_answers(const struct options *options) {
    struct pollfd ready[SOCKETS];

    for (int i = 0; i < options->sockets; i++)
        ready[i] = (struct pollfd){.fd = sockets[i], .events = POLLIN};
    poll(ready, (nfds_t)options->sockets, 10);
}

static void turn_closed(const struct options *options) {
    int share = (options->window + options->sockets - 1) / options->sockets;
    bool is_idle = true;

    for (int i = 0; i < options->sockets; i++) {
        is_idle &= receive(options, i) <= 0;
        int room = share - under_way[i];
        is_idle &= room <= 0;
        if (room > 0)
            send_requests(options, i, room < options->batch ? room : options->batch);
    }
    if (is_idle && options->waits)
        wait_for_answers(options);
}

static void turn_open(const struct options *options, int64_t started) {
    static uint64_t asked;
    static int sending, receiving;
    uint64_t due = (uint64_t)((double)(now() - started) * options->rate / SECOND) - asked;

    /* One when there is time, more at once the further it has fallen behind; and one socket a turn, for what has come waits in its buffer. */
    int count = (int)(due < (uint64_t)options->batch ? due : (uint64_t)options->batch);
    if (count > 0 && spares >= (uint32_t)count) {
        send_requests(options, sending, count);
        asked += (uint64_t)count;
        sending = (sending + 1) % options->sockets;
    }
    receive(options, receiving);
    receiving = (receiving + 1) % options->sockets;
}

static int compare(const void *one, const void *other) {
    float a = *(const float *)one, b = *(const float *)other;
    return (a > b) - (a < b);
}

static double quantile(const float *sorted, double share) {
    return samples ? sorted[(uint32_t)(share * (samples - 1))] : NAN;
}

static void report(const struct totals *before, double seconds, double cpu) {
    uint64_t replies = total.answered + total.kisses - before->answered - before->kisses;

    qsort(errors_us, samples, sizeof *errors_us, compare);
    qsort(round_trips_us, samples, sizeof *round_trips_us, compare);
    printf("{\"seconds\": %.3f, \"sent\": %lu, \"answered\": %lu, \"kisses\": %lu, \"invalid\": %lu, \"lost\": %lu, \"unknown\": %lu, "
           "\"refused\": %lu, \"replies_per_s\": %.0f, \"server_cpu_us\": %.4f, \"offset_error_us_p50\": %.3f, "
           "\"offset_error_us_p99\": %.3f, \"round_trip_us_p50\": %.1f, \"round_trip_us_p99\": %.1f}\n",
           seconds, total.sent - before->sent, total.answered - before->answered, total.kisses - before->kisses,
           total.invalid - before->invalid, total.lost - before->lost, total.unknown - before->unknown, total.refused - before->refused,
           (double)replies / seconds, replies ? cpu * 1e6 / (double)replies : 0.0, samples ? quantile(errors_us, 0.5) : 0.0,
           samples ? quantile(errors_us, 0.99) : 0.0, samples ? quantile(round_trips_us, 0.5) : 0.0,
           samples ? quantile(round_trips_us, 0.99) : 0.0);
}

static void run(const struct options *options) {
    int64_t started = now(), warm = started + (int64_t)(options->warm_up * SECOND);
    int64_t end = warm + (int64_t)(options->seconds * SECOND), looked = started, instant;
    struct totals before = {0};
    double busy = 0;

    while ((instant = now()) < end) {
        if (measuring_from == INT64_MAX && instant >= warm) {
            measuring_from = instant;
            before = total;
            busy = busy_seconds(options);
        }
        if (options->rate > 0)
            turn_open(options, started);
        else
            turn_closed(options);
        if (instant - looked > SECOND / 20) {
            give_up_on_old(instant);
            looked = instant;
        }
    }
    double seconds = (double)(instant - measuring_from) / SECOND, cpu = busy_seconds(options) - busy;
    struct totals at_end = total;
    while (now() < instant + PATIENCE + SECOND / 20) /* what is under way may still come: only then is it lost */
        for (int i = 0; i < options->sockets; i++)
            receive(options, i);
    give_up_on_old(now() + PATIENCE);
    at_end.lost = total.lost;
    total = at_end;
    report(&before, seconds, cpu);
}

static struct options parse(int count, char **arguments) {
    struct options options = {.host = "127.0.0.1", .port = 11123, .window = 128, .sockets = 16, .batch = 32, .version = 4,
                              .seconds = 2, .warm_up = 0.2};
    int letter;

    while ((letter = getopt(count, arguments, "a:p:w:n:c:b:s:u:r:P:et3i")) != -1) {
        switch (letter) {
        case 'a': options.host = optarg; break;
        case 'p': options.port = atoi(optarg); break;
        case 'w': options.window = atoi(optarg); break;
        case 'n': options.sockets = atoi(optarg); break;
        case 'c': options.clients = atoi(optarg); break;
        case 'b': options.batch = atoi(optarg); break;
        case 's': options.seconds = atof(optarg); break;
        case 'u': options.warm_up = atof(optarg); break;
        case 'r': options.rate = atof(optarg); break;
        case 'e': options.echo = 1; break;
        case 't': options.kernel_stamps = 1; break;
        case '3': options.version = 3; break;
        case 'i': options.waits = 1; break;
        case 'P':
            for (char *part = strtok(optarg, ","); part && options.processes < PROCESSES; part = strtok(NULL, ","))
                options.process[options.processes++] = atoi(part);
            break;
        default: exit(64);
        }
    }
    if (options.clients)
        options.sockets = 1;
    if (options.batch < 1 || options.batch > BATCH || options.sockets < 1 || options.sockets > SOCKETS || options.window < 1 ||
        options.window > SLOTS / 2) {
        fprintf(stderr, "load: -b 1 to %d, -n 1 to %d, -w 1 to %d\n", BATCH, SOCKETS, SLOTS / 2);
        exit(64);
    }
    return options;
}

int main(int count, char **arguments) {
    struct options options = parse(count, arguments);

    if (getrandom(&random_state, sizeof random_state, 0) != sizeof random_state)
        fail("getrandom");
    errors_us = malloc(SAMPLES * sizeof *errors_us);
    round_trips_us = malloc(SAMPLES * sizeof *round_trips_us);
    if (!errors_us || !round_trips_us)
        fail("malloc");
    for (uint32_t i = 0; i < SLOTS; i++)
        spare[spares++] = i;
    open_sockets(&options);
    run(&options);
    return 0;
}
