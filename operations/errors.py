"""The one error that people see."""


class OperationFailed(Exception):
    """What a person asked for did not work; the message is a sentence with the next step."""
