"""Sets the total of every user whose total is not the sum or whose receipts are not recorded."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from itertools import islice

from chalicelib.scores import InvalidRecord, check_number
from operations.errors import OperationFailed
from operations.stage.stage import Stage
from operations.totals.counted import KnownReceipts
from operations.totals.sums import UserSums
from operations.totals.write import Amounts, TotalSetter

WRITERS = 16
USERS_AT_A_TIME = 500


def set_totals(stage: Stage, sums: UserSums, receipts: KnownReceipts) -> Iterator[int]:
    """Set each total with its receipts; yields the number of users done so far."""
    names = stage.names
    setter = TotalSetter(stage.aws.client("dynamodb"), names.totals_table, names.receipts_table)
    users = _users_to_set(sums, receipts)
    done = 0
    with ThreadPoolExecutor(WRITERS, thread_name_prefix="setter") as writers:
        while batch := list(islice(users, USERS_AT_A_TIME)):
            for _ in writers.map(lambda each: setter.set(*each), batch):
                done += 1
                yield done


def refuse_unwritable(sums: UserSums) -> None:
    """Raise OperationFailed where a sum is no number that DynamoDB holds."""
    for each in sums.differences():
        try:
            check_number("the sum", each.expected)
        except InvalidRecord as error:
            raise OperationFailed(
                f"The total of {each.username!r} cannot be written: {error}. Correct the records."
            ) from error


def _users_to_set(
    sums: UserSums, receipts: KnownReceipts
) -> Iterator[tuple[str, Decimal, Amounts]]:
    """Each user with a total to set or receipts to record."""
    with_receipts = receipts.users()
    waiting = next(with_receipts, None)
    for each in sums.comparisons():
        while waiting is not None and waiting < each.username:
            yield waiting, Decimal(0), receipts.of(waiting)
            waiting = next(with_receipts, None)
        if waiting == each.username:
            yield each.username, each.expected, receipts.of(each.username)
            waiting = next(with_receipts, None)
        elif not each.is_exact:
            yield each.username, each.expected, {}
    while waiting is not None:
        yield waiting, Decimal(0), receipts.of(waiting)
        waiting = next(with_receipts, None)
