"""Every interleaving and every fault of one scope, depth first, with the states remembered.

Between any two API calls of an invocation, anything may happen that another invocation does. A
fault costs one of the scope's: the invocation dies before or after a call was done; the answer is
lost and the SDK sends the request again; the request arrives late, its invocation dead or going on
with the SDK's next attempt; the service refuses it, as in a conflict or when it throttles.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from tests.proofs.explorer.by_hand import ByHand
from tests.proofs.explorer.invocation import Add, Done, Invocation, limits_of
from tests.proofs.explorer.model import Answer, Effect, Request, Rows, Service
from tests.proofs.explorer.scopes import Scope, amount_of, change_of

MOST_CALLS = 30
"""An invocation that needs more does not come to an end."""

OVER = -1
"""In place of a node: the invocation is done, or dead."""

ACKNOWLEDGED = -2
"""The same where it matters that it is done, so that its records may never be delivered again."""

FINISHED = (OVER, ACKNOWLEDGED)

REFUSED: Answer = ("ThrottlingException", {})


class HalfDone(NamedTuple):
    """A transaction whose item is visible and whose page is not; then the invocation goes on."""

    hidden: Request
    node: int


Place = int | HalfDone
"""How far an invocation is."""


class State(NamedTuple):
    """All that decides what can happen next.

    Once `ending` is not empty, its first acts alone; then the next.
    """

    rows: Rows
    places: tuple[Place, ...]
    late: tuple[Request, ...]
    faults: int
    ending: tuple[int, ...] = ()
    by_hand: ByHand = ByHand()


class Happening(NamedTuple):
    """What may happen next, for a person, and the state after it."""

    what: str
    state: State


class Violation(Exception):
    """The promise is broken; the message says how, `trace` by which order of calls."""

    def __init__(self, problem: str, trace: tuple[str, ...]) -> None:
        super().__init__("\n  ".join((problem, *trace)))
        self.trace = trace


@dataclass
class Covered:
    """What was explored; schedules are the different orders of what happened."""

    scopes: int = 0
    states: int = 0
    schedules: int = 0
    most_calls: int = 0
    most_rounds_repeated: int = 0

    def __iadd__(self, other: "Covered") -> "Covered":
        self.scopes += other.scopes
        self.states += other.states
        self.schedules += other.schedules
        self.most_calls = max(self.most_calls, other.most_calls)
        self.most_rounds_repeated = max(self.most_rounds_repeated, other.most_rounds_repeated)
        return self


class Search:
    def __init__(self, scope: Scope, add: Add, service: Service) -> None:
        self.covered = Covered(scopes=1)
        self._scope = scope
        self._add = add
        self._service = service
        self._invocations = [
            Invocation(add, [change_of(scope, record) for record in batch])
            for batch in (*scope.batches, *scope.redelivered)
        ]
        self._schedules: dict[State, int] = {}
        self._trace: list[str] = []
        self._effects = cache(lambda rows, request: tuple(service.effects(rows, request)))
        self._amounts = {
            change_of(scope, record).receipt: amount_of(scope, record)
            for record in range(len(scope.times))
        }
        self._largest_batch = max(map(len, (*scope.before, *scope.batches)))
        self._redeliveries = tuple(range(len(scope.redelivered)))

    def run(self) -> Covered:
        """What was covered; raises Violation at the first state that breaks the promise."""
        with limits_of(self._scope.limits):
            self.covered.schedules = self._explore(self._start())
        self.covered.states = len(self._schedules)
        return self.covered

    def _start(self) -> State:
        rows = Rows()
        for batch in self._scope.before:
            rows = self._add_alone(rows, batch)
        return State(rows, (0,) * len(self._scope.batches), (), self._scope.faults)

    def _add_alone(self, rows: Rows, batch: tuple[int, ...]) -> Rows:
        changes = [change_of(self._scope, record) for record in batch]
        invocation = Invocation(self._add, changes)
        node = 0
        while isinstance(step := invocation.step(node), Request):
            effect = next(iter(self._service.effects(rows, step)))
            rows, node = effect.rows, invocation.after(node, effect.answer)
            if effect.hidden:
                rows = next(iter(self._service.effects(rows, effect.hidden))).rows
        return rows

    def _explore(self, state: State) -> int:
        """How many schedules there are from that state on."""
        known = self._schedules.get(state)
        if known is not None:
            return known
        self._check(state)
        schedules = 0
        for happening in self._happenings(state):
            self._trace.append(happening.what)
            schedules += self._explore(happening.state)
            self._trace.pop()
        self._schedules[state] = schedules = schedules or 1
        return schedules

    def _happenings(self, state: State) -> Iterator[Happening]:
        for number, place in enumerate(state.places):
            if place not in FINISHED:
                yield from self._steps(state, number, place)
        for request in dict.fromkeys(state.late):
            left = list(state.late)
            left.remove(request)
            for effect in self._effects(state.rows, request):
                yield Happening(
                    f"late {request.operation}{_told(effect)}",
                    state._replace(rows=effect.rows, late=tuple(left)),
                )
        if all(place in FINISHED for place in state.places):
            for ending in self._endings(state):
                yield Happening("then", state._replace(places=(0,), ending=ending))
            if len(state.ending) == 1 and not state.late:
                self._check_end(state)

    def _endings(self, state: State) -> Iterator[tuple[int, ...]]:
        """What may come next when nobody is under way: the rest of an ending that began."""
        if not state.ending:
            yield self._redeliveries
        elif len(state.ending) > 1:
            yield state.ending[1:]

    def _steps(self, state: State, number: int, place: Place) -> Iterator[Happening]:
        name = self._name(state, number)
        invocation = self._invocation(state, number)
        if isinstance(place, HalfDone):
            (effect,) = self._effects(state.rows, place.hidden)
            yield Happening(
                f"{name} the page of its transaction is visible",
                self._moved(state, number, place.node, effect.rows),
            )
            return
        step = invocation.step(place)
        assert isinstance(step, Request)
        for effect in self._effects_of(state, step):
            node = self._next(invocation, invocation.after(place, effect.answer), state)
            after = HalfDone(effect.hidden, node) if effect.hidden else node
            yield Happening(
                f"{name} {step.operation}{_told(effect)}",
                self._moved(state, number, after, effect.rows),
            )
        if state.faults and not state.ending:
            yield from self._faults(state, number, place, step, name)

    def _faults(
        self, state: State, number: int, node: int, step: Request, name: str
    ) -> Iterator[Happening]:
        invocation = self._invocation(state, number)
        fewer = state._replace(faults=state.faults - 1)
        refused = self._next(invocation, invocation.after(node, REFUSED), state)
        yield Happening(
            f"{name} {step.operation}: throttled", self._moved(fewer, number, refused, state.rows)
        )
        yield Happening(
            f"{name} dies before {step.operation}", self._moved(fewer, number, OVER, state.rows)
        )
        if not step.writes:
            return
        for effect in self._effects(state.rows, step):
            rows = effect.rows
            if effect.hidden:
                (whole,) = self._effects(rows, effect.hidden)
                rows = whole.rows
            yield Happening(
                f"{name} dies after {step.operation}{_told(effect)}",
                self._moved(fewer, number, OVER, rows),
            )
            yield Happening(
                f"{name} {step.operation}{_told(effect)}, answer lost, sent again",
                self._moved(fewer, number, node, rows),
            )
        late = fewer._replace(late=tuple(sorted((*state.late, step), key=repr)))
        yield Happening(
            f"{name} dies, {step.operation} is late", self._moved(late, number, OVER, state.rows)
        )
        yield Happening(
            f"{name} {step.operation} is late, sent again",
            self._moved(late, number, node, state.rows),
        )

    def _name(self, state: State, number: int) -> str:
        return f"redelivery {state.ending[0] + 1}" if state.ending else "XYZ"[number]

    def _invocation(self, state: State, number: int) -> Invocation:
        if state.ending:
            return self._invocations[len(self._scope.batches) + state.ending[0]]
        return self._invocations[number]

    def _effects_of(self, state: State, request: Request) -> tuple[Effect, ...]:
        """What the request of somebody who is under way may do."""
        return self._effects(state.rows, request)

    def _next(self, invocation: Invocation, node: int, state: State) -> int:
        """The node, or that the invocation is over there."""
        self.covered.most_calls = max(self.covered.most_calls, invocation.calls(node))
        if invocation.calls(node) > MOST_CALLS:
            self._fail(f"an invocation made more than {MOST_CALLS} calls")
        step = invocation.step(node)
        if not isinstance(step, Done):
            return node
        self._check_outcome(invocation, step, state)
        return self._place_after(step)

    def _place_after(self, _done: Done) -> int:
        return OVER

    def _moved(self, state: State, number: int, place: Place, rows: Rows) -> State:
        places = (*state.places[:number], place, *state.places[number + 1 :])
        return state._replace(rows=rows, places=places)

    def _check(self, state: State) -> None:
        """The score is the sum over the receipts that stand anywhere, the item within its bound."""
        expected = sum(self._amounts[receipt] for receipt in state.rows.standing)
        hidden = [place.hidden for place in state.places if isinstance(place, HalfDone)]
        if not hidden and (state.rows.score or 0) != expected:
            self._fail(f"the score is {state.rows.score}, its receipts come to {expected}")
        largest_batch = len(self._scope.times) if state.ending else self._largest_batch
        if len(state.rows.receipts) > max(self._scope.limits.room, largest_batch):
            self._fail(f"the item holds {len(state.rows.receipts)} receipts")
        pages = [page for page, _ in state.rows.pages]
        if not hidden and state.rows.last_page and state.rows.last_page not in pages:
            self._fail("the item names a page that is not there")

    def _check_outcome(self, invocation: Invocation, done: Done, state: State) -> None:
        additions = done.outcome
        if additions is None:
            if state.ending:
                self._fail("a redelivery without faults failed")
            return
        self.covered.most_rounds_repeated = max(
            self.covered.most_rounds_repeated, additions.rounds_repeated
        )
        told = additions.counted + additions.already_counted + len(additions.rejects)
        if told != len(invocation.changes):
            self._fail(f"the numbers do not add up: {additions}")
        if additions.rejects and self._service.largest_score is None:
            self._fail(f"rejected without need: {additions.rejects}")

    def _check_end(self, state: State) -> None:
        """All that the table can take is counted; once, as was checked in every state."""
        score = state.rows.score or 0
        assert isinstance(score, int)
        largest = self._service.largest_score
        for receipt, amount in self._amounts.items():
            if receipt not in state.rows.standing and (
                largest is None or score + amount <= largest
            ):
                self._fail(f"at the end {amount} is not counted")

    def _fail(self, problem: str) -> None:
        raise Violation(f"{problem} in {self._scope}", tuple(self._trace))


def _told(effect: Effect) -> str:
    code = effect.answer[0].removesuffix("Exception")
    return f": {code}" if code else ""
