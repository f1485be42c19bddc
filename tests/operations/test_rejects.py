"""rejects list, show, redrive and discard."""

import io
import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from chalicelib.receipts import KEPT_SECONDS
from chalicelib.rejects import RejectedRecord, object_key
from operations.aws.config import PROJECT
from operations.aws.invoke import FunctionFailed, _patient_client
from operations.aws.invoke import invoke as call_function
from operations.aws.stage import Stage
from operations.rejects import redrive as redriving
from operations.rejects.corrections import invalid_ids
from operations.rejects.loads import LARGEST_EVENT_BYTES
from operations.rejects.loads import loads as loads_of
from operations.rejects.objects import RejectsObject, list_objects, read_rejects
from operations.rejects.redrive import why_not
from operations.rejects.versions import KEPT_DAYS, NewestVersions, remove_if_unchanged
from operations.scores.events import event, image, kinesis_record, stream_record
from operations.scores.send import send_payloads
from tests.builders import aggregate
from tests.faults import before_next, lose_next_answer, record_calls
from tests.operations.conftest import Shell, clear_bucket, records_of, totals, until

pytestmark = pytest.mark.usefixtures("_empty_bucket")

NOW = datetime.now(UTC).timestamp()
SCORE = '{"RecordID": %d, "Username": "%s", "Score": %s}'


def keys(stage: Stage) -> list[str]:
    return [each.key for each in list_objects(stage.aws.client("s3"), stage.names.rejects_bucket)]


def store(stage: Stage, key: str, content: Any) -> str:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    stage.aws.client("s3").put_object(Bucket=stage.names.rejects_bucket, Key=key, Body=body)
    return key


def store_rejects(stage: Stage, function: str, *records: Any) -> str:
    """As the function stores rejected records."""
    rejects = [{"reason": "it was broken then", "record": record} for record in records]
    key = object_key(function, records)
    return store(stage, key, {"function": function, "rejects": rejects})


def store_failure(stage: Stage, handler: str, number: int, payload: Any) -> str:
    """As Lambda stores an event that it gave up."""
    return store(
        stage,
        f"aws/lambda/{number}/shardId-000000000000/2026/11/23/2026-11-23T06.00.00-{number}",
        {
            "requestContext": {
                "requestId": f"request-{number}",
                "functionArn": f"arn:aws:lambda:us-east-1:0:function:game-scores-local-{handler}",
                "condition": "MaxRecordAgeExceeded",
                "approximateInvokeCount": 9,
            },
            "responseContext": {"statusCode": 200, "functionError": "Unhandled"},
            "version": "1.0",
            "timestamp": "2026-11-23T06:00:00.000Z",
            "payload": payload,
        },
    )


def score(record_id: int, user: str, value: int = 1) -> dict[str, Any]:
    return kinesis_record((SCORE % (record_id, user, value)).encode(), at=NOW)


def insertion(user: str, value: str) -> dict[str, Any]:
    return stream_record(image(user, value), at=NOW, number=int(NOW * 1e6) + len(user))


def test_rejects_are_listed_and_shown_with_reason_and_payload(shell: Shell, stage: Stage) -> None:
    payload = b'{"RecordID": 1, "Username": "", "Score": 1}'
    send_payloads(stage.aws.client("kinesis"), stage.names.stream, [payload])
    until(lambda: len(keys(stage)), 1)
    store_failure(stage, "AggregateScoresByUser", 1, event(insertion("Lia", "1")))
    store(stage, "rejects/odd.json", b"not JSON")
    (key,) = [key for key in keys(stage) if key.startswith("rejects/ProcessKinesisRecords")]

    listed = [json.loads(line) for line in shell("rejects", "list", "--json").out.splitlines()]
    table = shell("rejects", "list")
    shown = shell("rejects", "show", key)
    as_json = shell("rejects", "show", key, "--json")
    odd = shell("rejects", "show", "rejects/odd.json")
    missing = shell("rejects", "show", "rejects/nothing.json")

    assert {each["key"]: (each["function"], each["reasons"]) for each in listed} == {
        key: ("ProcessKinesisRecords", ["Username is empty"]),
        keys(stage)[0]: ("AggregateScoresByUser", ["Lambda gave up: MaxRecordAgeExceeded"]),
        "rejects/odd.json": ("", []),
    }
    assert "Username is empty" in table.out
    assert payload.decode() in shown.out
    assert as_json.json["rejects"][0]["reason"] == "Username is empty"
    assert (odd.status, missing.status) == (1, 2)
    assert "There is no object 'rejects/nothing.json' in the rejects bucket" in missing.err
    assert "ProcessKinesisRecords: Username is empty" in table.out
    assert "AggregateScoresByUser: Lambda gave up" in table.out


