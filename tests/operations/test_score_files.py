"""Scores from files and standard input, as JSON lines and as CSV."""

import gzip
import io
import json
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest

from chalicelib import words
from chalicelib.payloads import decode_score_record
from chalicelib.records import says_the_same
from operations.aws.stage import Stage
from operations.rejects.objects import read_rejects
from operations.scores.files import LONGEST_LINE_BYTES, BadLine, Line, read_file
from tests.operations.conftest import Shell, records_of, totals, until


def read(content: bytes, file_format: str = "jsonl") -> Iterator[Line | BadLine]:
    return read_file(io.BufferedReader(io.BytesIO(content)), file_format)


def reasons(stage: Stage) -> list[str]:
    """The reasons of all rejects of the stage."""
    objects = read_rejects(stage.aws.client("s3"), stage.names.rejects_bucket)
    return [reject.reason for each in objects for reject in each.rejects]


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
            f"Line 2: it is no {words.RECORD}",
        ),
        ("a.jsonl", b'\n\n{"RecordID": 1, "Username": "", "Score": 1}\n', "Line 3: Username is"),
        ("a.jsonl", b"\xff\n", f"Line 1: it is no {words.RECORD}"),
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
        ("a.csv", b"RecordID,Username,Score\n1,Ann,ten\n", "Line 2 has no number as Score: 'ten'"),
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


R = '{"RecordID": %d, "Username": "Ivo", "Score": 1.50, "Game": {"Name": "Gó"}}'
SCORES = [R % number for number in range(1, 4)]
EXPORTED = (
    '{"Item": {"RecordID": {"N": "%d"}, "Username": {"S": "Ivo"}, "Score": {"N": "1.50"}, '
    '"Game": {"M": {"Name": {"S": "Gó"}}}, "PayloadDigest": {"B": "AAE="}}}'
)
FILES = {
    "lines": "\n".join(SCORES),
    "lines with an end": "".join(f"\n{each} \r\n" for each in SCORES),
    "an array": f"[{','.join(SCORES)}]",
    "an array over many lines": json.dumps([json.loads(each) for each in SCORES], indent=2),
    "a mark": f"\ufeff{SCORES[0]}\n{SCORES[1]}\n{SCORES[2]}",
    "an array after a mark": f"\ufeff \n[ {' , '.join(SCORES)}\n]\n",
    "an export": "\n".join(EXPORTED % number for number in range(1, 4)),
}


@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_a_file_is_read_whatever_its_form(text: str, compress: Callable[[bytes], bytes]) -> None:
    expected = [decode_score_record(each.encode()) for each in SCORES]

    lines = [each for each in read(compress(text.encode())) if isinstance(each, Line)]

    assert [each.record.record_id for each in lines] == [1, 2, 3]
    for line, record in zip(lines, expected, strict=True):
        assert says_the_same(line.record.item, record.item)
        assert line.record == decode_score_record(line.payload)


def test_an_array_larger_than_what_is_read_at_once_is_read_whole() -> None:
    texts = [(R % number).replace("Gó", "Gó" * number) for number in range(300)]

    lines = list(read(f"[{', '.join(texts)}]".encode()))

    assert [each.payload.decode() for each in lines if isinstance(each, Line)] == texts


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (gzip.compress(SCORES[0].encode())[:-1], "The file is gzip that cannot be opened"),
        (f"[{SCORES[0]}, {SCORES[1][:-1]}".encode(), "Object 2 of the array is damaged"),
        (f"[{SCORES[0]}".encode(), "Object 1 of the array is damaged"),
        (f"[{SCORES[0]}] {SCORES[1]}".encode(), "Something else follows the array, after its 1 ob"),
        (b"[" + b"[" * LONGEST_LINE_BYTES * 2, "Object 1 of the array is damaged"),
        (b"x" * LONGEST_LINE_BYTES, "Line 1 is longer than any record"),
    ],
    ids=["gzip", "cut off", "not closed", "more", "brackets", "no line"],
)
def test_a_file_that_cannot_be_read_on_is_told_so(content: bytes, sentence: str) -> None:
    with pytest.raises(BadLine, match=sentence):
        list(read(content))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'"Level": NaN', "Level is not a finite number"),
        (b'"Level": 1e400', "Level is beyond DynamoDB's range"),
        (b'"Level": "\\ud800"', "Level holds half a surrogate pair"),
        (b'"Level": {"": 1}', "an attribute's name is empty"),
        (b'"Score": 2', "Score stands twice"),
        (b'"Level": "' + b"x" * 500_000 + b'"', "as an item it has 500,"),
        (b'"Level": ' + b"[" * 32 + b"]" * 32, "an attribute is nested deeper than 31"),
    ],
    ids=["NaN", "range", "surrogate", "name", "twice", "size", "depth"],
)
def test_what_the_function_would_reject_is_not_sent(line: bytes, reason: str) -> None:
    (found,) = read(b'{"RecordID": 1, "Username": "A", "Score": 1, %s}' % line)

    assert str(found).startswith(f"Line 1: {reason}")


