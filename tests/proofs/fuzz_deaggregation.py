"""Coverage-guided fuzzing of decoding: `make fuzz`, an hour of it `make fuzz SECONDS=3600`.

New inputs that reach new code go to the first folder given; libFuzzer's options are passed on.
What it finds stays as a file crash-… to be added to corpus/ together with the correction.
"""

import sys

import atheris

with atheris.instrument_imports(include=["chalicelib"]):
    from tests.proofs.fuzz_target import decode_input

if __name__ == "__main__":
    atheris.Setup(sys.argv, decode_input)
    atheris.Fuzz()
