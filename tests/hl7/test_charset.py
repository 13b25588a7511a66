"""Character sets: every name arrives exactly as written, or the message is refused; nothing is ever guessed."""

import codecs
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swf.errors import MappingError, UnreadableMessage
from swf.hl7 import charset
from swf.hl7.header import Header, read_header
from swf.hl7.message import parse

CYRILLIC = "ПРИМЕРОВ^ИВАН"


def order(name: str, declared: str, codec: str) -> tuple[bytes, Header]:
    """A message with that name and declaration, in `codec`, and its header."""
    text = f"MSH|^~\\&|HIS|HOSP|SWF|RAD|2026||ORM^O01|1|P|2.5.1||||||{declared}\rPID|||1||{name}\r"
    raw = text.encode(codec)
    return raw, read_header(raw)


def name_of(raw: bytes, header: Header, **options: str) -> str:
    """PID-5 as it is read."""
    text, codec = charset.decode(raw, header, **options)
    return parse(text, header, codec).value("PID", 5)


@pytest.mark.parametrize(
    ("declared", "codec", "name"),
    [
        ("8859/1", "iso8859-1", "MÜLLER^ANNA"),
        ("ISO_8859-1", "iso8859-1", "MÜLLER^ANNA"),
        ("8859/2", "iso8859-2", "ŁOŚ^ZOFIA"),
        ("8859/15", "iso8859-15", "ŒUVRE^€"),
        ("WINDOWS-1251", "cp1251", CYRILLIC),
        ("windows-1251", "cp1251", CYRILLIC),
        ("CP1251", "cp1251", CYRILLIC),
        ("1251", "cp1251", CYRILLIC),
        ("win-1251", "cp1251", CYRILLIC),
        ("KOI8-R", "koi8-r", CYRILLIC),
        ("cp866", "cp866", CYRILLIC),
        ("ISO-8859-5", "iso8859-5", CYRILLIC),
        ("8859/5", "iso8859-5", CYRILLIC),
        ("ISO IR144", "iso8859-5", CYRILLIC),
        ("UTF-8", "utf-8", CYRILLIC),
        ("utf8", "utf-8", CYRILLIC),
        ("UNICODE UTF-8", "utf-8", CYRILLIC),
        ("UNICODE", "utf-8", CYRILLIC),
        ("ISO_IR 192", "utf-8", CYRILLIC),
        ("GB 18030-2000", "gb18030", "例^子"),
        ("BIG-5", "big5", "例^子"),
        ("KS X 1001", "euc_kr", "홍^길동"),
        ("ISO IR6~ISO IR87", "iso2022_jp_2", "山田^太郎"),
        ("~ISO IR87", "iso2022_jp_2", "山田^太郎"),
        ("ISO IR87~ISO IR14", "iso2022_jp_ext", "山田^ｱｲ"),
        ("JAS2020", "iso2022_jp_ext", "山田^太郎"),
        ("JIS X 0202", "iso2022_jp_ext", "山田^丂ｱ"),
    ],
)
def test_declared_character_set(declared: str, codec: str, name: str) -> None:
    """A name is read in the character set its message declares, under any of the spellings in use."""
    raw, header = order(name, declared, codec)
    assert name_of(raw, header) == name
    assert charset.decode(raw, header)[1] == codec


def test_kanji_that_contain_a_separator_byte() -> None:
    """A Japanese name whose bytes look like a field separator stays one name."""
    name = "".join(chr(code) for code in range(0x4E00, 0x4F00) if b"|" in chr(code).encode("iso2022_jp_2", "ignore"))
    assert name
    raw, header = order(name, "~ISO IR87", "iso2022_jp_2")
    assert name_of(raw, header) == name


KANA = b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3"


