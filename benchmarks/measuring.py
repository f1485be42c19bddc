"""How a handler is measured: CPU of this process, wall time, what was asked of the service."""

import contextlib
import gc
import os
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from benchmarks.events import Event, LambdaContext
from benchmarks.looks import OURS
from benchmarks.rivals.interface import Handler
from dynamodb_model.tables import Usage

CONTEXT = LambdaContext()
MakeEvents = Callable[[str], Iterator[Event]]
"""Makes a contender's batches, given a prefix for its users."""

Announce = Callable[[str], None]
"""Takes a sentence about the step that begins."""


@dataclass(frozen=True)
class Sample:
    """What one batch cost; the CPU time is that of all threads of this process."""

    records: int
    cpu_seconds: float
    wall_seconds: float
    usage: Usage


@dataclass(frozen=True)
class Cost:
    """What a record costs: times as the median over the batches, the rest as their mean.

    A spread is half the distance between the quartiles, as a share of the median.
    """

    cpu_us: float
    cpu_spread: float
    wall_ms_per_batch: float
    wall_spread: float
    requests: float
    write_units: float
    read_units: float
    batches: int

    @classmethod
    def of(cls, samples: list[Sample]) -> "Cost":
        """The cost that the samples come to."""
        records = sum(sample.records for sample in samples)
        cpu = [sample.cpu_seconds / sample.records * 1e6 for sample in samples]
        wall = [sample.wall_seconds * 1e3 for sample in samples]
        return cls(
            cpu_us=median(cpu),
            cpu_spread=spread(cpu),
            wall_ms_per_batch=median(wall),
            wall_spread=spread(wall),
            requests=sum(sample.usage.requests for sample in samples) / records,
            write_units=sum(sample.usage.write_units for sample in samples) / records,
            read_units=sum(sample.usage.read_units for sample in samples) / records,
            batches=len(samples),
        )


def spread(figures: Sequence[float]) -> float:
    """Half of the figures lie within this share of their median, about; 0 for a single one."""
    if len(figures) == 1:
        return 0.0
    lower, middle, upper = quantiles(figures, n=4, method="inclusive")
    return (upper - lower) / 2 / middle


def alternate(
    handlers: Mapping[str, Handler],
    make_events: MakeEvents,
    usage: Callable[[], Usage],
    *,
    batches: int,
    rival_batches: int,
    prefix: str,
) -> dict[str, Cost]:
    """What each contender's record costs, ours and theirs in turn.

    Each has warmed up with one batch before. Rivals, whose batches are all alike, may run fewer:
    they are spread evenly over ours.
    """
    events = {name: make_events(f"{prefix}-{name}") for name in handlers}
    samples: dict[str, list[Sample]] = {name: [] for name in handlers}
    for handler, own_events in zip(handlers.values(), events.values(), strict=True):
        handler(next(own_events), CONTEXT)
    for index in range(batches):
        turn = list(handlers)[:: 1 if index % 2 else -1]
        for name in turn:
            rivals_due = index * rival_batches // batches != (index + 1) * rival_batches // batches
            if name == OURS or rivals_due:
                samples[name].append(measure_batch(handlers[name], next(events[name]), usage))
    return {name: Cost.of(each) for name, each in samples.items()}


def measure_batch(handler: Handler, event: Event, usage: Callable[[], Usage]) -> Sample:
    """What the handler takes for one batch."""
    gc.collect()
    usage_before = usage()
    wall, cpu = time.perf_counter(), time.process_time()
    handler(event, CONTEXT)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Sample(len(event["Records"]), cpu, wall, usage().since(usage_before))


def peak_memory_kib(handler: Handler, event: Event) -> float:
    """What the handler holds at most beyond what was there before, in Python's own memory."""
    gc.collect()
    tracemalloc.start()
    try:
        handler(event, CONTEXT)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return peak / 1024


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Whatever handlers log to standard output goes nowhere, at the same price for all."""
    sys.stdout.flush()
    kept = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
