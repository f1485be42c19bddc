"""What takes more than memory holds, in a database on disk."""

import sqlite3
from typing import Self

CACHE_KILOBYTES = 16_384


class TemporaryDatabase:
    """An SQLite database in a temporary file, which is gone when its context ends."""

    def __init__(self, schema: str) -> None:
        self._database = sqlite3.connect("")
        self._database.execute(f"PRAGMA cache_size = -{CACHE_KILOBYTES}")
        self._database.execute("PRAGMA temp_store = FILE")
        self._database.execute(schema)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()
