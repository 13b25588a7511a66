"""What differs between two versions of a message."""

from hypothesis import given
from hypothesis import strategies as st

from swf.hl7 import difference, message
from swf.hl7.header import read_header
from swf.hl7.message import Message

HEAD = "MSH|^~\\&|HIS|HOSP|SWF|RAD|20260315||ORM^O01|{}|P|2.3.1"


def parsed(*segments: str, number: str = "1") -> Message:
    """A message of these segments."""
    text = "\r".join([HEAD.format(number), *segments, ""])
    return message.parse(text, read_header(text.encode()))


def told(one: Message, other: Message) -> list[tuple[str, str, str]]:
    """Place, before and after."""
    return [(each.place, each.before, each.after) for each in difference.of(one, other)]


def test_fields_are_compared_as_they_were_sent() -> None:
    """A new time, a cleared field and one that came anew are told with their places; what is the same is not."""
    one = parsed("PID|1||4711||DOE^JANE", "ORC|NW|8100", "OBR|1|8100||CT^CT head")
    other = parsed("PID|1||4711||DOE^JANE", 'ORC|XO|8100|""', "OBR|1|8100||CT^CT head|||20260316", number="2")
    assert told(one, other) == [
        ("MSH-10", "1", "2"),
        ("ORC-1", "NW", "XO"),
        ("ORC-3", "", '""'),
        ("OBR-7", "", "20260316"),
    ]


def test_segments_that_came_and_went_stand_where_they_belong() -> None:
    """A second order appears behind the first, a note that is gone where it was; segments are counted by name."""
    one = parsed("PID|1||4711", "NTE|1||careful", "ORC|NW|1", "OBR|1|1")
    other = parsed("PID|1||4711", "ORC|NW|1", "OBR|1|1", "ORC|NW|2", "OBR|2|2")
    assert told(one, other) == [
        ("NTE-1", "1", ""),
        ("NTE-3", "careful", ""),
        ("ORC[2]-1", "", "NW"),
        ("ORC[2]-2", "", "2"),
        ("OBR[2]-1", "", "2"),
        ("OBR[2]-2", "", "2"),
    ]


LINES = st.lists(st.sampled_from(["PID|1||4711", "ORC|NW|1", "OBR|1|1", "NTE|1||a", "NTE|2", "ZDS|"]), max_size=6)


@given(LINES, LINES)
def test_a_difference_read_backwards_is_the_other_one(first: list[str], second: list[str]) -> None:
    """Nothing differs from itself; what one has and the other lacks is told the same from either side."""
    one, other = parsed(*first), parsed(*second)
    assert told(one, one) == []
    forth, back = told(one, other), told(other, one)
    assert sorted(forth) == sorted((place, after, before) for place, before, after in back)
