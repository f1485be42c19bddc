"""A payload in which the name RecordID occurs is stored or is a reject: through the function."""

import base64
import bz2
import gzip
import json
import lzma
import zlib
from collections.abc import Callable
from typing import Any

import pytest

import app
from chalicelib.settings import InvalidSetting, Settings
from tests.builders import aggregate, kinesis_record
from tests.chalicelib.test_opening import LOG_EVENTS
from tests.conftest import Invoke
from tests.data_stack import DataStack


def score(number: int, **more: Any) -> str:
    return json.dumps({"RecordID": number, "Username": "ada", "Score": 5, **more})


R = score(1)
BYTES = R.encode()


def several(*objects: str) -> list[bytes]:
    """The objects in every form in which a payload may hold several."""
    forms = [
        "\n".join(objects),
        "".join(f"{each}\r\n" for each in objects),
        "".join(objects),
        f"[{', '.join(objects)}]",
        "[\n{}\n]\n".format(",\n".join(objects)),
    ]
    return [form.encode() for form in forms]


def check_rejected(ingest: Invoke, data: DataStack, expected: dict[bytes, str]) -> None:
    """Each payload is one reject, kept whole, with a reason that begins so; nothing is stored."""
    records = [kinesis_record(payload) for payload in expected]

    answer = ingest(*records)

    assert answer == f"Successfully processed {len(records)} records."
    assert data.records == {}
    assert [reject["record"] for reject in data.rejects] == records
    assert [
        found[: len(reason)] for found, reason in zip(data.reasons, expected.values(), strict=True)
    ] == list(expected.values())


def test_a_score_that_is_cut_off_or_damaged_is_a_reject(ingest: Invoke, data: DataStack) -> None:
    damaged = {
        R[:-1]: "the JSON is cut off",
        R[:20]: "the JSON is damaged: Unterminated string at character 16",
        f"{R[:-1]},}}": "the JSON is damaged: Expecting property name",
        f"{R},": "the JSON is damaged: Extra data at character 46",
        f"{R} and more": "the JSON is damaged: Extra data at character 47",
        f"score: {R}": "RecordID occurs in a text that is no JSON",
        R[1:]: "RecordID occurs in a text that is no JSON",
        R.replace("5", "five"): "the JSON is damaged: Expecting value at character 44",
        R.replace('"', "'"): "the JSON is damaged: Expecting property name",
        R.replace("Record", "\\u0052ecord")[:-1]: "the JSON is cut off",
        '{"Username": "ada", "Score": 5': "the JSON is cut off",
        "RecordID 1 was rejected": "RecordID occurs in a text that is no JSON",
    }

    check_rejected(ingest, data, {each.encode(): reason for each, reason in damaged.items()})


def test_compressed_scores_are_stored(ingest: Invoke, data: DataStack) -> None:
    compressed = [
        *(zlib.compress(score(level).encode(), level) for level in range(10)),
        zlib.compress(score(10).encode(), wbits=9),
        zlib.compress(f"{score(11)}\n{score(12)}".encode()),
        gzip.compress(f"{score(13)}\n{score(14)}\n".encode()),
        aggregate(zlib.compress(score(15).encode()), gzip.compress(score(16).encode())),
        zlib.compress(aggregate(score(17).encode(), score(18).encode())),
    ]

    ingest(*map(kinesis_record, compressed))

    assert data.rejects == []
    assert sorted(map(int, data.records)) == list(range(19))


