"""What is recorded of a stage in .chalice/config.json."""

import json
from pathlib import Path

from operations.aws.config import record_names, variable_name


def test_recorded_outputs_leave_the_other_variables(tmp_path: Path) -> None:
    config = tmp_path / ".chalice" / "config.json"
    config.parent.mkdir()
    config.write_text('{"stages": {"dev": {"environment_variables": {"LOG_LEVEL": "DEBUG"}}}}')

    record_names(tmp_path, "dev", {"REJECTS_BUCKET": "one"})
    record_names(tmp_path, "dev", {"REJECTS_BUCKET": "two"})

    assert json.loads(config.read_text())["stages"]["dev"]["environment_variables"] == {
        "LOG_LEVEL": "DEBUG",
        "REJECTS_BUCKET": "two",
    }


def test_an_output_is_an_environment_variable() -> None:
    assert variable_name("GameScoreRecordsStreamArn") == "GAME_SCORE_RECORDS_STREAM_ARN"
