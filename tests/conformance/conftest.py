"""AWS's own DynamoDB in place of the embedded one, for the tests of this folder."""

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from operations.embedded import embedded_aws
from tests.conformance.dynamodb_local import dynamodb_local
from tests.conformance.judged import JudgedAws
from tests.stage import Stage, new_stage

THE_PIPELINES_OWN = ("tests.test_handlers", "tests.test_totals", "tests.test_delivery")

pytest.register_assert_rewrite(*THE_PIPELINES_OWN)


@pytest.fixture(scope="session")
def aws() -> Iterator[JudgedAws]:
    """DynamoDB Local beside an embedded AWS; the environment speaks to both."""
    with embedded_aws() as embedded, dynamodb_local() as url:
        judged = JudgedAws(embedded.endpoint_url, embedded.folder, url)
        os.environ.update(judged.variables)
        yield judged


@pytest.fixture(scope="session")
def data_stack(aws: JudgedAws) -> Stage:
    """The data stack, made once; from test to test only its tables and its bucket are emptied."""
    return new_stage(aws)


@pytest.fixture
def stage(aws: JudgedAws, data_stack: Stage) -> Stage:
    """The data stack with its tables on DynamoDB Local, new, and nothing in its bucket."""
    aws.make_tables_anew()
    bucket = data_stack.variables["REJECTS_BUCKET"]
    for found in data_stack.s3.list_objects_v2(Bucket=bucket).get("Contents", []):
        data_stack.s3.delete_object(Bucket=bucket, Key=found["Key"])
    return replace(data_stack, dynamodb=aws.session.client("dynamodb"))  # no test's hooks on it


@pytest.fixture
def dynamodb(stage: Stage) -> Any:
    """A client of DynamoDB Local, with empty tables."""
    return stage.dynamodb
