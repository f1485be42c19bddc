"""The long run: thousands of faults against both functions, repeatable by its seed.

python -m tests.proofs.soak --faults 10000 --histories 70 --seed 1
python -m tests.proofs.soak --faults 2000 --seed 1 --on-the-wire
"""

import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

import app
from operations.local.server import EmbeddedAws, embedded_aws
from tests.builders import inserted, stream_record
from tests.data_stack import DataStack, empty_data_stack
from tests.proofs.environment import (
    Environment,
    Faults,
    handlers_in_environments,
    sdk_without_waiting,
)
from tests.proofs.history import History, Producers, correct
from tests.proofs.mapping import Mapping
from tests.proofs.operating import Machines, soak_operations
from tests.proofs.oracle import aggregation_problems, ingestion_problems
from tests.proofs.wire import environments_on_the_wire

OpenEnvironments = Callable[[EmbeddedAws, int, int], AbstractContextManager[list[Environment]]]
"""Makes that number of environments, with faults of that seed."""

INVOCATIONS_AT_ONCE = 4
OPERATIONS_AT_ONCE = 2
COLUMNS = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
RESULTS = Path(__file__).with_name("results") / "operations.json"
OLD_SECONDS = 3 * 3600


@click.command(epilog="Example: python -m tests.proofs.soak --faults 500 --seed 7")
@click.option("--faults", default=10_000, show_default=True, help="Faults to inject, a seed.")
@click.option("--seed", "seeds", multiple=True, type=int, default=(1, 2, 3), show_default=True)
@click.option("--on-the-wire", is_flag=True, help="By a proxy, with the SDK's own retries.")
@click.option("--histories", default=70, show_default=True, help="Histories of operations, a seed.")
def soak(faults: int, seeds: Sequence[int], histories: int, *, on_the_wire: bool) -> None:
    """Inject faults into both functions; nothing may come out wrong, lost or stuck.

    In histories of operations people damage totals by hand, repair, forget players and redrive, two
    at a time, while a day passes now and then. What they come to is added to
    tests/proofs/results/operations.json, seed by seed.
    """
    console = Console()
    outcomes: Counter[str] = Counter()
    environments = environments_on_the_wire if on_the_wire else environments_of_the_sdk
    with embedded_aws() as aws:
        for seed in seeds:
            if faults:
                outcomes += soak_once(aws, faults, seed, console, environments)
            if histories:
                outcomes += soak_operated(aws, histories, seed, console)
    wrong, lost, stuck = (outcomes[name] for name in ("wrong", "lost", "stuck"))
    console.print(f"{wrong} wrong, {lost} lost, {stuck} stuck", style="bold")
    sys.exit(1 if wrong or lost or stuck else 0)


@contextmanager
def environments_of_the_sdk(aws: EmbeddedAws, count: int, seed: int) -> Iterator[list[Environment]]:
    """Environments whose faults are raised inside the SDK."""
    faults = Faults(random.Random(seed), one_in=0)
    with sdk_without_waiting():
        yield [Environment(aws, faults) for _ in range(count)]


def soak_once(
    aws: EmbeddedAws,
    goal: int,
    seed: int,
    console: Console,
    open_environments: OpenEnvironments = environments_of_the_sdk,
) -> Counter[str]:
    """The outcomes of one seed's run."""
    chance = random.Random(seed)
    outcomes: Counter[str] = Counter()
    with (
        open_environments(aws, INVOCATIONS_AT_ONCE, seed) as environments,
        Progress(*COLUMNS, TimeElapsedColumn(), console=console) as bar,
    ):
        faults = environments[0].faults
        task = bar.add_task(f"seed {seed}: faults", total=goal)
        while faults.injected.total() < goal:
            data = empty_data_stack(aws)
            faults.one_in = chance.choice((3, 4, 6, 10))
            run = soak_aggregation if chance.random() < 0.7 else soak_ingestion
            with handlers_in_environments(data.variables):
                problems = run(data, environments, chance, outcomes)
            for problem in problems:
                console.print(f"seed {seed}: {problem}", style="red")
            bar.update(task, completed=min(goal, faults.injected.total()))
        injected = faults.injected
    console.print(_summary(seed, injected, outcomes))
    return outcomes


def soak_operated(aws: EmbeddedAws, goal: int, seed: int, console: Console) -> Counter[str]:
    """The outcomes of one seed's histories of operations."""
    chance = random.Random(seed)
    outcomes: Counter[str] = Counter()
    with sdk_without_waiting():
        invoked, operated = (Faults(random.Random(f"{seed} {name}"), one_in=0) for name in "fo")
        machines = Machines(
            aws,
            [Environment(aws, invoked) for _ in range(INVOCATIONS_AT_ONCE)],
            [Environment(aws, operated) for _ in range(OPERATIONS_AT_ONCE)],
        )
        with Progress(*COLUMNS, TimeElapsedColumn(), console=console) as bar:
            for _ in bar.track(range(goal), description=f"seed {seed}: histories"):
                data = empty_data_stack(aws)
                invoked.one_in = chance.choice((4, 6, 10))
                operated.one_in = chance.choice((30, 100, 300))
                with handlers_in_environments(data.variables):
                    problems = soak_operations(data, machines, chance, outcomes)
                for problem in problems:
                    console.print(f"seed {seed}: {problem}", style="red")
    injected = invoked.injected + operated.injected
    console.print(_summary(seed, injected, outcomes))
    _write_operated(seed, {"faults": injected.total(), **outcomes})
    return outcomes


