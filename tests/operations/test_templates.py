"""Templates as data: CloudFormation's short forms, and a template without some resources."""

from operations.aws.templates import read_template, references, without

TEMPLATE = """
Resources:
  Table: {Type: T, Properties: {TableName: !Sub "scores${Suffix}"}}
  Bucket: {Type: B}
  Policy:
    Type: P
    Condition: Wanted
    Properties: {Bucket: !Ref Bucket, Resource: [!Sub "${Bucket.Arn}/*", !GetAtt Bucket.Arn]}
  OfPolicy: {Type: O, Properties: {Policy: !If [Wanted, !Ref Policy, !Ref AWS::NoValue]}}
Outputs:
  TableName: {Value: !Ref Table, Export: {Name: !Sub "${AWS::StackName}-TableName"}}
  BucketArn: {Value: !GetAtt Bucket.Arn}
"""


def test_short_forms_are_read_as_long_ones() -> None:
    assert read_template(TEMPLATE)["Resources"]["Policy"]["Properties"] == {
        "Bucket": {"Ref": "Bucket"},
        "Resource": [{"Fn::Sub": "${Bucket.Arn}/*"}, {"Fn::GetAtt": ["Bucket", "Arn"]}],
    }


def test_references_are_found_wherever_they_stand() -> None:
    resources = read_template(TEMPLATE)["Resources"]

    assert references(resources["Table"]) == {"Suffix"}
    assert references(resources["Policy"]) == {"Bucket"}
    assert references(resources["OfPolicy"]) == {"Policy", "AWS::NoValue"}
    assert references({"Fn::Sub": ["${A.Arn} ${!B}", {"C": {"Ref": "D"}}]}) == {"A", "D"}


def test_what_needs_a_resource_goes_with_it_and_outputs_keep_their_values() -> None:
    template = read_template(TEMPLATE)

    smaller = without(template, {"Bucket"}, {"BucketArn": "arn:b", "TableName": "scores"})

    assert list(smaller["Resources"]) == ["Table"]
    assert smaller["Outputs"] == {
        "TableName": template["Outputs"]["TableName"],
        "BucketArn": {"Value": "arn:b"},
    }
