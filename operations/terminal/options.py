"""Options that several verbs share."""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

import click

from chalicelib import words
from operations.aws.stage import Stage, open_stage, with_names

EXAMPLE = f'{{"{words.RECORD_ID}": 1, "{words.USERNAME}": "John", "{words.SCORE}": 20}}'
"""A record, as help shows it."""

STAGE_VARIABLE = "GAME_SCORES_STAGE"
ENDPOINT_VARIABLE = "AWS_ENDPOINT_URL"
"""That of the AWS SDKs and tools, too."""


class Number(click.FloatRange):
    """A number in a range; neither `inf` nor `nan`, which no range keeps out."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is no finite number.", param, ctx)
        return number


SECONDS = Number(min=0, max=86_400)
"""At most a day."""

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
"""Prints results on standard output for a program; progress goes to standard error."""

max_read_units_option = click.option(
    "--max-read-units",
    type=Number(min=1),
    help="Read units a second that reading may cost at most; default: as fast as it goes.",
)


def until_interrupted() -> AbstractContextManager[None]:
    """What goes on until Ctrl-C is done then: no failure, and nothing to say."""
    return suppress(KeyboardInterrupt)


def _check_url(_: click.Context, __: click.Parameter, url: str | None) -> str | None:
    if url is not None and not _is_web_address(url):
        raise click.BadParameter(f"{url!r} is no URL such as http://127.0.0.1:4566.")
    return url


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # an address or a port that is none
        return False


def stage_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a verb --stage, --profile, --region and --endpoint-url: `stage`, deployed or not."""

    @click.option(
        "--stage",
        envvar=STAGE_VARIABLE,
        default="dev",
        show_default=True,
        show_envvar=True,
        help="A stage of the app.",
    )
    @click.option("--profile", help="A profile of your AWS configuration.")
    @click.option("--region", help="The AWS region, if not the configured one.")
    @click.option(
        "--endpoint-url",
        envvar=ENDPOINT_VARIABLE,
        show_envvar=True,
        callback=_check_url,
        help="Where the AWS is, if not in the cloud; `make up` tells.",
    )
    @wraps(command)
    def with_stage(
        *args: Any,
        stage: str,
        profile: str | None,
        region: str | None,
        endpoint_url: str | None,
        **kwargs: Any,
    ) -> Any:
        return command(*args, stage=open_stage(stage, profile, region, endpoint_url), **kwargs)

    return with_stage


def deployed_stage_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a verb the same options: `stage`, deployed, with its resources' names."""

    @stage_options
    @wraps(command)
    def with_deployed_stage(*args: Any, stage: Stage, **kwargs: Any) -> Any:
        return command(*args, stage=with_names(stage), **kwargs)

    return with_deployed_stage
