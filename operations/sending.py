"""Records into a Kinesis stream, in full batches, what was throttled again, at a rate."""

import random
import time
from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from typing import TYPE_CHECKING

from operations.errors import OperationFailed

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_kinesis.type_defs import PutRecordsRequestEntryTypeDef

BATCH_RECORDS = 500
BATCH_BYTES = 4_500_000
"""What PutRecords takes: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html"""

KEY_BYTES = 16
LARGEST_PAYLOAD_BYTES = 1024 * 1024 - KEY_BYTES

BATCHES_A_SECOND = 10
"""At a rate, smaller batches go out that often, so that the stream sees no bursts."""

MOST_ATTEMPTS = 8


def send_payloads(
    kinesis: "KinesisClient",
    stream: str,
    payloads: Iterable[bytes],
    on_sent: Callable[[int], object] = lambda _: None,
    *,
    rate: float | None = None,
) -> None:
    """Put the payloads on the stream; `on_sent` is told how many more are there, as it goes.

    Payloads are anything that goes into one Kinesis record each. `rate` is payloads a second;
    without one, as fast as it goes. Raises OperationFailed where the stream keeps refusing some.
    """
    due = Pace(rate)
    largest = BATCH_RECORDS
    if rate:
        largest = max(1, min(BATCH_RECORDS, int(rate / BATCHES_A_SECOND)))
    for batch in batches(payloads, largest):
        due.wait_for(len(batch))
        _send_batch(kinesis, stream, batch, on_sent)


class Pace:
    """Holds a rate by the clock: what is late is caught up with, no error adds up."""

    def __init__(self, rate: float | None) -> None:
        self._rate = rate
        self._started = time.monotonic()
        self._count = 0.0

    def wait_for(self, count: float) -> None:
        """Return when the last of so many more is due."""
        self._count += count
        if self._rate:
            due = self._started + self._count / self._rate
            time.sleep(max(0.0, due - time.monotonic()))


def batches(payloads: Iterable[bytes], most: int = BATCH_RECORDS) -> Iterator[list[bytes]]:
    """The payloads in batches, each as large as PutRecords takes it, or as `most`."""
    batch: list[bytes] = []
    size_bytes = 0
    for payload in payloads:
        size_bytes += len(payload) + KEY_BYTES
        if batch and (len(batch) == most or size_bytes > BATCH_BYTES):
            yield batch
            batch, size_bytes = [], len(payload) + KEY_BYTES
        batch.append(payload)
    if batch:
        yield batch


def _send_batch(
    kinesis: "KinesisClient", stream: str, batch: list[bytes], on_sent: Callable[[int], object]
) -> None:
    entries: list[PutRecordsRequestEntryTypeDef] = [
        {"Data": payload, "PartitionKey": blake2b(payload, digest_size=8).hexdigest()}
        for payload in batch
    ]
    for attempt in range(MOST_ATTEMPTS):
        response = kinesis.put_records(StreamName=stream, Records=entries)
        refused = [
            entry
            for entry, result in zip(entries, response["Records"], strict=True)
            if "ErrorCode" in result
        ]
        on_sent(len(entries) - len(refused))
        if not refused:
            return
        entries = refused
        time.sleep(random.uniform(0.05, 0.15) * 2**attempt)
    raise OperationFailed(
        f"The stream {stream} still refuses {len(entries)} records after {MOST_ATTEMPTS} "
        "attempts: give it more shards, or send more slowly."
    )
