"""Records that are broken in every way that the decoders know, each with its reason's words."""

from collections.abc import Callable
from typing import Any

from tests.builders import image, stream_record

MakeRecord = Callable[[], Any]
"""Makes a record anew, where ids matter with ids of its own."""

INVALID_PAYLOADS: list[tuple[bytes, str]] = [
    (b'{"RecordID": 1}', "the record has no Username and no Score"),
    (b'{"Username": "Ann", "Score": 1}', "the record has no RecordID"),
    (b'{"RecordID": "1", "Username": "Ann", "Score": 1}', "RecordID is a string"),
    (b'{"RecordID": null, "Username": "Ann", "Score": 1}', "RecordID is null"),
    (b'{"RecordID": ' + b"1" * 39 + b', "Username": "Ann", "Score": 1}', "RecordID has more"),
    (b'{"RecordID": 1, "Username": "", "Score": 1}', "Username is empty"),
    (b'{"RecordID": 1, "Username": 5, "Score": 1}', "Username is a number"),
    (
        b'{"RecordID": 1, "Username": "' + "é".encode() * 1025 + b'", "Score": 1}',
        "Username has 2,050 bytes",
    ),
    (b'{"RecordID": 1, "Username": "\\ud800", "Score": 1}', "Username holds half a surrogate"),
    (b'{"RecordID": 1, "Username": "Ann", "Score": "1"}', "Score is a string"),
    (b'{"RecordID": 1, "Username": "Ann", "Score": true}', "Score is a boolean"),
    (b'{"RecordID": 1, "Username": "Ann", "Score": NaN}', "Score is not a finite number"),
    (b'{"RecordID": 1, "Username": "Ann", "Score": -Infinity}', "Score is not a finite"),
    (b'{"RecordID": 1, "Username": "Ann", "Score": 1e126}', "Score is beyond DynamoDB's range"),
    (b'{"RecordID": 1, "Username": "Ann", "Score": 1e-131}', "Score is beyond DynamoDB's"),
    (
        b'{"RecordID": 1, "Username": "Ann", "Score": 1e' + b"9" * 30 + b"}",
        "Score is not a finite",
    ),
    (
        b'{"RecordID": 1, "Username": "Ann", "Score": 1, "Level": {"World": [NaN]}}',
        "Level.World[] is not a finite number",
    ),
    (
        b'{"RecordID": 1, "Username": "Ann", "Score": 1, "Name": "\\udfff"}',
        "Name holds half a surrogate",
    ),
    (
        b'{"RecordID": 1, "Username": "Ann", "Score": 1, "PayloadDigest": "x"}',
        "PayloadDigest is reserved",
    ),
    (
        b'{"RecordID": 1, "Username": "Ann", "Score": 1, "Deep": ' + b"[" * 40 + b"]" * 40 + b"}",
        "nested deeper than 31 levels",
    ),
    (
        b'{"RecordID": 1, "Username": "Ann", "Score": 1, "Deep": '
        + b"[" * 100_000
        + b"]" * 100_000
        + b"}",
        "nested too deeply",
    ),
    (
        b'{"RecordID": 1, "Username": "Ann", "Score": 1, "Big": "' + b"x" * 410_000 + b'"}',
        "as an item it has 410,",
    ),
]

BROKEN_KINESIS_RECORDS: list[tuple[MakeRecord, str]] = [
    (lambda: {"kinesis": {"data": "no base64!"}}, "the data is not base64"),
    (lambda: {"kinesis": {"data": "QUJ"}}, "the data is not base64"),
    (lambda: {"kinesis": {"data": "ÄÖ"}}, "the data is not base64"),
    (lambda: {"kinesis": {}}, "the Kinesis record has no data"),
    (dict, "the Kinesis record has no data"),
    (lambda: "no record at all", "unforeseen AttributeError"),
]

BROKEN_STREAM_RECORDS: list[tuple[MakeRecord, str]] = [
    (lambda: stream_record(eventName="INSERT"), "no NewImage: set the stream's view"),
    (lambda: stream_record(eventName="REMOVE"), "no OldImage: set the stream's view"),
    (
        lambda: stream_record(image("Ann", 1), eventName="MODIFY"),
        "no OldImage: set the stream's view",
    ),
    (
        lambda: stream_record(None, image("A", 1), eventName="MODIFY"),
        "no NewImage: set the stream's",
    ),
    (lambda: stream_record({"Score": {"N": "1"}}), "the NewImage has no Username"),
    (lambda: stream_record({"Username": {"S": "Ann"}}), "the NewImage has no Score"),
    (lambda: stream_record(image("Ann", 1, Score={"S": "1"})), "Score is a string"),
    (lambda: stream_record(image("Ann", 1, Score={"B": "AAE="})), "Score is of DynamoDB's type B"),
    (lambda: stream_record(image("Ann", 1, Score={"N": "x"})), "Score is not a finite number"),
    (lambda: stream_record(image("Ann", 1, Username={"N": "1"})), "Username is a number"),
    (lambda: stream_record(image("", 1)), "Username is empty"),
    (lambda: stream_record(image("x" * 2049, 1)), "Username has 2,049 bytes"),
    (lambda: stream_record(image("Ann", 1), eventID=None), "no eventID"),
    (lambda: stream_record(image("Ann", 1), eventName="PURGE"), "eventName is 'PURGE'"),
    (lambda: stream_record(image("Ann", 1), dynamodb=None), "no dynamodb part"),
    (lambda: "no record at all", "unforeseen AttributeError"),
]
