"""What to do when a table was made anew, or restored in the place of another."""


def how_to_read_anew(stage: str) -> str:
    """How the aggregator comes to read the stream that the table has now."""
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
