/* Ring one of the sockets: system calls and control messages, no policy, no allocation.
 *
 * Every system call goes through the C library's function of that name, so that a simulator loaded in front of it stays in control. */
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#include <linux/errqueue.h>
#include <linux/net_tstamp.h>

#include "socket.cdef.h"

#define CONTROL_ROOM 512 /* stamps, error report and what else an interface may add */

_Static_assert(CONTROL_ROOM >= 256, "room for every control message of the kernel");

static int64_t to_ns(const struct timespec *instant) {
    return (int64_t)instant->tv_sec * 1000000000 + instant->tv_nsec;
}

static int64_t clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return to_ns(&now);
}

/* The kernel's software stamp in a control message, 0 when it is none. */
static int64_t stamp_of(const struct cmsghdr *message) {
    struct timespec instant;

    if (message->cmsg_level != SOL_SOCKET)
        return 0;
    /* SCM_TIMESTAMPING holds three instants: software, unused, hardware */
    if (message->cmsg_type != SCM_TIMESTAMPING && message->cmsg_type != SCM_TIMESTAMPNS)
        return 0;
    if (message->cmsg_len < CMSG_LEN(sizeof instant))
        return 0;
    memcpy(&instant, CMSG_DATA(message), sizeof instant);
    return to_ns(&instant);
}

static void copy_sender(struct ntp_datagram *out, const struct sockaddr_storage *sender, socklen_t length) {
    struct sockaddr_in inet;
    struct sockaddr_in6 inet6;

    if (length >= sizeof inet && sender->ss_family == AF_INET) {
        memcpy(&inet, sender, sizeof inet);
        memcpy(out->address, &inet.sin_addr, 4);
        out->port = ntohs(inet.sin_port);
        out->address_length = 4;
    } else if (length >= sizeof inet6 && sender->ss_family == AF_INET6) {
        memcpy(&inet6, sender, sizeof inet6);
        memcpy(out->address, &inet6.sin6_addr, 16);
        out->port = ntohs(inet6.sin6_port);
        out->scope_id = inet6.sin6_scope_id;
        out->address_length = 16;
    }
}

int32_t ntp_enable_stamps(int32_t fd, int32_t departures) {
    unsigned int flags = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE;
    int on = 1;

    /* OPT_TSONLY: the error queue need not give the datagram back; OPT_ID: it tells which datagram the stamp belongs to */
    if (departures)
        flags |= SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_OPT_TSONLY | SOF_TIMESTAMPING_OPT_ID;
    if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof flags) == 0)
        return departures ? 2 : 1;
    return setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) == 0 ? 1 : 0;
}

int32_t ntp_receive(int32_t fd, struct ntp_datagram *out) {
    _Alignas(struct cmsghdr) unsigned char control[CONTROL_ROOM];
    struct sockaddr_storage sender;
    struct iovec part = {.iov_base = out->data, .iov_len = sizeof out->data};
    struct msghdr message = {.msg_name = &sender,
                             .msg_namelen = sizeof sender,
                             .msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    ssize_t length = recvmsg(fd, &message, MSG_DONTWAIT);

    if (length < 0)
        return -errno;
    memset(out, 0, offsetof(struct ntp_datagram, data));
    for (struct cmsghdr *item = CMSG_FIRSTHDR(&message); item; item = CMSG_NXTHDR(&message, item)) {
        int64_t stamp = stamp_of(item);
        if (stamp)
            out->stamp_ns = stamp;
    }
    out->kernel_stamp = out->stamp_ns != 0;
    if (!out->kernel_stamp)
        out->stamp_ns = clock_ns();
    out->length = (uint32_t)length;
    out->truncated = (message.msg_flags & MSG_TRUNC) != 0;
    copy_sender(out, &sender, message.msg_namelen);
    return 0;
}

int32_t ntp_send(int32_t fd, const uint8_t *data, uint32_t length, int64_t *before_ns) {
    int pending;
    socklen_t size = sizeof pending;

    /* reading the pending error clears it: otherwise send would report it instead of sending */
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &pending, &size) < 0)
        return -errno;
    *before_ns = clock_ns();
    return send(fd, data, length, MSG_DONTWAIT) < 0 ? -errno : 0;
}

int32_t ntp_departure(int32_t fd, uint32_t number, int64_t *stamp_ns) {
    _Alignas(struct cmsghdr) unsigned char control[CONTROL_ROOM];
    unsigned char frame[64]; /* stays empty with OPT_TSONLY; recvmsg wants a place all the same */
    struct iovec part = {.iov_base = frame, .iov_len = sizeof frame};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    int64_t stamp = 0;
    int ours = 0;

    if (recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
        return -errno;
    for (struct cmsghdr *item = CMSG_FIRSTHDR(&message); item; item = CMSG_NXTHDR(&message, item)) {
        if ((item->cmsg_level == IPPROTO_IP && item->cmsg_type == IP_RECVERR) ||
            (item->cmsg_level == IPPROTO_IPV6 && item->cmsg_type == IPV6_RECVERR)) {
            struct sock_extended_err report;
            memcpy(&report, CMSG_DATA(item), sizeof report);
            ours = report.ee_origin == SO_EE_ORIGIN_TIMESTAMPING && report.ee_info == SCM_TSTAMP_SND && report.ee_data == number;
        } else if (stamp_of(item)) {
            stamp = stamp_of(item);
        }
    }
    if (!ours || !stamp)
        return 0;
    *stamp_ns = stamp;
    return 1;
}
