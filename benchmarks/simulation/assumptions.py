"""What is assumed of AWS, of the writers and of the load.

Prices are list prices of us-east-1 as known in 2025, not checked against AWS since.
"""

import math
import random
from dataclasses import dataclass

from chalicelib.clients import WORKERS

KINESIS_SHARD_RECORDS = 1_000
"""Records a second that a shard takes: https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html"""
KINESIS_SHARD_BYTES = 1_000_000
PARTITION_WRITE_UNITS = 1_000
"""Write units a second of one partition, hence of one item:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html"""
FEWEST_PARTITIONS = 4
"""Of an on-demand table, hence shards of its stream: it takes 4,000 write units a second at once,
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html"""
STREAM_POLL_SECONDS, TABLE_STREAM_POLL_SECONDS = 1.0, 0.25
"""How often Lambda reads a shard where nothing is waiting:
https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html and …/with-ddb.html"""
INVOCATION_MS = 2.0
"""What an invocation takes beside its requests: the event's JSON, logs and metrics."""
INVOCATION_BYTES = 6_000_000
"""Of an event: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
MOST_PARALLEL_BATCHES = 10
"""Of one shard: https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-parameters.html"""
SCALING_CONCURRENCY = 1_000 / 10
"""Concurrency a function gains a second: https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html"""
ON_DEMAND_HEADROOM = 2.0
"""How much above its previous peak an on-demand table goes at once:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html"""
THREADS_PER_VCPU_MB = 1_769
"""Memory that comes with one vCPU: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""

CONCURRENCY_QUOTA = 1_000
"""Executions at a time in an account, by default: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
TABLE_QUOTA = 40_000
"""Write units a second of a table, by default:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html"""

DOLLARS_PER_SHARD_HOUR = 0.015
DOLLARS_PER_MILLION_PUTS = 0.014
DOLLARS_PER_MILLION_WRITE_UNITS = 0.625
DOLLARS_PER_MILLION_READ_UNITS = 0.125
DOLLARS_PER_PROVISIONED_UNIT_HOUR = 0.00065
DOLLARS_PER_GB_SECOND = 0.0000133334
"""Of arm64, a fifth below x86."""
DOLLARS_PER_MILLION_INVOCATIONS = 0.20
DOLLARS_PER_LOG_GB = 0.50
HOURS_A_MONTH = 730

RATES = (1_000, 10_000, 100_000, 1_000_000)


@dataclass(frozen=True)
class Service:
    """DynamoDB as a client in its region sees it: a lognormal latency, rarely throttled."""

    median_ms: float = 4.0
    sigma: float = 0.5
    """Of the latency's logarithm: one answer in a hundred takes 13 ms or longer."""

    transaction_factor: float = 2.5
    throttled: float = 0.0005
    retry_ms: float = 50.0

    def latency_ms(self, chance: random.Random) -> float:
        """How long one request takes, a throttled one with its retry."""
        latency = chance.lognormvariate(math.log(self.median_ms), self.sigma)
        if chance.random() < self.throttled:
            latency += self.retry_ms + self.median_ms
        return latency


@dataclass(frozen=True)
class Writer:
    """How one contender adds a batch to the totals."""

    name: str
    workers: int
    requests_per_record: int
    write_units_per_record: float
    cpu_ms_per_request: float
    grouped: bool = False
    """Whether a user's records in a batch are one update."""

    own_item_units: float = 1.0
    """Write units that one update costs the user's item."""


OURS = Writer("ours", WORKERS, 1, 1.0, 0.45, grouped=True)
WRITERS = (
    OURS,
    Writer("lab", 1, 1, 1.0, 0.60),
    Writer("powertools-batch", 1, 1, 1.0, 0.62),
    Writer("powertools-idempotent", 1, 3, 3.0, 0.62),
    Writer("transaction", 1, 1, 4.0, 0.62, own_item_units=2.0),
)


@dataclass(frozen=True)
class Load:
    """What comes in: records a second, over users of whom a few play far more than the others."""

    records_per_second: float
    payload_bytes: int = 200
    users: int = 1_000_000
