"""How long a request takes with twelve workers: DynamoDB Local beside the benchmarks' own DynamoDB.

python -m tests.conformance.speed
"""

import os
import time
from statistics import median, quantiles
from typing import Any

import botocore.session
from rich.console import Console
from rich.table import Table

from chalicelib.clients import CLIENT_CONFIG
from chalicelib.parallel import in_parallel
from dynamodb_model.server import dynamodb_server
from operations.local.server import REGION, ROOT
from tests.conformance.dynamodb_local import bring_dynamodb_local, dynamodb_local
from tests.conformance.judged import create_table, table_properties

WARM_UP = 2_000
REQUESTS = 10_000


def client(endpoint_url: str) -> Any:
    """The functions' own client, of that DynamoDB."""
    return botocore.session.get_session().create_client(
        "dynamodb",
        config=CLIENT_CONFIG,
        endpoint_url=endpoint_url,
        region_name=REGION,
        aws_access_key_id=ROOT,
        aws_secret_access_key=ROOT,
    )


def measure(dynamodb: Any) -> tuple[str, ...]:
    """Requests a second; a request's time, median and 99th of 100, ms; this process's CPU, ms."""

    def add(number: int) -> float:
        began = time.perf_counter()
        dynamodb.update_item(
            TableName="GameScoresByUser",
            Key={"Username": {"S": f"user {number % 1000}"}},
            UpdateExpression="ADD Score :one",
            ConditionExpression="attribute_not_exists(LastPage)",
            ExpressionAttributeValues={":one": {"N": "1"}},
        )
        return time.perf_counter() - began

    in_parallel(add, range(WARM_UP))
    wall, cpu = time.perf_counter(), time.process_time()
    times = in_parallel(add, range(REQUESTS))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return (
        f"{REQUESTS / wall:,.0f}",
        f"{median(times) * 1e3:.1f}",
        f"{quantiles(times, n=100)[-1] * 1e3:.1f}",
        f"{cpu / REQUESTS * 1e3:.2f}",
    )


def main() -> None:
    """Measure both, in turn."""
    bring_dynamodb_local()
    table = Table("DynamoDB", "requests/s", "median ms", "99 % ms", "client's CPU ms")
    for _ in range(2):
        with dynamodb_server() as small:
            table.add_row("the benchmarks' own", *measure(client(small.endpoint_url)))
        with dynamodb_local() as url:
            local = client(url)
            for properties in table_properties():
                create_table(local, properties)
            table.add_row("DynamoDB Local", *measure(local))
    console = Console()
    console.print(table)
    console.print(f"{REQUESTS:,} additions by 12 workers, {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
