"""Ours and theirs behind one interface, each with tables of its own."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from unittest import mock

import boto3

import app
from benchmarks.looks import OURS
from benchmarks.rivals.interface import Handler, MakeHandler, RivalSession, RivalTables
from chalicelib.connections import Connections
from chalicelib.settings import Settings

RIVAL_TABLES = RivalTables(records="RivalRecords", totals="RivalTotals")
TOTALS_TABLE = "GameScoresByUser"
NAMES = {
    "GAME_SCORE_RECORDS_TABLE": "GameScoreRecords",
    "GAME_SCORES_BY_USER_TABLE": TOTALS_TABLE,
    "GAME_SCORE_RECEIPTS_TABLE": "GameScoreReceipts",
    "REJECTS_BUCKET": "rejects",
}
"""The resources that ours writes to, as a data stack without a suffix would record them."""

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@contextlib.contextmanager
def contenders(
    our_function: Handler,
    rivals: Mapping[str, MakeHandler],
    endpoint_url: str,
    session: boto3.Session,
) -> Iterator[dict[str, Handler]]:
    """The deployed function itself and its rivals, all speaking to that endpoint.

    The rivals' clients are made from the session; ours as `app.py` makes them.
    """
    with our_environment(endpoint_url):
        aws = RivalSession(session, endpoint_url)
        theirs = {name: make(aws, RIVAL_TABLES) for name, make in rivals.items()}
        yield {OURS: our_function, **theirs}


@contextlib.contextmanager
def our_environment(endpoint_url: str) -> Iterator[None]:
    """app.py as in a Lambda environment whose AWS is there; everything as before afterwards."""
    variables = {**CREDENTIALS, "AWS_ENDPOINT_URL": endpoint_url, **NAMES}
    connections = Connections(Settings.from_environment(variables))
    with (
        mock.patch.dict(os.environ, variables),
        mock.patch.object(app, "connections", connections),
    ):
        yield


def rival_session() -> boto3.Session:
    """A session of its own, so that hooks on it are on the rivals' clients only."""
    return boto3.Session(
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        region_name=CREDENTIALS["AWS_DEFAULT_REGION"],
    )
