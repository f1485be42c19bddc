"""Sets the total of every user whose total is not the sum or whose receipts are not recorded."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from itertools import islice

from chalicelib.scores import InvalidRecord, check_number
from operations.aws.stage import Stage
from operations.totals.counted import KnownReceipts
from operations.totals.sums import UserSums
from operations.totals.write import Amounts, TotalRefused, TotalSetter

WRITERS = 16
USERS_AT_A_TIME = 500


def set_totals(
    stage: Stage, sums: UserSums, receipts: KnownReceipts, unwritable: dict[str, str]
) -> Iterator[int]:
    """Set each total with its receipts; yields the number of users done so far.

    Users in `unwritable` are left alone. Those whose total DynamoDB refuses go there, too, each
    with the reason.
    """
    names = stage.names
    setter = TotalSetter(stage.aws.client("dynamodb"), names.totals_table, names.receipts_table)

    def set_one(user: tuple[str, Decimal, Amounts]) -> None:
        try:
            setter.set(*user)
        except TotalRefused as error:
            unwritable[user[0]] = str(error)

    users = (each for each in _users_to_set(sums, receipts) if each[0] not in unwritable)
    done = 0
    with ThreadPoolExecutor(WRITERS, thread_name_prefix="setter") as writers:
        while batch := list(islice(users, USERS_AT_A_TIME)):
            for _ in writers.map(set_one, batch):
                done += 1
                yield done


def find_unwritable(sums: UserSums) -> dict[str, str]:
    """The users whose sum is no number that DynamoDB holds, each with the reason."""
    unwritable = {}
    for each in sums.comparisons():
        try:
            check_number("the sum", each.expected)
        except InvalidRecord as error:
            unwritable[each.username] = str(error)
    return unwritable


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