def test_what_is_compressed_and_cannot_be_opened_is_a_reject(
    ingest: Invoke, data: DataStack
) -> None:
    damaged = bytearray(zlib.compress(BYTES))
    damaged[-1] ^= 1

    check_rejected(
        ingest,
        data,
        {
            zlib.compress(BYTES)[:-1]: "the zlib cannot be opened: it is cut off",
            bytes(damaged): "the zlib cannot be opened: Error -3",
            zlib.compress(BYTES) + BYTES: "the zlib cannot be opened: something else follows it",
            gzip.compress(zlib.compress(BYTES)): "zlib inside gzip is not opened",
            zlib.compress(gzip.compress(BYTES)): "gzip inside zlib is not opened",
            zlib.compress(bytes(11 * 2**20)): "zlib opens to more than 10,485,760 bytes in all",
            bz2.compress(BYTES): "bzip2 is not opened: compress by gzip or zlib, or not at all",
            lzma.compress(BYTES): "xz is not opened",
            b"\x28\xb5\x2f\xfd\x04\x00": "zstd is not opened",
            zlib.compress(BYTES, wbits=-15): "the payload is not UTF-8 but deflate",
        },
    )


@pytest.mark.parametrize("pack", [bytes, aggregate, gzip.compress, zlib.compress])
def test_several_scores_in_one_payload_are_stored(
    ingest: Invoke, data: DataStack, pack: Callable[[bytes], bytes]
) -> None:
    payloads = [
        several(*(score(10 * form + each) for each in range(3)))[form]
        for form in range(len(several()))
    ]
    records = [kinesis_record(pack(payload)) for payload in payloads]

    for _ in range(2):
        ingest(*records)

    assert data.rejects == []
    assert len(data.records) == 3 * len(payloads)


@pytest.mark.parametrize("damaged", ["cut off", "half", "invalid"])
@pytest.mark.parametrize("pack", [bytes, aggregate])
def test_what_is_damaged_among_several_is_a_reject_and_the_others_are_stored(
    ingest: Invoke, data: DataStack, damaged: str, pack: Callable[[bytes], bytes]
) -> None:
    bad = {"cut off": R[:-1], "half": R[:23], "invalid": score(1, Score="five")}[damaged]
    payloads = [
        several(score(100 + 2 * form), bad, score(101 + 2 * form))[form]
        for form in range(len(several()))
    ]
    records = [kinesis_record(pack(payload)) for payload in payloads]

    ingest(*records)

    assert sorted(data.records) == [str(number) for number in range(100, 110)]
    assert [reject["record"] for reject in data.rejects] == records
    place = "user record 0, object 1: " if pack is aggregate else "object 1: "
    assert all(reason.startswith(place) for reason in data.reasons)


def test_what_is_no_object_among_scores_is_a_reject_of_its_own(
    ingest: Invoke, data: DataStack
) -> None:
    ingest(
        kinesis_record(f'[null, {score(1)}, 5, "text", [{score(2)}], {{"Other": 1}}]'.encode()),
        kinesis_record(f'{score(3)}\n{{"Other": 1}}\nHello\n{score(4)}'.encode()),
    )

    assert sorted(data.records) == ["1", "3", "4"]
    assert data.reasons == [
        "object 0: it is null, not an object; object 2: it is a number, not an object; "
        "object 3: it is a string, not an object; "
        "object 4: the score stands inside `[0]`: send the object itself",
        "object 2: the JSON is damaged: Expecting value at character 0",
    ]


def test_another_encoding_than_utf_8_is_a_reject(ingest: Invoke, data: DataStack) -> None:
    accented = json.dumps(json.loads(R) | {"Username": "é"}, ensure_ascii=False)

    check_rejected(
        ingest,
        data,
        {
            R.encode("utf-16"): "the payload is not UTF-8 but UTF-16 or UTF-32",
            R.encode("utf-16-le"): "the payload is not UTF-8 but UTF-16 or UTF-32",
            R.encode("utf-16-be"): "the payload is not UTF-8 but UTF-16 or UTF-32",
            R.encode("utf-32"): "the payload is not UTF-8 but UTF-16 or UTF-32",
            R.encode("cp500"): "the payload is not UTF-8 but EBCDIC",
            accented.encode("latin-1"): "the payload is not UTF-8",
            accented.encode("latin-1")[:-1]: "the payload is not UTF-8",
            b"\x83\xa8RecordID\x01\xa8Username\xa3ada\xa5Score\x05": "the payload is not UTF-8",
        },
    )


