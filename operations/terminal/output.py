"""Standard input and output as they really are: closed, full, left by their reader, or not UTF-8.

A reader that went away (`| head -1`) has what it wanted, so that is no failure.
"""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

from operations.aws.errors import Misuse, OperationFailed

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class ReaderGone(Exception):
    """Who read standard output went away."""


class OutputLost(OperationFailed):
    """Standard output does not take what is printed."""


def guard_output() -> None:
    """Make standard output tell by ReaderGone and OutputLost what became of it, once.

    Messages on standard error are no reason to stop: what it does not take is lost. Neither
    stumbles over a character that the terminal does not have.
    """
    sys.stdout = _guarded(sys.stdout, is_result=True)
    sys.stderr = _guarded(sys.stderr, is_result=False)


@contextmanager
def ends_with(status: int) -> Iterator[None]:
    """Print a verdict and end with its exit status, also where nobody reads the end of it."""
    with suppress(ReaderGone):
        yield
    sys.exit(status)


def standard_input() -> io.BufferedReader:
    """Standard input, as bytes; raises Misuse where it is closed."""
    stdin: TextIO | None = sys.stdin
    if stdin is None:
        raise Misuse("Standard input is closed: name a file, or pipe one in.")
    binary = stdin.buffer
    if isinstance(binary, io.BufferedReader):
        return binary
    return io.BufferedReader(binary)  # type: ignore[arg-type]


def somebody_can_answer() -> bool:
    """Whether standard input is a terminal."""
    stdin: TextIO | None = sys.stdin
    return stdin is not None and stdin.isatty()


class _GuardedFile(io.RawIOBase):
    """A file that tells at most once, in our own words, that it takes nothing more."""

    def __init__(self, descriptor: int, *, is_result: bool) -> None:
        self._descriptor = descriptor
        self._is_told = not is_result

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def write(self, data: "ReadableBuffer") -> int:
        try:
            return os.write(self._descriptor, data)
        except OSError as error:
            if not self._is_told:
                self._is_told = True
                if isinstance(error, BrokenPipeError):
                    raise ReaderGone from error
                raise OutputLost(f"The output cannot be written: {error.strerror}.") from error
            return memoryview(data).nbytes


def _guarded(stream: TextIO | None, *, is_result: bool) -> TextIO | None:
    if stream is None:
        return None
    file = _GuardedFile(stream.fileno(), is_result=is_result)
    return io.TextIOWrapper(
        io.BufferedWriter(file),
        encoding=stream.encoding,
        errors="backslashreplace",
        line_buffering=True,
    )
