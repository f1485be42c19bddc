"""The verbs that feed the pipeline: send, insert, events."""
