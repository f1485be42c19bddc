"""What to do about what is wrong: the commands that `status` and errors advise.

tests/operations/test_remedies.py follows each of them to the letter.
"""

from operations.aws.stage import LOCAL

START_AGAIN = "stop `make up` and start it again"
"""The stage of one machine is not deployed to: it lives and ends with its embedded AWS."""


def how_to_deploy_app(stage: str) -> str:
    """How functions and mappings come back, and become as they should be."""
    if stage == LOCAL:
        return START_AGAIN
    return f"run `python -m operations deploy app mappings monitoring --stage {stage}`"


def how_to_read_anew(stage: str) -> str:
    """How the aggregator comes to read the stream that the table has now."""
    if stage == LOCAL:
        return START_AGAIN
    return (
        f"run `python -m operations deploy record app mappings monitoring --stage {stage}`, then "
        f"`python -m operations rebuild --stage {stage}`"
    )


def how_to_stream(table: str) -> str:
    """How a table gets the stream that the aggregator reads."""
    return (
        f"switch it on with `aws dynamodb update-table --table-name {table} "
        "--stream-specification StreamEnabled=true,StreamViewType=NEW_AND_OLD_IMAGES`"
    )