def test_redriven_records_are_counted_once_however_often(shell: Shell, stage: Stage) -> None:
    records = [score(7001, "Rea", 5), score(7002, "Rea", 7)]
    key = store_rejects(stage, "ProcessKinesisRecords", *records)
    dry = shell("rejects", "redrive", "--dry-run", "--json")
    assert keys(stage) == [key]

    first = shell("rejects", "redrive")
    until(lambda: totals(stage, "Rea"), {"Rea": Decimal(12)})
    store_rejects(stage, "ProcessKinesisRecords", *records)
    again = shell("rejects", "redrive", "--json")

    assert dry.json["outcome"] == "would redrive"
    assert (first.status, again.status) == (0, 0)
    assert "2 of 2 records are done with" in first.out
    assert keys(stage) == []
    assert totals(stage, "Rea") == {"Rea": Decimal(12)}


def test_an_object_goes_only_when_all_its_records_are_done_with(shell: Shell, stage: Stage) -> None:
    broken = kinesis_record(b'{"RecordID": 7003, "Username": "Pia"}', at=NOW)
    key = store_rejects(stage, "ProcessKinesisRecords", broken, score(7004, "Pia"))
    rest = object_key("ProcessKinesisRecords", [broken])

    part = shell("rejects", "redrive", "--json")
    nothing = shell("rejects", "redrive", "--json")

    assert part.status == 1
    assert part.json == {
        "key": key,
        "records": 2,
        "outcome": "rejected again",
        "done": 1,
        "reason": "the record has no Score",
        "stands_in": [rest],
    }
    assert (nothing.json["done"], nothing.json["stands_in"]) == (0, [rest])
    assert keys(stage) == [rest]
    assert list(records_of(stage, "Pia")) == ["7004"]


@pytest.mark.parametrize("as_text", [True, False])
def test_what_lambda_gave_up_is_redriven_too(shell: Shell, stage: Stage, *, as_text: bool) -> None:
    user = f"Uta {as_text}"
    payload = event(insertion(user, "3"), insertion(f"{user} too", "4"))
    number = 10 + as_text
    store_failure(
        stage, "AggregateScoresByUser", number, json.dumps(payload) if as_text else payload
    )

    answer = shell("rejects", "redrive", "--prefix", "aws/lambda/")
    store_failure(stage, "AggregateScoresByUser", number, payload)
    again = shell("rejects", "redrive", "--prefix", "aws/lambda/")

    assert (answer.status, again.status) == (0, 0)
    assert totals(stage, user, f"{user} too") == {user: 3, f"{user} too": 4}
    assert keys(stage) == []


def stored_since(stage: Stage) -> dict[str, datetime]:
    s3, bucket = stage.aws.client("s3"), stage.names.rejects_bucket
    return {each.key: each.since for each in read_rejects(s3, bucket)}


def test_a_record_that_is_rejected_again_keeps_the_time_at_which_it_first_came(
    shell: Shell, stage: Stage
) -> None:
    broken = kinesis_record(b'{"RecordID": 7051, "Username": "Una"}', at=NOW)
    key = store_rejects(stage, "ProcessKinesisRecords", broken, score(7052, "Una"))
    first = stored_since(stage)[key]
    until(lambda: int(time.time()) > first.timestamp(), expected=True)  # S3 tells whole seconds

    shell("rejects", "redrive")
    shell("rejects", "redrive")

    (again,) = keys(stage)
    (shown,) = shell("rejects", "show", again, "--json").json["rejects"]
    assert stored_since(stage) == {again: first}
    assert shown == {
        "reason": "the record has no Score",
        "since": first.isoformat(),
        "record": broken,
    }
    assert f"{first:%Y-%m-%d %H:%M:%S}" in shell("rejects", "list").out


@pytest.mark.parametrize("damage", ['"Username": ""', '"Username": "Vic", "Level": NaN'])
def test_a_record_that_was_corrected_in_the_table_is_closed_by_the_redrive(
    shell: Shell, stage: Stage, damage: str
) -> None:
    invalid = b'{"RecordID": 7061, "Score": 1, %s}' % damage.encode()
    send_payloads(stage.aws.client("kinesis"), stage.names.stream, [invalid])
    until(lambda: len(keys(stage)), 1)
    not_yet = shell("rejects", "redrive", "--json")
    shell("insert", SCORE % (7061, "Vic", 5), "--replace")

    dry = shell("rejects", "redrive", "--dry-run", "--json")
    closed = shell("rejects", "redrive", "--json")

    assert (not_yet.status, not_yet.json["outcome"]) == (1, "rejected again")
    assert dry.json["reason"] == "corrected in the table: 1"
    assert closed.status == 0
    assert (closed.json["outcome"], closed.json["done"]) == ("done", 1)
    assert keys(stage) == []
    assert status_problems(shell) == []
    delete_record(stage, 7061)


