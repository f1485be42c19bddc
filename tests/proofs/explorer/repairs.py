"""Repairs beside invocations, after and while somebody damages a user's items by hand.

A repair goes round by round, each from a new look, until one finds nothing to do. Of the table's
stream it sees what it waited for and what everybody has seen, and either all else or nothing else:
records may show up late, as long as nobody has counted them.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from chalicelib.scores import InvalidRecord, ScoreChange, exact_sum
from chalicelib.totals import AdditionRefused
from operations.totals.judgement import Judgement, Known
from operations.totals.repair import plan_step, take_step
from operations.totals.user_look import Look, is_recent, look_at
from tests.proofs.explorer.by_hand import ACTIONS, ByHand
from tests.proofs.explorer.invocation import Add, Done, Invocation
from tests.proofs.explorer.model import Effect, Request, Rows, Service
from tests.proofs.explorer.scopes import Scope, change_of
from tests.proofs.explorer.search import (
    ACKNOWLEDGED,
    FINISHED,
    OVER,
    Happening,
    Place,
    Search,
    State,
)

TABLES = ("GameScoresByUser", "GameScoreReceipts")

REPAIR = -1
"""In an ending: a repair instead of a redelivery."""


@dataclass(frozen=True)
class RepairScope(Scope):
    """The same, with repairs side by side.

    `damaged` was done by hand before anybody begins, `by_hand` may be done at any moment. `base` is
    the sum of records that are older than the stream's memory. Receipts of records from
    `recent_seconds` on are waited for; older records every repair has seen.
    """

    repairs: int = 1
    damaged: tuple[str, ...] = ()
    by_hand: tuple[str, ...] = ()
    base: int = 0
    recent_seconds: int = 0

    @property
    def is_damaged(self) -> bool:
        return bool(self.damaged or self.by_hand)


Round = Callable[[Any, RepairScope], bool]
"""A round of a repair: whether it found nothing to do; raises where it gives up."""


def repair_round(client: Any, scope: RepairScope) -> bool:
    """One round, as `rebuild` makes it."""
    seen = read_stream(client)
    look = look_at(client, *TABLES, "Ann", set(seen), recent_seconds=scope.recent_seconds)
    seen = read_stream(client, seen, awaited(look, scope))
    step = plan_step(Judgement(look, known(scope, seen)))
    if step is None:
        return True
    take_step(client, *TABLES, step)
    return False


def read_stream(client: Any, seen: Sequence[bytes] = (), until: Iterable[bytes] = ()) -> Any:
    """The receipts of the records that the stream has shown, when it has shown these."""
    return client.read_stream(seen=tuple(seen), until=tuple(sorted(until)))


def awaited(look: Look, scope: RepairScope) -> Iterator[bytes]:
    return (each for each in look.counted if is_recent(each, scope.recent_seconds))


def known(scope: RepairScope, seen: Sequence[bytes]) -> Known:
    """What a repair knows that has seen these records."""
    changes = {change.receipt: change.amount for change in changes_of(scope)}
    amounts = {receipt: changes[receipt] for receipt in seen}
    return Known(exact_sum((Decimal(scope.base), *amounts.values())), amounts)


def changes_of(scope: Scope) -> Iterator[ScoreChange]:
    return (change_of(scope, record) for record in range(len(scope.times)))


class RepairSearch(Search):
    """Every interleaving of a scope's invocations, its repairs, and what is done by hand."""

    _scope: RepairScope

    def __init__(
        self, scope: RepairScope, add: Add, service: Service, repair: Round = repair_round
    ) -> None:
        super().__init__(scope, add, service)
        self._repair = Invocation(lambda client, _: _run(repair, client, scope), ())
        self._under_way: set[State] = set()
        self._receipts = frozenset(self._amounts)
        self._old = frozenset(
            each for each in self._amounts if not is_recent(each, scope.recent_seconds)
        )

    def _start(self) -> State:
        rows = Rows(self._scope.base or None)
        for batch in self._scope.before:
            rows = self._add_alone(rows, batch)
        by_hand = ByHand(self._scope.by_hand)
        for what in self._scope.damaged:
            by_hand = by_hand.done(what, rows, frozenset())
            rows = ACTIONS[what](rows)
        places = (0,) * (len(self._scope.batches) + self._scope.repairs)
        return State(rows, places, (), self._scope.faults, by_hand=by_hand)

    def _explore(self, state: State) -> int:
        if state in self._under_way:
            self._fail("a repair does not come to an end")
        self._under_way.add(state)
        schedules = super()._explore(state)
        self._under_way.remove(state)
        return schedules

    def _happenings(self, state: State) -> Iterator[Happening]:
        if not state.ending:
            for what in dict.fromkeys(state.by_hand.left):
                yield from self._done_by_hand(state, what)
        yield from super()._happenings(state)

    def _done_by_hand(self, state: State, what: str) -> Iterator[Happening]:
        rows = ACTIONS[what](state.rows)
        if rows == state.rows:
            return
        under_way = frozenset(
            number
            for number, place in enumerate(state.places)
            if self._is_repair(state, number) and place not in (0, *FINISHED)
        )
        by_hand = state.by_hand.done(what, state.rows, under_way)
        yield Happening(what, state._replace(rows=rows, by_hand=by_hand))

    def _endings(self, state: State) -> Iterator[tuple[int, ...]]:
        """Who damages an item repairs it, before all is delivered again or after that."""
        if not state.ending and state.by_hand.mended:
            self._check_acknowledged(state)
        if state.ending or state.by_hand.mended:
            yield from super()._endings(state)
            return
        yield (REPAIR, *self._redeliveries)
        yield (*self._redeliveries, REPAIR)

    def _is_repair(self, state: State, number: int) -> bool:
        if state.ending:
            return state.ending[0] == REPAIR
        return number >= len(self._scope.batches)

    def _name(self, state: State, number: int) -> str:
        if not self._is_repair(state, number):
            return super()._name(state, number)
        if state.ending:
            return "the last repair:"
        return f"repair {'ABC'[number - len(self._scope.batches)]}:"

    def _invocation(self, state: State, number: int) -> Invocation:
        if self._is_repair(state, number):
            return self._repair
        return super()._invocation(state, number)

    def _effects_of(self, state: State, request: Request) -> tuple[Effect, ...]:
        if request.operation != "ReadStream":
            return super()._effects_of(state, request)
        seen, until = request.parameters["seen"], request.parameters["until"]
        least = self._old | state.by_hand.shown | set(seen) | (self._receipts & set(until))
        all_are_delivered = state.ending == (REPAIR,)
        shown = [self._receipts] if all_are_delivered else [least, self._receipts]
        return tuple(Effect(state.rows, ("", tuple(sorted(each)))) for each in dict.fromkeys(shown))

    def _next(self, invocation: Invocation, node: int, state: State) -> int:
        """The node; what becomes of a round that is over is decided where the state is known."""
        if invocation is not self._repair:
            return super()._next(invocation, node, state)
        self.covered.most_calls = max(self.covered.most_calls, invocation.calls(node))
        return node

    def _moved(self, state: State, number: int, place: Place, rows: Rows) -> State:
        """As a step moves it; a repair whose round is over begins another, or is over itself."""
        if isinstance(place, int) and place != OVER and self._is_repair(state, number):
            step = self._repair.step(place)
            if isinstance(step, Done):
                return self._after_round(state, number, step, rows)
        return super()._moved(state, number, place, rows)

    def _after_round(self, state: State, number: int, done: Done, rows: Rows) -> State:
        by_hand = state.by_hand
        if done.outcome is None:
            return super()._moved(state, number, OVER, rows)
        if done.outcome and (state.ending or number not in by_hand.stale):
            by_hand = by_hand._replace(mended=True)
        by_hand = by_hand._replace(stale=by_hand.stale - {number})
        place = OVER if done.outcome else 0
        return super()._moved(state._replace(by_hand=by_hand), number, place, rows)

    def _check(self, state: State) -> None:
        """Where nobody damages anything, a total is right at every moment."""
        if not self._scope.is_damaged:
            self._check_score(state, state.rows.standing)

    def _check_outcome(self, invocation: Invocation, done: Done, state: State) -> None:
        if not self._scope.is_damaged:
            super()._check_outcome(invocation, done, state)

    def _check_acknowledged(self, state: State) -> None:
        """What was acknowledged is counted, and stays so if nobody ever delivers it again."""
        done = (
            batch
            for batch, place in zip(self._scope.batches, state.places, strict=False)
            if place == ACKNOWLEDGED
        )
        receipts = {
            change_of(self._scope, record).receipt
            for batch in (*self._scope.before, *done)
            for record in batch
        }
        if not receipts <= state.rows.standing:
            self._fail(f"{len(receipts - state.rows.standing)} acknowledged changes are lost")
        self._check_score(state, state.rows.standing)

    def _place_after(self, done: Done) -> int:
        return OVER if done.outcome is None or done.outcome.rejects else ACKNOWLEDGED

    def _check_end(self, state: State) -> None:
        self._check_score(state, self._receipts)

    def _check_score(self, state: State, counted: frozenset[bytes]) -> None:
        expected = self._scope.base + sum(self._amounts[receipt] for receipt in counted)
        if (state.rows.score or 0) != expected:
            self._fail(f"the total is {state.rows.score}, not {expected}")


def _run(repair: Round, client: Any, scope: RepairScope) -> bool | None:
    try:
        return repair(client, scope)
    except (AdditionRefused, InvalidRecord):
        return None
