"""Answers cut to what one modality can read, without harm to who the patient is (PS3.3 C.12.1.1.2, PS3.5 6.2)."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from swf.dicom import charset, encoding, tailoring, transliteration, worklist
from swf.dicom.tailoring import Tailoring
from swf.dicom.worklist import WorklistQuery

SPS = "ScheduledProcedureStepSequence"


def _answer(how: Tailoring, asked: tuple[str, ...] = (), **item: Any) -> Dataset:
    stored = encoding.encode(item)
    query = WorklistQuery([], None, optional_unsupported=False, character_sets=asked, statuses_asked=False)
    requested: worklist.Requested = {tag: None for tag in encoding.contents(stored) if tag != 0x00080005}
    query = WorklistQuery(**{**vars(query), "requested": requested, "tailoring": how})
    return worklist.answer(stored, query)


def _name(answer: Dataset) -> str:
    answer.decode()
    return str(answer.PatientName)


@pytest.mark.parametrize(
    ("sets", "name", "read"),
    [
        (("ISO_IR 6",), "Müller^Jürgen", "Mueller^Juergen"),
        (("ISO_IR 100",), "Müller^Jürgen", "Müller^Jürgen"),
        (("ISO_IR 100",), "Щукина^Жанна", "Shchukina^Zhanna"),
        (("ISO_IR 144",), "Щукина^Жанна", "Щукина^Жанна"),
        (("ISO_IR 101",), "Müller^Łucja", "Müller^Łucja"),
        (("ISO_IR 100",), "Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada^Tarou"),
        (("", "ISO 2022 IR 87"), "Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        (("ISO_IR 13",), "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう", "ﾔﾏﾀﾞ^ﾀﾛｳ"),
        (("ISO_IR 6",), "山田^太郎==やまだ^たろう", "Yamada^Tarou"),
        (("ISO_IR 100",), "=山田^太郎=やまだ^たろう", "Yamada^Tarou"),
        (("ISO_IR 6",), "Hong^Gildong=洪^吉洞=홍^길동", "Hong^Gildong"),
        (("", "ISO 2022 IR 149"), "Hong^Gildong=洪^吉洞=홍^길동", "Hong^Gildong=洪^吉洞=홍^길동"),
        (("GB18030",), "Wang^XiaoDong=王^小东", "Wang^XiaoDong=王^小东"),
        (("ISO 2022 IR 58",), "Wang^XiaoDong=王^小东", "Wang^XiaoDong=王^小东"),
        (("ISO_IR 100",), "王^小东", "U+738B^U+5C0FU+4E1C"),
    ],
)
def test_a_name_arrives_in_the_scanners_letters(sets: tuple[str, ...], name: str, read: str) -> None:
    """Each scanner shows the name in its own set: in another script if need be, and never as question marks."""
    answer = _answer(Tailoring(character_sets=sets, outside="transliterate"), PatientName=name)
    declared = "\\".join(charset.usable(sets)) if sets != ("ISO_IR 6",) else ""
    found = answer.get("SpecificCharacterSet", "")
    assert (found if isinstance(found, str) else "\\".join(found)) == declared
    assert _name(answer).replace("\x1b$)A", "") == read  # pydicom leaves one escape sequence in


def test_a_scanners_set_is_declared_always() -> None:
    """A scanner that trips over an undeclared set is told its set even where plain letters would do."""
    assert _answer(Tailoring(("ISO_IR 100",)), PatientName="DOE^JANE").SpecificCharacterSet == "ISO_IR 100"
    assert "SpecificCharacterSet" not in _answer(Tailoring(), PatientName="DOE^JANE")


def test_unicode_may_be_preferred_to_another_script() -> None:
    """Where a site rather sees UTF-8 than a rewritten name, the letters outside the set go out as UTF-8."""
    answer = _answer(Tailoring(("ISO_IR 100",), outside="unicode"), PatientName="Щукина^Жанна")
    assert (answer.SpecificCharacterSet, _name(answer)) == ("ISO_IR 192", "Щукина^Жанна")


def test_the_querys_own_set_can_be_kept_strictly() -> None:
    """Without a set of its own a scanner that must not get UTF-8 is answered in what its query declares."""
    how = Tailoring(outside="transliterate", scheme="ukrainian")
    answer = _answer(how, ("ISO_IR 100",), PatientName="Згурський^Юрій Müller")
    assert (answer.SpecificCharacterSet, _name(answer)) == ("ISO_IR 100", "Zghurskyi^Yurii Müller")
    assert _name(_answer(how, (), PatientName="Müller")) == "Mueller"


def test_an_identifier_is_never_rewritten() -> None:
    """A patient number with a letter the scanner lacks stays that number: a rewritten one would be another patient's."""
    how = Tailoring(("ISO_IR 100",), outside="transliterate")
    answer = _answer(how, PatientID="Ж17", PatientName="Щукина^Жанна")
    assert (answer.SpecificCharacterSet, answer.PatientID, _name(answer)) == ("ISO_IR 192", "Ж17", "Щукина^Жанна")


