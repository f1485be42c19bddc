"""The mutants keep up with the code: what each breaks is there to be broken."""

import pytest

from operations.aws.config import PROJECT
from tests.proofs.mutants.catalogue import MUTANTS, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_what_a_mutant_breaks_stands_in_its_file_once(mutant: Mutant) -> None:
    assert (PROJECT / mutant.file).read_text().count(mutant.old) == 1
