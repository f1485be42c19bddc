"""The tests of both functions, of the totals and of delivery, on AWS's own DynamoDB."""

from tests.test_delivery import *  # noqa: F403
from tests.test_handlers import *  # noqa: F403
from tests.test_totals import *  # noqa: F403
