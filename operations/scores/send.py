"""Puts records on a Kinesis stream in full batches, at a rate, and retries what is throttled.

Of two contents of one id the first counts, so they must arrive in their order: both go to the same
shard, and no request holds both, since a stream may refuse some of a request's records.
"""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from chalicelib import words
from chalicelib.deaggregation import UserRecord
from chalicelib.documents import read_object
from chalicelib.scores import EXACT, InvalidRecord, check_number
from operations.aws.aggregation import AGGREGATE_BYTES, encode_aggregate, group_by_size
from operations.aws.batches import Batch
from operations.aws.errors import OperationFailed

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

BATCH_RECORDS = 500
BATCH_BYTES = 5 * 1024**2
"""What PutRecords takes: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html"""

KEY_BYTES = 16
LARGEST_PAYLOAD_BYTES = 1024 * 1024 - KEY_BYTES

BATCHES_A_SECOND = 10
"""With a rate, smaller batches go out this often, so that the stream sees no bursts."""

MOST_ATTEMPTS = 8

LANES = 16
"""Aggregates that are filled side by side, each with the ids that fall to it: an aggregate goes to
one shard, and so must all that has the same id."""


class OutgoingRecord(NamedTuple):
    """One Kinesis record to put, with a digest of each payload by the key of its id."""

    data: bytes
    partition_key: str
    contents: Mapping[str, bytes]
    payloads: int = 1

    @property
    def size_bytes(self) -> int:
        """Its share of a request's size."""
        return len(self.data) + len(self.partition_key.encode())


def send_payloads(
    kinesis: "KinesisClient",
    stream: str,
    payloads: Iterable[bytes],
    on_sent: Callable[[int], object] = lambda _: None,
    *,
    aggregate: bool = False,
    rate: float | None = None,
) -> None:
    """Put the payloads on the stream, one a record or many in one aggregate.

    `on_sent` takes the number of payloads just sent. `rate` is payloads a second; without one they
    go as fast as the stream takes them. Raises OperationFailed where it keeps refusing some.
    """
    pace = Pace(rate)
    most = max(1, min(BATCH_RECORDS, int(rate / BATCHES_A_SECOND))) if rate else BATCH_RECORDS
    records = aggregate_payloads(payloads) if aggregate else map(single_payload, payloads)
    for batch in put_batches(records, most):
        pace.wait_for(sum(record.payloads for record in batch))
        _put(kinesis, stream, batch, on_sent)


class Pace:
    """Keeps a rate by the clock: delays are caught up, so no error adds up."""

    def __init__(self, rate: float | None) -> None:
        self._rate = rate
        self._started = time.monotonic()
        self._count = 0.0

    def wait_for(self, count: float) -> None:
        """Wait until the last of `count` more is due."""
        self._count += count
        if self._rate:
            due = self._started + self._count / self._rate
            time.sleep(max(0.0, due - time.monotonic()))


def single_payload(payload: bytes) -> OutgoingRecord:
    """The payload as a record of its own."""
    key = _partition_key(payload)
    return OutgoingRecord(payload, key, {key: _digest(payload)})


def aggregate_payloads(
    payloads: Iterable[bytes], most_bytes: int = AGGREGATE_BYTES
) -> Iterator[OutgoingRecord]:
    """The payloads in aggregates of at most `most_bytes`, those of an id in their order.

    A payload that is alone in its aggregate is sent as it is, as the Kinesis Producer Library
    does.
    """
    user_records = (UserRecord(payload, _partition_key(payload)) for payload in payloads)
    for group in group_by_size(user_records, most_bytes):
        lanes: dict[int, list[UserRecord]] = {}
        for user_record in group:
            lane = int(user_record.partition_key, 16) % LANES
            lanes.setdefault(lane, []).append(user_record)
        for lane, packed in lanes.items():
            data = packed[0].data if len(packed) == 1 else encode_aggregate(packed)
            contents: dict[str, bytes] = {}
            for each in packed:
                digest = contents.get(each.partition_key, b"") + each.data
                contents[each.partition_key] = _digest(digest)
            yield OutgoingRecord(data, f"{lane:0{KEY_BYTES}x}", contents, len(packed))


def put_batches(
    records: Iterable[OutgoingRecord], most: int = BATCH_RECORDS
) -> Iterator[list[OutgoingRecord]]:
    """The records in order, as many at a time as one request takes, or as `most`.

    No batch holds two contents of one id.
    """
    batch = Batch[OutgoingRecord](most, BATCH_BYTES)
    contents: dict[str, bytes] = {}
    for record in records:
        differs = any(contents.get(key, it) != it for key, it in record.contents.items())
        full = batch.rest() if differs else batch.add(record, record.size_bytes)
        if full:
            yield full
            contents.clear()
        if differs:
            batch.add(record, record.size_bytes)
        contents.update(record.contents)
    if rest := batch.rest():
        yield rest


def _partition_key(payload: bytes) -> str:
    """The same for all that has the same id, however that is written; else the payload's own."""
    fields = read_object(payload) or {}
    try:
        record_id = check_number(words.RECORD_ID, fields.get(words.RECORD_ID))
    except InvalidRecord:
        return _digest(payload).hex()
    return _digest(str(record_id.normalize(EXACT)).encode()).hex()


def _digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=KEY_BYTES // 2).digest()


def _put(
    kinesis: "KinesisClient",
    stream: str,
    records: Sequence[OutgoingRecord],
    on_sent: Callable[[int], object],
) -> None:
    for attempt in range(MOST_ATTEMPTS):
        response = kinesis.put_records(
            StreamName=stream,
            Records=[
                {"Data": record.data, "PartitionKey": record.partition_key} for record in records
            ],
        )
        results = list(zip(records, response["Records"], strict=True))
        on_sent(sum(record.payloads for record, result in results if "ErrorCode" not in result))
        records = [record for record, result in results if "ErrorCode" in result]
        if not records:
            return
        time.sleep(random.uniform(0.05, 0.15) * 2**attempt)
    raise OperationFailed(
        f"The stream {stream} still refuses {len(records)} records after {MOST_ATTEMPTS} "
        "attempts: give it more shards, or send more slowly."
    )