def test_a_line_that_is_not_utf_8_is_a_reject_and_the_others_are_stored(
    ingest: Invoke, data: DataStack
) -> None:
    ingest(kinesis_record(f"{score(1)}\n".encode() + R.replace("ada", "é").encode("latin-1")))

    assert list(data.records) == ["1"]
    assert data.reasons == ["object 1: the payload is not UTF-8: send JSON in UTF-8"]


def test_a_score_that_is_encoded_once_too_often_is_a_reject(
    ingest: Invoke, data: DataStack
) -> None:
    encoded = base64.b64encode(BYTES)

    check_rejected(
        ingest,
        data,
        {
            encoded: "base64 twice",
            base64.b64encode(encoded): "base64 twice",
            base64.urlsafe_b64encode("~~~é".encode() + BYTES).rstrip(b"="): "base64 twice",
            base64.encodebytes(BYTES): "base64 twice",
            base64.b64encode(gzip.compress(BYTES)): "base64 twice",
            json.dumps(R).encode(): "JSON inside a JSON string",
            json.dumps({"message": R}).encode(): "the score stands as text inside `message`",
            json.dumps({"data": encoded.decode()}).encode(): "the score stands as base64 inside",
            BYTES.hex().encode(): "RecordID occurs in hexadecimal digits in a text that is no JSON",
            b"%52ecordID=1&Username=ada": "RecordID occurs in escapes in a text that is no JSON",
        },
    )


def test_keys_in_other_letters_are_a_reject_that_tells_how_to_spell_them(
    ingest: Invoke, data: DataStack
) -> None:
    check_rejected(
        ingest,
        data,
        {
            R.lower().encode(): "spell the keys so: RecordID, not recordid, Username, not username",
            b'{"RECORDID": 1}': "spell the keys so: RecordID, not RECORDID",
            '{"recordıd": 1}'.encode(): "spell the keys so: RecordID, not recordıd",
            b'{"RecordID": 1, "Username": "ada", "score": 5}': (
                "the record has no Score; spell the keys so: Score, not score"
            ),
            b'{"myRecordID": 1}': "RecordID occurs in it, but not as one of its keys",
            b'[{"": "UmVjb3"}, {"": "JkSUQ6IDEsICJVc2VybmFtZSI6"}]': (
                "RecordID occurs in it, but in none of its objects"
            ),
        },
    )


def test_a_key_that_stands_twice_is_a_reject(ingest: Invoke, data: DataStack) -> None:
    check_rejected(
        ingest,
        data,
        {
            f'{R[:-1]}, "Score": -5}}'.encode(): "Score stands twice",
            f'{R[:-1]}, "\\u0053core": 5}}'.encode(): "Score stands twice",
            f'{R[:-1]}, "RecordID": 2}}'.encode(): "RecordID stands twice",
            f'{R[:-1]}, "a": [{{"b": {{"c": 1, "c": 2}}}}]}}'.encode(): "a[].b.c stands twice",
        },
    )


def test_a_score_inside_something_else_is_a_reject_that_tells_where(
    ingest: Invoke, data: DataStack
) -> None:
    change = {"Keys": {"RecordID": {"N": "1"}}, "NewImage": {key: {} for key in json.loads(R)}}
    log = {**LOG_EVENTS, "logEvents": [{"id": "1", "message": R}]}
    envelopes: list[tuple[Any, str]] = [
        ({"detail": json.loads(R)}, "detail"),
        ({"data": json.loads(R), "metadata": {"operation": "insert"}}, "data"),
        ({"Records": [{"body": {"score": json.loads(R.lower())}}]}, "Records[0].body.score"),
        ({"dynamodb": change}, "dynamodb.NewImage"),
        ([[json.loads(R)]], "[0]"),
    ]

    check_rejected(
        ingest,
        data,
        {
            **{
                json.dumps(envelope).encode(): f"the score stands inside `{path}`"
                for envelope, path in envelopes
            },
            gzip.compress(json.dumps(log).encode()): (
                "the score stands as text inside `logEvents[0].message`"
            ),
            json.dumps(envelopes[0][0])[:-1].encode(): "the JSON is cut off",
        },
    )