def test_a_change_that_was_corrected_in_the_table_is_closed_by_the_redrive(
    shell: Shell, stage: Stage
) -> None:
    item = {"RecordID": {"N": "7062"}, "Username": {"S": "Wes"}, "Score": {"S": "five"}}
    stage.aws.client("dynamodb").put_item(TableName=stage.names.records_table, Item=item)
    until(lambda: len(keys(stage)), 1)
    shell("insert", SCORE % (7062, "Wes", 5), "--replace")
    until(lambda: totals(stage, "Wes"), {"Wes": Decimal(5)})

    closed = shell("rejects", "redrive")

    assert closed.status == 0, closed.err
    assert keys(stage) == []
    assert totals(stage, "Wes") == {"Wes": Decimal(5)}


@pytest.mark.parametrize(
    "pack", [aggregate, lambda *payloads: b"\n".join(payloads)], ids=["aggregate", "lines"]
)
def test_what_packs_many_is_closed_when_all_that_was_invalid_is_corrected(
    shell: Shell, stage: Stage, pack: Callable[..., bytes]
) -> None:
    for number in (7063, 7065):  # corrected by the test's other run
        stage.aws.client("dynamodb").delete_item(
            TableName=stage.names.records_table, Key={"RecordID": {"N": str(number)}}
        )
    packed = pack(
        b'{"RecordID": 7063, "Username": "Xan"}',
        b'{"RecordID": 7064, "Username": "Xan", "Score": 1}',
        b'{"RecordID": 7065, "Username": "", "Score": 1}',
    )
    send_payloads(stage.aws.client("kinesis"), stage.names.stream, [packed])
    until(lambda: len(keys(stage)), 1)
    shell("insert", SCORE % (7063, "Xan", 5))
    half = shell("rejects", "redrive")
    shell("insert", SCORE % (7065, "Xan", 7))
    whole = shell("rejects", "redrive")

    assert (half.status, whole.status) == (1, 0)
    assert keys(stage) == []


def test_a_redrive_tells_what_it_brings_into_the_table_that_may_have_been_deleted(
    shell: Shell, stage: Stage
) -> None:
    kept, deleted = ({"RecordID": each, "Username": "Xaver", "Score": 1} for each in (7091, 7092))
    packed = aggregate(kept, deleted, {"RecordID": 7093, "Username": "Xaver"})
    send_payloads(stage.aws.client("kinesis"), stage.names.stream, [packed])
    until(lambda: (len(keys(stage)), len(records_of(stage, "Xaver"))), (1, 2))
    delete_record(stage, 7092)
    store_rejects(stage, "ProcessKinesisRecords", score(7094, "Xaver"))

    dry = shell("rejects", "redrive", "--dry-run", "--json")
    answer = shell("rejects", "redrive", "--json")

    told = [json.loads(line)["reason"] for line in dry.out.splitlines()]
    assert sorted(told) == ["", "not in the table before, so what was deleted comes back: 7092"]
    reasons = [json.loads(line)["reason"] for line in answer.out.splitlines()]
    assert any(
        each.endswith("; not in the table before, so what was deleted comes back: 7092")
        for each in reasons
    )
    assert records_of(stage, "Xaver").keys() == {"7091", "7092", "7094"}


def test_a_record_whose_id_stands_with_other_content_is_closed_by_no_redrive(
    shell: Shell, stage: Stage
) -> None:
    shell("insert", SCORE % (7066, "Yve", 5))
    payload = (SCORE % (7066, "Yve", 6)).encode()
    send_payloads(stage.aws.client("kinesis"), stage.names.stream, [payload])
    until(lambda: len(keys(stage)), 1)

    answer = shell("rejects", "redrive", "--json")

    assert (answer.status, answer.json["outcome"]) == (1, "rejected again")
    assert len(keys(stage)) == 1


NO_NUMBER = stream_record(image("Ann", 1, Score={"S": "five"}), image("Ann", 5))
IS_NO_NUMBER = "Score is a string, not a number"
NOT_TAKEN = "the total of 'Ann' cannot take it"
VALID, INVALID = score(7067, "Ann"), kinesis_record(b'{"RecordID": 7068, "Score": 1}', at=NOW)


@pytest.mark.parametrize(
    ("function", "record", "reason", "ids"),
    [
        ("ProcessKinesisRecords", INVALID, "the record has no Username", [7068]),
        ("ProcessKinesisRecords", INVALID, "the record has no Username; 3 more", []),
        ("ProcessKinesisRecords", INVALID, "Lambda gave up: MaxRecordAgeExceeded", []),
        ("ProcessKinesisRecords", VALID, "DynamoDB refuses the item: it is too large", []),
        ("ProcessKinesisRecords", {"kinesis": {"data": "?"}}, "the data is not base64", []),
        ("ProcessKinesisRecords", "no record", "unforeseen", []),
        ("AggregateScoresByUser", stream_record(image("A", 1)), "the total cannot take it", []),
        ("AggregateScoresByUser", stream_record(eventName="INSERT"), "has no NewImage", []),
        ("AggregateScoresByUser", NO_NUMBER, IS_NO_NUMBER, [1]),
        ("AggregateScoresByUser", NO_NUMBER, f"{IS_NO_NUMBER}; {NOT_TAKEN}", []),
        ("AggregateScoresByUser", NO_NUMBER, NOT_TAKEN, []),
        (
            "AggregateScoresByUser",
            stream_record(image("A", 1), eventName="MODIFY"),
            "the stream record has no OldImage: set the stream's view to NEW_AND_OLD_IMAGES",
            [],
        ),
        ("SomethingElse", INVALID, "the record has no Username", []),
    ],
)
def test_only_what_decoding_alone_rejects_can_be_corrected(
    function: str, record: Any, reason: str, ids: list[int]
) -> None:
    assert invalid_ids(function, RejectedRecord(reason, record)) == ids


