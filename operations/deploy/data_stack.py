"""The data stack, made or changed, also where what it holds is gone or is there without it."""

from collections.abc import Mapping
from typing import NamedTuple

from operations.aws.change_sets import PlannedChange, WantedStack
from operations.aws.config import names_of
from operations.aws.mappings import delete_mapping, find_mappings
from operations.aws.progress import Announce
from operations.aws.stacks import Review, change_stack, find_sound_stack, find_stack, outputs_of
from operations.aws.stage import INGESTION, Stage
from operations.aws.templates import read_template
from operations.deploy.adopt import plan_adoption, refuse_orphans
from operations.deploy.data_resources import STREAM, data_resources, is_there
from operations.deploy.lost import forget_lost, refuse_lost


class Consent(NamedTuple):
    """What may be done that only a person can want.

    `make_again`: empty, what the stack has and is gone; `adopt`: what is there without a stack.
    """

    make_again: bool = False
    adopt: bool = False


NO_CONSENT = Consent()


def apply_data_stack(
    stage: Stage, wanted: WantedStack, consent: Consent, review: Review, announce: Announce
) -> Mapping[str, str]:
    """The names of the data stack's resources, by variable, once it is as wanted.

    Raises OperationFailed where what it has is gone, or what it would have is there without it,
    and nobody consents to what that takes.
    """
    cloudformation = stage.aws.client("cloudformation")
    review = _without_old_mappings(stage, review)
    before = find_sound_stack(cloudformation, wanted.name)
    names = names_of(outputs_of(before))
    resources = data_resources(stage, read_template(wanted.body), names)
    there = [each for each in resources if is_there(stage, each)]
    lost = [each for each in resources if each not in there]
    if before is None and there:
        if not consent.adopt:
            refuse_orphans(stage, wanted.name, there)
        change_stack(cloudformation, plan_adoption(stage, wanted, there), review, None)
        before = find_stack(cloudformation, wanted.name)
        if before is None:  # it was only to be shown
            return {each.variable: each.name for each in there}
    elif before and lost:
        if not consent.make_again:
            refuse_lost(stage, wanted.name, lost)
        announce(f"Making {', '.join(each.name for each in lost)} again, empty")
        forget_lost(stage, wanted, lost, before=before, review=review)
    return names_of(change_stack(cloudformation, wanted, review, before))


def _without_old_mappings(stage: Stage, review: Review) -> Review:
    """The review, after which mappings to a stream that is made anew are gone.

    One that was there before would not read the new stream from its beginning.
    """

    def review_changes(name: str, changes: tuple[PlannedChange, ...]) -> bool:
        goes_on = review(name, changes)
        if goes_on and any((each.action, each.type) == ("Add", STREAM) for each in changes):
            for mapping in find_mappings(stage, INGESTION):
                delete_mapping(stage, mapping)
        return goes_on

    return review_changes
