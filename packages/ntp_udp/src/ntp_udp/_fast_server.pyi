# What the compiled binding offers; see _ffi/fast_server.cdef.h.
from collections.abc import Sequence
from typing import Literal, Protocol, overload

class Array(Protocol):
    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> int: ...
    def __setitem__(self, index: int, value: int, /) -> None: ...

class Bytes(Protocol):
    def __len__(self) -> int: ...

class Rows(Protocol):
    def __getitem__(self, index: int, /) -> Bytes: ...

class RequestStruct(Protocol):
    data: Bytes
    client_high: int
    client_low: int
    local_high: int
    local_low: int
    received_at: int
    length: int
    client_port: int
    local_port: int

class Requests(Protocol):
    def __getitem__(self, index: int, /) -> RequestStruct: ...

class SnapshotStruct(Protocol):
    as_of: int
    reference_time: int
    root_dispersion: int
    dispersion_limit: int
    time_offset: int
    dispersion_rate: float
    time_frequency: float
    root_delay: int
    reference_id: int
    leap: int
    stratum: int
    precision: int

class IntervalStruct(Protocol): ...

class PrefixesStruct(Protocol):
    intervals: IntervalStruct
    count: int
    is_on: bool

class SetsStruct(Protocol): ...

class ClientsStruct(Protocol):
    sets: SetsStruct
    set_mask: int
    hash_key: int
    hash_multiplier: Array
    leak_state: int
    ipv4_mask_low: int
    ipv6_mask_high: int
    ipv6_mask_low: int
    interval: int
    tolerance: int
    gap: int
    idle: int
    leak: int

class TalkerStruct(Protocol):
    high: int
    low: int
    quiet_for: int
    requests: int
    drops: int

class Talkers(Protocol):
    def __getitem__(self, index: int, /) -> TalkerStruct: ...

class BucketStruct(Protocol):
    full_at: int
    interval: int
    tolerance: int

class PlacesStruct(Protocol): ...

class SentTableStruct(Protocol):
    places: PlacesStruct
    shift: int
    is_on: bool

class ResponderStruct(Protocol):
    denylist: PrefixesStruct
    allowlist: PrefixesStruct
    clients: ClientsStruct
    global_limit: BucketStruct
    sent: SentTableStruct
    kiss: Array
    serves_legacy: bool
    serves_unsynchronized: bool

class TallyStruct(Protocol):
    answered: Array
    dropped: Array
    kissed: Array
    bytes_in: int
    bytes_out: int
    send_errors: int
    processing: int

class ListenerStruct(Protocol):
    local_high: int
    local_low: int
    fd: int
    local_port: int
    is_wildcard: bool
    reports: int

class Listeners(Protocol):
    def __getitem__(self, index: int, /) -> ListenerStruct: ...

class BatchStruct(Protocol):
    count: int
    punts: int
    listener: int
    request: Requests
    outcome: Array
    zone: Array
    sender_length: Array
    sender: Rows
    reply: Rows
    data: Rows

class Field(Protocol): ...

class StructType(Protocol):
    @property
    def fields(self) -> Sequence[tuple[str, Field]]: ...

class FastServerFfi(Protocol):
    @overload
    def new(self, kind: Literal["struct ntp_request *"]) -> RequestStruct: ...
    @overload
    def new(self, kind: Literal["struct ntp_snapshot *"]) -> SnapshotStruct: ...
    @overload
    def new(self, kind: Literal["struct ntp_interval[]"], count: int) -> IntervalStruct: ...
    @overload
    def new(self, kind: Literal["struct ntp_client_set[]"], count: int) -> SetsStruct: ...
    @overload
    def new(self, kind: Literal["struct ntp_sent[]"], count: int) -> PlacesStruct: ...
    @overload
    def new(self, kind: Literal["struct ntp_clients *"]) -> ClientsStruct: ...
    @overload
    def new(self, kind: Literal["struct ntp_talker[]"], count: int) -> Talkers: ...
    @overload
    def new(self, kind: Literal["struct ntp_responder *"]) -> ResponderStruct: ...
    @overload
    def new(self, kind: Literal["struct ntp_tally *"]) -> TallyStruct: ...
    @overload
    def new(self, kind: Literal["struct ntp_listener[]"], count: int) -> Listeners: ...
    @overload
    def new(self, kind: Literal["struct ntp_batch *"]) -> BatchStruct: ...
    @overload
    def new(self, kind: Literal["uint8_t[]"], count: int) -> Bytes: ...
    @overload
    def from_buffer(self, kind: Literal["uint8_t[]"], data: bytes) -> Bytes: ...
    @overload
    def from_buffer(self, kind: Literal["struct ntp_interval[]"], data: bytes) -> IntervalStruct: ...
    @overload
    def from_buffer(self, kind: Literal["struct ntp_tally *"], data: memoryview, require_writable: bool) -> TallyStruct: ...
    @overload
    def addressof(self, struct: ResponderStruct, field: Literal["clients"]) -> ClientsStruct: ...
    @overload
    def addressof(self, struct: ResponderStruct, field: Literal["global_limit"]) -> BucketStruct: ...
    def buffer(self, array: Bytes | PlacesStruct, size: int = ...) -> memoryview: ...
    def sizeof(self, kind: str) -> int: ...
    def offsetof(self, kind: str, field: str) -> int: ...
    def typeof(self, kind: str) -> StructType: ...

class FastServerLib(Protocol):
    NTP_BATCH: int
    NTP_REQUEST_MAX: int
    NTP_REPLY_LENGTH: int
    NTP_WAYS: int
    NTP_KINDS: int
    NTP_REASONS: int
    NTP_KISSED: int
    NTP_DROPPED: int
    NTP_PUNT: int
    NTP_LISTENERS_MAX: int
    def ntp_clients_clear(self, clients: ClientsStruct, /) -> None: ...
    def ntp_clients_admit(self, clients: ClientsStruct, high: int, low: int, now: int, /) -> int: ...
    def ntp_clients_top(self, clients: ClientsStruct, now: int, top: Talkers, room: int, /) -> int: ...
    def ntp_clients_active(self, clients: ClientsStruct, now: int, /) -> int: ...
    def ntp_bucket_take(self, bucket: BucketStruct, now: int, /) -> int: ...
    def ntp_respond(
        self, responder: ResponderStruct, request: RequestStruct, transmit_at: int, snapshot: SnapshotStruct, now: int, reply: Bytes, /
    ) -> int: ...
    def ntp_handle_sent(self, responder: ResponderStruct, reply: Bytes, departed_at: int, snapshot: SnapshotStruct, /) -> None: ...
    def ntp_serve(
        self,
        listeners: Listeners,
        count: int,
        wake_fd: int,
        timeout_ms: int,
        each_batch: bool,
        responder: ResponderStruct,
        snapshot: SnapshotStruct,
        batch: BatchStruct,
        tally: TallyStruct,
        /,
    ) -> int: ...

ffi: FastServerFfi
lib: FastServerLib
