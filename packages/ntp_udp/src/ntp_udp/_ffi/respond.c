/* Judging requests and writing answers: ntp_proto.server once more, in C. Touches nothing but what it is given.
 *
 * Each function has its twin in Python, which explains; here stands only what is particular to C. */
#include <endian.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "fast_server.cdef.h"

#define LONG_AGO (-((int64_t)1 << 62))
#define MAPPED 0x0000ffff00000000u /* the lower half of ::ffff:0:0 */
#define LEAP_UNSYNCHRONIZED 3
#define STRATUM_UNSYNCHRONIZED 16
#define MODE_CLIENT 3
#define MODE_SERVER 4
#define VERSION_BITS 0x38
#define DEPARTURE_LATEST ((uint64_t)1 << 32) /* after the timestamp that was given: beyond it, or before it, the clock was set meanwhile */
#define CACHE_LINE 64 /* another size costs time, nothing else */

enum reason { /* DropReason, as far as it is judged here */
    BAD_LENGTH, BAD_VERSION, BAD_MODE, BAD_DESTINATION, BAD_SOURCE, OWN_ADDRESS, DENYLIST, ALLOWLIST, NAME_DENIED, NAME_PENDING,
    CLIENT_RATE, GLOBAL_RATE, HOOK, UNSYNCHRONIZED
};
enum kind { TIME, INTERLEAVED, NO_TIME, KISS }; /* AnswerKind */
enum place { /* of the fields in a packet */
    AT_STRATUM = 1, AT_POLL = 2, AT_PRECISION = 3, AT_ROOT_DELAY = 4, AT_ROOT_DISPERSION = 8, AT_REFERENCE_ID = 12, AT_REFERENCE = 16,
    AT_ORIGIN = 24, AT_RECEIVE = 32, AT_TRANSMIT = 40
};

_Static_assert(UNSYNCHRONIZED + 1 == NTP_REASONS && KISS + 1 == NTP_KINDS, "the enumerations of ntp_proto.server.verdict");
_Static_assert(NTP_REASONS <= NTP_DROPPED - NTP_KISSED && NTP_DROPPED + NTP_REASONS < NTP_PUNT, "outcomes are told apart");
_Static_assert(sizeof(struct ntp_client) == 40 && sizeof(struct ntp_client_set) == 384, "no padding: the table may be large");
_Static_assert(AT_TRANSMIT + 8 == NTP_REPLY_LENGTH, "the header of RFC 5905");

static uint64_t get64(const uint8_t *at) {
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return be64toh(value);
}

static void put64(uint8_t *at, uint64_t value) {
    value = htobe64(value);
    memcpy(at, &value, sizeof value);
}

static void put32(uint8_t *at, uint32_t value) {
    value = htobe32(value);
    memcpy(at, &value, sizeof value);
}

static int is_mapped(uint64_t high, uint64_t low) {
    return high == 0 && low >> 32 == MAPPED >> 32;
}

/* ---- prefix_table */

static int is_before(uint64_t high, uint64_t low, uint64_t other_high, uint64_t other_low) {
    return high < other_high || (high == other_high && low < other_low);
}

int32_t ntp_is_listed(const struct ntp_prefixes *list, uint64_t high, uint64_t low) {
    uint32_t begin = 0, end = list->count; /* the first interval that begins behind the address lies in [begin, end] */

    while (begin < end) {
        uint32_t middle = begin + (end - begin) / 2;
        if (is_before(high, low, list->intervals[middle].first_high, list->intervals[middle].first_low))
            end = middle;
        else
            begin = middle + 1;
    }
    return begin > 0 && !is_before(list->intervals[begin - 1].last_high, list->intervals[begin - 1].last_low, high, low);
}

/* ---- client_table */

void ntp_clients_clear(struct ntp_clients *clients) {
    for (uint64_t set = 0; set <= clients->set_mask; set++)
        for (int way = 0; way < NTP_WAYS; way++)
            clients->sets[set].client[way].seen_at = LONG_AGO;
}

