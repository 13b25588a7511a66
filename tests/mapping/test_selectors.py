"""Places in a message: how they are written, what they lead to, and how a mistake is told."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swf.mapping import selectors
from swf.mapping.selectors import EVERY, Selector
from tests.mapping.conftest import groups

NUMBER = st.integers(1, 99)
SEGMENT = st.from_regex(r"[A-Z][A-Z0-9]{2}", fullmatch=True)
LETTERS = st.text(st.sampled_from("ABCDÄß "), min_size=1, max_size=4)


def written(selector: Selector) -> str:
    """A selector in full, with every occurrence and repetition."""
    occurrence, repetition = (
        "*" if number == EVERY else number for number in (selector.occurrence, selector.repetition)
    )
    tail = "".join(f".{part}" for part in (selector.component, selector.subcomponent) if part)
    return f"{selector.segment}[{occurrence}]-{selector.field}[{repetition}]{tail}"


@settings(max_examples=80, deadline=None)
@given(
    st.builds(
        lambda segment, occurrence, field, repetition, parts: Selector(segment, occurrence, field, repetition, *parts),
        SEGMENT,
        st.integers(0, 99),
        NUMBER,
        st.integers(0, 99),
        st.one_of(st.just((0, 0)), st.tuples(NUMBER, st.just(0)), st.tuples(NUMBER, NUMBER)),
    )
)
def test_what_is_written_is_what_is_read(selector: Selector) -> None:
    """Every place that can be written is read back as the same place."""
    assert selectors.parse(written(selector)) == selector
    shown = selector._replace(occurrence=selector.occurrence or 1, repetition=selector.repetition or 1)
    assert selectors.parse(str(selector)) == shown  # people are not told of [*]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PID-3", Selector("PID", 1, 3, 1, 0, 0)),
        ("PID-3.1", Selector("PID", 1, 3, 1, 1, 0)),
        ("PID-3[2].4.1", Selector("PID", 1, 3, 2, 4, 1)),
        ("AL1[*]-3", Selector("AL1", EVERY, 3, 1, 0, 0)),
        ("IPC-9[*]", Selector("IPC", 1, 9, EVERY, 0, 0)),
        ("NTE[3]-3", Selector("NTE", 3, 3, 1, 0, 0)),
    ],
)
def test_short_forms(text: str, expected: Selector) -> None:
    """Without a number in brackets the first repetition is meant."""
    assert selectors.parse(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "PID", "PID-", "pid-3", "PID.3", "PID-3.", "PID-3-1", "PID-3.1.2.3", "PID-3[]", "PID-3[-1]", " PID-3", "P-3"],
)
def test_what_is_no_place(text: str) -> None:
    """A place that is misspelt is refused with an example of a right one."""
    with pytest.raises(ValueError, match=r"is no place in a message; write it like PID-3\.1"):
        selectors.parse(text)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.lists(LETTERS, min_size=1, max_size=3), min_size=1, max_size=3), min_size=1, max_size=4))
def test_every_part_is_found_where_it_stands(segments: list[list[list[str]]]) -> None:
    """Each component of each repetition of each segment is found by its own place, and by no other."""
    lines = ["NTE|1||" + "~".join("^".join(parts) for parts in repetitions) for repetitions in segments]
    (group,) = groups("ORC|NW|1", "OBR|1", *lines)
    for occurrence, repetitions in enumerate(segments, start=1):
        for repetition, parts in enumerate(repetitions, start=1):
            for component, text in enumerate(parts, start=1):
                selector = Selector("NTE", occurrence, 3, repetition, component, 0)
                assert [source.text() for source in selectors.sources(selector, group)] == [text]
    everything = selectors.sources(selectors.parse("NTE[*]-3[*].1"), group)
    assert [source.text() for source in everything] == [parts[0] for segment in segments for parts in segment]
    assert list(selectors.sources(Selector("NTE", len(segments) + 1, 3, 1, 1, 0), group)) == []


def test_the_place_of_a_mistake_is_counted_in_the_whole_message() -> None:
    """A mistake in the third OBR is told of the third OBR, although it is the first of its order."""
    third = groups("ORC|NW|1", "OBR|1", "OBR|2", "ORC|NW|2", "OBR|1", "OBR|2")[2]
    selector = selectors.placed(selectors.parse("OBR-18.1"), third)
    assert selectors.location(selector) == "OBR^3^18"
    assert selectors.location(selectors.placed(selectors.parse("ORC-2.1"), third)) == "ORC^2^2"
    assert selectors.location(selectors.placed(selectors.parse("IPC-1.1"), third)) == "IPC^1^1"


def test_two_quotes_are_never_shown() -> None:
    """A part of a name sent as two quotes is an empty part, not two quotes on a screen."""
    (group,) = groups('PID|||1||DOE^JANE^""^""', "ORC|NW|1", "OBR|1")
    (source,) = selectors.sources(selectors.parse("PID-5"), group)
    assert [source.component_text(number) for number in (1, 2, 3, 4, 5)] == ["DOE", "JANE", "", "", ""]
