/* Datagrams with the instants of their arrival and departure. Read by the compiler and by cffi, so nothing but plain declarations.
 *
 * All instants are CLOCK_REALTIME in ns since 1970. All functions return 0 or more when they worked and -errno when they did not; none of
 * them waits. */
#define NTP_DATAGRAM_MAX 2048

struct ntp_datagram {
    int64_t stamp_ns;       /* arrival */
    uint32_t length;        /* bytes in data */
    uint32_t scope_id;      /* interface of a link-local IPv6 sender, else 0 */
    uint16_t port;          /* of the sender */
    uint8_t address_length; /* 4 or 16; 0: the sender is not known */
    uint8_t kernel_stamp;   /* 1: the kernel stamped it; 0: the clock was read after it was taken from the socket */
    uint8_t truncated;      /* 1: it was longer than NTP_DATAGRAM_MAX */
    uint8_t address[16];    /* of the sender, as on the wire */
    uint8_t data[NTP_DATAGRAM_MAX];
};

/* Switch kernel stamps on: 2 for arrivals and departures, 1 for arrivals only, 0 when the kernel has neither. */
int32_t ntp_enable_stamps(int32_t fd, int32_t departures);

/* Take one datagram from the socket. */
int32_t ntp_receive(int32_t fd, struct ntp_datagram *out);

/* Send to the connected peer, reading the clock just before. An error that an ICMP message left on the socket is dropped. */
int32_t ntp_send(int32_t fd, const uint8_t *data, uint32_t length, int64_t *before_ns);

/* Take one entry from the socket's error queue: 1 when it is the departure stamp of datagram `number` (counted from 0 since stamps were
 * switched on), 0 when it is something else, -EAGAIN when there is none. */
int32_t ntp_departure(int32_t fd, uint32_t number, int64_t *stamp_ns);
