/* What sockets can do at most on this machine: a server that sends back what came, in batches, without looking at it.
 *
 *   cc -O2 -Wall -Wextra -o echo echo.c && ./echo 11123
 *
 * Prints its port; 0 takes a free one. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { BATCH = 64 };

int main(int count, char **arguments) {
    static unsigned char data[BATCH][512];
    static struct sockaddr_in from[BATCH];
    static struct iovec part[BATCH];
    static struct mmsghdr message[BATCH];
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0), large = 4 << 20;
    socklen_t size = sizeof here;

    here.sin_port = htons((uint16_t)(count > 1 ? atoi(arguments[1]) : 11123));
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &large, sizeof large))
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &large, sizeof large);
    if (fd < 0 || bind(fd, (struct sockaddr *)&here, sizeof here)) {
        perror("echo");
        return 1;
    }
    getsockname(fd, (struct sockaddr *)&here, &size);
    printf("%d\n", ntohs(here.sin_port));
    fflush(stdout);
    for (;;) {
        for (int i = 0; i < BATCH; i++) {
            part[i] = (struct iovec){data[i], sizeof data[i]};
            message[i].msg_hdr = (struct msghdr){.msg_name = &from[i], .msg_namelen = sizeof from[i], .msg_iov = &part[i], .msg_iovlen = 1};
        }
        int received = recvmmsg(fd, message, BATCH, MSG_WAITFORONE, NULL);
        for (int i = 0; i < received; i++)
            part[i].iov_len = message[i].msg_len;
        for (int sent = 0, more; sent < received; sent += more)
            if ((more = sendmmsg(fd, message + sent, (unsigned)(received - sent), 0)) < 1)
                more = 1;
    }
}