@pytest.mark.parametrize(
    ("declared", "written", "name"),
    [
        ("ISO IR14~ISO IR87", KANA + b"~\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J~2", "ﾔﾏﾀﾞ^ﾀﾛｳ~山田^太郎~2"),
        ("ISO IR6~ISO IR87~ISO IR14", b"\x1b)I" + KANA, "ﾔﾏﾀﾞ^ﾀﾛｳ"),
        ("ISO IR14", b"\x1b)I" + KANA, "ﾔﾏﾀﾞ^ﾀﾛｳ"),
        ("ISO IR149", b"\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf", "홍^길동"),
        ("~KS X 1001", b"HONG^GILDONG~\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf", "HONG^GILDONG~홍^길동"),
        ("~ISO IR58", b"\x1b$)A\xcd\xf5^\x1b$)A\xd0\xa1\xb6\xab", "王^小东"),
        ("8859/1~8859/5", b"M\xdcLLER~" + b"\x1b-L" + CYRILLIC.encode("iso8859-5"), f"MÜLLER~{CYRILLIC}"),
        ("8859/1~8859/2", b"M\xdcLLER", "MÜLLER"),
        ("~8859/7~8859/8", b"\x1b-F\xc3^\x1b-H\xf9", "Γ^ש"),
        ("~ISO IR166", b"\x1b-T\xca\xc1", "สม"),
    ],
)
def test_a_name_in_several_character_sets(declared: str, written: bytes, name: str) -> None:
    """Where MSH-18 announces it, escape sequences change the alphabet, and separators stay separators."""
    raw, header = order("DOE", declared, "ascii")
    raw = raw.replace(b"DOE", written).replace(b"PID", b"NTE|1||plain\rPID")
    text, codec = charset.decode(raw, header)
    assert parse(text, header, codec).first("PID").raw(5) == name


@pytest.mark.parametrize(
    ("declared", "written"),
    [
        ("", b"\x1b$B;3ED\x1b(B"),
        ("ASCII", b"\x1b$B;3ED\x1b(B"),
        ("8859/1", b"\x1b$B;3ED\x1b(B"),
        ("UNICODE UTF-8", b"\x1b$)C\xc8\xab"),
        ("8859/1", b"\x1b-L\xbf"),
        ("ISO IR6~8859/5", b"\xbf\x1b-L\xbf"),
        ("ISO IR14~ISO IR87", b"\xfe"),
        ("ISO IR14~ISO IR87", b"\x1b$B;\r"),
        ("~KS X 1001", b"\x1b$)C\xc8"),
        ("BIG-5~ISO IR87", b"DOE"),
    ],
)
def test_a_change_of_alphabet_that_is_not_announced_or_breaks_off_is_refused(declared: str, written: bytes) -> None:
    """Escape sequences that are read as text would make another name of it; half a character is no character."""
    raw, header = order("DOE", declared, "ascii")
    with pytest.raises(UnreadableMessage) as refused:
        charset.decode(raw.replace(b"DOE", written), header)
    assert refused.value.location in ("MSH^1^18", "PID^1^5")


@pytest.mark.parametrize("options", [{"default": "ISO IR87"}, {"override": "ISO IR87"}])
def test_a_source_that_announces_nothing_is_known_to_change_alphabets(options: dict[str, str]) -> None:
    """The setting of a source stands for the MSH-18 it does not send."""
    raw, header = order("山田^太郎", "", "iso2022_jp_2")
    assert name_of(raw, header, **options) == "山田^太郎"


def test_the_place_of_an_odd_byte_among_several_alphabets() -> None:
    """The offset is that in the message, wherever the alphabet had changed before."""
    raw, header = order("DOE", "~8859/7", "ascii")
    raw = raw.replace(b"DOE", b"\x1b-F\xc1\xd2")
    with pytest.raises(UnreadableMessage, match=f"offset {raw.index(bytes([0xD2]))} "):
        charset.decode(raw, header)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just(b"\x1b-L"), st.text(st.sampled_from("ПРИМЕР "), min_size=1), st.just("iso8859-5")),
            st.tuples(st.just(b"\x1b-F"), st.text(st.sampled_from("ΑΒΓ|^"), min_size=1), st.just("iso8859-7")),
            st.tuples(st.just(b"\x1b$)C"), st.text(st.sampled_from("홍길동&~"), min_size=1), st.just("euc_kr")),
        )
    )
)
@settings(max_examples=100, deadline=None)
def test_any_change_of_alphabets_is_read_as_it_was_written(pieces: list[tuple[bytes, str, str]]) -> None:
    """However often the alphabet changes, every letter and every separator arrives."""
    raw, header = order("DOE", "8859/5~8859/7~KS X 1001", "ascii")
    written = b"".join(escape + text.encode(codec) for escape, text, codec in pieces)
    text, _ = charset.decode(raw.replace(b"DOE", written), header)
    assert text.endswith("||" + "".join(text for _, text, _ in pieces) + "\r")


def encodable(character: str, codec: str) -> bool:
    """Whether the alphabet has that character."""
    return bool(character.encode(codec, "ignore"))


