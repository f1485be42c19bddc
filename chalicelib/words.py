"""The words of this project: what the records' attributes are called, and what people read.

Change them here and in infrastructure/data.yaml, and code, messages and views follow:
docs/make-it-yours.md leads through it. Expressions spell the attributes as they stand here, so each
is a plain word that DynamoDB does not reserve. Pure.
"""

TITLE = "Game Scores"
"""What the project is called."""

RECORD_ID = "RecordID"
"""The attribute that identifies a record, a number."""

USERNAME = "Username"
"""The attribute that tells to whose total a record adds, a string."""

SCORE = "Score"
"""The attribute that is summed up, a number; so is the total called, too."""

RECORD = "score record"
"""What holds these three, as people are told."""

SCORES = "scores"
"""What comes in, as people are told."""

PLAYER, PLAYERS = "player", "players"
"""Whose totals they are, as people are told."""
