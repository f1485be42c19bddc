"""The steps from a clone to a running stage, each safe to repeat."""

import shutil
import tempfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from operations.aws.change_sets import WantedStack, require_parameters
from operations.aws.config import record_names, recorded_variables
from operations.aws.errors import OperationFailed
from operations.aws.mappings import delete_mapping, find_strays, require_mapping
from operations.aws.progress import Announce
from operations.aws.remedies import how_to_record, how_to_stream
from operations.aws.session import account_of
from operations.aws.stacks import Review, accept, apply_stack
from operations.aws.stage import (
    FUNCTIONS,
    RECORDS_TABLE,
    Stage,
    current_names,
    data_stack_name,
    find_table_stream,
    monitoring_stack_name,
    names_from_stack,
    stage_suffix,
)
from operations.deploy.chalice import chalice_deploy, copy_app, fill_in_account
from operations.deploy.data_stack import NO_CONSENT, Consent, apply_data_stack
from operations.deploy.mapping_options import apply_mapping_options
from operations.deploy.remembered import deployed_file
from operations.deploy.runtime import require_runtime

DATA_TEMPLATE = Path("infrastructure") / "data.yaml"
MONITORING_TEMPLATE = Path("infrastructure") / "monitoring.yaml"
LOCAL_PARAMETERS = {"TlsOnly": "false", "DeletionProtection": "false"}
"""The embedded AWS speaks plain HTTP, on the loopback interface only, and is soon gone."""


@dataclass(frozen=True)
class Deployment:
    """What to deploy: a clone of the project to a stage, with parameters for its stacks.

    `names` are those of the data stack's resources by environment variable, as the stack has them
    now, whatever was recorded before.
    """

    stage: Stage
    project: Path
    data_parameters: Mapping[str, str]
    monitoring_parameters: Mapping[str, str]
    review: Review = accept
    names: Mapping[str, str] = field(default_factory=dict)
    announce: Announce = print
    consent: Consent = NO_CONSENT

    def with_names(self, names: Mapping[str, str]) -> "Deployment":
        """The same with the names of the data stack's resources."""
        stage = replace(self.stage, variables={**self.stage.variables, **names})
        return replace(self, stage=stage, names=names)


class Step(NamedTuple):
    """One step: `run` returns the deployment that the next step goes on with."""

    name: str
    sentence: str
    run: Callable[[Deployment], Deployment]


def deploy(deployment: Deployment, chosen: Collection[str], announce: Announce) -> None:
    """Take the chosen steps in their order.

    The data stack is asked for its names once. Raises Misuse where there is none and none is made,
    and where a template lacks a parameter that is given, and OperationFailed where the functions
    would get another Python than theirs, before anything is changed. An embedded AWS runs them on
    the Python that there is.
    """
    deployment = replace(deployment, announce=announce)
    if APP.name in chosen and not deployment.stage.is_embedded:
        require_runtime(deployment.project)
    for template, given in (
        (DATA_TEMPLATE, deployment.data_parameters),
        (MONITORING_TEMPLATE, deployment.monitoring_parameters),
    ):
        require_parameters(deployment.project / template, given)
    if DATA.name not in chosen:
        deployment = deployment.with_names(names_from_stack(deployment.stage))
    for step in STEPS:
        if step.name in chosen:
            announce(step.sentence)
            deployment = step.run(deployment)


def deploy_data(deployment: Deployment) -> Deployment:
    """Make the data stack match its template."""
    stage = deployment.stage
    fixed = {"Suffix": stage_suffix(stage.name)}
    if stage.is_embedded:
        fixed |= LOCAL_PARAMETERS
    wanted = WantedStack(
        data_stack_name(stage.name),
        (deployment.project / DATA_TEMPLATE).read_text(),
        {**fixed, **deployment.data_parameters},
    )
    names = apply_data_stack(
        stage, wanted, deployment.consent, deployment.review, deployment.announce
    )
    return deployment.with_names(current_names(stage, names))


def record(deployment: Deployment) -> Deployment:
    """Write the data stack's outputs into the stage's environment in .chalice/config.json.

    Raises OperationFailed where the records' table has no stream, as after a restore.
    """
    table = deployment.names[RECORDS_TABLE]
    if find_table_stream(deployment.stage, table) is None:
        raise OperationFailed(
            f"The table {table} has no stream, so no total could follow it: "
            f"{how_to_stream(table)}, then run this again."
        )
    record_names(deployment.project, deployment.stage.name, deployment.names)
    return deployment


def deploy_app(deployment: Deployment) -> Deployment:
    """Run `chalice deploy` on a clean copy of the app, with the names that are recorded.

    The copy keeps bytecode caches and old packages out of the package. What Chalice remembers
    goes back into the project, so that a plain `chalice deploy` works there, too. Stray mappings
    are deleted: what a table's former stream still holds comes into no total until `rebuild`.
    """
    stage, project = deployment.stage, deployment.project
    _require_recorded(deployment)
    with tempfile.TemporaryDirectory(prefix="game-scores-") as folder:
        app_folder = copy_app(project, Path(folder))
        if stage.is_embedded:
            fill_in_account(app_folder, account_of(stage.aws))
        chalice_deploy(stage, app_folder, deployment.announce)
        target = deployed_file(project, stage.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(deployed_file(app_folder, stage.name), target)
    for stray in (each for function in FUNCTIONS for each in find_strays(stage, function)):
        deployment.announce(f"Deleting a mapping without use, which reads {stray.source}")
        delete_mapping(stage, stray)
    return deployment


def deploy_mappings(deployment: Deployment) -> Deployment:
    """Apply the options of infrastructure/mappings.yaml to the mappings."""
    apply_mapping_options(deployment.stage, deployment.project)
    return deployment


def deploy_monitoring(deployment: Deployment) -> Deployment:
    """Make the monitoring stack match its template and the mappings that there are now."""
    stage = deployment.stage
    fixed = {
        "Stage": stage.name,
        "Stream": stage.names.stream,
        "RecordsTable": stage.names.records_table,
        "TotalsTable": stage.names.totals_table,
        "ReceiptsTable": stage.names.receipts_table,
        "CompositeAlarms": "false" if stage.is_embedded else "true",
        **{f"{name}Mapping": require_mapping(stage, name).uuid for name in FUNCTIONS},
    }
    apply_stack(
        stage.aws.client("cloudformation"),
        monitoring_stack_name(stage.name),
        deployment.project / MONITORING_TEMPLATE,
        {**fixed, **deployment.monitoring_parameters},
        deployment.review,
    )
    return deployment


def _require_recorded(deployment: Deployment) -> None:
    """Raise OperationFailed unless the data stack's names are the recorded ones."""
    stage, project = deployment.stage.name, deployment.project
    if not deployment.names.items() <= recorded_variables(project, stage).items():
        raise OperationFailed(
            f"{project / '.chalice' / 'config.json'} has other names than the data stack: "
            f"{how_to_record(stage)}."
        )


APP = Step("app", "Deploying the app with chalice deploy", deploy_app)
DATA = Step("data", "Creating or updating the data stack", deploy_data)
MONITORING = Step("monitoring", "Creating or updating the monitoring stack", deploy_monitoring)
STEPS = (
    DATA,
    Step("record", "Recording its outputs in .chalice/config.json", record),
    APP,
    Step("mappings", "Applying the options of infrastructure/mappings.yaml", deploy_mappings),
    MONITORING,
)