def texts(declared: str) -> st.SearchStrategy[tuple[str, str]]:
    """A declaration and a text its alphabet can hold."""
    codec = charset.codec_for(declared)
    alphabet = [chr(code) for code in range(0x20, 0x2000) if encodable(chr(code), codec)]
    return st.tuples(st.just(declared), st.text(st.sampled_from(alphabet), max_size=20))


@given(
    st.sampled_from(["8859/1", "8859/7", "CP1251", "KOI8-R", "CP866", "UTF-8", "GB18030", "~ISO IR87"]).flatmap(texts)
)
@settings(max_examples=200, deadline=None)
def test_what_is_decoded_is_what_was_sent(sent: tuple[str, str]) -> None:
    """In every declared alphabet the text that comes out is exactly the text that was sent, or it is refused."""
    declared, text = sent
    raw, header = order(text, declared, charset.codec_for(declared))
    try:
        assert charset.decode(raw, header)[0].endswith(f"|{text}\r")
    except UnreadableMessage:
        assert not raw.isascii()
        raw.decode("utf-8")


def test_every_codec_is_one_python_knows_by_that_name() -> None:
    """Every character set the table names can really be read."""
    for codec in set(charset._CODECS.values()):
        assert codecs.lookup(codec).name == codec


@pytest.mark.parametrize("codec", ["cp1251", "koi8-r", "cp866", "iso8859-5"])
def test_undeclared_cyrillic_is_read_with_the_sources_default(codec: str) -> None:
    """A sender that declares nothing is read with its site's default, and refused where there is none."""
    raw, header = order(CYRILLIC, "", codec)
    assert name_of(raw, header, default=codec) == CYRILLIC
    with pytest.raises(UnreadableMessage) as refused:
        charset.decode(raw, header)
    assert refused.value.location == "PID^1^5"
    assert f"offset {raw.index(b'PID|||1||') + 9}" in refused.value.text


def test_undeclared_utf8_is_utf8_whatever_the_default() -> None:
    """Undeclared UTF-8 is recognised before the site's default is tried."""
    raw, header = order(CYRILLIC, "", "utf-8")
    assert charset.decode(raw, header, default="windows-1251") == (raw.decode("utf-8"), "utf-8")


def test_override_wins_over_a_wrong_declaration() -> None:
    """A source known to declare the wrong character set is read with the right one."""
    raw, header = order(CYRILLIC, "8859/1", "cp1251")
    assert name_of(raw, header, override="windows-1251") == CYRILLIC


@pytest.mark.parametrize("declared", ["8859/1", "8859/15", "WINDOWS-1252", "windows-1251"])
def test_utf8_declared_as_an_alphabet_is_refused(declared: str) -> None:
    """Bytes that would garble a patient's name silently are refused, and the reason says what they look like."""
    raw, header = order("MÜLLER^ANNA", declared, "utf-8")
    with pytest.raises(UnreadableMessage, match="UTF-8") as refused:
        charset.decode(raw, header)
    assert refused.value.location == "MSH^1^18"


@pytest.mark.parametrize(("declared", "codec"), [("UTF-8", "cp1251"), ("ASCII", "cp1251"), ("8859/7", "cp1251")])
def test_bytes_that_do_not_fit_are_refused_at_their_place(declared: str, codec: str) -> None:
    """A byte that does not belong to the declared character set is never replaced."""
    raw, header = order("ЯнаЫ^Ъ\xa0", declared, codec)
    raw += b"\xff\xd2"
    with pytest.raises(UnreadableMessage, match="offset"):
        charset.decode(raw, header)


def test_the_place_of_a_wrong_byte_counts_segments() -> None:
    """The third note is named as the third, so that the sender finds it."""
    raw = b"MSH|^~\\&|HIS||||2026||ORM^O01|1|P|2.5\rNTE|1||a\rNTE|2||b\rNTE|3||\xff\r"
    with pytest.raises(UnreadableMessage) as refused:
        charset.decode(raw, read_header(raw))
    assert refused.value.location == "NTE^3^3"
    facility = b"MSH|^~\\&|HIS|\xff"
    with pytest.raises(UnreadableMessage) as refused:
        charset.decode(facility, read_header(facility))
    assert refused.value.location == "MSH^1^4"
    with pytest.raises(UnreadableMessage) as refused:
        charset.decode(b"\xff\xff", read_header(b"\xff\xff"))
    assert refused.value.location == ""


