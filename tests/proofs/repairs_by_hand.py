"""Repairs beside a running pipeline, by the command line only: `make up`, in small, and verbs.

python -m tests.proofs.repairs_by_hand --runs 5 --looks 20

Each run damages totals by hand, sends scores at 20 a second, starts two rebuilds that overlap, and
switches the aggregator's mapping off and on meanwhile; in the end every total must be the sum of
its records. Then a player goes on playing, and each reconcile must be right about the total, which
somebody has made wrong before every other one.
"""

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import click

from chalicelib.scores import exact_sum
from operations.aws.config import PROJECT
from operations.aws.mappings import change_mapping, require_mapping
from operations.aws.stage import AGGREGATOR, Stage
from operations.aws.tables import scan
from operations.local.pipeline import deploy_locally
from operations.local.server import EmbeddedAws, embedded_aws

USERS = 20
SCORES_A_SECOND = 20
PLAYER = "Player"
PATIENCE_SECONDS = 120

_ids = itertools.count(10**9)


@dataclass(frozen=True)
class CommandLine:
    """Verbs against the stage, each a process of its own."""

    aws: EmbeddedAws
    stage: Stage

    def start(self, *words: str) -> "subprocess.Popen[str]":
        where = ("--stage", self.stage.name, "--endpoint-url", self.aws.endpoint_url)
        return subprocess.Popen(
            [sys.executable, "-m", "operations", *words, *where, "--json"],
            cwd=PROJECT,
            env={**self.aws.variables, "PATH": "/usr/bin:/bin"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str) -> Any:
        """What the verb says with --json; raises AssertionError where it says nothing."""
        return said_by(self.start(*words))

    def set_total(self, user: str, score: dict[str, Any]) -> None:
        """Damage a total, as from a console."""
        self.stage.aws.client("dynamodb").update_item(
            TableName=self.stage.names.totals_table,
            Key={"Username": {"S": user}},
            UpdateExpression="SET Score = :score",
            ExpressionAttributeValues={":score": score},
        )

    def delete_total(self, user: str) -> None:
        self.stage.aws.client("dynamodb").delete_item(
            TableName=self.stage.names.totals_table, Key={"Username": {"S": user}}
        )

    def switch_mapping(self, *, enabled: bool) -> None:
        change_mapping(self.stage, require_mapping(self.stage, AGGREGATOR), Enabled=enabled)

    def sums(self) -> dict[str, Decimal]:
        return self._numbers(self.stage.names.records_table)

    def totals(self) -> dict[str, Decimal]:
        return self._numbers(self.stage.names.totals_table)

    def _numbers(self, table: str) -> dict[str, Decimal]:
        """By user, read by a scan that shares nothing with what is tested."""
        numbers: dict[str, list[Decimal]] = {}
        for item in scan(self.stage.aws.client("dynamodb"), table):
            number = Decimal(item["Score"].get("N", "NaN"))
            numbers.setdefault(item["Username"]["S"], []).append(number)
        return {user: exact_sum(found) for user, found in numbers.items()}

    def wrong(self, sent: Mapping[str, Decimal]) -> set[str]:
        """The users whose total is not the sum, once the scores sent are there.

        What is on its way may take a while.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        is_there = False
        while time.monotonic() < deadline:
            sums, totals = self.sums(), self.totals()
            is_there = all(sums.get(user) == total for user, total in sent.items())
            if is_there and sums == totals:
                break
            time.sleep(0.5)
        assert is_there, "scores that were sent do not arrive"
        return {user for user in sums.keys() | totals if sums.get(user) != totals.get(user)}


def added(before: Mapping[str, Decimal], said: Any) -> dict[str, Decimal]:
    """The totals after what `send` says that it sent."""
    totals = {user: Decimal(total) for user, total in said["totals"].items()}
    return {
        user: exact_sum((before.get(user, Decimal(0)), totals.get(user, Decimal(0))))
        for user in before.keys() | totals
    }


def said_by(process: "subprocess.Popen[str]", told: str = "") -> Any:
    out, err = process.communicate(told)
    assert out, err
    return json.loads(out)


@contextmanager
def command_line() -> Iterator[CommandLine]:
    with embedded_aws() as aws:
        yield CommandLine(aws, deploy_locally(aws, announce=lambda _: None))


def rebuild_twice_while_scores_come(shell: CommandLine, number: int, seconds: int) -> list[str]:
    """One run: damage, scores, two rebuilds at once, the mapping off and on; what is wrong then."""
    records = seconds * SCORES_A_SECOND
    before = shell.sums()
    generated = ("--users", str(USERS), "--skew", "1", "--seed", str(number))
    sent = added(before, shell.run("send", "--records", "200", *generated))
    assert shell.wrong(sent) == set()
    users = sorted(shell.totals())
    for user, damage in zip(users, itertools.cycle(range(4)), strict=False):
        if damage == 0:
            shell.set_total(user, {"N": "1000000"})
        elif damage == 1:
            shell.delete_total(user)
        elif damage == 2:
            shell.set_total(user, {"S": "eleven"})
    rate = str(SCORES_A_SECOND)
    sending = shell.start("send", "--records", str(records), "--rate", rate, *generated)
    rebuilds = [shell.start("rebuild", "--settle", "2") for _ in range(2)]
    while any(each.poll() is None for each in rebuilds):
        shell.switch_mapping(enabled=False)
        shell.switch_mapping(enabled=True)
    results = [said_by(each) for each in rebuilds]
    repaired = [result["changed_users"] for result in results]
    wrong = shell.wrong(added(sent, said_by(sending)))
    click.echo(f"run {number}: {repaired} repaired by two rebuilds, {len(wrong)} wrong")
    return [f"run {number}: {user} is wrong" for user in wrong]


def reconcile_beside_a_player(shell: CommandLine, looks: int) -> list[str]:
    """What was wrongly said of a player who plays all the time."""
    problems = []
    sending = shell.start("send", "-", "--rate", "7")
    assert sending.stdin
    play(sending, 20)
    while PLAYER not in shell.totals():
        time.sleep(0.1)
    for look in range(looks):
        is_damaged = look % 2 == 1
        if is_damaged:
            make_wrong(shell)
        play(sending, 100)
        said = shell.run("reconcile", "--user", PLAYER)
        verdict = said["differences"].get(PLAYER)
        error = None if verdict is None else verdict["error"]
        is_right = error == "-1" if is_damaged else error in (None, "0")
        if not is_right or (verdict and verdict["missing"]) or said["exact"] != (verdict is None):
            problems.append(f"look {look}, {'wrong' if is_damaged else 'right'} by hand: {said}")
        if is_damaged:
            shell.run("rebuild", "--user", PLAYER, "--settle", "1")
    sending.kill()
    sending.communicate()
    click.echo(f"{looks - len(problems)} of {looks} times reconcile was right beside a player")
    return problems


def play(sending: "subprocess.Popen[str]", scores: int) -> None:
    """Hand so many more scores to `send`, which paces them."""
    assert sending.stdin
    for _ in range(scores):
        record = {"RecordID": next(_ids), "Username": PLAYER, "Score": 3}
        sending.stdin.write(json.dumps(record) + "\n")
    sending.stdin.flush()


def make_wrong(shell: CommandLine) -> None:
    """Take one point from the total, as a console does that adds a number."""
    shell.stage.aws.client("dynamodb").update_item(
        TableName=shell.stage.names.totals_table,
        Key={"Username": {"S": PLAYER}},
        UpdateExpression="ADD Score :minus",
        ExpressionAttributeValues={":minus": {"N": "-1"}},
    )


@click.command(epilog="Example: python -m tests.proofs.repairs_by_hand --runs 5 --looks 20")
@click.option("--runs", default=5, show_default=True, help="Runs with two rebuilds.")
@click.option("--looks", default=20, show_default=True, help="Times that reconcile is run.")
@click.option("--seconds", default=15, show_default=True, help="How long scores come in a run.")
def main(runs: int, looks: int, seconds: int) -> None:
    """Repair and reconcile beside a running pipeline; exit status 1 if anything is wrong."""
    with command_line() as shell:
        problems = [
            problem
            for number in range(1, runs + 1)
            for problem in rebuild_twice_while_scores_come(shell, number, seconds)
        ]
        problems += reconcile_beside_a_player(shell, looks)
    for problem in problems:
        click.echo(problem)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
