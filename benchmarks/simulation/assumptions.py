"""What is assumed of AWS and of the load.

Prices are list prices of us-east-1 as known in 2025, not checked against AWS since.
"""

KINESIS_SHARD_RECORDS = 1_000
"""Records a second that a shard takes: https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html"""
KINESIS_SHARD_BYTES = 1_000_000
SHARD_HEADROOM = 1.4
FEWEST_SHARDS = 2
PARTITION_WRITE_UNITS = 1_000
"""Write units a second of one partition, hence of one item:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html"""
FEWEST_PARTITIONS = 4
"""Of an on-demand table, hence shards of its stream: it takes 4,000 write units a second at once,
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html"""
STREAM_POLL_SECONDS, TABLE_STREAM_POLL_SECONDS = 1.0, 0.25
"""How often Lambda reads a shard where nothing is waiting:
https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html and …/with-ddb.html"""
INVOCATION_MS = 2.0
"""What an invocation takes beside its requests: the event's JSON, logs and metrics."""
REQUEST_MS = 4.5
"""DynamoDB's answer to a client in its region, on average; half of them come within 4."""
VCPU_MB = 1_769
"""Memory that comes with one vCPU: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""

DOLLARS_PER_SHARD_HOUR = 0.015
DOLLARS_PER_MILLION_PUTS = 0.014
DOLLARS_PER_MILLION_WRITE_UNITS = 0.625
DOLLARS_PER_MILLION_READ_UNITS = 0.125
DOLLARS_PER_GB_SECOND = 0.0000133334
"""Of arm64, a fifth below x86."""
DOLLARS_PER_MILLION_INVOCATIONS = 0.20
DOLLARS_PER_LOG_GB = 0.50
DOLLARS_PER_DASHBOARD = 3.00
DOLLARS_PER_ALARM_METRIC = 0.10
DOLLARS_PER_COMPOSITE_ALARM = 0.50
DOLLARS_PER_CUSTOM_METRIC = 0.30
HOURS_A_MONTH = 730
SECONDS_A_MONTH = HOURS_A_MONTH * 3600

LOG_BYTES_ADDED = 26
"""To each line, in what CloudWatch bills: https://aws.amazon.com/cloudwatch/pricing/"""
LOG_BYTES_AN_INVOCATION = 1_100
"""Lambda's START, END and REPORT lines, and the metrics."""
