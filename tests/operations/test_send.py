"""Scores on their way to the stream: batches, aggregates, the rate, what is refused."""

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import words
from chalicelib.opening import unpack
from operations.aws.aggregation import AGGREGATE_BYTES
from operations.aws.config import PROJECT
from operations.aws.stage import Stage
from operations.local.server import embedded_aws
from operations.scores.send import (
    BATCH_BYTES,
    BATCH_RECORDS,
    aggregate_payloads,
    put_batches,
    send_payloads,
    single_payload,
)
from tests.conftest import PATIENCE_SECONDS
from tests.data_stack import new_data_stack
from tests.operations.conftest import Shell, totals, until

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

SEND = ("send", "--stage", "local", "--records", "2000", "--rate", "50", "--first-id", "88000")


def test_generated_scores_come_to_the_totals_that_were_sent(shell: Shell, stage: Stage) -> None:
    users = [f"{words.PLAYER}-{number + 1:04d}" for number in range(20)]
    before = totals(stage, *users)

    answer = shell("send", "--records", "300", "--users", "20", "--seed", "7", "--json")

    assert answer.status == 0
    assert answer.json["sent"] == 300
    sent = answer.json["totals"]
    expected = {user: before.get(user, Decimal(0)) + Decimal(sent[user]) for user in users}
    until(lambda: totals(stage, *expected), expected)


class Clock:
    """Stands in for the module time, so that a second passes at once."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize("rate", [200, 3000])
def test_the_rate_is_held_although_requests_take_time(
    rate: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr("operations.scores.send.time", clock)
    times: list[float] = []

    class Stream:
        def put_records(self, *, Records: list[object], **_: str) -> object:  # noqa: N803
            times.append(clock.now)
            clock.sleep(0.06)
            return {"Records": [{}] * len(Records)}

    send_payloads(Stream(), "scores", [b"{}"] * rate, rate=rate)  # type: ignore[arg-type]

    assert times == pytest.approx([0.1 * number for number in range(1, 11)])


def test_what_the_stream_refuses_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("operations.scores.send.time.sleep", lambda _: None)
    taken: list[bytes] = []

    class Stream:
        def put_records(self, *, Records: list[dict[str, bytes]], **_: str) -> object:  # noqa: N803
            results = []
            for index, record in enumerate(Records):
                refused = index % 3 == 1
                results.append({"ErrorCode": "ProvisionedThroughput"} if refused else {})
                if not refused:
                    taken.append(record["Data"])
            return {"Records": results}

    payloads = [b"%d" % number for number in range(1200)]
    counts: list[int] = []
    send_payloads(Stream(), "scores", payloads, counts.append)  # type: ignore[arg-type]

    assert sorted(taken) == sorted(payloads)
    assert sum(counts) == 1200


def test_batches_are_full_and_no_larger_than_the_stream_takes() -> None:
    small, large = single_payload(b"x"), single_payload(b"x" * (BATCH_BYTES // 3))
    assert [len(batch) for batch in put_batches([small] * 1001)] == [500, 500, 1]
    assert [len(batch) for batch in put_batches([large] * 5)] == [2, 2, 1]


contents = st.tuples(st.integers(0, 9), st.integers(0, 2)).map(
    lambda each: b'{"RecordID": %d, "Score": %d}' % each
)
"""Payloads of few ids with few contents each."""


def of_id(number: int, payloads: Iterable[bytes]) -> list[bytes]:
    return [each for each in payloads if each.startswith(b'{"RecordID": %d,' % number)]


@given(st.lists(contents))
def test_aggregated_payloads_are_the_same_those_of_an_id_in_order_on_one_shard(
    payloads: list[bytes],
) -> None:
    records = list(aggregate_payloads(payloads, most_bytes=500))

    sent = [(each, record) for record in records for each in unpack(record.data).user_records]
    assert sum(record.payloads for record in records) == len(payloads)
    for number in range(10):
        assert of_id(number, (each for each, _ in sent)) == of_id(number, payloads)
        assert len({record.partition_key for each, record in sent if of_id(number, [each])}) < 2


def test_a_payload_too_large_for_an_aggregate_is_sent_as_it_is() -> None:
    small, large = b"small", bytes(AGGREGATE_BYTES)

    records = list(aggregate_payloads([small, small, large, small]))

    assert [record.payloads for record in records] == [2, 1, 1]
    assert [record.data for record in records[1:]] == [large, small]


@pytest.mark.parametrize("written", [b"1", b"1.0", b"1E0", b"0.1e1"])
def test_an_id_goes_to_the_same_shard_however_it_is_written(written: bytes) -> None:
    plain, other = (
        single_payload(b'{"RecordID": %s, "Username": "Ann"}' % each) for each in (b"1", written)
    )

    assert other.partition_key == plain.partition_key


class RefusingStream:
    """Refuses every third record of a request, and keeps what it takes, in order."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []

    def put_records(self, *, Records: list[dict[str, bytes]], **_: str) -> object:  # noqa: N803
        refused = [index % 3 == 0 and len(Records) > 1 for index in range(len(Records))]
        self.taken += [
            record["Data"] for record, no in zip(Records, refused, strict=True) if not no
        ]
        return {"Records": [{"ErrorCode": "throttled"} if no else {} for no in refused]}


@given(st.lists(contents), st.booleans())
def test_the_contents_of_an_id_keep_their_order_whatever_the_stream_refuses(
    payloads: list[bytes], aggregate: bool
) -> None:
    stream = RefusingStream()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("operations.scores.send.time.sleep", lambda _: None)
        send_payloads(stream, "scores", payloads, aggregate=aggregate)  # type: ignore[arg-type]

    taken = [each for data in stream.taken for each in unpack(data).user_records]
    assert sorted(taken) == sorted(payloads)
    for number in range(10):
        assert of_id(number, taken) == of_id(number, payloads)


@given(st.lists(st.integers(1, 2_000_000), max_size=30))
def test_a_batch_is_what_one_request_takes(sizes_bytes: list[int]) -> None:
    records = [*aggregate_payloads(map(bytes, sizes_bytes), most_bytes=0)] * 40

    batches = list(put_batches(records))

    assert [record for batch in batches for record in batch] == records
    for batch in batches:
        assert 1 <= len(batch) <= BATCH_RECORDS
        assert sum(record.size_bytes for record in batch) <= BATCH_BYTES


@pytest.mark.slow
def test_a_server_that_stops_meanwhile_leaves_advice_how_to_go_on() -> None:
    with embedded_aws() as aws:
        stream = new_data_stack(aws).names.stream
        sending = subprocess.Popen(
            [sys.executable, "-m", "operations", *SEND, "--endpoint-url", aws.endpoint_url],
            cwd=PROJECT,
            env={**os.environ, **aws.variables, "AWS_MAX_ATTEMPTS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        until(lambda: has_records(aws.session.client("kinesis"), stream), True)
    _, error = sending.communicate(timeout=PATIENCE_SECONDS)

    assert sending.returncode == 1
    assert "Traceback" not in error
    sent = re.search(r"([1-9][0-9]*) records were sent\.", error)
    assert sent is not None, error
    assert error.endswith("To go on, repeat it with --first-id 88000 --seed 1.\n")


def has_records(kinesis: "KinesisClient", stream: str) -> bool:
    """Whether anything stands in the first shard of the stream."""
    shard = kinesis.list_shards(StreamName=stream)["Shards"][0]["ShardId"]
    iterator = kinesis.get_shard_iterator(
        StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
    )
    return bool(kinesis.get_records(ShardIterator=iterator["ShardIterator"])["Records"])
