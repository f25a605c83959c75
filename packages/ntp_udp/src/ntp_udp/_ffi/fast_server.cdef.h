/* The server's fast path. Read by the compiler and by cffi, so nothing but plain declarations.
 *
 * Two layers. `ntp_respond` and what it consists of take a datagram and write an answer: no system call, no allocation, no state but what is
 * passed. `ntp_serve` moves datagrams between sockets and that. All memory is the caller's, made once.
 *
 * The meaning of all this is ntp_proto.server, in Python: what is said here is said there first. A datagram may be left to it (NTP_PUNT) as
 * long as nothing has been counted for it yet; any other outcome is the one that it would have given.
 *
 * Instants of the kernel's clock and of the served clock are 64 bits of 2^-32 s since 1900; monotonic instants are int64_t ns. Addresses are
 * 128 bits in two halves, IPv4 as ::ffff:a.b.c.d. Functions of the second layer return -errno when they did not work. */
#define NTP_BATCH 64
#define NTP_REQUEST_MAX 2048
#define NTP_REQUEST_ROOM 2052 /* four more, to see that a datagram was longer */
#define NTP_REPLY_LENGTH 48
#define NTP_SENDER_ROOM 28 /* struct sockaddr_in6 */
#define NTP_WAYS 8
#define NTP_KINDS 4    /* of AnswerKind */
#define NTP_REASONS 14 /* of DropReason */

/* What became of a datagram: the place of the AnswerKind, or one of these plus the place of the DropReason. */
#define NTP_KISSED 32
#define NTP_DROPPED 64
#define NTP_PUNT 255

struct ntp_request {
    const uint8_t *data;
    uint64_t client_high;
    uint64_t client_low;
    uint64_t local_high; /* where it was sent to */
    uint64_t local_low;
    uint64_t received_at; /* kernel's clock */
    uint32_t length;
    uint16_t client_port;
    uint16_t local_port;
};

/* ntp_proto.server.snapshot */
struct ntp_snapshot {
    uint64_t as_of; /* kernel's clock */
    uint64_t reference_time;
    int64_t root_dispersion; /* 2^-32 s, like the next two */
    int64_t dispersion_limit;
    int64_t time_offset;
    double dispersion_rate;
    double time_frequency;
    uint32_t root_delay; /* 16.16 s */
    uint32_t reference_id;
    uint8_t leap;
    uint8_t stratum;
    int8_t precision;
};

/* ntp_proto.server.prefix_table: disjoint intervals in ascending order */
struct ntp_interval {
    uint64_t first_high;
    uint64_t first_low;
    uint64_t last_high;
    uint64_t last_low;
};

struct ntp_prefixes {
    const struct ntp_interval *intervals;
    uint32_t count;
    uint32_t is_on; /* 0: there is no list */
};

/* ntp_proto.server.client_table: what is compared first lies together, what belongs to one client too */
struct ntp_client {
    uint64_t high;
    int64_t full_at;
    int64_t answered_at;
    int64_t seen_at; /* -2^62: the place is empty */
    uint32_t requests;
    uint32_t drops;
};

struct ntp_client_set {
    uint64_t low[NTP_WAYS];
    struct ntp_client client[NTP_WAYS];
};

struct ntp_clients {
    struct ntp_client_set *sets;
    uint64_t set_mask;
    uint64_t hash_key;
    uint64_t hash_multiplier[2];
    uint64_t leak_state;
    uint64_t ipv4_mask_low;
    uint64_t ipv6_mask_high;
    uint64_t ipv6_mask_low;
    int64_t interval;
    int64_t tolerance;
    int64_t gap;
    int64_t idle;
    uint32_t leak;
};

/* What is told of a client. */
struct ntp_talker {
    uint64_t high;
    uint64_t low;
    int64_t quiet_for; /* ns */
    uint32_t requests;
    uint32_t drops;
};

/* ntp_proto.server.rate_limit; interval 0: no limit */
struct ntp_bucket {
    int64_t full_at;
    int64_t interval;
    int64_t tolerance;
};

/* ntp_proto.server.interleaved */
struct ntp_sent {
    uint64_t receive;
    uint64_t transmit;
};

struct ntp_sent_table {
    struct ntp_sent *places; /* 2^(64 - shift) */
    uint32_t shift;
    uint32_t is_on;
};

/* ntp_proto.server.responder and policy */
struct ntp_responder {
    struct ntp_prefixes denylist;
    struct ntp_prefixes allowlist;
    struct ntp_clients clients;
    struct ntp_bucket global_limit;
    struct ntp_sent_table sent;
    uint32_t kiss[NTP_REASONS]; /* four letters; 0: silence */
    uint8_t serves_legacy;
    uint8_t serves_unsynchronized;
};

