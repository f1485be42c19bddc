"""The book and the project agree: what a page names exists, and what exists is named."""

import inspect
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec

import click
import pytest

import app
from benchmarks.subjects import NAMES
from chalicelib.payloads import decode_score_record
from docs import figures
from docs.verbs import verbs
from operations.__main__ import operations
from operations.aws.config import PROJECT
from operations.terminal.options import STAGE_VARIABLE
from operations.verbs.up import NAMES_PREFIX
from tests.infrastructure.test_infrastructure import TEMPLATE

README = PROJECT / "README.md"
MOST_README_CHARACTERS = 6_000
OPENING = "After this page you "
PAGES = {
    path.relative_to(PROJECT).as_posix(): path.read_text()
    for path in (*PROJECT.glob("*.md"), *PROJECT.glob("docs/*.md"))
}
BOOK = "\n".join(PAGES.values())
OTHERS_VARIABLES = {
    "CAPABILITY_IAM",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_LAMBDA",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_PROFILE",
    "AWS_DEFAULT_REGION",
    "LOCAL_GAME_SCORES_STREAM",
    "POWERTOOLS_LOGGER_SAMPLE_RATE",
}
PROGRAMS = ("python -m operations", "./operate")
OTHERS_OPTIONS = {"--pkg-format", "--help", "--on-the-wire"}
"""Of Chalice, and of every verb."""


def code_spans(text: str) -> list[str]:
    """What stands between backticks in a line."""
    without_blocks = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return re.findall(r"`([^`\n]+)`", without_blocks)


def console_lines(text: str) -> Iterator[str]:
    """What a reader is told to type, without comments."""
    for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
        for line in re.findall(r"^\$ (.*)$", block, re.MULTILINE):
            yield re.sub(r"\s+# .*", "", line)


def typed(text: str, program: str) -> Iterator[list[str]]:
    """The arguments of that program wherever a page shows it being run."""
    for line in (*console_lines(text), *code_spans(text)):
        command = line.rpartition(" | ")[2].partition(" < ")[0]
        if command.startswith(f"{program} "):
            yield shlex.split(command.removeprefix(f"{program} "))


def find_verb(arguments: list[str]) -> tuple[str, click.Command]:
    """The verb that the arguments name."""
    by_name = dict(verbs())
    for words in (2, 1):
        name = " ".join(arguments[:words])
        if name in by_name:
            return name, by_name[name]
    group = operations.commands.get(arguments[0])
    assert isinstance(group, click.Group), f"there is no verb {arguments}"
    return arguments[0], group


def slug(heading: str) -> str:
    """The anchor that a heading gets."""
    words = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return words.replace(" ", "-")


def test_the_readme_is_short() -> None:
    assert len(README.read_text()) <= MOST_README_CHARACTERS


@pytest.mark.parametrize("page", sorted(PAGES.keys() - {"README.md", "CHANGELOG.md"}))
def test_a_page_opens_with_what_one_can_do_after_reading_it(page: str) -> None:
    title, opening = PAGES[page].split("\n\n")[:2]

    assert title.startswith("# ")
    assert opening.startswith(OPENING)


def test_generated_parts_are_as_results_settings_and_commands_are_now() -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "cogapp", "--check", "--diff", *PAGES],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, f"run make book: {checked.stdout}{checked.stderr}"


def test_every_generated_part_is_in_a_page() -> None:
    parts = {
        name
        for name, part in inspect.getmembers(figures, inspect.isfunction)
        if part.__module__ == figures.__name__ and not name.startswith("_")
    }

    assert set(re.findall(r"cog from docs\.figures import (\w+);", BOOK)) == parts


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file_and_to_a_heading_in_it(page: str) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", PAGES[page]):
        if link.startswith("https://"):
            continue
        file, _, anchor = link.partition("#")
        target = ((PROJECT / page).parent / file).resolve() if file else PROJECT / page
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
            assert anchor in map(slug, headings), link


def test_the_readme_leads_to_every_page() -> None:
    links = re.findall(r"\]\(([^)#]+\.md)\)", README.read_text())

    assert sorted(set(links)) == sorted(PAGES.keys() - {"README.md"})


def test_every_picture_is_shown() -> None:
    pictures = {
        path.relative_to(PROJECT / "docs").as_posix() for path in (PROJECT / "docs").rglob("*.svg")
    }

    assert set(re.findall(r"\]\(((?:plots|screens)/[^)]+)\)", BOOK)) == pictures


def test_make_targets_are_named_as_they_are() -> None:
    targets = set(re.findall(r"^([a-z]+):.*##", (PROJECT / "Makefile").read_text(), re.MULTILINE))

    assert {arguments[0] for arguments in typed(BOOK, "make")} == targets
    assert {arguments[0] for arguments in typed(PAGES["docs/commands.md"], "make")} == targets