static struct ntp_client_set *set_of(const struct ntp_clients *clients, uint64_t high, uint64_t low) {
    uint64_t mixed = (high ^ clients->hash_key) * clients->hash_multiplier[0];
    mixed ^= mixed >> 32;
    mixed = (mixed ^ low) * clients->hash_multiplier[1];
    return &clients->sets[(mixed ^ mixed >> 32) & clients->set_mask];
}

static struct ntp_client *find(struct ntp_client_set *set, uint64_t high, uint64_t low) {
    for (int way = 0; way < NTP_WAYS; way++)
        if (set->low[way] == low && set->client[way].high == high && set->client[way].seen_at != LONG_AGO)
            return &set->client[way];
    return NULL;
}

static struct ntp_client *make_room(struct ntp_client_set *set, uint64_t high, uint64_t low) {
    int quietest = 0;

    for (int way = 1; way < NTP_WAYS; way++)
        if (set->client[way].seen_at < set->client[quietest].seen_at)
            quietest = way;
    set->low[quietest] = low;
    set->client[quietest] = (struct ntp_client){.high = high, .full_at = LONG_AGO, .answered_at = LONG_AGO};
    return &set->client[quietest];
}

static int take(const struct ntp_clients *clients, struct ntp_client *client, int64_t now) {
    if (client->full_at > now + clients->tolerance || (clients->gap && now - client->answered_at < clients->gap))
        return 0;
    client->full_at = (client->full_at > now ? client->full_at : now) + clients->interval;
    client->answered_at = now;
    return 1;
}

static int leaks(struct ntp_clients *clients) { /* SplitMix64 */
    uint64_t mixed;

    if (!clients->leak)
        return 0;
    mixed = clients->leak_state += 0x9E3779B97F4A7C15u;
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EBu;
    return (mixed ^ mixed >> 31) >> (64 - clients->leak) == 0;
}

/* Where an address is kept, and as which: the bits that make a client. */
static struct ntp_client_set *locate(const struct ntp_clients *clients, uint64_t *high, uint64_t *low) {
    *low &= is_mapped(*high, *low) ? clients->ipv4_mask_low : clients->ipv6_mask_low;
    *high &= clients->ipv6_mask_high; /* zero anyway when mapped */
    return set_of(clients, *high, *low);
}

int32_t ntp_clients_admit(struct ntp_clients *clients, uint64_t high, uint64_t low, int64_t now) {
    struct ntp_client_set *set = locate(clients, &high, &low);
    struct ntp_client *client;

    client = find(set, high, low);
    if (!client)
        client = make_room(set, high, low);
    else if (now - client->seen_at > clients->idle)
        client->requests = client->drops = 0;
    client->seen_at = now;
    client->requests += client->requests < UINT32_MAX;
    if (take(clients, client, now) || leaks(clients))
        return 1;
    client->drops += client->drops < UINT32_MAX;
    return 0;
}

/* Fetch what a judgement will look at while something else is done: the table is larger than a processor's caches. */
static void fetch_client(const struct ntp_clients *clients, uint64_t high, uint64_t low) {
    const char *set = (const char *)locate(clients, &high, &low);

    for (size_t at = 0; at < sizeof(struct ntp_client_set); at += CACHE_LINE)
        __builtin_prefetch(set + at, 1);
}

static int is_busier(const struct ntp_talker *one, const struct ntp_talker *other) {
    return one->requests > other->requests || (one->requests == other->requests && is_before(one->high, one->low, other->high, other->low));
}

int32_t ntp_clients_top(const struct ntp_clients *clients, int64_t now, struct ntp_talker *top, int32_t room) {
    int32_t found = 0;

    for (uint64_t at = 0; at < (clients->set_mask + 1) * NTP_WAYS; at++) {
        const struct ntp_client_set *set = &clients->sets[at / NTP_WAYS];
        const struct ntp_client *client = &set->client[at % NTP_WAYS];
        const struct ntp_talker talker = {client->high, set->low[at % NTP_WAYS], now - client->seen_at, client->requests, client->drops};
        int32_t place = found;

        if (client->seen_at == LONG_AGO || talker.quiet_for > clients->idle)
            continue;
        for (; place > 0 && is_busier(&talker, &top[place - 1]); place--)
            if (place < room)
                top[place] = top[place - 1];
        if (place < room)
            top[place] = talker;
        found += found < room;
    }
    return found;
}