def soak_aggregation(
    data: DataStack,
    environments: Sequence[Environment],
    chance: random.Random,
    outcomes: Counter[str],
) -> list[str]:
    """A history, delivered in every way with faults, then drained and delivered whole again."""
    history = History(chance.randint(1, 4), [f"user {number}" for number in range(6)])
    mapping = Mapping(history, app.aggregate_scores_by_user, environments)
    for _ in range(chance.randint(5, 25)):
        for _ in range(chance.randint(1, 120)):
            history.write_at_random(chance)
            history.pass_time(chance.choice((0, 0, 0, 1, 2)))
            if chance.randrange(50) == 0:
                history.break_one(chance.choice(BROKEN_CHANGES)())
        if chance.random() < 0.1:
            history.pass_time(OLD_SECONDS)
        deliver_somehow(mapping, chance)
    problems = _drained(mapping, outcomes)
    problems += aggregation_problems(history, data.totals, data.rejects)
    for shard in range(len(history.shards)):
        mapping.rewind(shard, 10**6)
    problems += _drained(mapping, outcomes)
    problems += aggregation_problems(history, data.totals, data.rejects)
    outcomes["histories"] += 1
    outcomes["stream records"] += sum(map(len, history.shards))
    outcomes["failed invocations"] += mapping.failures
    outcomes["archive pages"] += len(data.pages)
    outcomes["wrong"] += sum("instead of" in problem for problem in problems)
    outcomes["lost"] += sum("lost" in problem for problem in problems)
    return problems


def soak_ingestion(
    data: DataStack,
    environments: Sequence[Environment],
    chance: random.Random,
    outcomes: Counter[str],
) -> list[str]:
    """Producers' retries and conflicts, delivered with faults, corrected in the table between."""
    producers = Producers(chance.randint(1, 3), first_id=0)
    mapping = Mapping(producers, app.process_kinesis_records, environments)
    corrected: dict[str, Decimal] = {}
    for _ in range(chance.randint(5, 20)):
        for _ in range(chance.randint(1, 60)):
            producers.send_at_random(chance)
        deliver_somehow(mapping, chance)
        known = sorted(data.records)
        for record_id in chance.sample(known, k=min(2, len(known))):
            corrected[record_id] = Decimal(chance.randint(-99, -1))
            correct(data.dynamodb, "GameScoreRecords", record_id, corrected[record_id])
    problems = _drained(mapping, outcomes)
    problems += ingestion_problems(producers, data.records, data.rejects, corrected)
    outcomes["payloads"] += sum(map(len, producers.shards))
    outcomes["failed invocations"] += mapping.failures
    outcomes["wrong"] += sum("undone" in problem or "although" in problem for problem in problems)
    outcomes["lost"] += sum("is not" in problem for problem in problems)
    return problems


def deliver_somehow(mapping: Mapping, chance: random.Random) -> None:
    """Some deliveries as mappings make them, and some that go back or overlap."""
    shards = len(mapping.checkpoints)
    for _ in range(chance.randint(0, 6)):
        shard = chance.randrange(shards)
        kind = chance.random()
        if kind < 0.6:
            mapping.advance(shard, chance.choice((1, 10, 50, 100)), bisect=chance.random() < 0.5)
        elif kind < 0.75:
            mapping.rewind(shard, chance.choice((1, 20, 500)))
        else:
            first = max(0, mapping.checkpoints[shard] - chance.choice((0, 0, 5, 200)))
            other = chance.randrange(shards)
            mapping.deliver_at_once(
                [
                    (shard, first, first + chance.randint(1, 100)),
                    (shard, first, first + chance.randint(1, 100)),
                    (other, 0, min(chance.randint(1, 100), mapping.checkpoints[other] + 1)),
                ]
            )


BROKEN_CHANGES = (
    lambda: stream_record(eventName="INSERT"),
    lambda: stream_record({"Score": {"N": "1"}}),
    lambda: inserted("user 0", "NaN"),
    lambda: inserted("", 1),
    lambda: stream_record({}, eventID=None),
    lambda: {"eventName": "INSERT", "eventID": ["no", "text"], "dynamodb": 5},
)


def _drained(mapping: Mapping, outcomes: Counter[str]) -> list[str]:
    one_in = mapping.faults.one_in
    stuck = mapping.drain()
    mapping.faults.one_in = one_in
    outcomes["stuck"] += stuck
    return [f"{stuck} shards are stuck"] if stuck else []


def _write_operated(seed: int, outcomes: dict[str, int]) -> None:
    """Write this seed's outcomes among those of the other seeds."""
    seeds = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    seeds[str(seed)] = dict(sorted(outcomes.items()))
    RESULTS.write_text(json.dumps(seeds, indent=1, sort_keys=True) + "\n")


def _summary(seed: int, injected: Counter[str], outcomes: Counter[str]) -> Table:
    table = Table(title=f"Seed {seed}: {injected.total():,} faults", show_header=False)
    for name, count in sorted({**injected, **outcomes}.items()):
        table.add_row(name, f"{count:,}")
    return table


if __name__ == "__main__":
    soak()
