"""Taking a payload apart into JSON objects, and what is damaged among them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.documents import (
    MOST_DAMAGED,
    MOST_DOCUMENTS,
    RepeatedKey,
    read_documents,
    read_object,
)
from tests.app.test_the_door import several
from tests.builders import json_values

DAMAGED = '{"RecordID": 1, "Username": "ad\\"a", "tags": ["x", {}], "Score": -5.0e1, "on": true}'
GOOD = ['{"RecordID": 2}', '{"RecordID": 3, "note": "}{, [\\" :"}']

objects = st.dictionaries(st.text(), json_values)


def ids(text: str) -> list[int]:
    """The RecordIDs of the objects that are read by themselves."""
    values: list[Any] = [each.value for each in read_documents(text)]
    return [
        value["RecordID"] for value in values if isinstance(value, dict) and value.get("RecordID")
    ]


def problems(text: str) -> list[str]:
    return [each.problem for each in read_documents(text) if each.problem]


@given(st.lists(objects, min_size=1), st.sampled_from(range(5)))
def test_several_objects_come_out_as_they_went_in(values: list[Any], form: int) -> None:
    texts = [json.dumps(each) for each in values]

    documents = read_documents(several(*texts)[form].decode())

    assert [each.text for each in documents] == texts
    assert str([each.value for each in documents]) == str(
        [read_object(each.encode()) for each in texts]
    )


@pytest.mark.parametrize("end", range(1, len(DAMAGED)))
@pytest.mark.parametrize("place", range(3))
def test_what_is_cut_off_among_lines_or_in_an_array_takes_nothing_with_it(
    end: int, place: int
) -> None:
    lines, ended_lines, _, array, array_of_lines = (
        form.decode() for form in several(*GOOD[:place], DAMAGED[:end], *GOOD[place:])
    )
    is_in_a_list = DAMAGED.index("[") < end <= DAMAGED.index("]")

    for text in (lines, ended_lines, array_of_lines):
        assert ids(text) == [2, 3]
    assert ids(array) == ([2, 3][:place] if is_in_a_list else [2, 3])
    for text in (lines, ended_lines, array_of_lines, array):
        assert len(problems(text)) == 1


@pytest.mark.parametrize("end", range(1, len(DAMAGED)))
def test_what_is_cut_off_before_another_without_a_space_takes_nothing_from_before(end: int) -> None:
    found = GOOD[0] + DAMAGED[:end] + GOOD[1]

    assert ids(found) in ([2], [2, 3])
    assert len(problems(found)) == 1


@pytest.mark.parametrize("indent", [None, 1])
def test_what_is_inside_something_damaged_is_never_read_by_itself(indent: int | None) -> None:
    inside = {"RecordID": 9, "Username": "ada", "Score": 5}
    envelope = {"a": {"b": inside}, "Records": [inside, inside], "c": "[{", "d": [{"e": inside}]}
    whole = json.dumps(envelope, indent=indent)

    for end in range(1, len(whole)):
        assert ids(whole[:end]) == []
        assert ids(f"{whole[:end]} oops {whole[end:]}") == []
        assert problems(whole[:end])


@pytest.mark.parametrize(
    "text",
    [
        '{"Records": [\n{"RecordID": 1},\n{"RecordID": 2}\n], oops}',
        'log line {"RecordID": 1}',
        '{"RecordID": 1} log line {"RecordID": 2}',
        '{"detail": {"RecordID": 1, "Score": 5, "a": [1, {"RecordID": 2}], oops',
        '{"note": "oops, "list": [{"RecordID": 1}, {"RecordID": 2}]}',
        '{"detail: {"RecordID": 1}}',
        '{{"RecordID": 1}}',
    ],
)
def test_what_does_not_certainly_stand_by_itself_is_not_read(text: str) -> None:
    assert ids(text) == []
    assert problems(text)


@pytest.mark.parametrize(
    "text",
    ["[{}, {}", "[{},, {}]", "[{},]", "[{}] [", "{} text", "{},", "[{}]]", "{}\n5", "\x1e{}", ""],
)
def test_a_text_that_is_not_all_json_has_a_problem(text: str) -> None:
    assert bool(problems(text)) == bool(text)


@given(st.text(alphabet='{}[]",:\\ \n1a'))
def test_whatever_the_text_it_is_read_or_has_a_problem(text: str) -> None:
    documents = read_documents(text)

    assert documents or not text.strip("[], \n")
    for each in documents:
        assert each.problem or json.loads(each.text) == each.value


@pytest.mark.parametrize(
    ("text", "documents"),
    [
        ("[" * 2**20, 1),
        ('{"a":' * 200_000, 1),
        ("{" * 2**20, MOST_DAMAGED + 1),
        ('{"a":\n' * 200_000, MOST_DAMAGED + 1),
        ("{}" * 2**19, MOST_DOCUMENTS + 1),
        ("1" * 10 * 2**20, 1),
    ],
    ids=["brackets", "nested", "braces", "lines", "objects", "digits"],
)
def test_what_is_read_is_bounded(text: str, documents: int) -> None:
    found = read_documents(text)

    assert len(found) == documents
    assert found[-1].problem


def test_a_key_that_stands_twice_is_known() -> None:
    fields: Any = read_object(b'{"a": 1, "b": {"c": 1, "d": 2, "\\u0063": 3}}')

    assert not isinstance(fields, RepeatedKey)
    assert isinstance(fields["b"], RepeatedKey)
    assert fields["b"].key == "c"


@pytest.mark.parametrize("bracket", ["}", "]"])
def test_a_bracket_on_a_line_of_its_own_takes_nothing_from_before(bracket: str) -> None:
    assert ids(f"{GOOD[0]}\n{bracket}\n{GOOD[1]}") == [2, 3]
    assert ids(f'{{"a": oops\n{GOOD[0]}\n{bracket}\n{GOOD[1]}') == [3]
    assert ids(f"{GOOD[0]}\n{bracket}") == []