int64_t ntp_clients_active(const struct ntp_clients *clients, int64_t now) {
    int64_t active = 0;

    for (uint64_t set = 0; set <= clients->set_mask; set++)
        for (int way = 0; way < NTP_WAYS; way++) {
            const struct ntp_client *client = &clients->sets[set].client[way];
            active += client->seen_at != LONG_AGO && now - client->seen_at <= clients->idle;
        }
    return active;
}

/* ---- rate_limit */

int32_t ntp_bucket_take(struct ntp_bucket *bucket, int64_t now) {
    if (bucket->full_at > now + bucket->tolerance)
        return 0;
    bucket->full_at = (bucket->full_at > now ? bucket->full_at : now) + bucket->interval;
    return 1;
}

/* ---- snapshot */

static int64_t elapsed(const struct ntp_snapshot *snapshot, uint64_t kernel) {
    return (int64_t)(kernel - snapshot->as_of);
}

static uint64_t served(const struct ntp_snapshot *snapshot, uint64_t kernel) {
    if (snapshot->time_frequency == 0.0 && snapshot->time_offset == 0)
        return kernel;
    return kernel + (uint64_t)snapshot->time_offset + (uint64_t)llrint(snapshot->time_frequency * (double)elapsed(snapshot, kernel));
}

static uint64_t dispersion_at(const struct ntp_snapshot *snapshot, uint64_t kernel) {
    double growth = snapshot->dispersion_rate * fabs((double)elapsed(snapshot, kernel));
    uint64_t sum = (uint64_t)snapshot->root_dispersion + (uint64_t)llrint(growth); /* neither is negative, nor 2^63 */
    return sum < INT64_MAX ? sum : INT64_MAX;
}

static int is_synchronized_at(const struct ntp_snapshot *snapshot, uint64_t kernel) {
    return snapshot->leap != LEAP_UNSYNCHRONIZED && (int64_t)dispersion_at(snapshot, kernel) <= snapshot->dispersion_limit;
}

static uint32_t to_short(uint64_t length) {
    uint64_t up = (length + 0xffff) >> 16;
    return up < UINT32_MAX ? (uint32_t)up : UINT32_MAX;
}

/* ---- request */

static int version_of(const struct ntp_request *request) {
    return request->data[0] >> 3 & 7;
}

static int mode_of(const struct ntp_request *request) {
    return request->data[0] & 7;
}

static int32_t refused(enum reason reason) {
    return 1 + (int32_t)reason;
}

static int32_t judge_form(const struct ntp_responder *responder, const struct ntp_request *request) {
    if (request->length < NTP_REPLY_LENGTH || request->length > NTP_REQUEST_MAX || request->length % 4)
        return refused(BAD_LENGTH);
    if (version_of(request) >= 3 && version_of(request) <= 4 && mode_of(request) == MODE_CLIENT)
        return 0;
    if (responder->serves_legacy) /* old versions are rare, and their rules are many */
        return NTP_PUNT;
    return refused(version_of(request) < 3 || version_of(request) > 4 ? BAD_VERSION : BAD_MODE);
}

static int is_host(uint64_t high, uint64_t low) {
    if (is_mapped(high, low))
        return (low >> 28 & 0xf) != 0xe && (uint32_t)low != UINT32_MAX;
    return high >> 56 != 0xff;
}

static int is_nobody(uint64_t high, uint64_t low) {
    return is_mapped(high, low) ? (low >> 24 & 0xff) == 0 : high == 0 && low == 0;
}

