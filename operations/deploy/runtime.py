"""Lambda's Python: infrastructure/mappings.yaml names it, and whoever deploys has to have it.

Chalice takes the Python that runs it for the functions' runtime, and cannot be told another.
"""

import sys
from pathlib import Path

import yaml

from operations.aws.errors import OperationFailed
from operations.aws.stage import FUNCTIONS
from operations.deploy.mapping_options import MAPPINGS_TEMPLATE


def require_runtime(
    project: Path, version: tuple[int, int] = (sys.version_info[0], sys.version_info[1])
) -> None:
    """Raise OperationFailed unless this Python is the one that the functions are to run on."""
    wanted, here = pinned_runtime(project), f"python{version[0]}.{version[1]}"
    if here != wanted:
        raise OperationFailed(
            f"The functions run on {wanted}, and Chalice deploys them for the Python that runs it, "
            f"{here}: run `make clean`, then `make ready PYTHON={wanted}`."
        )


def pinned_runtime(project: Path) -> str:
    """The runtime of both functions, e.g. `python3.13`."""
    resources = yaml.safe_load((project / MAPPINGS_TEMPLATE).read_text())["Resources"]
    (runtime,) = {resources[function]["Properties"]["Runtime"] for function in FUNCTIONS}
    return str(runtime)
