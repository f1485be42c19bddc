"""AWS's own DynamoDB in place of the embedded one, for the tests of this folder."""

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from operations.local.server import embedded_aws
from tests.conformance.dynamodb_local import dynamodb_local
from tests.conformance.judged import JudgedAws
from tests.data_stack import DataStack, empty_bucket, new_data_stack

THE_PIPELINES_OWN = (
    "tests.app.test_handlers",
    "tests.chalicelib.test_totals",
    "tests.proofs.test_delivery",
)

pytest.register_assert_rewrite(*THE_PIPELINES_OWN)


@pytest.fixture(scope="session")
def aws() -> Iterator[JudgedAws]:
    """DynamoDB Local beside an embedded AWS; the environment speaks to both."""
    with embedded_aws() as embedded, dynamodb_local() as url:
        judged = JudgedAws(embedded.endpoint_url, embedded.folder, url)
        os.environ.update(judged.variables)
        yield judged


@pytest.fixture(scope="session")
def data_stack(aws: JudgedAws) -> DataStack:
    """The data stack, made once; from test to test only its tables and its bucket are emptied."""
    return new_data_stack(aws)


@pytest.fixture
def data(aws: JudgedAws, data_stack: DataStack) -> DataStack:
    """The data stack with its tables on DynamoDB Local, new, and nothing in its bucket."""
    aws.make_tables_anew()
    empty_bucket(data_stack.s3, data_stack.names.rejects_bucket)
    return replace(
        data_stack, dynamodb=aws.new_session().client("dynamodb")
    )  # no test's hooks on it


@pytest.fixture
def dynamodb(data: DataStack) -> Any:
    """A client of DynamoDB Local, with empty tables."""
    return data.dynamodb
