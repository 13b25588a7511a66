"""What the simulated HIS sends is drawn from a seed: it can be sent again, and every language can be read."""

import re

import pytest

from swf import errors
from swf.extensions.simulator import faults, ordering, people
from swf.extensions.simulator.ordering import Habits, Message
from swf.hl7 import charset, dictionary
from swf.hl7.header import read_header

EVERY = faults.faults("his", ["all=0.3"])
_TIME = re.compile(rb"\d{14}([+-]\d{4})?")


def _timeless(sent: Message) -> bytes:
    return _TIME.sub(b"TIME", sent.raw)


@pytest.mark.parametrize("profile", sorted(ordering.PROFILES))
def test_the_same_seed_sends_the_same_bytes(profile: str) -> None:
    """A run that found something can be run again: every byte but the times is the same, and so are all mistakes."""
    habits = Habits("seven", "de", profile, faults=EVERY)
    first, second = (list(ordering.messages(habits, 40)) for _ in range(2))
    assert [_timeless(each) for each in first] == [_timeless(each) for each in second]
    assert [each.faults for each in first] == [each.faults for each in second]
    other = ordering.messages(Habits("eight", "de", profile, faults=EVERY), 40)
    assert not {each.control_id for each in first} & {each.control_id for each in other}


def test_an_order_does_not_depend_on_those_before_it() -> None:
    """Order 17 is order 17 in a run of twenty and in one of a thousand, and with other mistakes too."""
    alone, wrong = Habits("seven"), Habits("seven", faults=EVERY)
    assert ordering.order(alone, 17) == ordering.order(wrong, 17)


def test_a_late_order_comes_after_its_own_change() -> None:
    """An order that is late comes after three others, after its change and with an older time, and is cancelled last."""
    habits = Habits("seven", faults=faults.faults("his", ["late", "change", "cancel"]))
    sent = list(ordering.messages(habits, 6))
    for number in range(3):
        placer = ordering.order(habits, number).placer_number
        own = [each for each in sent if each.order.placer_number == placer]
        assert [each.kind for each in own] == ["change", "new", "cancel"]
        made = [re.search(rb"^MSH(?:\|[^|]*){5}\|(\d{14})", each.raw) for each in own]
        assert [found[1] for found in made if found] != sorted(found[1] for found in made if found)
        assert own[0].order.start > own[1].order.start


@pytest.mark.parametrize("language", sorted(people.LANGUAGES))
@pytest.mark.parametrize("profile", ["orm-2.3.1", "omi-2.5.1"])
def test_every_language_can_be_read(language: str, profile: str) -> None:
    """The names of each language are written in the character set the message declares, and the message conforms."""
    for sent in ordering.messages(Habits("seven", language, profile), 3):
        text, _ = charset.decode(sent.raw, read_header(sent.raw))
        family, given = sent.order.name.split("^")[:2]
        assert f"|{family}^{given}" in text
        assert all(form in text for form in sent.order.forms)
        assert f"^{people.AUTHORITY}^" in text
        if profile.startswith("omi"):
            assert dictionary.check(text) == []


def test_numbers_fit_everywhere() -> None:
    """Every number of the hundred-thousandth order fits a field of 16 characters."""
    order = ordering.order(Habits("seven"), 999_999)
    numbers = (order.accession, order.placer_number, order.filler_number, order.procedure_id, *order.step_ids)
    assert max(map(len, (*numbers, order.patient_id))) <= 16


@pytest.mark.parametrize("name", ["8859/5", "WINDOWS-1251", "UNICODE UTF-8"])
def test_a_wrong_character_set_is_really_wrong(name: str) -> None:
    """A message sent under a wrong declaration cannot be read as what it says it is, or reads as nonsense."""
    habits = Habits("seven", "ru", character_set=name, faults=faults.faults("his", ["wrong-charset"]))
    for sent in ordering.messages(habits, 3):
        try:
            text, _ = charset.decode(sent.raw, read_header(sent.raw))
        except errors.UnreadableMessage:
            continue
        assert sent.order.name not in text


def test_habits_that_make_no_sense() -> None:
    """Every mistake is named at once, with what was probably meant."""
    with pytest.raises(errors.ConfigError) as refused:
        ordering.habits("1", "rus", "orm", character_set="KLINGON", stations="CT")
    assert [each.partition(";")[0] for each in refused.value.mistakes] == [
        "rus is no language",
        "orm is no profile of a HIS",
        "KLINGON is no character set of MSH-18 that is known here",
        "CT is no station",
    ]
    assert "did you mean ru?" in refused.value.mistakes[0]
