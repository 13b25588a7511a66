"""The reference is what the code says, and names everything an engineer can meet."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import typer

from swf import config
from swf.cli import app
from swf.dicom import status
from swf.errors import MessageError, ProcedureStepError, StoreError, SwfError
from swf.extensions.web import rendering
from swf.mapping import functions, templates
from swf.workflow import order_control, routing
from tests.docs import generate, picture

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
VARIABLES = [variable for key in config.keys() for variable in key.variables[:1]]  # noqa: SIM118  no dictionary
GENERATED = [page for page in PAGES if generate.names(page.read_text("utf-8"))]


def text(name: str) -> str:
    """A page of the reference."""
    return (REFERENCE / name).read_text("utf-8")


@pytest.mark.parametrize("page", GENERATED, ids=lambda page: page.name)
def test_the_generated_parts_are_up_to_date(page: Path) -> None:
    """What the reference says of settings, commands and rules is true of this version."""
    written = page.read_text("utf-8")
    assert written == generate.filled(written), "run python -m tests.docs.generate"


def test_every_generated_part_stands_in_one_page() -> None:
    """No table of the reference is lost."""
    assert sorted(name for page in GENERATED for name in generate.names(page.read_text("utf-8"))) == sorted(
        generate.BLOCKS
    )


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("settings.md", [key.name for key in (*config.keys(), *config.list_keys())]),
        ("settings.md", VARIABLES),
        ("commands.md", [name for name, _ in generate.walk(typer.main.get_command(app), "swf")]),
        ("mapping.md", list(functions.FUNCTIONS)),
        ("mapping.md", sorted(templates.VALUES)),
        ("errors.md", [kind.__name__ for kind, _ in generate.error_tree(SwfError, 0)]),
        ("hl7.md", [*routing.USE_CASES, *(control for control, _ in order_control.TABLE)]),
    ],
    ids=("keys", "variables", "commands", "functions", "values", "errors", "messages"),
)
def test_everything_has_a_line(page: str, words: list[str]) -> None:
    """An engineer finds every setting, command, function, error and message in the reference."""
    written = text(page)
    assert len(words) >= 5
    assert [word for word in words if f"`{word}" not in written] == []


def test_every_parameter_says_what_it_is() -> None:
    """`--help` explains every argument and option of every command."""
    silent = [
        (name, parameter.name)
        for name, command in generate.walk(typer.main.get_command(app), "swf")
        for parameter in command.params
        if not parameter.help
    ]
    assert silent == []


def test_every_error_has_advice_and_an_answer() -> None:
    """Whoever meets an error is told what to do, and the other side gets an answer of its own protocol."""
    kinds = [kind for kind, _ in generate.error_tree(SwfError, 0)]
    assert [kind.__name__ for kind in kinds if not kind.advice.endswith(".")] == []
    assert {kind.ack_code for kind in kinds if issubclass(kind, MessageError | StoreError)} == {"AE", "AR"}


def test_every_status_that_is_answered_is_explained() -> None:
    """A service technician finds the number a scanner shows."""
    written = text("dicom.md")
    codes = {kind.dimse_status for kind, _ in generate.error_tree(ProcedureStepError, 0)}
    doors = "".join(path.read_text("utf-8") for path in (ROOT / "swf" / "net").glob("m*_scp.py"))
    codes |= {getattr(status, name) for name in re.findall(r"status\.([A-Z_]+)\b", doors)}
    assert len(codes) >= 12
    assert [f"0x{code:04X}" for code in sorted(codes) if f"0x{code:04X}" not in written] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    """No reader is sent to a page or a heading that is not there."""
    written = re.sub(r"(?ms)^```.*?^```$", "", page.read_text("utf-8"))
    lost = []
    for target in re.findall(r"\]\(([^)\s]+)\)", written):
        if re.match(r"https?://", target):
            continue
        file, _, heading = target.partition("#")
        destination = (page.parent / file).resolve() if file else page
        if not destination.is_file() or (heading and heading not in anchors(destination)):
            lost.append(target)
    assert lost == []


def anchors(page: Path) -> set[str]:
    """The names by which the headings of a page are reached."""
    headings = re.findall(r"(?m)^#+ (.+)$", page.read_text("utf-8"))
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_reached_from_the_front_door() -> None:
    """A reader who begins with the README comes to every page."""
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md" or not page.is_file():
            continue
        reached.add(page)
        targets = re.findall(r"\]\(([^)\s#]+)", page.read_text("utf-8"))
        waiting += [(page.parent / target).resolve() for target in targets if "://" not in target]
    assert sorted(page.name for page in PAGES if page.resolve() not in reached) == []


def test_the_picture_is_a_demo_that_went_well() -> None:
    """The picture of the README shows a whole demo and fetches nothing from elsewhere."""
    drawn = picture.PICTURE.read_text("utf-8")
    words = "".join(ET.fromstring(drawn).itertext()).replace("\u00a0", " ")  # noqa: S314  our own file
    for seen in ("swf ready", "ORM^O01", "OMI^O23", "C-FIND", "N-CREATE", "N-SET", "MIS", "very step was seen"):
        assert seen in words
    assert set(re.findall(r"https?://[\w.]+", drawn)) <= {"http://www.w3.org", "http://127.0.0.1"}
    assert not re.search(r"(?:src|href)=|url\(['\"]?https?:|@import", drawn)


def test_the_pictures_of_the_window_are_small_and_shown() -> None:
    """Every picture of a page stands in the guide, every page of the menus has one, and nobody waits long for them."""
    guide = (ROOT / "docs" / "guides" / "pages-of-the-window.md").read_text("utf-8")
    taken = list((ROOT / "docs" / "pictures" / "window").glob("*.png"))
    assert {each.name for each in taken} == set(re.findall(r"window/([\w-]+\.png)", guide))
    titles = {page.title for group in rendering.PAGES for page in group.pages}
    assert {title for title in titles if title not in guide} == set()
    assert max(each.stat().st_size for each in taken) <= 120_000
    assert sum(each.stat().st_size for each in taken) <= 4_000_000


def test_the_floors_of_the_house_are_those_that_are_checked() -> None:
    """A builder who follows the description of the house builds what the checks accept."""
    contract = re.search(r"(?s)layers = \[(.*?)\]", (ROOT / "pyproject.toml").read_text("utf-8"))
    described = re.search(r"(?s)```\n(__main__\n.*?)```", (ROOT / "docs" / "house.md").read_text("utf-8"))
    assert contract
    assert described
    assert described[1].split("\n")[:-1] == re.findall(r'"([^"]+)"', contract[1])
