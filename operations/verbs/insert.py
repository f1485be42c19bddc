"""The verb insert: one record straight into the table."""

import click

from chalicelib import words
from operations.aws.stage import Stage
from operations.scores.insert import insert_record, parse_record
from operations.terminal.options import EXAMPLE, deployed_stage_options, json_option
from operations.terminal.results import print_json
from operations.terminal.shown import escaped


@click.command(
    help=f"Insert one {words.RECORD}, a JSON object, straight into the table, as the lab does.",
    epilog=f"Example: python -m operations insert '{EXAMPLE}'",
)
@click.argument("record")
@click.option("--replace", is_flag=True, help="Correct the record that stands under this id.")
@json_option
@deployed_stage_options
def insert(*, stage: Stage, record: str, replace: bool, as_json: bool) -> None:
    parsed = parse_record(record)
    table = stage.names.records_table
    insert_record(stage.aws.client("dynamodb"), table, parsed, replace=replace)
    if as_json:
        fields = {"record_id": str(parsed.record_id), "username": parsed.username}
        print_json({**fields, "score": str(parsed.score), "table": table})
    else:
        what = f"{words.SCORE.lower()} of {parsed.score}"
        click.echo(f"{escaped(parsed.username)}'s {what} stands in {table}.")
