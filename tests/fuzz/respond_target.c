/* libFuzzer target: a responder with limits, lists and interleaved mode, and a sequence of datagrams for it.
 *
 * The first bytes are the policy, the clock and the lists; then come records: who sends, when, how long, the octets. Each datagram and each
 * answer has memory of its own of the exact size, so that AddressSanitizer sees one octet too far. Beside what the sanitizers see, it fails
 * when an answer is given to what is no request, when an answer says something that no answer can, or when a count is lost.
 *
 * Built and run by respond.py. */
#include <stdio.h>
#include <stdlib.h>

#include "respond.c"

#define HOLDS(what)                                                        \
    do {                                                                   \
        if (!(what)) {                                                     \
            fprintf(stderr, "%s:%d: violated: %s\n", __FILE__, __LINE__, #what); \
            abort();                                                       \
        }                                                                  \
    } while (0)

enum { SETS = 4, PLACES = 8, INTERVALS = 8 };

struct input {
    const uint8_t *at;
    size_t left;
};

static void read_into(struct input *input, void *to, size_t size) {
    size_t there = size < input->left ? size : input->left;
    memset(to, 0, size);
    memcpy(to, input->at, there);
    input->at += there;
    input->left -= there;
}

static uint64_t number(struct input *input, unsigned size) {
    uint64_t value = 0;
    read_into(input, &value, size);
    return value;
}

/* As ntp_proto.server.prefix_table makes them: ascending, disjoint, in memory of the exact size. */
static struct ntp_interval *intervals(struct input *input, uint32_t count) {
    struct ntp_interval *made = malloc(count * sizeof *made + 1);
    uint64_t low = 0;

    for (uint32_t at = 0; at < count; at++) {
        uint64_t first = low + 1 + number(input, 2), last = first + number(input, 2);
        made[at] = (struct ntp_interval){0, MAPPED | first, 0, MAPPED | last};
        low = last + 1;
    }
    return made;
}

/* Within the limits that ntp_proto.server.snapshot enforces. */
static struct ntp_snapshot clock_of(struct input *input) {
    struct ntp_snapshot clock;

    clock.as_of = number(input, 8);
    clock.reference_time = number(input, 8);
    clock.root_dispersion = (int64_t)(number(input, 8) >> 1);
    clock.dispersion_limit = (int64_t)(number(input, 8) >> 1);
    clock.time_offset = (int64_t)number(input, 8);
    clock.dispersion_rate = (double)number(input, 2) / 655360.0;
    clock.time_frequency = ((double)number(input, 2) - 32768.0) / 327680.0;
    clock.root_delay = (uint32_t)number(input, 4);
    clock.reference_id = (uint32_t)number(input, 4);
    clock.leap = number(input, 1) & 3;
    clock.stratum = clock.leap == LEAP_UNSYNCHRONIZED ? STRATUM_UNSYNCHRONIZED : 1 + number(input, 1) % 15;
    clock.precision = (int8_t)number(input, 1);
    return clock;
}

static void policy_of(struct input *input, struct ntp_responder *responder) {
    struct ntp_clients *clients = &responder->clients;
    uint8_t flags = (uint8_t)number(input, 1);

    responder->denylist.count = (uint32_t)number(input, 1) % INTERVALS;
    responder->denylist.intervals = intervals(input, responder->denylist.count);
    responder->denylist.is_on = flags & 1;
    responder->allowlist.count = (uint32_t)number(input, 1) % INTERVALS;
    responder->allowlist.intervals = intervals(input, responder->allowlist.count);
    responder->allowlist.is_on = flags >> 1 & 1;
    responder->serves_legacy = flags >> 2 & 1;
    responder->serves_unsynchronized = flags >> 3 & 1;
    responder->sent.is_on = flags >> 4 & 1;
    responder->sent.places = calloc(PLACES, sizeof *responder->sent.places);
    responder->sent.shift = 64 - 3;
    responder->global_limit = (struct ntp_bucket){LONG_AGO, (int64_t)number(input, 4), (int64_t)(number(input, 8) >> 3)};
    for (int reason = DENYLIST; reason <= GLOBAL_RATE; reason++)
        responder->kiss[reason] = flags >> 5 & 1 ? 0x44454e59 : 0;
    clients->sets = calloc(SETS, sizeof *clients->sets);
    clients->set_mask = SETS - 1;
    clients->hash_key = number(input, 8);
    clients->hash_multiplier[0] = number(input, 8) | 1;
    clients->hash_multiplier[1] = number(input, 8) | 1;
    clients->leak_state = number(input, 8);
    clients->leak = (uint32_t)number(input, 1) % 33;
    clients->ipv4_mask_low = UINT64_MAX << number(input, 1) % 25;
    clients->ipv6_mask_high = UINT64_MAX;
    clients->ipv6_mask_low = flags >> 6 & 1 ? UINT64_MAX : 0;
    clients->interval = (int64_t)(number(input, 8) >> 13); /* 10^15: a token in eleven days */
    clients->tolerance = (int64_t)(number(input, 8) >> 3);
    clients->gap = (int64_t)number(input, 4);
    clients->idle = (int64_t)number(input, 5);
    ntp_clients_clear(clients);
}

static void check(const struct ntp_responder *responder, const struct ntp_request *request, const uint8_t *reply, int32_t outcome) {
    HOLDS((outcome >= TIME && outcome < KISS) || outcome == NTP_PUNT || (outcome >= NTP_KISSED && outcome < NTP_KISSED + NTP_REASONS) ||
          (outcome >= NTP_DROPPED && outcome < NTP_DROPPED + NTP_REASONS));
    if (outcome == NTP_PUNT) {
        HOLDS(responder->serves_legacy);
        return;
    }
    if (outcome >= NTP_DROPPED)
        return;
    HOLDS(request->length >= NTP_REPLY_LENGTH);
    HOLDS((request->data[0] & 7) == MODE_CLIENT && request->client_port != 0);
    HOLDS((reply[0] & 0x3f) == ((request->data[0] & VERSION_BITS) | MODE_SERVER));
    HOLDS((reply[AT_STRATUM] == 0) == (outcome >= NTP_KISSED));
    HOLDS(outcome == TIME || outcome == INTERLEAVED || reply[0] >> 6 == LEAP_UNSYNCHRONIZED);
    if (outcome != INTERLEAVED && outcome != NO_TIME)
        HOLDS(memcmp(reply + AT_ORIGIN, request->data + AT_TRANSMIT, 8) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct input input = {bytes, size};
    struct ntp_responder responder = {0};
    struct ntp_talker top[4];
    int64_t now = 0, seen = 0;

    policy_of(&input, &responder);
    struct ntp_snapshot clock = clock_of(&input);
    while (input.left) {
        struct ntp_request request = {0};
        uint8_t address[16], *data, *reply = malloc(NTP_REPLY_LENGTH);

        request.length = (uint32_t)number(&input, 1) & 0x7f;
        if (request.length == 0x7f)
            request.length = NTP_REQUEST_MAX + 4;
        request.data = data = calloc(request.length + 1, 1);
        read_into(&input, data, request.length < 0x7f ? request.length : NTP_REPLY_LENGTH);
        request.data = data = realloc(data, request.length ? request.length : 1);
        read_into(&input, address, sizeof address);
        request.client_high = address[0] & 1 ? get64(address) : 0;
        request.client_low = address[0] & 2 ? get64(address + 8) : MAPPED | (get64(address + 8) & 0xffffffff);
        request.local_low = MAPPED | 0x7f000001;
        request.client_port = (uint16_t)number(&input, 1);
        request.local_port = 123;
        request.received_at = number(&input, 8);
        now += (int64_t)number(&input, 4);
        int32_t outcome = ntp_respond(&responder, &request, request.received_at + number(&input, 3), &clock, now, reply);
        check(&responder, &request, reply, outcome);
        if (outcome < NTP_KISSED)
            ntp_handle_sent(&responder, reply, request.received_at + number(&input, 4), &clock);
        free(data);
        free(reply);
    }
    seen = ntp_clients_active(&responder.clients, now);
    HOLDS(seen >= 0 && seen <= SETS * NTP_WAYS);
    HOLDS(ntp_clients_top(&responder.clients, now, top, 4) == (seen < 4 ? seen : 4));
    free((void *)responder.denylist.intervals);
    free((void *)responder.allowlist.intervals);
    free(responder.sent.places);
    free(responder.clients.sets);
    return 0;
}
