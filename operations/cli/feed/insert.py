"""The verb insert: one record straight into the table."""

import click

from operations.cli.options import deployed_stage_options, json_option
from operations.cli.results import print_json
from operations.cli.shown import escaped
from operations.scores.insert import insert_record, parse_record
from operations.stage.stage import Stage

EXAMPLE = '{"RecordID": 1, "Username": "John", "Score": 20}'


@click.command(epilog=f"Example: python -m operations insert '{EXAMPLE}'")
@click.argument("record")
@click.option("--replace", is_flag=True, help="Correct the record that stands under this id.")
@json_option
@deployed_stage_options
def insert(*, stage: Stage, record: str, replace: bool, as_json: bool) -> None:
    """Insert one score record, a JSON object, straight into the table, as the lab does."""
    parsed = parse_record(record)
    table = stage.names.records_table
    insert_record(stage.aws.client("dynamodb"), table, parsed, replace=replace)
    if as_json:
        fields = {"record_id": str(parsed.record_id), "username": parsed.username}
        print_json({**fields, "score": str(parsed.score), "table": table})
    else:
        click.echo(f"{escaped(parsed.username)}'s score of {parsed.score} stands in {table}.")
