"""The builders of Lambda events that the tests use; `events` prints the same ones for people."""

from operations.events import TODAY, event, image, inserted, kinesis_record, stream_record

__all__ = ["TODAY", "event", "image", "inserted", "kinesis_record", "stream_record"]
