"""An AWS whose DynamoDB is AWS's own engine, and whose other services are the embedded AWS's."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from botocore.config import Config
from cfnlint.decode import cfn_yaml

from operations.aws.config import PROJECT
from operations.aws.session import AwsSession
from operations.deploy.steps import DATA_TEMPLATE
from operations.local.server import REGION, ROOT, EmbeddedAws

OF_DYNAMODB = ("dynamodb", "dynamodbstreams")


@dataclass(frozen=True)
class JudgedAws(EmbeddedAws):
    """An embedded AWS beside DynamoDB Local; its clients speak to one or the other."""

    dynamodb_url: str

    @property
    def variables(self) -> dict[str, str]:
        """The same variables, and those that send DynamoDB's requests to DynamoDB Local."""
        return {
            **super().variables,
            "AWS_ENDPOINT_URL_DYNAMODB": self.dynamodb_url,
            "AWS_ENDPOINT_URL_DYNAMODB_STREAMS": self.dynamodb_url,
        }

    def new_session(self) -> AwsSession:
        """A session whose DynamoDB clients are DynamoDB Local's, whatever endpoint is named."""
        return _Session(self.endpoint_url, self.dynamodb_url)

    @cached_property
    def dynamodb(self) -> Any:
        """A client of DynamoDB Local."""
        return self.session.client("dynamodb")

    @cached_property
    def embedded_dynamodb(self) -> Any:
        """A client of the embedded AWS's DynamoDB, for comparison; it tries once."""
        once = Config(retries={"total_max_attempts": 1})
        return super().new_session().client("dynamodb", endpoint_url=self.endpoint_url, config=once)

    def reset(self) -> None:
        """Forget every resource; then the template's tables are there, new and empty."""
        super().reset()
        self.make_tables_anew()

    def make_tables_anew(self) -> None:
        """The template's tables are there afterwards, new and empty, and no others."""
        for name in self.dynamodb.list_tables()["TableNames"]:
            self.dynamodb.delete_table(TableName=name)
        for properties in table_properties():
            create_table(self.dynamodb, properties)


class _Session(AwsSession):
    def __init__(self, endpoint_url: str, dynamodb_url: str) -> None:
        super().__init__(
            endpoint_url,
            aws_access_key_id=ROOT,
            aws_secret_access_key=ROOT,
            region_name=REGION,
        )
        self._dynamodb_url = dynamodb_url

    def client(self, service_name: Any, **options: Any) -> Any:  # type: ignore[override]
        if service_name in OF_DYNAMODB:
            options["endpoint_url"] = self._dynamodb_url
        return super().client(service_name, **options)


def table_properties() -> list[dict[str, Any]]:
    """What the template says of each table, for a local stage without a suffix."""
    template: Any = cfn_yaml.load(str(PROJECT / DATA_TEMPLATE))
    tables = [
        each["Properties"]
        for each in template["Resources"].values()
        if each["Type"] == "AWS::DynamoDB::Table"
    ]
    return [
        {
            **{name: _chosen(value) for name, value in table.items() if _chosen(value) is not None},
            "TableName": _without_suffix(table["TableName"]),
        }
        for table in tables
    ]


def create_table(dynamodb: Any, properties: dict[str, Any]) -> None:
    """What CloudFormation does with a table's properties, but for point-in-time recovery.

    DynamoDB Local has none:
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/DynamoDBLocal.UsageNotes.html
    """
    rest = dict(properties)
    rest.pop("PointInTimeRecoverySpecification")
    rest.pop("Tags")  # they name the stack
    expiry = rest.pop("TimeToLiveSpecification", None)
    if "StreamSpecification" in rest:
        rest["StreamSpecification"] = {"StreamEnabled": True, **rest["StreamSpecification"]}
    dynamodb.create_table(**rest)
    if expiry:
        dynamodb.update_time_to_live(
            TableName=rest["TableName"], TimeToLiveSpecification=dict(expiry)
        )


def _chosen(value: Any) -> Any:
    """The value where no condition holds, as locally: no key, no expiry, no protection."""
    if isinstance(value, dict) and "Fn::If" in value:
        value = value["Fn::If"][2]
    return None if value == {"Ref": "AWS::NoValue"} else value


def _without_suffix(name: dict[str, str]) -> str:
    return name["Fn::Sub"].replace("${Suffix}", "")
