"""Chalice's patience with an AWS that is quick."""

import json
import os
from pathlib import Path

from botocore.loaders import create_loader

POLL_SECONDS = 0.25
MODEL = "waiters-2"


def quick_waiters(folder: Path) -> dict[str, str]:
    """Variables that let botocore look every quarter of a second whether a function is ready.

    It looks every 5 seconds otherwise, twice for each function; the embedded AWS is ready after
    half a second. The folder gets botocore's own waiters with that one number changed.
    https://botocore.amazonaws.com/v1/documentation/api/latest/reference/loaders.html
    """
    loader = create_loader()
    waiters = loader.load_service_model("lambda", MODEL)
    for waiter in waiters["waiters"].values():
        waiter["delay"] = POLL_SECONDS
    target = folder / "lambda" / loader.determine_latest_version("lambda", MODEL)
    target.mkdir(parents=True, exist_ok=True)
    (target / f"{MODEL}.json").write_text(json.dumps(waiters))
    paths = [str(folder), os.environ.get("AWS_DATA_PATH", "")]
    return {"AWS_DATA_PATH": os.pathsep.join(path for path in paths if path)}
