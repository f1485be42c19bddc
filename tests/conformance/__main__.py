"""Runs the tests that ask AWS's own DynamoDB: python -m tests.conformance [PYTEST'S ARGUMENTS].

Exit status 77 says that nothing was tested, because there is no Java or no Maven here.
"""

import sys

import pytest

from operations.aws.config import PROJECT
from tests.conformance.dynamodb_local import DynamoDBLocalMissing, bring_dynamodb_local

NOTHING_TESTED = 77
"""What test harnesses have long taken for `skipped`: neither success nor failure."""

if __name__ == "__main__":
    try:
        bring_dynamodb_local()
    except DynamoDBLocalMissing as reason:
        print(f"Nothing was tested: {reason}", file=sys.stderr)  # noqa: T201
        sys.exit(NOTHING_TESTED)
    sys.exit(pytest.main([str(PROJECT / "tests" / "conformance"), *sys.argv[1:]]))
