"""The verb send: scores to the Kinesis stream."""

import random
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from io import BufferedReader
from math import ceil
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from chalicelib import words
from chalicelib.scores import RECORD_KEYS, ScoreRecord
from operations.aws.errors import EXPLAINED, OperationFailed, OperationInterrupted, explain
from operations.aws.stage import Stage
from operations.scores.files import READERS, BadLine, Line, read_file
from operations.scores.findings import Findings
from operations.scores.generate import Tally, generate_scores
from operations.scores.insert import parse_record
from operations.scores.send import send_payloads
from operations.terminal import views
from operations.terminal.options import Number, deployed_stage_options, json_option
from operations.terminal.output import standard_input
from operations.terminal.results import print_json
from operations.terminal.shown import escaped_lines

Scores = Iterator[tuple[bytes, ScoreRecord]]
"""Payloads to send, each with what it says."""

LINES_BETWEEN_LOOKS = 1000
NONE_SENT = "None were sent: mend what is wrong, or leave it out with --skip-invalid."


@click.command(
    help=f"""Send {words.SCORES} to the Kinesis stream: from FILE, from standard input (-), or
    generated.

    FILE holds JSON lines, a JSON array, the lines of a table's export, or CSV with commas and the
    header {",".join(RECORD_KEYS)}, whose further columns are stored as texts; gzip is opened. It is
    checked before anything is sent. Prints the totals of what was sent, which the leaderboard must
    come to. Sending the same again is harmless: each {words.RECORD_ID} counts once.
    """,
    epilog="Example: python -m operations send --records 1000 --users 50 --rate 500",
)
@click.argument(
    "file",
    required=False,
    type=click.Path(exists=True, dir_okay=False, readable=True, allow_dash=True),
)
@click.option(
    "--format",
    "file_format",
    type=click.Choice(sorted(READERS)),
    help="How to read FILE, if its name does not tell; standard input is JSON otherwise.",
)
@click.option("--skip-invalid", is_flag=True, help=f"Leave out what is no {words.RECORD}.")
@click.option("--records", type=click.IntRange(min=1), help="Generate this many instead.")
@click.option("--users", default=100, show_default=True, type=click.IntRange(min=1))
@click.option(
    "--skew",
    default=2.0,
    show_default=True,
    type=Number(min=0.1),
    help=f"1: all {words.PLAYERS} get as many; the larger, the more go to a few.",
)
@click.option("--seed", default=1, show_default=True, help=f"Repeats the very same {words.SCORES}.")
@click.option(
    "--first-id",
    type=int,
    help=f"The first {words.RECORD_ID} to generate; default: unused ones.",
)
@click.option("--rate", type=Number(min=0.001), help="Records a second.")
@click.option(
    "--aggregate", is_flag=True, help="Pack many into one Kinesis record, as the KPL does."
)
@json_option
@deployed_stage_options
def send(
    *,
    stage: Stage,
    file: str | None,
    file_format: str | None,
    skip_invalid: bool,
    records: int | None,
    users: int,
    skew: float,
    seed: int,
    first_id: int | None,
    rate: float | None,
    aggregate: bool,
    as_json: bool,
) -> None:
    if (file is None) == (records is None):
        raise click.UsageError("Name a FILE (- for standard input), or generate --records.")
    first_id = time.time_ns() // 1000 if first_id is None else first_id
    again = "Sending the same file again is harmless, what was sent before counts once."
    if records:
        again = f"To go on, repeat it with --first-id {first_id} --seed {seed}."
    tally = Tally()
    findings = Findings()
    sent = 0
    with ExitStack() as opened, views.progress_bars(Console(stderr=True)) as bars:
        total = records
        if file is None:
            scores = _generated(records or 0, users, seed, skew, first_id)
        elif file == "-" or not Path(file).is_file():
            lines = read_file(_open(file, opened), _format(file, file_format))
            scores = _scores(findings.take(lines, skip_invalid=skip_invalid))
        else:
            total = _check(file, _format(file, file_format), findings, bars)
            if findings.bad and not skip_invalid:
                raise BadLine(f"{findings.report}\n{NONE_SENT}")
            _tell(findings, bars.console)
            lines = read_file(_open(file, opened), _format(file, file_format))
            scores = _scores(line for line in lines if isinstance(line, Line))
        task = bars.add_task("sent", total=total)

        def on_sent(count: int) -> None:
            nonlocal sent
            sent += count
            bars.update(task, completed=sent)

        started = time.monotonic()
        try:
            send_payloads(
                stage.aws.client("kinesis"),
                stage.names.stream,
                tally.payloads(scores),
                on_sent,
                aggregate=aggregate,
                rate=rate,
            )
        except BadLine as error:
            raise BadLine(f"{error} {sent:,} records before it were sent. {again}") from error
        except (OperationFailed, *EXPLAINED) as error:
            failure = error if isinstance(error, OperationFailed) else explain(error)
            raise type(failure)(f"{failure} {sent:,} records were sent. {again}") from error
        except KeyboardInterrupt:
            raise OperationInterrupted(f"Interrupted after {sent:,} records. {again}") from None
        seconds = time.monotonic() - started
    if total is None:
        _tell(findings, Console(stderr=True))
    result = {
        "sent": sent,
        "skipped": findings.bad,
        "repeated": tally.repeated,
        "conflicting": findings.conflicting,
        "seconds": round(seconds, 3),
        "records_a_second": round(sent / seconds, 1) if seconds else None,
        **({"first_id": first_id} if records else {}),
        "totals": {username: str(total) for username, total in sorted(tally.totals.items())},
    }
    if as_json:
        print_json(result)
    else:
        console = Console()
        console.print(views.leaderboard(tally.totals, title="Sent"))
        console.print(
            f"{sent:,} records in {seconds:.1f} seconds, {sent / max(seconds, 0.001):,.0f} a second"
        )


def _generated(records: int, users: int, seed: int, skew: float, first_id: int) -> Scores:
    chance = random.Random(seed)
    for score in generate_scores(records, users, chance, skew=skew, first_id=first_id):
        yield score.payload, parse_record(score.payload.decode())


def _scores(lines: Iterable[Line]) -> Scores:
    return ((line.payload, line.record) for line in lines)


def _format(file: str, file_format: str | None) -> str:
    """How to read the file: `csv` for scores.csv and scores.csv.gz."""
    return file_format or Path(file.lower().removesuffix(".gz")).suffix.removeprefix(".")


def _check(file: str, file_format: str, findings: Findings, bars: Progress) -> int:
    """The number of records in the file that can be sent; what is wrong is among the findings.

    Only what can be read twice is checked: standard input or a pipe is sent as it is read.
    """
    size_kib = Path(file).stat().st_size / 1024
    task = bars.add_task("KiB checked", total=ceil(size_kib))
    with Path(file).open("rb") as opened:
        lines = findings.take(read_file(opened, file_format), skip_invalid=True)
        for count, _ in enumerate(lines):
            if count % LINES_BETWEEN_LOOKS == 0:
                bars.update(task, completed=ceil(opened.tell() / 1024))
    bars.update(task, completed=ceil(size_kib))
    return findings.good


def _tell(findings: Findings, console: Console) -> None:
    if findings.report:
        console.print(escaped_lines(findings.report), markup=False, highlight=False)


def _open(file: str, opened: ExitStack) -> BufferedReader:
    return standard_input() if file == "-" else opened.enter_context(Path(file).open("rb"))
