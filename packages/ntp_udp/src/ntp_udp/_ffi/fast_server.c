/* The loop around the responder: many datagrams from a socket at once, each judged, stamped and answered on its own.
 *
 * Receiving in batches saves a third of the system calls and costs no accuracy, since the kernel has stamped each arrival. Answers are sent
 * one by one, each with a transmit timestamp read for it: stamped together they would be up to 12 us old when they leave.
 *
 * For a client that uses interleaved mode the kernel is asked to tell when the answer has really left. It gives the datagram back with the
 * instant, on the socket's error queue, which poll() reports: whoever serves no such client makes not one system call for it. The datagram says
 * itself which answer it is, so that nothing is mistaken when two processes serve one socket during a reload. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* recvmmsg; Python's own header may have asked already */
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include <linux/errqueue.h>
#include <linux/net_tstamp.h>

#include "respond.c"

#define CONTROL_ROOM 256 /* stamps, a destination, a report, and what else an interface may add */
#define FRAME_ROOM 256   /* a reply behind the headers of its way */
#define REPORTS_AT_ONCE (NTP_BATCH * NTP_BATCHES_AT_ONCE) /* what one turn can cause */
#define ONLY_WHAT_WAS_ASKED_FOR (1u << 17) /* SOF_TIMESTAMPING_OPT_RX_FILTER of Linux 6.12; without it each arrival is told twice */
#define UNIX_EPOCH 2208988800u

_Static_assert(sizeof(struct sockaddr_in6) == NTP_SENDER_ROOM, "room for either family");
_Static_assert(CMSG_SPACE(sizeof(struct timespec)) + CMSG_SPACE(sizeof(struct in6_pktinfo)) <= CONTROL_ROOM, "room for the messages");

union control {
    struct cmsghdr aligned;
    unsigned char bytes[CONTROL_ROOM];
};

static uint64_t to_ntp(const struct timespec *instant) {
    uint64_t fraction = (((uint64_t)instant->tv_nsec << 32) + 500000000) / 1000000000;
    return ((uint64_t)(instant->tv_sec + UNIX_EPOCH) << 32) + fraction;
}

static uint64_t clock_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return to_ntp(&now);
}

static int64_t monotonic_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static size_t append(union control *control, size_t at, int level, int type, const void *value, size_t length) {
    struct cmsghdr *item = (struct cmsghdr *)(control->bytes + at);

    *item = (struct cmsghdr){.cmsg_len = CMSG_LEN(length), .cmsg_level = level, .cmsg_type = type};
    memcpy(CMSG_DATA(item), value, length);
    return at + CMSG_SPACE(length);
}

static void unpack_sender(const uint8_t *sender, struct ntp_request *request) {
    struct sockaddr_in inet;
    struct sockaddr_in6 inet6;

    memcpy(&inet6, sender, sizeof inet6);
    if (inet6.sin6_family == AF_INET6) {
        request->client_high = get64(inet6.sin6_addr.s6_addr);
        request->client_low = get64(inet6.sin6_addr.s6_addr + 8);
        request->client_port = ntohs(inet6.sin6_port);
    } else {
        memcpy(&inet, sender, sizeof inet);
        request->client_high = 0;
        request->client_low = MAPPED | ntohl(inet.sin_addr.s_addr);
        request->client_port = ntohs(inet.sin_port);
    }
}

/* What the kernel tells beside the datagram: when it came, and which address it was sent to. */
static void read_control(struct msghdr *message, struct ntp_request *request, uint32_t *zone) {
    for (struct cmsghdr *item = CMSG_FIRSTHDR(message); item; item = CMSG_NXTHDR(message, item)) {
        if (item->cmsg_level == SOL_SOCKET && item->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec arrival;
            memcpy(&arrival, CMSG_DATA(item), sizeof arrival);
            request->received_at = to_ntp(&arrival);
        } else if (item->cmsg_level == IPPROTO_IP && item->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(item), sizeof info);
            /* they differ for a broadcast, whose mask only the kernel knows: it is told as the broadcast to all */
            request->local_low = MAPPED | (info.ipi_addr.s_addr == info.ipi_spec_dst.s_addr ? ntohl(info.ipi_addr.s_addr) : UINT32_MAX);
        } else if (item->cmsg_level == IPPROTO_IPV6 && item->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(item), sizeof info);
            request->local_high = get64(info.ipi6_addr.s6_addr);
            request->local_low = get64(info.ipi6_addr.s6_addr + 8);
            *zone = IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr) ? info.ipi6_ifindex : 0;
        }
    }
}

