"""Stream, tables and bucket that a data stack left behind: made the stack's again, by an import.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-manually.html
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from botocore.exceptions import ClientError

from operations.aws.change_sets import WantedStack
from operations.aws.errors import OperationFailed
from operations.aws.remedies import how_to_adopt
from operations.aws.stage import RECORDED, RECORDS_TABLE, Stage
from operations.aws.templates import read_template
from operations.deploy.data_resources import BUCKET, IDENTIFIERS, STREAM, TABLE, DataResource

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import ResourceToImportTypeDef

POLICY, POLICY_TYPE = "RejectsPolicy", "AWS::S3::BucketPolicy"
EXPIRY_RULE = "forget-rejects"


def refuse_orphans(stage: Stage, stack: str, there: Sequence[DataResource]) -> NoReturn:
    """Raise OperationFailed with what to do."""
    names = ", ".join(each.name for each in there)
    remedy = how_to_adopt(stage.name)
    raise OperationFailed(f"There is no stack {stack}, but {names}: {remedy}.")


def plan_adoption(stage: Stage, wanted: WantedStack, there: Sequence[DataResource]) -> WantedStack:
    """The stack that has what is there, as it is there, and nothing else yet.

    Parameters that are not given are read from what is there. An import takes no outputs.
    """
    imports = [
        _import(each.logical_name, each.type, IDENTIFIERS[each.type], each.name) for each in there
    ]
    imports += [
        _import(POLICY, POLICY_TYPE, "Bucket", each.name)
        for each in there
        if each.type == BUCKET and wanted.parameters.get("TlsOnly") != "false"
        if _has_policy(stage, each.name)
    ]
    template = read_template(wanted.body)
    chosen = {each["LogicalResourceId"] for each in imports}
    template["Resources"] = {
        name: each for name, each in template["Resources"].items() if name in chosen
    }
    del template["Outputs"]
    return wanted._replace(
        body=json.dumps(template),
        parameters={**read_parameters(stage, there), **wanted.parameters},
        imports=imports,
    )


def read_parameters(stage: Stage, there: Sequence[DataResource]) -> dict[str, str]:
    """The parameters of infrastructure/data.yaml that these resources were made with."""
    found: dict[str, str] = {}
    for each in there:
        if each.type == STREAM:
            found |= _stream_parameters(stage, each.name)
        elif each.type == TABLE:
            found |= _table_parameters(stage, each)
        elif each.variable == RECORDED:
            found |= _bucket_parameters(stage, each.name)
    return found


def _stream_parameters(stage: Stage, name: str) -> dict[str, str]:
    summary = stage.aws.client("kinesis").describe_stream_summary(StreamName=name)
    found = summary["StreamDescriptionSummary"]
    return {
        "ShardCount": str(found["OpenShardCount"]),
        "StreamRetentionHours": str(found["RetentionPeriodHours"]),
    }


def _table_parameters(stage: Stage, resource: DataResource) -> dict[str, str]:
    dynamodb = stage.aws.client("dynamodb")
    table = dynamodb.describe_table(TableName=resource.name)["Table"]
    found = {}
    if table.get("DeletionProtectionEnabled"):
        found["DeletionProtection"] = "true"
    if key := table.get("SSEDescription", {}).get("KMSMasterKeyArn"):
        found["KmsKeyArn"] = key
    if resource.variable == RECORDS_TABLE:
        expiry = dynamodb.describe_time_to_live(TableName=resource.name)["TimeToLiveDescription"]
        if expiry.get("TimeToLiveStatus") == "ENABLED":
            found["RecordsExpireBy"] = expiry["AttributeName"]
    return found


def _bucket_parameters(stage: Stage, name: str) -> dict[str, str]:
    s3 = stage.aws.client("s3")
    try:
        rules = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchLifecycleConfiguration":
            raise
        return {}
    days = [each["Expiration"]["Days"] for each in rules if each.get("ID") == EXPIRY_RULE]
    return {"RejectsExpireDays": str(days[0])} if days else {}


def _has_policy(stage: Stage, bucket: str) -> bool:
    try:
        stage.aws.client("s3").get_bucket_policy(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchBucketPolicy":
            raise
        return False
    return True


def _import(name: str, type_: str, identifier: str, value: str) -> "ResourceToImportTypeDef":
    return {
        "ResourceType": type_,
        "LogicalResourceId": name,
        "ResourceIdentifier": {identifier: value},
    }