def test_every_command_line_names_a_verb_and_its_options() -> None:
    shown = [arguments for program in PROGRAMS for arguments in typed(BOOK, program)]

    assert shown
    for arguments in shown:
        if arguments == ["--version"]:
            continue
        name, command = find_verb(arguments)
        known = {each for parameter in command.params for each in parameter.opts}
        named = {each.partition("=")[0] for each in arguments if each.startswith("--")}
        assert named <= known, f"{name} has no {named - known}"


def test_every_verb_is_in_a_page() -> None:
    shown = {
        find_verb(arguments)[0]
        for program in PROGRAMS
        for arguments in typed(BOOK, program)
        if arguments != ["--version"]
    }

    assert {name for name, _ in verbs()} <= shown


def test_every_option_that_is_named_alone_exists() -> None:
    known = {each for _, command in verbs() for option in command.params for each in option.opts}

    for span in code_spans(BOOK):
        if span.startswith("--"):
            assert span.split()[0] in known | OTHERS_OPTIONS, span


def test_every_module_that_is_run_exists() -> None:
    modules = set(re.findall(r"python -m ([a-z_.]+[a-z])", BOOK))

    assert modules
    assert [module for module in modules if find_spec(module) is None] == []


def test_every_benchmark_is_named() -> None:
    shown = {arguments[0] for arguments in typed(BOOK, "python -m benchmarks")}

    assert shown <= set(NAMES) <= set(code_spans(PAGES["docs/benchmarks.md"]))


def test_every_function_and_table_exists() -> None:
    sources = {source.name for source in app.app.event_sources}
    tables = [
        str(each["Properties"]["TableName"])
        for each in TEMPLATE["Resources"].values()
        if "TableName" in each["Properties"]
    ]

    assert set(re.findall(r"\b(?:Process|Aggregate)[A-Z]\w+", BOOK)) <= sources
    assert all(name in BOOK for name in sources)
    for name in re.findall(r"\bGameScore[A-Z]\w+", BOOK):
        assert any(name in table for table in tables), name


def test_variables_are_named_as_they_are_read() -> None:
    settings = (PROJECT / "chalicelib" / "settings.py").read_text()
    read = set(re.findall(r'"([A-Z]+(?:_[A-Z]+)+)"', settings))

    named = {name for span in code_spans(BOOK) for name in re.findall(r"[A-Z]+(?:_[A-Z]+)+", span)}

    named = {name.removeprefix(NAMES_PREFIX) for name in named}

    assert named - OTHERS_VARIABLES == read | {STAGE_VARIABLE}
    assert all(f"`{name}`" in PAGES["docs/settings-and-costs.md"] for name in read)


@pytest.mark.parametrize("template", ["data", "monitoring"])
def test_every_stack_parameter_that_is_given_exists(template: str) -> None:
    text = (PROJECT / "infrastructure" / f"{template}.yaml").read_text()
    parameters = text.partition("\nParameters:\n")[2].partition("\nConditions:\n")[0]
    known = set(re.findall(r"^  (\w+):$", parameters, re.MULTILINE))

    given = set(re.findall(rf"--{template}-parameter (\w+)=(?!VALUE)", BOOK))

    assert given
    assert given <= known


def test_every_alarm_that_a_page_names_exists() -> None:
    monitoring = (PROJECT / "infrastructure" / "monitoring.yaml").read_text()
    alarms = set(re.findall(r"AlarmName: .*(?:\}|-[A-Z]\w+)-([a-z-]+)$", monitoring, re.MULTILINE))

    named = set(re.findall(r"`…-([a-z-]+)`", PAGES["docs/operate.md"]))
    assert named
    assert named <= alarms


@pytest.mark.parametrize("step", ["data", "record", "app", "mappings", "monitoring"])
def test_every_step_of_a_deployment_is_explained(step: str) -> None:
    assert f"\n| `{step}` |" in PAGES["docs/deploy.md"]


EXAMPLES = re.findall(r"```json\n(.*?)\n```", BOOK, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_json_example_is_json_and_a_score_record_if_it_looks_like_one(example: str) -> None:
    parsed = json.loads(example)

    assert parsed
    if "RecordID" in parsed:
        assert decode_score_record(example.encode())


def test_the_glossary_explains_the_words_of_the_project() -> None:
    glossary = PAGES["docs/how-it-works.md"].partition("## Glossary")[2]

    for word in ("receipt", "page", "reject", "redrive", "mapping", "stage", "archive"):
        assert re.search(rf"^\| [^|]*\b{word}\b[^|]* \|", glossary, re.MULTILINE), word


def test_the_version_is_the_changelogs_newest() -> None:
    versions = re.findall(
        r"^## (\S+) \((\d{4}-\d{2}-\d{2})\)$", PAGES["CHANGELOG.md"], re.MULTILINE
    )
    project = (PROJECT / "pyproject.toml").read_text()

    assert f'\nversion = "{versions[0][0]}"\n' in project
    assert versions == sorted(versions, key=lambda each: each[1], reverse=True)


def test_the_license_is_apaches() -> None:
    text = (PROJECT / "LICENSE").read_text()

    assert "Apache License" in text.splitlines()[1]
    assert text.rstrip().endswith("limitations under the License.")
