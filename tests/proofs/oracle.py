"""What is wrong with the tables and the rejects.

The oracle is what the model wrote, never what the code under test says.
"""

import base64
import json
from collections.abc import Sequence
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from tests.proofs.history import History, Producers


def ingestion_problems(
    producers: Producers,
    stored: dict[str, dict[str, Any]],
    rejects: Sequence[dict[str, Any]],
    corrected: dict[str, Decimal],
) -> list[str]:
    """What is wrong with the table and the rejects, given what was sent and corrected."""
    problems = []
    rejected = {reject["record"]["eventID"]: reject["record"] for reject in rejects}
    problems += [
        f"record {record_id} is not stored"
        for record_id in map(str, producers.payloads)
        if record_id not in stored
    ]
    for record_id, score in corrected.items():
        if Decimal(stored[record_id]["Score"]["N"]) != score:
            problems.append(f"the correction of record {record_id} was undone")
    for record in (each for shard in producers.shards for each in shard):
        payload = base64.b64decode(record["kinesis"]["data"])
        is_poison = record in producers.poison
        expected = is_poison or blake2b(payload, digest_size=16).digest() != _digest_of(
            stored, payload
        )
        if expected and rejected.get(record["eventID"]) != record:
            problems.append(f"{record['eventID']} is not among the rejects as it was: {payload!r}")
        if not expected and record["eventID"] in rejected:
            problems.append(f"{record['eventID']} is rejected although it is stored: {payload!r}")
    return problems


def aggregation_problems(
    history: History, found: dict[str, Decimal], rejects: Sequence[dict[str, Any]]
) -> list[str]:
    """Which totals are wrong and which broken records are lost."""
    expected = history.totals()
    rejected = [reject["record"] for reject in rejects]
    return [
        f"{name} has {found.get(name, Decimal(0))} instead of {expected.get(name, Decimal(0))}"
        for name in history.usernames
        if found.get(name, Decimal(0)) != expected.get(name, Decimal(0))
    ] + [
        f"a broken record is lost: {broken}" for broken in history.poison if broken not in rejected
    ]


def _digest_of(stored: dict[str, dict[str, Any]], payload: bytes) -> bytes | None:
    record_id = str(json.loads(payload)["RecordID"])
    digest: bytes = stored[record_id]["PayloadDigest"]["B"]
    return digest
