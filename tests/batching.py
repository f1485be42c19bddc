"""What app.py sets of the event source mappings, for tests of what is made of it."""

from typing import Any

import app


def batching_options(function: str) -> dict[str, int]:
    """The function's batch size and window, as Lambda calls them."""
    source: Any = next(each for each in app.app.event_sources if each.name == function)
    return {
        "BatchSize": source.batch_size,
        "MaximumBatchingWindowInSeconds": source.maximum_batching_window_in_seconds,
    }
