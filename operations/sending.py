"""Records into a Kinesis stream, in full batches, what was throttled again."""

import time
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

from operations.errors import OperationFailed

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_kinesis.type_defs import PutRecordsRequestEntryTypeDef

BATCH_RECORDS = 500
"""What PutRecords takes: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html"""

MOST_ATTEMPTS = 8


def send_payloads(
    kinesis: "KinesisClient",
    stream: str,
    payloads: Sequence[bytes],
    on_sent: Callable[[int], object] = lambda _: None,
) -> None:
    """Put the payloads on the stream; `on_sent` is told how many more are there, as it goes.

    Raises OperationFailed where the stream keeps refusing some.
    """
    for start in range(0, len(payloads), BATCH_RECORDS):
        entries: list[PutRecordsRequestEntryTypeDef] = [
            {"Data": payload, "PartitionKey": blake2b(payload, digest_size=8).hexdigest()}
            for payload in payloads[start : start + BATCH_RECORDS]
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
                break
            entries = refused
            time.sleep(0.1 * 2**attempt)
        else:
            raise OperationFailed(
                f"The stream {stream} still refuses {len(entries)} records after {MOST_ATTEMPTS} "
                "attempts: give it more shards, or send more slowly."
            )