def test_a_record_that_is_still_invalid_in_the_table_closes_nothing(
    shell: Shell, stage: Stage, find_once: Callable[..., Stage]
) -> None:
    operators = find_once(stage.name, None, None, stage.aws.endpoint_url).aws.client("dynamodb")
    consistent: list[Any] = []

    def note(params: Any, **_: Any) -> None:
        consistent.append(params.get("ConsistentRead"))

    item = {"RecordID": {"N": "7069"}, "Username": {"S": "Abe"}, "Score": {"S": "five"}}
    stage.aws.client("dynamodb").put_item(TableName=stage.names.records_table, Item=item)
    until(lambda: len(keys(stage)), 1)
    operators.meta.events.register("provide-client-params.dynamodb.GetItem", note)

    answer = shell("rejects", "redrive", "--json")

    operators.meta.events.unregister("provide-client-params.dynamodb.GetItem", note)
    assert (answer.status, answer.json["outcome"]) == (1, "rejected again")
    assert len(keys(stage)) == 1
    assert consistent == [True]
    delete_record(stage, 7069)


def test_a_record_that_is_rejected_again_is_found_under_its_own_day(
    shell: Shell, stage: Stage
) -> None:
    yesterday = insertion("Cyd", "3")
    yesterday["dynamodb"]["ApproximateCreationDateTime"] -= 24 * 3600
    broken = insertion("Cyd too", "4")
    del broken["dynamodb"]["NewImage"]
    store_rejects(stage, "AggregateScoresByUser", yesterday, broken)

    answer = shell("rejects", "redrive", "--json")

    assert (answer.json["outcome"], answer.json["done"]) == ("rejected again", 1)
    assert (
        keys(stage) == answer.json["stands_in"] == [object_key("AggregateScoresByUser", [broken])]
    )


def test_a_reject_that_was_discarded_and_brought_back_after_a_rebuild_counts_once(
    shell: Shell, stage: Stage
) -> None:
    change_total(stage, "Deb", {"S": "damaged"})
    shell("insert", SCORE % (7073, "Deb", 5))
    until(lambda: len(keys(stage)), 1)
    (key,) = keys(stage)
    discarded = shell("rejects", "discard", key, "--yes")

    rebuilt = shell("rebuild", "--user", "Deb", "--settle", "0.5")
    in_the_sum = totals(stage, "Deb")
    bring_back(stage, key)
    redriven = shell("rejects", "redrive", "--json")

    assert (discarded.status, rebuilt.status, redriven.status) == (0, 0, 0)
    assert redriven.json["outcome"] == "done"
    assert in_the_sum == totals(stage, "Deb") == {"Deb": Decimal(5)}


def bring_back(stage: Stage, key: str) -> None:
    """As a person does: by deleting the mark that the removal left."""
    s3, bucket = stage.aws.client("s3"), stage.names.rejects_bucket
    (mark,) = s3.list_object_versions(Bucket=bucket, Prefix=key)["DeleteMarkers"]
    s3.delete_object(Bucket=bucket, Key=key, VersionId=mark["VersionId"])


def test_rejects_are_discarded_by_key_or_prefix_and_kept_as_versions(
    shell: Shell, stage: Stage
) -> None:
    broken = insertion("Ada", "1")
    del broken["dynamodb"]["NewImage"]
    change = store_rejects(stage, "AggregateScoresByUser", broken)
    record = store_rejects(stage, "ProcessKinesisRecords", score(7071, "Ada"))
    odd = store(stage, "odd/one.json", b"not JSON")

    asked = shell("rejects", "discard", change)
    nothing_named = shell("rejects", "discard", "--yes")
    missing = shell("rejects", "discard", "rejects/nothing.json", "--yes")
    left = keys(stage)
    by_key = shell("rejects", "discard", change, odd, "--yes")
    by_prefix = shell(
        "rejects", "discard", "--prefix", "rejects/ProcessKinesisRecords", "--yes", "--json"
    )

    assert (asked.status, nothing_named.status, missing.status) == (2, 2, 2)
    assert "add --yes" in asked.err
    assert "There is no object 'rejects/nothing.json'" in missing.err
    assert left == sorted([change, record, odd])
    assert "as noncurrent versions for 30 days" in by_key.out
    assert "`rebuild` sets the totals right" in by_key.out
    assert (by_prefix.json["key"], by_prefix.json["records"]) == (record, 1)
    assert keys(stage) == []
    versions = stage.aws.client("s3").list_object_versions(Bucket=stage.names.rejects_bucket)
    assert {change, record, odd} <= {each["Key"] for each in versions["Versions"]}
    assert shell("status").status == 0