static int32_t judge_ends(const struct ntp_request *request) {
    if (!is_host(request->local_high, request->local_low))
        return refused(BAD_DESTINATION);
    if (request->client_port == 0 || is_nobody(request->client_high, request->client_low) ||
        !is_host(request->client_high, request->client_low))
        return refused(BAD_SOURCE);
    if (request->client_port == request->local_port && request->client_low == request->local_low &&
        request->client_high == request->local_high)
        return refused(OWN_ADDRESS);
    return 0;
}

/* ---- interleaved */

static uint64_t mark_receive(uint64_t bits) {
    return bits & 1 ? bits : bits - 1;
}

static uint64_t mark_transmit(uint64_t bits) {
    return bits & 1 ? bits + 1 : bits;
}

static int asks_interleaved(const struct ntp_request *request) {
    uint64_t receive = get64(request->data + AT_RECEIVE);

    return request->data[AT_ORIGIN + 7] & 1 && version_of(request) == 4 && receive != 0 && receive != get64(request->data + AT_TRANSMIT);
}

static struct ntp_sent *place_of(const struct ntp_sent_table *table, uint64_t receive) {
    uint64_t mixed = receive * 0x9E3779B97F4A7C15u;
    mixed ^= mixed >> 32;
    return &table->places[(mixed * 0x9E3779B97F4A7C15u) >> table->shift];
}

static void save(const struct ntp_sent_table *table, uint64_t receive, uint64_t transmit) {
    struct ntp_sent *place = place_of(table, receive);
    place->transmit = place->receive == receive ? 0 : transmit;
    place->receive = receive;
}

static uint64_t take_sent(const struct ntp_sent_table *table, uint64_t receive) { /* 0: unknown or used */
    struct ntp_sent *place = place_of(table, receive);
    uint64_t transmit = place->transmit;

    if (place->receive != receive)
        return 0;
    place->transmit = 0;
    return transmit;
}

/* Whether what was answered is kept until the client comes back, so that a better transmit timestamp of it is worth having. */
static int is_kept(const struct ntp_responder *responder, const struct ntp_request *request, int32_t outcome) {
    return outcome < NTP_KISSED && responder->sent.is_on && asks_interleaved(request);
}

void ntp_handle_sent(struct ntp_responder *responder, const uint8_t *reply, uint64_t departed_at, const struct ntp_snapshot *snapshot) {
    struct ntp_sent *place;
    uint64_t transmit;

    if (!responder->sent.is_on || reply[AT_STRATUM] == 0)
        return;
    place = place_of(&responder->sent, get64(reply + AT_RECEIVE));
    transmit = mark_transmit(served(snapshot, departed_at));
    if (place->receive == get64(reply + AT_RECEIVE) && place->transmit != 0 && transmit - place->transmit <= DEPARTURE_LATEST)
        place->transmit = transmit;
}

/* Mark the timestamps of an answer, and exchange them for those of interleaved mode if it is asked for and possible. */
static enum kind interleave(const struct ntp_sent_table *table, const struct ntp_request *request, uint64_t receive, uint64_t transmit,
                            uint8_t *reply) {
    uint64_t former;

    receive = mark_receive(receive);
    transmit = mark_transmit(transmit);
    put64(reply + AT_RECEIVE, receive);
    put64(reply + AT_TRANSMIT, transmit);
    if (!asks_interleaved(request))
        return TIME;
    former = take_sent(table, get64(request->data + AT_ORIGIN));
    save(table, receive, transmit);
    if (!former)
        return TIME;
    memcpy(reply + AT_ORIGIN, request->data + AT_RECEIVE, 8);
    put64(reply + AT_TRANSMIT, former);
    return INTERLEAVED;
}

/* ---- reply */

