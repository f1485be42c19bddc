"""What is fuzzed: whatever a Kinesis record holds is stored, ignored or rejected, nothing else.

What goes in as so many scores comes out as so many, stored or rejected, and where the name of a
score's id occurs nothing is merely ignored.
"""

import gzip
import json
import zlib
from collections.abc import Callable, Sequence
from typing import Any

from aws_kinesis_agg.aggregator import messages_pb2
from google.protobuf.message import DecodeError

from chalicelib.deaggregation import MAGIC, TAGS, UserRecord, deaggregate
from chalicelib.mentions import NAME
from chalicelib.payloads import decode_kinesis_batch, payloads_in
from chalicelib.scores import InvalidRecord
from operations.aws.aggregation import encode_aggregate, seal
from tests.builders import kinesis_record

Pack = Callable[[bytes], bytes]
Join = Callable[[Sequence[str]], str]

SOUND_PACKINGS: list[Pack] = [
    lambda data: data,
    gzip.compress,
    zlib.compress,
    lambda data: encode_aggregate([UserRecord(data, "key")]),
    lambda data: encode_aggregate([UserRecord(gzip.compress(data), "key")]),
    lambda data: encode_aggregate([UserRecord(zlib.compress(data), "key")]),
    lambda data: zlib.compress(encode_aggregate([UserRecord(data, "key")])),
]
PACKINGS: list[Pack] = [
    *SOUND_PACKINGS,
    seal,
    lambda data: MAGIC + data,
    lambda data: gzip.compress(seal(data)),
]
"""An input's first byte chooses one: no fuzzer finds a checksum by chance."""

FORMS: list[Join] = [
    "\n".join,
    lambda scores: "[\n{}\n]".format(",\n".join(scores)),
    lambda scores: "\r\n\r\n".join([*scores, ""]),
    "".join,
    " ".join,
    lambda scores: f"[{','.join(scores)}]",
]
"""How a payload holds several; in the first three of them each begins a line."""

FORMS_IN_LINES = FORMS[:3]
SCORES_FROM = 0x80
"""With a first byte from here on, the input tells of scores, else it is what the packing takes."""


def decode_input(data: bytes) -> None:
    """Decode one input; scores must come out, and aggregates as protobuf's own decoder says."""
    chosen, content = data[0] if data else 0, data[1:]
    if chosen >= SCORES_FROM:
        decode_scores(SOUND_PACKINGS[chosen % len(SOUND_PACKINGS)], content)
        return
    pack = PACKINGS[chosen % len(PACKINGS)]
    packed = pack(content)
    record = kinesis_record(packed)

    batch = decode_kinesis_batch([record])

    assert [reject.traceback for reject in batch.rejects if reject.traceback] == []
    assert len(batch.records) + len(batch.rejects) + batch.ignored >= user_records_in(record)
    if NAME in content.lower() and pack in SOUND_PACKINGS:
        assert batch.records or batch.rejects
    if pack is seal:
        compare_with_protobuf(content)


def decode_scores(pack: Pack, content: bytes) -> None:
    """Pack scores as the input tells, perhaps with one of them cut off, and find them all."""
    form, count, damaged, cut, *note = [*content, *bytes(4)]
    join = FORMS[form % len(FORMS)]
    scores = {
        number: {
            "RecordID": number,
            "Username": "ada",
            "Score": number,
            "Note": bytes(note).decode("latin-1"),
        }
        for number in range(1 + count % 4)
    }
    texts = [json.dumps(score, ensure_ascii=form < SCORES_FROM) for score in scores.values()]
    damaged %= len(texts) + 1
    is_sound = damaged == len(texts)
    if not is_sound:
        del scores[damaged]
        left = len('{"RecordID')
        texts[damaged] = texts[damaged][: left + cut % (len(texts[damaged]) - left)]

    batch = decode_kinesis_batch([kinesis_record(pack(join(texts).encode()))])

    stored = [int(record.record_id) for record in batch.records]
    assert batch.ignored == 0
    assert bool(batch.rejects) != is_sound
    assert stored == [number for number in scores if number in stored]
    assert stored == [*scores] or not (is_sound or join in FORMS_IN_LINES)
    for record in batch.records:
        assert record.item["Note"] == {"S": scores[int(record.record_id)]["Note"]}


def user_records_in(record: Any) -> int:
    """How many have to be accounted for at least; what cannot be unpacked is one."""
    try:
        return len(list(payloads_in(record)))
    except InvalidRecord:
        return 1


def compare_with_protobuf(message: bytes) -> None:
    """An aggregate that is decoded here is one to protobuf, too, with the same user records."""
    try:
        decoded = deaggregate(seal(message))
    except InvalidRecord:
        return
    assert decoded is not None
    theirs = messages_pb2.AggregatedRecord()
    try:
        theirs.ParseFromString(message)
    except DecodeError:
        assert TAGS in message  # what is in a tag is not looked at
        return
    keys, hash_keys = theirs.partition_key_table, theirs.explicit_hash_key_table
    assert list(decoded) == [
        UserRecord(
            each.data,
            keys[each.partition_key_index],
            hash_keys[each.explicit_hash_key_index]
            if each.HasField("explicit_hash_key_index")
            else None,
        )
        for each in theirs.records
    ]
    assert deaggregate(encode_aggregate(decoded)) == decoded