def test_text_stays_within_its_length() -> None:
    """A description that grows in other letters is still one the scanner can take."""
    how = Tailoring(("ISO_IR 6",), outside="transliterate")
    described = _answer(how, RequestedProcedureDescription="щ" * 64, PatientName="DOE^JANE")
    assert described.RequestedProcedureDescription == ("shch" * 16)


@pytest.mark.parametrize(
    ("limits", "name", "sent"),
    [
        ({}, "DOE^JANE^MARIE^DR^PHD=X^Y", "DOE^JANE^MARIE^DR^PHD=X^Y"),
        ({"name_groups": 1}, "DOE^JANE=X^Y", "DOE^JANE"),
        ({"name_components": 3}, "DOE^JANE^MARIE^DR^PHD", "DOE^JANE^MARIE"),
        ({"name_components": 2}, "DOE^JANE^MARIE^DR^PHD", "DOE^JANE MARIE"),
        ({"name_components": 1}, "DOE^JANE^MARIE^DR", "DOE JANE MARIE"),
        ({"name_components": 2}, "DOE^^MARIE", "DOE^MARIE"),
        ({"name_length": 16}, "DOE^JANE^MARIE^DR^PHD", "DOE^JANE^MARIE"),
        ({"name_length": 10}, "DOE^JANE^MARIE^DR^PHD=X^Y", "DOE^JANE"),
        ({"name_length": 6}, "DOE^JANE^MARIE", "DOE^JA"),
        ({"name_length": 13}, "DOE^JANE=X^Y", "DOE^JANE=X^Y"),
        ({"name_length": 11}, "DOE^JANE=X^Y", "DOE^JANE"),
    ],
)
def test_a_name_is_shortened_from_what_matters_least(limits: dict[str, int], name: str, sent: str) -> None:
    """A scanner that overflows on long names loses the title first and the family name last."""
    assert str(_answer(Tailoring(**limits), PatientName=name).PatientName) == sent


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="\\"), max_size=30),
    st.sampled_from(sorted(charset.TERMS)),
    st.sampled_from(sorted(transliteration.SCHEMES)),
    st.integers(0, 40),
)
@settings(max_examples=300, deadline=None)
def test_every_name_can_be_sent_to_every_scanner(name: str, term: str, scheme: str, length: int) -> None:
    """There is no name and no set of a scanner for which the worklist breaks or shows a question mark of its own."""
    how = Tailoring((term,), "transliterate", scheme, name_length=length)
    chosen = tailoring.declared(how, (), [("PatientName", name)])
    sent = tailoring.written(how, "PatientName", "PN", name, chosen)
    charset.encode(sent, chosen)
    assert sent.count("?") <= name.count("?")
    assert tailoring.written(how, "PatientName", "PN", sent, chosen) == sent
    assert not length or len(sent) <= length


def test_what_a_scanner_must_not_see_is_left_out_everywhere() -> None:
    """An attribute that makes a scanner stumble is not sent, in the item or in its step."""
    never = frozenset({encoding.layout("Allergies").tag, encoding.layout("PreMedication").tag})
    answer = _answer(Tailoring(never=never), Allergies="LATEX", PatientID="P1", **{SPS: [{"PreMedication": "NONE"}]})
    assert "Allergies" not in answer
    assert "PreMedication" not in answer.ScheduledProcedureStepSequence[0]
    assert answer.PatientID == "P1"


def test_what_a_scanner_never_asks_but_needs_is_added() -> None:
    """A scanner that forgets to ask for the study is given it."""
    study, sps, modality = (encoding.layout(each).tag for each in ("StudyInstanceUID", SPS, "Modality"))
    assert worklist.with_return_keys({1: None}, [(study,), (sps, modality)]) == {
        1: None,
        study: None,
        sps: {modality: None},
    }
    assert worklist.with_return_keys({sps: None}, [(sps, modality)]) == {sps: None}
    assert worklist.with_return_keys({sps: {1: None}}, [(sps, modality)]) == {sps: {1: None, modality: None}}


def test_what_an_item_lacks_is_found() -> None:
    """An item without what a strict scanner needs is told from one that has it."""
    stored = encoding.encode({"PatientID": "P1", "PatientSex": "", SPS: [{"Modality": "CT"}]})
    paths = {name: tuple(encoding.layout(each).tag for each in name.split("/")) for name in
             ("PatientID", "PatientSex", "PatientName", f"{SPS}/Modality", f"{SPS}/ScheduledProcedureStepID")}  # fmt: skip
    filled = {name for name, path in paths.items() if worklist.is_filled(stored, [path])}
    assert filled == {"PatientID", f"{SPS}/Modality"}