static enum kind time_reply(const struct ntp_responder *responder, const struct ntp_request *request, uint64_t transmit_at,
                            const struct ntp_snapshot *snapshot, uint8_t *reply) {
    const int synchronized = is_synchronized_at(snapshot, transmit_at);
    const int expired = !synchronized && snapshot->leap != LEAP_UNSYNCHRONIZED;
    const uint64_t receive = served(snapshot, request->received_at), transmit = served(snapshot, transmit_at);
    const unsigned leap = synchronized ? snapshot->leap : LEAP_UNSYNCHRONIZED;
    enum kind kind = TIME;

    reply[0] = (uint8_t)(leap << 6 | (request->data[0] & VERSION_BITS) | MODE_SERVER);
    reply[AT_STRATUM] = expired ? STRATUM_UNSYNCHRONIZED : snapshot->stratum;
    reply[AT_POLL] = request->data[AT_POLL];
    reply[AT_PRECISION] = (uint8_t)snapshot->precision;
    put32(reply + AT_ROOT_DELAY, snapshot->root_delay);
    put32(reply + AT_ROOT_DISPERSION, to_short(dispersion_at(snapshot, transmit_at)));
    put32(reply + AT_REFERENCE_ID, snapshot->reference_id);
    put64(reply + AT_REFERENCE, snapshot->reference_time);
    memcpy(reply + AT_ORIGIN, request->data + AT_TRANSMIT, 8);
    put64(reply + AT_RECEIVE, receive);
    put64(reply + AT_TRANSMIT, transmit);
    if (responder->sent.is_on)
        kind = interleave(&responder->sent, request, receive, transmit, reply);
    return leap == LEAP_UNSYNCHRONIZED ? NO_TIME : kind;
}

static void kiss_reply(const struct ntp_request *request, uint32_t letters, uint8_t *reply) {
    memset(reply, 0, NTP_REPLY_LENGTH);
    reply[0] = (uint8_t)(LEAP_UNSYNCHRONIZED << 6 | (request->data[0] & VERSION_BITS) | MODE_SERVER);
    reply[AT_POLL] = request->data[AT_POLL];
    put32(reply + AT_REFERENCE_ID, letters);
    for (int at = AT_ORIGIN; at <= AT_TRANSMIT; at += 8)
        memcpy(reply + at, request->data + AT_TRANSMIT, 8);
}

/* ---- responder */

int32_t ntp_judge(struct ntp_responder *responder, const struct ntp_request *request, const struct ntp_snapshot *snapshot, int64_t now) {
    int32_t judgement = judge_form(responder, request);

    if (judgement == 0)
        judgement = judge_ends(request);
    if (judgement != 0)
        return judgement;
    if (responder->denylist.is_on && ntp_is_listed(&responder->denylist, request->client_high, request->client_low))
        return refused(DENYLIST);
    if (responder->allowlist.is_on && !ntp_is_listed(&responder->allowlist, request->client_high, request->client_low))
        return refused(ALLOWLIST);
    if (!ntp_clients_admit(&responder->clients, request->client_high, request->client_low, now))
        return refused(CLIENT_RATE);
    if (responder->global_limit.interval && !ntp_bucket_take(&responder->global_limit, now))
        return refused(GLOBAL_RATE);
    if (!responder->serves_unsynchronized && !is_synchronized_at(snapshot, request->received_at))
        return refused(UNSYNCHRONIZED);
    return 0;
}

int32_t ntp_conclude(struct ntp_responder *responder, const struct ntp_request *request, int32_t judgement, uint64_t transmit_at,
                     const struct ntp_snapshot *snapshot, uint8_t *reply) {
    if (judgement == NTP_PUNT)
        return NTP_PUNT;
    if (judgement == 0)
        return (int32_t)time_reply(responder, request, transmit_at, snapshot, reply);
    if (responder->kiss[judgement - 1] == 0)
        return NTP_DROPPED + judgement - 1;
    kiss_reply(request, responder->kiss[judgement - 1], reply);
    return NTP_KISSED + judgement - 1;
}

int32_t ntp_respond(struct ntp_responder *responder, const struct ntp_request *request, uint64_t transmit_at,
                    const struct ntp_snapshot *snapshot, int64_t now, uint8_t *reply) {
    return ntp_conclude(responder, request, ntp_judge(responder, request, snapshot, now), transmit_at, snapshot, reply);
}
