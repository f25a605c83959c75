/* A flood of NTP requests: as many as this core can send, from many addresses, whatever becomes of them.
 *
 *   cc -O2 -Wall -Wextra -o flood flood.c
 *   ./flood -p 11123 -s 10 -c 100000 -m 10
 *
 * Requests come from -c addresses from 127.16.0.1 on, each from another; every -m-th is malformed in one of several ways. Answers are not
 * read. Loopback only. Prints one JSON object when it ends, by itself or by SIGTERM: what was sent, and in which time. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 64, PACKET = 48, ROOM = 64 };
#define FIRST_CLIENT 0x7f100001u /* 127.16.0.1 */
#define STRIDE 61803u /* has no factor in common with 100 000: who comes next is far away, and all come in turn */

/* A short one, an answer, a version that is not served, a length that no packet has. */
static const struct { uint8_t first; size_t length; } malformed[] = {{0x23, 40}, {0x24, PACKET}, {0x3b, PACKET}, {0x23, 50}};

static uint8_t packet[BATCH][ROOM];
static struct iovec part[BATCH];
static struct mmsghdr message[BATCH];
static union {
    struct cmsghdr aligned;
    char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
} source[BATCH];
static volatile sig_atomic_t is_ended;

static void end(int number) {
    (void)number;
    is_ended = 1;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void set_up(struct sockaddr_in *server) {
    for (int i = 0; i < BATCH; i++) {
        part[i] = (struct iovec){packet[i], PACKET};
        source[i].aligned = (struct cmsghdr){CMSG_LEN(sizeof(struct in_pktinfo)), IPPROTO_IP, IP_PKTINFO};
        message[i].msg_hdr = (struct msghdr){.msg_name = server, .msg_namelen = sizeof *server, .msg_iov = &part[i], .msg_iovlen = 1,
                                             .msg_control = source[i].bytes, .msg_controllen = sizeof source[i].bytes};
    }
}

static void prepare(int i, uint64_t number, uint32_t clients, uint32_t every) {
    struct in_pktinfo from = {.ipi_spec_dst.s_addr = htonl(FIRST_CLIENT + (uint32_t)(number * STRIDE % clients))};
    int is_malformed = every && number % every == 0;
    size_t kind = (size_t)(number / (every ? every : 1)) % (sizeof malformed / sizeof *malformed);

    memcpy(CMSG_DATA(&source[i].aligned), &from, sizeof from);
    packet[i][0] = is_malformed ? malformed[kind].first : 0x23;
    packet[i][2] = 6;
    memcpy(packet[i] + 40, &number, sizeof number);
    part[i].iov_len = is_malformed ? malformed[kind].length : PACKET;
}

int main(int count, char **arguments) {
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    uint32_t clients = 100000, every = 10;
    uint64_t sent = 0, refused = 0;
    double seconds = 10;
    int letter;

    while ((letter = getopt(count, arguments, "p:s:c:m:")) != -1) {
        switch (letter) {
        case 'p': server.sin_port = htons((uint16_t)atoi(optarg)); break;
        case 's': seconds = atof(optarg); break;
        case 'c': clients = (uint32_t)atoi(optarg); break;
        case 'm': every = (uint32_t)atoi(optarg); break;
        default: return 64;
        }
    }
    if (clients == 0 || server.sin_port == 0) {
        fprintf(stderr, "flood: -p PORT is needed, and -c 1 or more\n");
        return 64;
    }
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0) {
        perror("socket");
        return 1;
    }
    signal(SIGTERM, end);
    set_up(&server);
    const double started = now();
    while (!is_ended && now() - started < seconds) {
        for (int i = 0; i < BATCH; i++)
            prepare(i, sent + (uint64_t)i, clients, every);
        int done = sendmmsg(fd, message, BATCH, 0);
        refused += done < 0;
        sent += done < 0 ? 1 : (uint64_t)done; /* who was refused is left out */
    }
    printf("{\"sent\": %lu, \"refused\": %lu, \"seconds\": %.3f}\n", sent - refused, refused, now() - started);
    return 0;
}
