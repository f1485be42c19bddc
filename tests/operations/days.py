"""A day passes, as no embedded AWS lets it: erasures are due, and the table's stream forgets."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from operations.aws.stage import Stage
from operations.aws.table_stream import TableStream
from operations.rejects.unfinished import find_unfinished, remind
from operations.totals import followed_stream


class Forgetful(TableStream):
    """The table's stream, which has forgotten all that was before."""

    def __init__(self, streams: Any, arn: str, _: str) -> None:
        super().__init__(streams, arn, "LATEST")


@contextmanager
def a_day_later(stage: Stage) -> Iterator[None]:
    """So it is in this context."""
    make_due(stage)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(followed_stream, "TableStream", Forgetful)
        yield


def make_due(stage: Stage) -> None:
    """Make all erasures due."""
    s3, bucket = stage.aws.client("s3"), stage.names.rejects_bucket
    for each in list(find_unfinished(s3, bucket)):
        remind(s3, bucket, each.player, timedelta(0))
