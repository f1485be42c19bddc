"""The verb send: scores to the Kinesis stream."""

import random
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import click
from rich.console import Console

from chalicelib import words
from chalicelib.scores import RECORD_KEYS
from operations.aws.errors import EXPLAINED, OperationFailed, OperationInterrupted, explain
from operations.aws.stage import Stage
from operations.scores.files import READERS, BadLine, Scores, bounded_lines
from operations.scores.generate import Tally, generate_scores
from operations.scores.insert import parse_record
from operations.scores.send import send_payloads
from operations.terminal import views
from operations.terminal.options import Number, deployed_stage_options, json_option
from operations.terminal.output import standard_input
from operations.terminal.results import print_json


@click.command(
    help=f"""Send {words.SCORES} to the Kinesis stream: from FILE, from standard input (-), or
    generated.

    FILE holds JSON lines, or CSV with commas and the header {",".join(RECORD_KEYS)}; further
    columns are stored as texts. Prints the totals of what was sent, which the leaderboard must
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
    help="How to read FILE, if its name does not tell; standard input is JSON lines otherwise.",
)
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
    sent = 0
    with ExitStack() as opened, views.progress_bars(Console(stderr=True)) as bars:
        task = bars.add_task("sent", total=records)

        def on_sent(count: int) -> None:
            nonlocal sent
            sent += count
            bars.update(task, completed=sent)

        if file is None:
            scores = _generated(records or 0, users, seed, skew, first_id)
        else:
            bars.update(task, total=_check(file, file_format))
            scores = _reader(file, file_format)(bounded_lines(_open(file, opened)))
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
    result = {
        "sent": sent,
        "repeated": tally.repeated,
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


def _reader(file: str, file_format: str | None) -> Callable[[Iterable[bytes]], Scores]:
    ending = Path(file).suffix.removeprefix(".").lower()
    return READERS.get(file_format or ending, READERS["jsonl"])


def _check(file: str, file_format: str | None) -> int | None:
    """The number of records in the file; a file with a bad line is not sent at all.

    Standard input or a pipe cannot be read twice, so it is sent as it is read.
    """
    if file == "-" or not Path(file).is_file():
        return None
    with Path(file).open("rb") as opened:
        return sum(1 for _ in _reader(file, file_format)(bounded_lines(opened)))


def _open(file: str, opened: ExitStack) -> BinaryIO:
    return standard_input() if file == "-" else opened.enter_context(Path(file).open("rb"))
