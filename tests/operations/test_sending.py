"""send and insert."""

import io
import json
import sys
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest

from operations.scores.send import BATCH_BYTES, put_batches, send_payloads, single_payload
from operations.stage.stage import Stage
from tests.operations.conftest import Shell, records_of, totals, until


def test_generated_scores_come_to_the_totals_that_were_sent(shell: Shell, stage: Stage) -> None:
    users = [f"player-{number + 1:04d}" for number in range(20)]
    before = totals(stage, *users)

    answer = shell("send", "--records", "300", "--users", "20", "--seed", "7", "--json")

    assert answer.status == 0
    assert answer.json["sent"] == 300
    sent = answer.json["totals"]
    expected = {user: before.get(user, Decimal(0)) + Decimal(sent[user]) for user in users}
    until(lambda: totals(stage, *expected), expected)


def test_json_lines_are_sent_as_they_stand(shell: Shell, stage: Stage, tmp_path: Path) -> None:
    scores = tmp_path / "scores.jsonl"
    scores.write_text(
        '{"RecordID": 71, "Username": "Lina", "Score": 0.1000000000000000000001}\n\n'
        '{"RecordID": 72, "Username": "Lina", "Score": 2, "Game": {"Name": "chess"}}\n'
        '{"RecordID": 72, "Username": "Lina", "Score": 2, "Game": {"Name": "chess"}}\n'
    )

    answer = shell("send", str(scores), "--json")

    assert (answer.json["sent"], answer.json["repeated"]) == (3, 1)
    assert answer.json["totals"] == {"Lina": "2.1000000000000000000001"}
    until(lambda: totals(stage, "Lina"), {"Lina": Decimal("2.1000000000000000000001")})
    assert records_of(stage, "Lina")["72"]["Game"] == {"M": {"Name": {"S": "chess"}}}


def test_csv_with_a_header_is_sent_from_standard_input(
    shell: Shell, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = 'Score,RecordID,Username,Game\n20,81,"Cora, the 1st",chess\n1.50,82,"Cora, the 1st",\n'
    stdin = SimpleNamespace(buffer=io.BytesIO(b"\xef\xbb\xbf" + text.encode()))
    monkeypatch.setattr(sys, "stdin", stdin)

    answer = shell("send", "-", "--format", "csv", "--json")

    assert answer.json["totals"] == {"Cora, the 1st": "21.50"}
    until(lambda: totals(stage, "Cora, the 1st"), {"Cora, the 1st": Decimal("21.5")})
    records = records_of(stage, "Cora, the 1st")
    assert records["81"]["Game"] == {"S": "chess"}
    assert "Game" not in records["82"]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.jsonl", b'{"RecordID": 1, "Username": "A", "Score": 1}\nno\n', "Line 2 is no score"),
        ("a.jsonl", b'\n\n{"RecordID": 1, "Username": "", "Score": 1}\n', "Line 3: Username is"),
        ("a.jsonl", b"\xff\n", "Line 1 is no score"),
        ("a.csv", b"", "Line 1 is missing"),
        ("a.csv", b"RecordID,Username\n", "Line 1 is no header of scores: it has no Score"),
        ("a.csv", b"RecordID,Username,Score\n1,Ann,ten\n", "Line 2: Score is not a finite number"),
        ("a.csv", b"RecordID,Username,Score\n1,Ann\n", "Line 2 has 2 cells, the header has 3"),
        ("a.csv", b"RecordID,Username,Score\n1,Ann,1,x\n", "Line 2 has 4 cells, the header has 3"),
        ("a.csv", b'RecordID,Username,Score\n1,"Ann"x,1\n', "Line 2 is no CSV"),
        ("a.csv", b"RecordID,Username,Score\n1,\xff,1\n", "Line 2 is no CSV"),
    ],
)
def test_a_bad_line_is_named_by_its_number_and_nothing_is_sent(
    shell: Shell, tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    (tmp_path / name).write_bytes(content)

    answer = shell("send", str(tmp_path / name))

    assert answer.status == 2
    assert sentence in answer.err
    assert answer.out == ""


@pytest.mark.parametrize("arguments", [[], ["-", "--records", "3"], ["no-such-file.csv"]])
def test_scores_come_from_one_source_that_exists(shell: Shell, arguments: list[str]) -> None:
    assert shell("send", *arguments).status == 2


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


def test_a_record_is_inserted_as_in_the_lab_and_corrected_only_on_demand(
    shell: Shell, stage: Stage
) -> None:
    record = {"RecordID": 91, "Username": "Ines", "Score": 20}

    first = shell("insert", json.dumps(record))
    again = shell("insert", json.dumps({**record, "Score": 30}))
    corrected = shell("insert", json.dumps({**record, "Score": 30}), "--replace", "--json")

    assert (first.status, again.status, corrected.status) == (0, 1, 0)
    assert "Ines's score of 20 stands in GameScoreRecords." in first.out
    assert "correct it with --replace" in again.err
    assert corrected.json["score"] == "30"
    until(lambda: totals(stage, "Ines"), {"Ines": Decimal(30)})


@pytest.mark.parametrize("record", ["20", "{", '{"RecordID": 1}', '{"Game": "chess"}', "\udcff"])
def test_what_is_no_record_is_not_inserted(shell: Shell, record: str) -> None:
    answer = shell("insert", record)

    assert answer.status == 2
    assert "is no score record" in answer.err