/* ntp_proto.server.counters */
struct ntp_tally {
    uint64_t answered[NTP_KINDS];
    uint64_t dropped[NTP_REASONS];
    uint64_t kissed[NTP_REASONS];
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t send_errors;
    uint64_t processing; /* from arrival to departure, summed over all answers, 2^-32 s */
};

enum ntp_reports { NTP_UNASKED, NTP_REPORTED, NTP_REFUSED };

/* One socket. */
struct ntp_listener {
    uint64_t local_high;
    uint64_t local_low;
    int32_t fd;
    uint16_t local_port;
    uint8_t is_wildcard; /* the destination comes with each datagram, and replies name it as their source */
    uint8_t reports;     /* enum ntp_reports: whether the kernel tells when replies have left; asked when somebody first needs it */
};

/* The datagrams of one recvmmsg, and what became of them. */
struct ntp_batch {
    uint32_t count;
    uint32_t punts; /* of these, left to the slow path */
    int32_t listener;
    struct ntp_request request[NTP_BATCH];
    uint8_t outcome[NTP_BATCH];
    uint32_t zone[NTP_BATCH]; /* interface of a link-local destination, else 0 */
    uint8_t sender_length[NTP_BATCH];
    uint8_t sender[NTP_BATCH][NTP_SENDER_ROOM];
    uint8_t reply[NTP_BATCH][NTP_REPLY_LENGTH];
    uint8_t data[NTP_BATCH][NTP_REQUEST_ROOM];
};

/* Whether an address is on a list. */
int32_t ntp_is_listed(const struct ntp_prefixes *list, uint64_t high, uint64_t low);

/* Make every place empty. */
void ntp_clients_clear(struct ntp_clients *clients);

/* Count a request; 1: within its client's limit, or leaking through it. */
int32_t ntp_clients_admit(struct ntp_clients *clients, uint64_t high, uint64_t low, int64_t now);

/* The busiest clients that are not idle, at most `room`, by requests, then by address; how many. */
int32_t ntp_clients_top(const struct ntp_clients *clients, int64_t now, struct ntp_talker *top, int32_t room);

/* How many clients are not idle. */
int64_t ntp_clients_active(const struct ntp_clients *clients, int64_t now);

/* Take a token; 1: there was one. */
int32_t ntp_bucket_take(struct ntp_bucket *bucket, int64_t now);

/* Judge a datagram: 0 gets the time, 1 + the place of the DropReason does not, NTP_PUNT is left to the slow path. */
int32_t ntp_judge(struct ntp_responder *responder, const struct ntp_request *request, const struct ntp_snapshot *snapshot, int64_t now);

/* Write what becomes of a judged datagram, and return it as above. */
int32_t ntp_conclude(struct ntp_responder *responder, const struct ntp_request *request, int32_t judgement, uint64_t transmit_at,
                     const struct ntp_snapshot *snapshot, uint8_t *reply);

/* The two in one. */
int32_t ntp_respond(struct ntp_responder *responder, const struct ntp_request *request, uint64_t transmit_at,
                    const struct ntp_snapshot *snapshot, int64_t now, uint8_t *reply);

/* Take a better transmit timestamp of an answer, for interleaved mode. */
void ntp_handle_sent(struct ntp_responder *responder, const uint8_t *reply, uint64_t departed_at, const struct ntp_snapshot *snapshot);

/* Take what waits at one socket, at most NTP_BATCH datagrams, and answer it; how many there were. */
int32_t ntp_serve_batch(struct ntp_listener *listener, struct ntp_responder *responder, const struct ntp_snapshot *snapshot,
                        struct ntp_batch *batch, struct ntp_tally *tally);

/* Serve all sockets for `timeout_ms`, which bounds how old the snapshot can become; 0: what is there. Earlier it comes back when a batch has
 * punts, or with any batch if `each_batch`, or when `wake_fd` (-1: none) is readable. Returns 1 when `batch` is to be looked at. */
#define NTP_BATCHES_AT_ONCE 8
#define NTP_LISTENERS_MAX 64
int32_t ntp_serve(struct ntp_listener *listeners, int32_t count, int32_t wake_fd, int32_t timeout_ms, int32_t each_batch,
                  struct ntp_responder *responder, const struct ntp_snapshot *snapshot, struct ntp_batch *batch, struct ntp_tally *tally);