def test_what_is_discarded_is_kept_as_long_as_it_says() -> None:
    template = (PROJECT / "infrastructure" / "data.yaml").read_text()

    assert f"NoncurrentDays: {KEPT_DAYS}\n" in template


def test_discard_asks_at_a_terminal(
    shell: Shell, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = store_rejects(stage, "ProcessKinesisRecords", score(7072, "Ben"))
    monkeypatch.setattr("sys.stdin", Terminal("n\ny\n"))
    no = shell("rejects", "discard", key)
    after_no = keys(stage)
    yes = shell("rejects", "discard", key)

    assert (no.status, yes.status) == (130, 0)
    assert (after_no, keys(stage)) == ([key], [])


class Terminal(io.StringIO):
    """A person at a terminal who types these lines."""

    def isatty(self) -> bool:
        return True


def change_total(stage: Stage, user: str, score: dict[str, str]) -> None:
    stage.aws.client("dynamodb").update_item(
        TableName=stage.names.totals_table,
        Key={"Username": {"S": user}},
        UpdateExpression="SET Score = :score",
        ExpressionAttributeValues={":score": score},
    )


def delete_record(stage: Stage, record_id: int) -> None:
    stage.aws.client("dynamodb").delete_item(
        TableName=stage.names.records_table,
        Key={"RecordID": {"N": str(record_id)}},
    )


def rejected_records(stage: Stage) -> list[Any]:
    bucket = stage.names.rejects_bucket
    return [
        record for each in read_rejects(stage.aws.client("s3"), bucket) for record in each.records
    ]


def test_scores_corrected_and_deleted_after_their_insertion_was_refused_come_right_by_one_redrive(
    shell: Shell, stage: Stage
) -> None:
    reconcile = ("reconcile", "--user", "Wil", "--settle", "0.1")
    change_total(stage, "Wil", {"S": "damaged"})
    shell("insert", SCORE % (7021, "Wil", 5))
    shell("insert", SCORE % (7022, "Wil", 7))
    until(lambda: len(rejected_records(stage)), 2)
    change_total(stage, "Wil", {"N": "0"})
    shell("insert", SCORE % (7021, "Wil", 6), "--replace")
    delete_record(stage, 7022)
    until(lambda: totals(stage, "Wil"), {"Wil": Decimal(6 - 5 - 7)})
    before = shell(*reconcile)

    redriven = shell("rejects", "redrive")

    assert (before.status, redriven.status, shell(*reconcile).status) == (1, 0, 0)
    assert totals(stage, "Wil") == {"Wil": Decimal(6)}
    assert keys(stage) == []


def test_changes_that_only_together_fit_into_a_total_get_in_by_one_redrive(
    shell: Shell, stage: Stage
) -> None:
    reconcile = ("reconcile", "--user", "Xia", "--settle", "0.1")
    # Below zero, so that it leads no leaderboard of other tests.
    shell("insert", SCORE % (7031, "Xia", "-1E+50"))
    until(lambda: totals(stage, "Xia"), {"Xia": Decimal("-1E+50")})
    for number, corrected in enumerate(("-1E-50", "-2E+50"), start=1):
        shell("insert", SCORE % (7031, "Xia", corrected), "--replace")
        until(lambda: len(rejected_records(stage)), number)
    assert len(keys(stage)) == 2
    before = shell(*reconcile)

    redriven = shell("rejects", "redrive")

    assert (before.status, redriven.status, shell(*reconcile).status) == (1, 0, 0)
    assert totals(stage, "Xia") == {"Xia": Decimal("-2E+50")}
    assert keys(stage) == []


def test_objects_that_go_together_are_removed_each_as_soon_as_its_own_records_are_done_with(
    shell: Shell, stage: Stage
) -> None:
    whole, twice, broken = (insertion(f"Zoe {name}", "3") for name in ("1", "22", "333"))
    del broken["dynamodb"]["NewImage"]
    taken = store_rejects(stage, "AggregateScoresByUser", whole, twice)
    mixed = store_rejects(stage, "AggregateScoresByUser", twice, broken)
    alone = store_rejects(stage, "AggregateScoresByUser", broken)

    answer = shell("rejects", "redrive", "--json")

    told = {each["key"]: each for each in map(json.loads, answer.out.splitlines())}
    assert {key: (each["outcome"], each["done"]) for key, each in told.items()} == {
        taken: ("done", 2),
        mixed: ("rejected again", 1),
        alone: ("rejected again", 0),
    }
    assert told[mixed]["stands_in"] == told[alone]["stands_in"] == [alone]
    assert keys(stage) == [alone]
    assert totals(stage, "Zoe 1", "Zoe 22") == {"Zoe 1": 3, "Zoe 22": 3}


def test_an_object_on_which_the_function_fails_holds_up_none_that_goes_with_it(
    shell: Shell, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison = insertion("Quin's poison", "1")
    bad = store_rejects(stage, "AggregateScoresByUser", poison)
    store_rejects(stage, "AggregateScoresByUser", insertion("Quin", "3"))
    invoke = call_function

    def fail_on_poison(deployed: Stage, function: str, records: bytes) -> str:
        if poison["eventID"] in [each["eventID"] for each in json.loads(records)["Records"]]:
            raise FunctionFailed("it crashes")
        return invoke(deployed, function, records)

    monkeypatch.setattr(redriving, "invoke", fail_on_poison)
    answer = shell("rejects", "redrive", "--json")

    outcomes = {each["key"]: each for each in map(json.loads, answer.out.splitlines())}
    assert answer.status == 1
    assert (outcomes[bad]["outcome"], outcomes[bad]["reason"]) == ("failed", "it crashes")
    assert keys(stage) == [bad]
    assert totals(stage, "Quin") == {"Quin": 3}


def test_what_another_redrive_is_done_with_meanwhile_is_done_with(
    shell: Shell, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = insertion("Bo", "3")
    del broken["dynamodb"]["NewImage"]
    store_rejects(stage, "AggregateScoresByUser", broken, insertion("Bo too", "4"))
    of_now = NewestVersions.of_now

    def removed_just_after(*arguments: Any) -> dict[str, str]:
        listed = of_now(*arguments)
        clear_bucket(stage)
        return listed

    monkeypatch.setattr(NewestVersions, "of_now", removed_just_after)
    answer = shell("rejects", "redrive", "--json")

    assert (answer.status, answer.json["done"]) == (0, 2)


class RawResponse:
    """The body of an answer, as botocore reads it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> Iterator[bytes]:
        yield self._body


def rejects_object(key: str, function: str, *records: Any) -> RejectsObject:
    rejects = tuple(RejectedRecord("", record) for record in records)
    return RejectsObject(key, "1", datetime.fromtimestamp(NOW, UTC), function, rejects)


def test_as_many_objects_of_the_aggregator_go_together_as_one_event_holds() -> None:
    small, large = insertion("Ann", "1"), {"filling": "x" * (LARGEST_EVENT_BYTES // 3)}
    objects = [
        rejects_object("200 records", "AggregateScoresByUser", *[small] * 200),
        rejects_object("of another function", "ProcessKinesisRecords", small),
        rejects_object("300 more", "AggregateScoresByUser", *[small] * 300),
        rejects_object("1 more", "AggregateScoresByUser", small),
        rejects_object("large", "AggregateScoresByUser", large, large),
        rejects_object("large, too", "AggregateScoresByUser", large),
        rejects_object("too many for one event", "AggregateScoresByUser", *[small] * 501),
    ]

    loads = [[each.key for each in load] for load in loads_of(iter(objects))]

    assert loads == [
        ["of another function"],
        ["200 records", "300 more"],
        ["1 more", "large"],
        ["large, too"],
        ["too many for one event"],
    ]


@contextmanager
def broken_function(stage: Stage) -> Iterator[None]:
    """The aggregator fails: its table of totals is another one that is not there."""
    name = stage.function_name("AggregateScoresByUser")
    found = stage.aws.client("lambda").get_function_configuration(FunctionName=name)
    variables = found["Environment"]["Variables"]
    broken = {**variables, "GAME_SCORES_BY_USER_TABLE": "NoSuchTable"}
    stage.aws.client("lambda").update_function_configuration(
        FunctionName=name, Environment={"Variables": broken}
    )
    yield
    stage.aws.client("lambda").update_function_configuration(
        FunctionName=name, Environment={"Variables": variables}
    )


def test_a_function_that_fails_for_a_while_is_seen_by_status_and_nothing_is_lost(
    shell: Shell, stage: Stage
) -> None:
    key = store_rejects(stage, "AggregateScoresByUser", insertion("Fay", "3"))

    with broken_function(stage):
        shell("insert", '{"RecordID": 7010, "Username": "Gil", "Score": 4}')
        failing = shell("rejects", "redrive", "--json")
        until(
            lambda: status_problems(shell)[0].partition(":")[0], "mapping to AggregateScoresByUser"
        )
        problems, left = status_problems(shell), keys(stage)
    until(lambda: shell("rejects", "redrive").status, 0)  # the function is as before a little later
    until(lambda: totals(stage, "Fay", "Gil"), {"Fay": Decimal(3), "Gil": Decimal(4)})

    assert (failing.status, failing.json["outcome"]) == (1, "failed")
    assert "ResourceNotFound" in failing.json["reason"]
    assert "the last batch failed and comes again" in problems[0]
    assert left == [key]
    until(lambda: shell("status").status, 0)


def status_problems(shell: Shell) -> list[str]:
    problems: list[str] = shell("status", "--json").json["problems"]
    return problems


@pytest.fixture
def invoking_client(stage: Stage, find_once: Callable[..., Stage]) -> Any:
    """The client by which the command line invokes functions."""
    return _patient_client(find_once(stage.name, None, None, stage.aws.endpoint_url).aws)


def test_a_function_is_waited_for_as_long_as_it_may_run_and_asked_once(
    shell: Shell, stage: Stage, invoking_client: Any
) -> None:
    store_rejects(stage, "ProcessKinesisRecords", score(7041, "Pat"))

    redriven = shell("rejects", "redrive")

    configuration = invoking_client.meta.config
    assert redriven.status == 0
    assert configuration.read_timeout > 900
    assert configuration.retries == {"total_max_attempts": 1, "mode": "legacy"}


def test_what_lambda_cannot_run_now_is_tried_once_and_ends_no_run(
    shell: Shell, stage: Stage, invoking_client: Any
) -> None:
    throttled = stage.function_name("ProcessKinesisRecords")
    first = store_rejects(stage, "ProcessKinesisRecords", score(7042, "Roz"))
    store_rejects(stage, "AggregateScoresByUser", insertion("Roz", "3"))
    client = stage.aws.client("lambda")
    client.put_function_concurrency(FunctionName=throttled, ReservedConcurrentExecutions=0)
    attempts: list[str] = []

    def count(**_: object) -> None:
        attempts.append("attempt")

    invoking_client.meta.events.register("before-send.lambda.Invoke", count)

    answer = shell("rejects", "redrive", "--json")
    client.delete_function_concurrency(FunctionName=throttled)
    again = shell("rejects", "redrive")
    invoking_client.meta.events.unregister("before-send.lambda.Invoke", count)

    told = [json.loads(line) for line in answer.out.splitlines()]
    assert [each["outcome"] for each in told] == ["failed", "done"]
    assert told[0]["key"] == first
    assert "cannot run ProcessKinesisRecords now" in told[0]["reason"]
    assert len(attempts) == 3  # the throttled one, the aggregator's, the one of the second run
    assert totals(stage, "Roz")["Roz"] >= 3
    assert (again.status, keys(stage)) == (0, [])


def test_an_event_that_is_too_large_ends_no_run(
    shell: Shell, stage: Stage, invoking_client: Any
) -> None:
    too_large = score(7043, "Lea")
    large = store_rejects(stage, "ProcessKinesisRecords", too_large)
    store_rejects(stage, "ProcessKinesisRecords", score(7044, "Leo"))

    def refuse_the_first(request: Any, **_: object) -> AWSResponse | None:
        """As Lambda answers an event beyond 6 MB; the embedded AWS takes it."""
        if too_large["kinesis"]["data"].encode() not in request.body:
            return None
        body = RawResponse(b'{"message": "Request must be smaller than 6291456 bytes"}')
        headers = HTTPHeaders.from_dict({"x-amzn-errortype": "RequestEntityTooLargeException"})
        return AWSResponse(request.url, 413, headers, body)

    events = invoking_client.meta.events
    events.register("before-send.lambda.Invoke", refuse_the_first)
    answer = shell("rejects", "redrive", "--json")
    events.unregister("before-send.lambda.Invoke", refuse_the_first)

    told = {each["key"]: each for each in map(json.loads, answer.out.splitlines())}
    assert told[large]["outcome"] == "failed"
    assert "takes no event of" in told[large]["reason"]
    assert keys(stage) == [large]
    assert list(records_of(stage, "Leo")) == ["7044"]


def test_a_crash_between_invoking_and_removing_is_harmless(
    shell: Shell, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = store_rejects(stage, "AggregateScoresByUser", insertion("Ora", "6"))
    with monkeypatch.context() as patched:

        def crash(*_: object) -> None:
            raise KeyboardInterrupt

        patched.setattr(redriving, "remove_if_unchanged", crash)
        crashed = shell("rejects", "redrive")
    left = keys(stage)
    shell("rejects", "redrive")

    assert crashed.status == 130
    assert left == [key]
    assert keys(stage) == []
    assert totals(stage, "Ora") == {"Ora": Decimal(6)}


def test_what_was_written_again_meanwhile_is_not_removed(
    shell: Shell, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [insertion("Yin", "6")]
    key = store_rejects(stage, "AggregateScoresByUser", *records)
    remove = remove_if_unchanged

    def written_again_just_before(*arguments: Any) -> None:
        store_rejects(stage, "AggregateScoresByUser", *records)
        remove(*arguments)

    monkeypatch.setattr(redriving, "remove_if_unchanged", written_again_just_before)
    shell("rejects", "redrive")

    assert keys(stage) == [key]


def test_what_was_written_again_before_is_never_out_of_sight(stage: Stage) -> None:
    s3, bucket = stage.aws.client("s3"), stage.names.rejects_bucket
    record = score(7076, "Gus")
    key = store_rejects(stage, "ProcessKinesisRecords", record)
    (found,) = read_rejects(s3, bucket)
    store_rejects(stage, "ProcessKinesisRecords", record)
    calls = record_calls(s3)

    assert not remove_if_unchanged(s3, bucket, found)

    assert "DeleteObject" not in calls
    assert keys(stage) == [key]


@pytest.mark.parametrize("is_lost", [True, False])
def test_what_is_written_while_it_is_removed_is_brought_back(
    shell: Shell, stage: Stage, find_once: Callable[..., Stage], *, is_lost: bool
) -> None:
    """The function rejects the same records again, just before the object is removed."""
    records = [score(7074, "Eli")]
    key = store_rejects(stage, "ProcessKinesisRecords", *records)
    operators = find_once(stage.name, None, None, stage.aws.endpoint_url).aws.client("s3")
    before_next(
        operators,
        "DeleteObject",
        lambda: store_rejects(stage, "ProcessKinesisRecords", *records),
    )
    if is_lost:
        lose_next_answer(operators, "DeleteObject")

    answer = shell("rejects", "discard", key, "--yes", "--json")
    again = shell("rejects", "discard", key, "--yes", "--json")

    assert (answer.status, answer.json["is_gone"]) == (1, False)
    assert (again.status, again.json["is_gone"]) == (0, True)
    assert keys(stage) == []


def test_a_removal_whose_answer_is_lost_is_done(
    shell: Shell, stage: Stage, find_once: Callable[..., Stage]
) -> None:
    key = store_rejects(stage, "ProcessKinesisRecords", score(7075, "Flo"))
    operators = find_once(stage.name, None, None, stage.aws.endpoint_url).aws.client("s3")
    lose_next_answer(operators, "DeleteObject")

    answer = shell("rejects", "discard", key, "--yes", "--json")

    assert (answer.status, answer.json["is_gone"], keys(stage)) == (0, True, [])


@pytest.mark.parametrize(
    ("function", "age_seconds", "refused"),
    [
        ("AggregateScoresByUser", KEPT_SECONDS + 60, True),
        ("AggregateScoresByUser", KEPT_SECONDS - 60, False),
        ("ProcessKinesisRecords", KEPT_SECONDS + 60, False),
        ("SomethingElse", 0, True),
    ],
)
def test_what_is_older_than_its_receipt_is_refused(
    function: str, age_seconds: float, *, refused: bool
) -> None:
    record = stream_record(image("Ann", 1), at=NOW - age_seconds)
    young = stream_record(image("Ann", 1), at=NOW)
    found = rejects_object("rejects/x.json", function, young, record)

    assert bool(why_not(found, NOW)) is refused


@pytest.mark.parametrize("parts_of_a_second", [1, 10**3, 10**6, 10**9])
@pytest.mark.parametrize(("age_days", "refused"), [(45, True), (29, False)])
def test_a_record_is_as_old_as_its_time_says_in_whatever_unit(
    parts_of_a_second: int, age_days: int, *, refused: bool
) -> None:
    time_told = int((NOW - age_days * 24 * 3600) * parts_of_a_second)
    record = stream_record(image("Ann", 1), at=time_told)

    assert bool(why_not(rejects_object("x", "AggregateScoresByUser", record), NOW)) is refused


@pytest.mark.parametrize(
    "at",
    [None, True, "2026-11-23", NOW + 86_400, 4 * NOW, math.inf, -NOW],
    ids=["none", "boolean", "text", "tomorrow", "far", "infinite", "negative"],
)
def test_a_record_without_a_time_to_rely_on_is_as_old_as_its_object(at: Any) -> None:
    record = RejectedRecord("", stream_record(image("Ann", 1), at=at))
    old = datetime.fromtimestamp(NOW - KEPT_SECONDS - 60, UTC)
    found = RejectsObject("rejects/x.json", "1", old, "AggregateScoresByUser", (record,))

    assert "1 of its 1 records are older than 30 days" in why_not(found, NOW)


def test_an_old_object_stays_and_says_why(shell: Shell, stage: Stage) -> None:
    record = stream_record(image("Old", 1), at=NOW - KEPT_SECONDS - 60)
    key = store_rejects(stage, "AggregateScoresByUser", record)

    answer = shell("rejects", "redrive", "--json")

    assert answer.status == 1
    assert answer.json["outcome"] == "refused"
    assert "might count twice" in answer.json["reason"]
    assert keys(stage) == [key]
    assert totals(stage, "Old") == {}