@pytest.mark.parametrize("declared", ["KLINGON", "UNICODE UTF-16", "8859/1~UNICODE UTF-8", "CNS 11643-1992"])
def test_unknown_or_mixed_character_sets_are_refused(declared: str) -> None:
    """A character set that cannot be read is refused with its name."""
    raw, header = order("DOE^JANE", declared, "ascii")
    with pytest.raises(UnreadableMessage) as refused:
        charset.decode(raw, header)
    assert refused.value.code == 103
    assert refused.value.location == "MSH^1^18"


def test_byte_order_mark() -> None:
    """A UTF-8 mark in front decides and is not part of the text."""
    raw, _ = order(CYRILLIC, "8859/1", "utf-8")
    marked = b"\xef\xbb\xbf" + raw
    assert read_header(marked).recognised
    assert charset.decode(marked, read_header(marked)) == (raw.decode("utf-8"), "utf-8")


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_utf16_is_refused_clearly(codec: str) -> None:
    """Double-byte senders are told so."""
    raw = "MSH|^~\\&|HIS".encode(codec)
    with pytest.raises(UnreadableMessage, match="UTF-16"):
        charset.decode(raw, read_header(raw))


@pytest.mark.parametrize("text", ["\x85\x9f", "e\u0301", "\U0001f600", "\0"])
def test_odd_characters_survive(text: str) -> None:
    """Emoji, combining accents and control characters come through unchanged."""
    raw, header = order(text, "UNICODE UTF-8", "utf-8")
    assert charset.decode(raw, header)[0] == raw.decode("utf-8")


def test_lone_surrogate_is_refused() -> None:
    """Half a character is no character."""
    raw, header = order("DOE", "UNICODE UTF-8", "utf-8")
    with pytest.raises(UnreadableMessage):
        charset.decode(raw + b"\xed\xa0\x80", header)


def test_encode_is_strict() -> None:
    """A name the receiver's character set cannot hold is reported, never replaced by question marks."""
    assert charset.encode("MÜLLER", "iso8859-1") == b"M\xdcLLER"
    with pytest.raises(MappingError, match=r"U\+041F at 0"):
        charset.encode(CYRILLIC, "iso8859-1")


# ------------------------------------------------------------------------------------------------------- what it may be

SURNAMES = ["ПРИМЕРОВ", "ОБРАЗЦОВА", "ВЫМЫШЛЕННЫЙ", "ТЕСТОВАЯ", "НЕИЗВЕСТНЫЙ", "ШАБЛОНОВА"]
GIVEN_NAMES = ["ИВАН", "ОЛЬГА", "МАРИНА", "СЕРГЕЙ"]


@pytest.mark.parametrize("codec", ["utf-8", "windows-1251", "koi8-r", "cp866", "iso8859-5"])
@pytest.mark.parametrize("written", [str.upper, str.title])
def test_what_undeclared_names_look_like(codec: str, written: Callable[[str], str]) -> None:
    """An operator is told which alphabet the bytes of a Russian name look like, and it is the right one."""
    names = [written(f"{surname}^{given}") for surname in SURNAMES for given in GIVEN_NAMES]
    right = [name for name in names if charset.resembles(order(name, "", codec)[0]) == codec]
    assert len(right) >= 0.95 * len(names)


@pytest.mark.parametrize("text", ["DOE^JANE", "MÜLLER^JÖRG", "\x80\x99\xff"])
def test_what_looks_like_nothing_we_know(text: str) -> None:
    """Where nothing speaks for one of these alphabets no hint is given."""
    assert charset.resembles(text.encode("latin-1")) == ""


def test_the_hint_stands_beside_the_offset_and_is_never_used() -> None:
    """A name in an undeclared alphabet is refused with the place and the hint; it is not read by it."""
    raw, header = order(CYRILLIC, "", "cp1251")
    offset = raw.index("П".encode("cp1251"))
    with pytest.raises(UnreadableMessage, match=f"offset {offset} is not utf-8; it looks like windows-1251$"):
        charset.decode(raw, header)


def test_a_configured_character_set_beyond_those_of_hl7() -> None:
    """A site may name any character set this program knows, also one that HL7 has no name for."""
    raw, header = order(CYRILLIC, "", "mac-cyrillic")
    assert charset.decode(raw, header, default="mac-cyrillic")[0].endswith(f"{CYRILLIC}\r")
    assert charset.decode(raw, header, override="mac-cyrillic")[0].endswith(f"{CYRILLIC}\r")
