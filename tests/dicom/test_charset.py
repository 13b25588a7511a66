"""Specific Character Set: chosen, written and read (PS3.3 C.12.1.1.2)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import charset as oracle

from swf.dicom import charset


@pytest.mark.parametrize(
    ("text", "wanted", "chosen"),
    [
        ("DOE^JANE", ["ISO_IR 100"], ""),
        ("Müller^Jürgen", ["ISO_IR 100"], "ISO_IR 100"),
        ("Müller^Jürgen", [], "ISO_IR 192"),
        ("Müller^Jürgen", [""], "ISO_IR 192"),
        ("Müller^Jürgen", ["ISO_IR 6"], "ISO_IR 192"),
        ("Müller^Jürgen", ["ISO_IR 144"], "ISO_IR 192"),
        ("Иванов^Пётр", ["ISO_IR 144"], "ISO_IR 144"),
        ("Иванов^Пётр", ["ISO_IR 100"], "ISO_IR 192"),
        ("Иванов^Пётр", ["ISO 2022 IR 6", "ISO 2022 IR 144"], "ISO 2022 IR 6\\ISO 2022 IR 144"),
        ("Yamada^Tarou=山田^太郎", ["", "ISO 2022 IR 87"], "\\ISO 2022 IR 87"),
        ("山田^ü", ["", "ISO 2022 IR 87"], "ISO_IR 192"),
        ("ﾔﾏﾀﾞ^ﾀﾛｳ", ["ISO_IR 13"], "ISO_IR 13"),
        ("山田^太郎", ["ISO_IR 13"], "ISO_IR 192"),
        ("王^小东", ["GB18030"], "GB18030"),
        ("王^小东", ["", "ISO 2022 IR 58"], "\\ISO 2022 IR 58"),
        ("王^小东", ["ISO 2022 IR 58"], "\\ISO 2022 IR 58"),
        ("홍^길동", ["ISO 2022 IR 149"], "\\ISO 2022 IR 149"),
        ("갂", ["", "ISO 2022 IR 149"], "ISO_IR 192"),
        ("한", ["", "ISO 2022 IR 159"], "ISO_IR 192"),
        ("€", ["ISO_IR 126"], "ISO_IR 192"),
        ("Müller", ["ISO_IR 100", "ISO 2022 IR 144"], "ISO 2022 IR 100\\ISO 2022 IR 144"),
        ("Müller", ["iso-ir-100"], "ISO_IR 100"),
        ("Müller", ["UTF-8"], "ISO_IR 192"),
        ("Müller", ["KLINGON"], "ISO_IR 192"),
    ],
)
def test_the_scanners_character_set_is_used_when_it_holds_the_answer(text: str, wanted: list[str], chosen: str) -> None:
    """A scanner gets its own character set if no letter of the name is lost by it, else Unicode."""
    assert charset.choose(text, wanted) == chosen


@pytest.mark.parametrize("term", [term for term in charset.TERMS if term not in ("", "ISO_IR 6", "ISO 2022 IR 6")])
def test_our_codecs_are_the_ones_dicom_software_uses(term: str) -> None:
    """Every character set term means the same letters to us as to other DICOM software."""
    sample = "".join(letter for letter in "äőżğŝĸΑبאЖกテ東王김ﾔ丂" if charset.holds((term,), letter))
    assert sample
    raw = charset.encode(sample, term)
    if term in ("ISO 2022 IR 58", "ISO 2022 IR 87", "ISO 2022 IR 149", "ISO 2022 IR 159"):
        assert charset.decode(raw, ("", term)) == sample
        assert oracle.decode_bytes(raw, oracle.convert_encodings(["", term]), set()).replace("\x1b$)A", "") == sample
    else:
        assert raw == sample.encode(oracle.python_encoding[term])


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", ["", "ISO 2022 IR 87"]),
        ("ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう", ["ISO 2022 IR 13", "ISO 2022 IR 87"]),
        ("Hong^Gildong=洪^吉洞=홍^길동", ["", "ISO 2022 IR 149"]),
        ("Иванов^Müller", ["ISO 2022 IR 100", "ISO 2022 IR 144"]),
        ("Müller Иванов^ü", ["ISO 2022 IR 100", "ISO 2022 IR 144"]),
        ("Wang^XiaoDong=王^小东", ["", "ISO 2022 IR 58"]),
        ("Yamada=山丂^太郎", ["", "ISO 2022 IR 87", "ISO 2022 IR 159"]),
    ],
)
def test_names_with_code_extensions_are_read_back_as_written(text: str, wanted: list[str]) -> None:
    """A name in two scripts survives the way to a scanner that knows only code extensions."""
    chosen = charset.choose(text, wanted)
    assert chosen == "\\".join(wanted)
    raw = charset.encode(text, chosen)
    assert charset.decode(raw, charset.standard(wanted)) == text
    theirs = oracle.decode_bytes(raw, oracle.convert_encodings(list(wanted)), {ord("^"), ord("=")})
    assert theirs.replace("\x1b$)A", "") == text  # pydicom reads GB 2312, and leaves its escape sequence in


@settings(max_examples=200, deadline=None)
@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\\", exclude_categories=["Cc"])),
    st.sampled_from([term for term in charset.TERMS if "2022" not in term]),
)
def test_what_is_chosen_holds_the_text(text: str, wanted: str) -> None:
    """Whatever set an answer declares, no letter of it is replaced."""
    chosen = charset.choose(text, [wanted])
    assert chosen in ("", wanted, charset.UNICODE)
    assert charset.encode(text, chosen).decode(charset.TERMS[chosen]) == text


def test_a_chinese_key_with_code_extensions_is_read() -> None:
    """A scanner in China may ask with code extensions."""
    raw = b"Zhang^XiaoDong=\x1b$)A" + "张".encode("gb2312") + b"^\x1b$)A" + "小东".encode("gb2312")
    assert charset.decode(raw, ("", "ISO 2022 IR 58")) == "Zhang^XiaoDong=张^小东"


@pytest.mark.parametrize(
    ("raw", "terms", "text"),
    [
        ("Müller".encode("latin-1"), ("ISO_IR 100",), "Müller"),
        ("Müller".encode(), ("ISO_IR 192",), "Müller"),
        ("Müller".encode(), (), "Müller"),
        ("Müller".encode("latin-1"), (), "Müller"),
        ("Müller".encode("latin-1"), ("ISO_IR 192",), "Müller"),
        ("Иванов".encode("iso8859-5"), ("ISO_IR 144",), "Иванов"),
    ],
)
def test_a_key_is_read_even_when_its_character_set_is_wrong(raw: bytes, terms: tuple[str, ...], text: str) -> None:
    """A scanner that does not say how it writes umlauts still finds the patient."""
    assert charset.decode(raw, terms) == text


def test_a_set_without_code_extensions_stands_alone() -> None:
    """UTF-8 named among others is UTF-8."""
    assert charset.standard(["ISO 2022 IR 6", "ISO_IR 192"]) == ("ISO_IR 192",)