@pytest.mark.parametrize("cell", ["1_000", "１２", "0x10", "1e", "NaN", "Infinity", "--1", "1 0"])
def test_a_cell_is_a_number_only_in_the_way_of_numbers(cell: str) -> None:
    (found,) = read(f"RecordID,Username,Score\n1,Ann,{cell}\n".encode(), "csv")

    assert str(found) == f"Line 2 has no number as Score: {cell!r}."


def test_spaces_around_names_and_numbers_of_a_csv_file_are_none_of_theirs() -> None:
    (found,) = read(b" RecordID , Username,Score, Game\n 7 ,  Ann , +1.50, go \n", "csv")

    assert isinstance(found, Line)
    assert json.loads(found.payload) == {
        "RecordID": 7,
        "Username": "Ann",
        "Score": 1.5,
        "Game": " go ",
    }


def test_only_a_header_looks_like_one() -> None:
    (found,) = read(b"RecordID 5 was rejected\n")

    assert str(found).startswith("Line 1: RecordID occurs in a text that is no JSON")


def test_all_bad_lines_are_named_the_first_of_them_by_their_reasons(
    shell: Shell, stage: Stage, tmp_path: Path
) -> None:
    scores = tmp_path / "scores.jsonl"
    good = '{"RecordID": 7301, "Username": "Nora", "Score": 3}'
    scores.write_text("\n".join([*["{}"] * 20, good, *["no"] * 5]))

    refused = shell("send", str(scores))
    sent = shell("send", str(scores), "--skip-invalid", "--json")

    assert refused.status == 2
    assert refused.err.count(f"it is no {words.RECORD}") == 20
    assert "And 5 more like these.\nNone were sent: mend" in refused.err
    assert sent.status == 0
    assert (sent.json["sent"], sent.json["skipped"]) == (1, 25)
    assert sent.json["totals"] == {"Nora": "3"}
    assert "Line 20: it is no" in sent.err
    until(lambda: totals(stage, "Nora"), {"Nora": Decimal(3)})


@pytest.mark.usefixtures("_empty_bucket")
def test_a_pipe_is_sent_as_far_as_it_is_good(
    shell: Shell, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = [f'{{"RecordID": {number}, "Username": "Otto", "Score": 1}}' for number in (7401, 7402)]
    text = "\n".join([good[0], "no", good[1], good[1].replace("1}", "2}")])

    def pipe() -> SimpleNamespace:
        return SimpleNamespace(buffer=io.BytesIO(text.encode()))

    monkeypatch.setattr(sys, "stdin", pipe())
    stopped = shell("send", "-")
    monkeypatch.setattr(sys, "stdin", pipe())
    skipped = shell("send", "-", "--skip-invalid", "--json")

    assert stopped.status == 2
    assert "Line 2: it is no" in stopped.err
    assert "records before it were sent." in stopped.err
    assert (skipped.json["sent"], skipped.json["skipped"]) == (3, 1)
    assert skipped.json["conflicting"] == 1
    assert "Line 4: RecordID 7402 has other content than before in the file" in skipped.err
    until(lambda: len(reasons(stage)), 1)
    until(lambda: totals(stage, "Otto"), {"Otto": Decimal(2)})


@pytest.mark.usefixtures("_empty_bucket")
@pytest.mark.parametrize("packing", [[], ["--aggregate"]])
def test_ids_with_two_contents_are_named_and_come_to_the_totals_that_are_printed(
    shell: Shell, stage: Stage, tmp_path: Path, packing: list[str]
) -> None:
    player, first = f"Pia{len(packing)}", 7500 + 100 * len(packing)
    scores = tmp_path / "scores.jsonl"
    scores.write_text(
        "".join(
            f'{{"RecordID": {number}, "Username": "{player}", "Score": {score}}}\n'
            for score in (1, 100)
            for number in range(first, first + 40)
        )
    )

    answer = shell("send", str(scores), "--json", *packing)

    assert answer.json["totals"] == {player: "40"}
    assert (answer.json["sent"], answer.json["conflicting"]) == (80, 40)
    assert f"Line 41: RecordID {first} has other content than before" in answer.err
    assert "And 20 more like these." in answer.err
    until(lambda: "; ".join(reasons(stage)).count("stands in the table with other content"), 40)
    until(lambda: totals(stage, player), {player: Decimal(40)})


@pytest.mark.parametrize("arguments", [[], ["-", "--records", "3"], ["no-such-file.csv"]])
def test_scores_come_from_one_source_that_exists(shell: Shell, arguments: list[str]) -> None:
    assert shell("send", *arguments).status == 2


def test_the_help_shows_the_columns_of_a_csv_file(shell: Shell) -> None:
    shell.options = []

    assert "RecordID,Username,Score" in shell("send", "--help").out
