"""How far behind their streams the functions are, where CloudWatch knows."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from operations.aws.stage import FUNCTIONS, Stage

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef

DENIED = ("AccessDenied", "AccessDeniedException")
"""Without permission to read metrics, the rest is still shown."""

LOOKED_BACK = timedelta(minutes=15)
"""A function that had no records in this time has no age."""


def iterator_ages(stage: Stage) -> dict[str, float]:
    """Each function's last IteratorAge in seconds, where CloudWatch has one."""
    queries: list[MetricDataQueryTypeDef] = [
        {
            "Id": f"age{index}",
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/Lambda",
                    "MetricName": "IteratorAge",
                    "Dimensions": [
                        {"Name": "FunctionName", "Value": stage.function_name(function)}
                    ],
                },
                "Period": 60,
                "Stat": "Maximum",
            },
        }
        for index, function in enumerate(FUNCTIONS)
    ]
    now = datetime.now(UTC)
    try:
        answer = stage.aws.client("cloudwatch").get_metric_data(
            MetricDataQueries=queries,
            StartTime=now - LOOKED_BACK,
            EndTime=now,
            ScanBy="TimestampDescending",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] in DENIED:
            return {}
        raise
    newest = {
        each["Id"]: each["Values"][0] for each in answer["MetricDataResults"] if each["Values"]
    }
    return {
        function: newest[f"age{index}"] / 1000
        for index, function in enumerate(FUNCTIONS)
        if f"age{index}" in newest
    }
