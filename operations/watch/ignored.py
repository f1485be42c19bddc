"""How much of what the stream brings is no score record, where CloudWatch knows."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from chalicelib import words
from operations.aws.iterator_age import DENIED
from operations.aws.stage import INGESTION, Stage
from operations.watch.parts import NOT_YET_KNOWN, Part

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef

NAMESPACE, SERVICE = "GameScores", "game-scores"
RECEIVED, IGNORED = "RecordsReceived", "RecordsIgnored"
"""What chalicelib/telemetry.py calls them."""

LOOKED_BACK = timedelta(hours=1)


def check_ignored(stage: Stage) -> Part:
    """How many were no score records in the last hour; an alarm says whether they are too many."""
    name = f"no {words.RECORD}"
    counts = _counts(stage)
    received, ignored = counts.get(RECEIVED, 0), counts.get(IGNORED, 0)
    if not received:
        return Part("payloads", name, NOT_YET_KNOWN)
    share = f"{ignored / received:.0%}"
    return Part("payloads", name, f"{share}, {ignored:,.0f} of {received:,.0f} in the last hour")


def _counts(stage: Stage) -> dict[str, float]:
    """The sums of the metrics over the last hour, where CloudWatch has them."""
    dimensions = {"FunctionName": stage.function_name(INGESTION), "service": SERVICE}
    queries: list[MetricDataQueryTypeDef] = [
        {
            "Id": metric.lower(),
            "Label": metric,
            "MetricStat": {
                "Metric": {
                    "Namespace": NAMESPACE,
                    "MetricName": metric,
                    "Dimensions": [
                        {"Name": name, "Value": value} for name, value in dimensions.items()
                    ],
                },
                "Period": 60,
                "Stat": "Sum",
            },
        }
        for metric in (RECEIVED, IGNORED)
    ]
    now = datetime.now(UTC)
    try:
        answer = stage.aws.client("cloudwatch").get_metric_data(
            MetricDataQueries=queries, StartTime=now - LOOKED_BACK, EndTime=now
        )
    except ClientError as error:
        if error.response["Error"]["Code"] in DENIED:
            return {}
        raise
    return {each["Label"]: sum(each["Values"]) for each in answer["MetricDataResults"]}