/* The control message that sets the source of a reply. No interface but that of a zone: it takes the route of its destination. */
static size_t write_source(const struct ntp_request *request, uint32_t zone, union control *control) {
    if (is_mapped(request->local_high, request->local_low)) {
        struct in_pktinfo info = {.ipi_spec_dst.s_addr = htonl((uint32_t)request->local_low)};
        return append(control, 0, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
    }
    struct in6_pktinfo info = {.ipi6_ifindex = zone};
    put64(info.ipi6_addr.s6_addr, request->local_high);
    put64(info.ipi6_addr.s6_addr + 8, request->local_low);
    return append(control, 0, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
}

/* Whether the kernel reports departures from this socket, which it is asked for when the first is wanted. */
static int has_reports(struct ntp_listener *listener) {
    static const uint32_t ways[] = {SOF_TIMESTAMPING_SOFTWARE | ONLY_WHAT_WAS_ASKED_FOR, SOF_TIMESTAMPING_SOFTWARE};

    for (size_t at = 0; listener->reports == NTP_UNASKED && at < sizeof ways / sizeof *ways; at++)
        if (setsockopt(listener->fd, SOL_SOCKET, SO_TIMESTAMPING, &ways[at], sizeof ways[at]) == 0)
            listener->reports = NTP_REPORTED;
    if (listener->reports == NTP_UNASKED)
        listener->reports = NTP_REFUSED;
    return listener->reports == NTP_REPORTED;
}

static int send_reply(const struct ntp_listener *listener, struct ntp_batch *batch, uint32_t at, int is_reported) {
    if (!listener->is_wildcard && !is_reported)
        return sendto(listener->fd, batch->reply[at], NTP_REPLY_LENGTH, MSG_DONTWAIT, (const struct sockaddr *)batch->sender[at],
                      batch->sender_length[at]) >= 0;
    static const uint32_t departure = SOF_TIMESTAMPING_TX_SOFTWARE;
    union control control;
    size_t length = listener->is_wildcard ? write_source(&batch->request[at], batch->zone[at], &control) : 0;
    if (is_reported)
        length = append(&control, length, SOL_SOCKET, SO_TIMESTAMPING, &departure, sizeof departure);
    struct iovec part = {batch->reply[at], NTP_REPLY_LENGTH};
    struct msghdr message = {.msg_name = batch->sender[at], .msg_namelen = batch->sender_length[at], .msg_iov = &part, .msg_iovlen = 1,
                             .msg_control = &control, .msg_controllen = length};
    return sendmsg(listener->fd, &message, MSG_DONTWAIT) >= 0;
}

/* The instant in a report of the error queue; 0: there is none. */
static uint64_t departure_in(struct msghdr *message) {
    for (struct cmsghdr *item = CMSG_FIRSTHDR(message); item; item = CMSG_NXTHDR(message, item)) {
        struct timespec software; /* the first of three instants; the others are the hardware's */
        if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_TIMESTAMPING)
            continue;
        memcpy(&software, CMSG_DATA(item), sizeof software);
        if (software.tv_sec != 0)
            return to_ntp(&software);
    }
    return 0;
}

/* Read when answers have left. */
static void take_reports(const struct ntp_listener *listener, struct ntp_responder *responder, const struct ntp_snapshot *snapshot) {
    for (int turn = 0; turn < REPORTS_AT_ONCE; turn++) {
        uint8_t frame[FRAME_ROOM];
        union control control;
        struct iovec part = {frame, sizeof frame};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
        ssize_t length = recvmsg(listener->fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT);
        if (length < 0)
            return;
        const uint64_t departed_at = departure_in(&message);
        if (departed_at != 0 && length >= NTP_REPLY_LENGTH && !(message.msg_flags & MSG_TRUNC))
            ntp_handle_sent(responder, frame + length - NTP_REPLY_LENGTH, departed_at, snapshot);
    }
}

static void count(struct ntp_tally *tally, int32_t outcome, uint32_t length, int64_t processing) {
    tally->bytes_in += length;
    if (outcome >= NTP_DROPPED) {
        tally->dropped[outcome - NTP_DROPPED]++;
        return;
    }
    tally->bytes_out += NTP_REPLY_LENGTH;
    tally->processing += processing > 0 ? (uint64_t)processing : 0; /* the clock may have been set back */
    if (outcome >= NTP_KISSED) {
        tally->kissed[outcome - NTP_KISSED]++;
        outcome = KISS;
    }
    tally->answered[outcome]++;
}

static void serve_one(struct ntp_listener *listener, struct ntp_responder *responder, const struct ntp_snapshot *snapshot,
                      struct ntp_batch *batch, uint32_t at, int64_t now, struct ntp_tally *tally) {
    struct ntp_request *request = &batch->request[at];
    int32_t judgement = ntp_judge(responder, request, snapshot, now);
    const uint64_t transmit_at = clock_now();
    int32_t outcome = ntp_conclude(responder, request, judgement, transmit_at, snapshot, batch->reply[at]);

    batch->outcome[at] = (uint8_t)outcome;
    if (outcome == NTP_PUNT) {
        batch->punts++;
        return;
    }
    count(tally, outcome, request->length, (int64_t)(transmit_at - request->received_at));
    if (outcome < NTP_DROPPED && !send_reply(listener, batch, at, is_kept(responder, request, outcome) && has_reports(listener)))
        tally->send_errors++;
}

static void unpack(const struct ntp_listener *listener, struct mmsghdr *message, uint64_t read_at, struct ntp_batch *batch, uint32_t at) {
    struct ntp_request *request = &batch->request[at];

    *request = (struct ntp_request){.data = batch->data[at], .length = message->msg_len, .received_at = read_at,
                                    .local_high = listener->local_high, .local_low = listener->local_low,
                                    .local_port = listener->local_port};
    batch->zone[at] = 0;
    batch->sender_length[at] = (uint8_t)message->msg_hdr.msg_namelen;
    unpack_sender(batch->sender[at], request);
    read_control(&message->msg_hdr, request, &batch->zone[at]);
}

int32_t ntp_serve_batch(struct ntp_listener *listener, struct ntp_responder *responder, const struct ntp_snapshot *snapshot,
                        struct ntp_batch *batch, struct ntp_tally *tally) {
    union control control[NTP_BATCH];
    struct iovec part[NTP_BATCH];
    struct mmsghdr message[NTP_BATCH];

    for (int at = 0; at < NTP_BATCH; at++) {
        part[at] = (struct iovec){batch->data[at], NTP_REQUEST_ROOM};
        message[at].msg_hdr = (struct msghdr){.msg_name = batch->sender[at], .msg_namelen = NTP_SENDER_ROOM, .msg_iov = &part[at],
                                              .msg_iovlen = 1, .msg_control = &control[at], .msg_controllen = CONTROL_ROOM};
    }
    batch->count = batch->punts = 0;
    int received = recvmmsg(listener->fd, message, NTP_BATCH, MSG_DONTWAIT, NULL);
    if (received < 0)
        return -errno;
    const uint64_t read_at = clock_now(); /* for what the kernel has not stamped */
    const int64_t now = monotonic_ns();
    batch->count = (uint32_t)received;
    for (uint32_t at = 0; at < batch->count; at++) {
        unpack(listener, &message[at], read_at, batch, at);
        fetch_client(&responder->clients, batch->request[at].client_high, batch->request[at].client_low);
        if (at > 0) /* one behind, so that the client's record has come */
            serve_one(listener, responder, snapshot, batch, at - 1, now, tally);
    }
    if (received > 0)
        serve_one(listener, responder, snapshot, batch, batch->count - 1, now, tally);
    return received;
}

int32_t ntp_serve(struct ntp_listener *listeners, int32_t count, int32_t wake_fd, int32_t timeout_ms, int32_t each_batch,
                  struct ntp_responder *responder, const struct ntp_snapshot *snapshot, struct ntp_batch *batch, struct ntp_tally *tally) {
    struct pollfd ready[NTP_LISTENERS_MAX + 1];

    if (count < 0 || count > NTP_LISTENERS_MAX)
        return -EINVAL;
    for (int32_t at = 0; at < count; at++)
        ready[at] = (struct pollfd){.fd = listeners[at].fd, .events = POLLIN};
    ready[count] = (struct pollfd){.fd = wake_fd, .events = POLLIN};
    batch->count = batch->punts = 0;
    const int64_t until = monotonic_ns() + (int64_t)timeout_ms * 1000000;
    for (int64_t left = until - monotonic_ns();; left = until - monotonic_ns()) {
        int found = poll(ready, (nfds_t)count + 1, left > 0 ? (int)((left + 999999) / 1000000) : 0);
        if (found < 0)
            return errno == EINTR ? 0 : -errno;
        if (found == 0 || ready[count].revents)
            return 0;
        for (int32_t at = 0; at < count; at++) {
            if (ready[at].revents & POLLERR)
                take_reports(&listeners[at], responder, snapshot);
            /* a socket is asked again while its batches are full, but not for long: it may be flooded, and the others have clients too */
            int received = NTP_BATCH;
            for (int turn = 0; ready[at].revents && received == NTP_BATCH && turn < NTP_BATCHES_AT_ONCE; turn++) {
                received = ntp_serve_batch(&listeners[at], responder, snapshot, batch, tally);
                if (received < 0 && received != -EAGAIN && received != -EINTR)
                    return received;
                batch->listener = at;
                if (batch->punts || (each_batch && batch->count))
                    return 1;
            }
        }
        if (left <= 0)
            return 0;
    }
}
