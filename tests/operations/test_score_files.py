"""Scores from files and standard input, as JSON lines and as CSV."""

import io
import sys
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest

from chalicelib import words
from operations.aws.stage import Stage
from tests.operations.conftest import Shell, records_of, totals, until


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
        (
            "a.jsonl",
            b'{"RecordID": 1, "Username": "A", "Score": 1}\nno\n',
            f"Line 2 is no {words.RECORD}",
        ),
        ("a.jsonl", b'\n\n{"RecordID": 1, "Username": "", "Score": 1}\n', "Line 3: Username is"),
        ("a.jsonl", b"\xff\n", f"Line 1 is no {words.RECORD}"),
        ("a.csv", b"", "Line 1 is missing"),
        (
            "a.csv",
            b"RecordID,Name\n",
            f"Line 1 is no header of {words.SCORES}: it has no Username and no Score, only "
            "'RecordID', 'Name'.",
        ),
        (
            "a.csv",
            b"\xef\xbb\xbfRecordID;Username;Score\n1;Ann;2\n",
            "there are semicolons between its columns, not commas: 'RecordID;Username;Score'.",
        ),
        ("a.csv", b"RecordID Username Score\n".replace(b" ", b"\t"), "there are tabs between"),
        ("a.csv", b'{"RecordID": 1, "Username": "A", "Score": 1}\n', "say --format jsonl"),
        ("a.txt", b"RecordID,Username,Score\n1,Ann,1\n", "Line 1 looks like the header of a CSV"),
        ("scores", b'"Username","RecordID","Score"\n', "say --format csv"),
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


def test_the_help_shows_the_columns_of_a_csv_file(shell: Shell) -> None:
    shell.options = []

    assert "RecordID,Username,Score" in shell("send", "--help").out
