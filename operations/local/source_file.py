"""The file that another shell sources to speak to the pipeline left running by `up`."""

import contextlib
import os
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from operations.local.server import LOCAL_FOLDER

SOURCE_FILE = LOCAL_FOLDER / "up.env"

UNSET = r"""for name in $(env | sed -n 's/^\(AWS_[A-Za-z0-9_]*\)=.*/\1/p'); do unset "$name"; done
export NO_PROXY="127.0.0.1,localhost,::1${NO_PROXY:+,$NO_PROXY}"
export no_proxy="$NO_PROXY"
"""


@contextlib.contextmanager
def source_file(
    folder: Path, variables: Mapping[str, str], path: Path = SOURCE_FILE
) -> Iterator[Path]:
    """A file of shell commands that export the variables, under the same path each time.

    What was set for another AWS before is unset, and no proxy is asked for this machine.

    It is a link into the folder of the embedded AWS, which is deleted with it even if this
    process is killed. Of several pipelines the one that came up last has the path.
    """
    file = folder / path.name
    lines = (f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
    file.write_text("".join((UNSET, *lines)))
    link = folder / "link"
    link.symlink_to(file)
    link.replace(path)
    try:
        yield path
    finally:
        with contextlib.suppress(OSError):  # another one has the path, or nobody
            if os.readlink(path) == str(file):
                path.unlink()
