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


def how_to_make_again(stage: str, *, is_table: bool, is_records: bool = False) -> str:
    """How what holds data comes back that somebody deleted; its data does by a restore only."""
    if stage == LOCAL:
        return START_AGAIN
    remedy = f"run `python -m operations deploy --make-again --stage {stage}`, which makes it empty"
    if is_table:
        remedy += f", then `python -m operations rebuild --stage {stage}`"
    return f"restore it as docs/deploy.md tells, or {remedy}" if is_records else remedy


def how_to_adopt(stage: str) -> str:
    """How what a data stack left behind gets a stack again, or goes."""
    return (
        f"to keep them, run `python -m operations deploy --adopt --stage {stage}`; to lose them "
        f"and their data, `python -m operations destroy --delete-all-data-of {stage} --stage "
        f"{stage}`"
    )


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
