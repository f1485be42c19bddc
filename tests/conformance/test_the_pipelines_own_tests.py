"""The tests of both functions, of the totals and of delivery, on AWS's own DynamoDB."""

from tests.app.test_handlers import *  # noqa: F403
from tests.chalicelib.test_totals import *  # noqa: F403
from tests.proofs.test_delivery import *  # noqa: F403
