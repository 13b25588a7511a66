"""UIDs: checked, made and derived (PS3.5 clause 9)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swf.dicom import uid


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("1.2.840.10008.5.1.4.31", True),
        ("2.25.0", True),
        ("0.1", True),
        ("1." + "1" * 62, True),
        ("1." + "1" * 63, False),
        ("1.02", False),
        ("1..2", False),
        (".1", False),
        ("1.", False),
        ("1", False),
        ("1.a", False),
        ("1.2\n", False),
        ("1.٢", False),
        ("", False),
    ],
)
def test_a_uid_is_judged_by_the_standard(text: str, right: bool) -> None:
    """A study number with a leading zero, a gap or too many digits is seen before a scanner trips over it."""
    assert uid.valid(text) is right


def test_a_new_uid_is_valid_and_never_the_same() -> None:
    """Two objects never share a number."""
    made = {uid.generate() for _ in range(200)}
    assert len(made) == 200
    assert all(uid.valid(each) for each in made)


def test_a_derived_uid_is_the_same_for_ever() -> None:
    """An order sent again next year still belongs to the same study."""
    assert uid.derive("HOSPITAL", "A1") == "2.25.224037642018274604385911849004169477339"


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(max_size=5), max_size=4), st.lists(st.text(max_size=5), max_size=4))
def test_different_parts_give_different_uids(first: list[str], second: list[str]) -> None:
    """Order A1-2 and order A-12 are never taken for the same study."""
    assert uid.valid(uid.derive(*first))
    assert (uid.derive(*first) == uid.derive(*second)) is (first == second)
