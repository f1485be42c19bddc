"""What to do about what is wrong: the commands that `status` and errors advise.

tests/operations/test_remedies.py follows each of them to the letter.
"""

from operations.aws.config import LOCAL

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


def how_to_stream(table: str, view: str | None = None) -> str:
    """How a table gets the stream that the aggregator reads; one with another view goes first.

    DynamoDB changes no view: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_StreamSpecification.html
    """
    update = f"aws dynamodb update-table --table-name {table} --stream-specification"
    switch_on = f"switch it on with `{update} StreamEnabled=true,StreamViewType=NEW_AND_OLD_IMAGES`"
    if view is None:
        return switch_on
    wait = f"aws dynamodb wait table-exists --table-name {table}"
    return f"switch it off with `{update} StreamEnabled=false`, wait with `{wait}`, {switch_on}"


def how_to_enable(mapping: str) -> str:
    """How a mapping that somebody disabled delivers again."""
    return f"enable it with `aws lambda update-event-source-mapping --uuid {mapping} --enabled`"


def how_to_see_why(stage: str, function: str) -> str:
    """How to find out why a function failed, which nobody can mend without."""
    return (
        "mend what "
        f"`python -m operations logs --function {function} --stage {stage}` tells, and it ends"
    )


def how_to_close_rejects(stage: str) -> str:
    """How rejects are dealt with."""
    rejects = "python -m operations rejects"
    return (
        f"look at them with `{rejects} list --stage {stage}`; once the cause is mended, run "
        f"`{rejects} redrive --stage {stage}`, and for what is never to be taken `{rejects} "
        f"discard KEY --stage {stage}`"
    )


def how_to_finish_erasures(stage: str) -> str:
    """How erasures of players end that are due."""
    return f"run `python -m operations forget --stage {stage}`, which finishes it"


def how_to_record(stage: str) -> str:
    """How the names in .chalice/config.json become those of the data stack."""
    return f"run `python -m operations deploy record --stage {stage}` first"


def how_to_deploy(stage: str) -> str:
    """How a stage comes to be."""
    if stage == LOCAL:
        return START_AGAIN
    return f"run `python -m operations deploy --stage {stage}` first"


def how_to_keep_versions(bucket: str) -> str:
    """How a bucket keeps what is overwritten or removed."""
    return (
        f"turn versioning on first, with `aws s3api put-bucket-versioning --bucket {bucket} "
        "--versioning-configuration Status=Enabled`"
    )