def test_the_labs_texts_are_logged_and_nothing_else(
    ingest: Invoke, data: DataStack, caplog: pytest.LogCaptureFixture
) -> None:
    control = {
        **LOG_EVENTS,
        "messageType": "CONTROL_MESSAGE",
        "logEvents": [{"id": "", "message": "CWL CONTROL MESSAGE: Checking health of Kinesis."}],
    }
    texts = [
        *("Hello, this is a test 123.", "{}", "null", "", "[]", "[[[[", "x^2 + y^2", "{oops}"),
        *("1" * 2000, '{"Level": 5, "Level": 6}', '[{"a": 1}, 5]', "Record 5, ID 6", "Hx"),
        json.dumps(control),
    ]

    ingest(*(kinesis_record(text.encode()) for text in texts))

    assert len(caplog.messages) == len(texts)
    assert all(message.startswith("Decoded payload: ") for message in caplog.messages)
    assert (data.records, data.rejects) == ({}, [])


def test_the_metrics_count_the_objects_of_a_payload(
    ingest: Invoke, data: DataStack, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = "\n".join([score(1), score(1), '{"Other": 1}', R[:-1], score(2)])

    ingest(kinesis_record(lines.encode()), kinesis_record(b"Hello"))

    (metrics,) = (
        json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line
    )
    assert {name: value[0] for name, value in metrics.items() if isinstance(value, list)} == {
        "RecordsReceived": 6,
        "RecordsStored": 2,
        "RecordsAlreadyStored": 1,
        "RecordsIgnored": 2,
        "RecordsRejected": 1,
    }
    assert len(data.rejects) == 1


def test_two_contents_of_one_id_in_a_payload_are_told_apart(
    ingest: Invoke, data: DataStack
) -> None:
    lines = kinesis_record(f"{score(1)}\n{score(1, Level=2)}".encode())

    for _ in range(2):
        ingest(lines)

    assert "Level" not in data.records["1"]
    assert data.reasons == [
        "object 1: RecordID 1 stands in the table with other content: "
        "correct a record in the table, sending its id again changes nothing"
    ]


def test_a_corrected_score_stays_corrected_in_whatever_payload_it_comes_again(
    ingest: Invoke, data: DataStack
) -> None:
    ingest(kinesis_record(f"{score(1)}\n{score(2)}".encode()))
    data.dynamodb.update_item(
        TableName="GameScoreRecords",
        Key={"RecordID": {"N": "1"}},
        UpdateExpression="SET Score = :score",
        ExpressionAttributeValues={":score": {"N": "100"}},
    )

    ingest(*map(kinesis_record, several(score(1), score(2))), kinesis_record(BYTES))

    assert data.rejects == []
    assert data.records["1"]["Score"] == {"N": "100"}


def test_on_a_stream_for_nothing_but_scores_everything_else_is_a_reject(
    ingest: Invoke, data: DataStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = Settings.from_environment({**data.variables, "OTHER_PAYLOADS": "reject"})
    monkeypatch.setattr(app, "settings", strict)
    no_record = "it is no score record, a JSON object with RecordID, Username, Score"

    ingest(
        kinesis_record(b"Hello, this is a test 123."),
        kinesis_record(f'{score(1)}\n{{"Other": 1}}'.encode()),
        kinesis_record(aggregate(score(2).encode(), b"")),
    )

    assert sorted(data.records) == ["1", "2"]
    assert data.reasons == [no_record, f"object 1: {no_record}", f"user record 1: {no_record}"]


def test_what_becomes_of_other_payloads_is_one_of_two_things() -> None:
    assert Settings.from_environment({}).rejects_others is False
    assert Settings.from_environment({"OTHER_PAYLOADS": "log"}).rejects_others is False
    with pytest.raises(InvalidSetting, match="OTHER_PAYLOADS is 'Reject': set it to log or to"):
        _ = Settings.from_environment({"OTHER_PAYLOADS": "Reject"}).rejects_others
