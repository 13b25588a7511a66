"""Names in letters a modality does not have: readable, never `?`, never two patients made one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swf.dicom import charset, transliteration

ANY_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]))
TERMS = st.sampled_from(sorted(charset.TERMS))


def _ascii(text: str, scheme: str = "icao") -> str:
    return transliteration.transliterate(text, str.isascii, scheme)


@pytest.mark.parametrize(
    ("name", "scheme", "written"),
    [
        ("Müller^Jürgen", "icao", "Mueller^Juergen"),
        ("MÜLLER^JÜRGEN", "icao", "MUELLER^JUERGEN"),
        ("Müller", "icao", "Mueller"),
        ("Ødegård^Åse", "icao", "Oedegaard^Aase"),
        ("Łukaszewicz^Świętosława", "icao", "Lukaszewicz^Swietoslawa"),
        ("Groß^Señora", "icao", "Gross^Senora"),
        ("ЩУКИНА^ЖАННА", "icao", "SHCHUKINA^ZHANNA"),
        ("Щукина^Юлия Ё.", "icao", "Shchukina^Iuliia E."),
        ("Ю. А. Юрьев", "icao", "Iu. A. Iurev"),
        ("Подъячев^Фёдор", "icao", "Podieiachev^Fedor"),
        ("Подъячев^Фёдор", "russian", "Podyachev^Fyodor"),
        ("Згурський^Юрій", "ukrainian", "Zghurskyi^Yurii"),
        ("Лук'яненко^Їжак-Єва", "ukrainian", "Lukianenko^Yizhak-Yeva"),
        ("Гук^Ганна", "icao", "Guk^Ganna"),
        ("Гук^Ганна", "ukrainian", "Huk^Hanna"),
        ("Гук^Фёдор", "belarusian", "Huk^Fiodor"),
        ("Щерев^Ангел", "bulgarian", "Shterev^Angel"),
        ("Живковић^Ђорђе", "serbian", "Zivkovic^Dorde"),
        ("Ќосев^Ѓорѓи", "macedonian", "Kjosev^Gjorgji"),
        ("Παπαδόπουλος^Ευάγγελος", "icao", "Papadopoulos^Evangelos"),
        ("Μπακογιάννης^Αυγούστα", "icao", "Bakogiannis^Avgousta"),
        ("Χατζής^Ευτύχιος", "icao", "Chatzis^Eftychios"),
        ("やまだ^たろう", "icao", "Yamada^Tarou"),
        ("ﾔﾏﾀﾞ^ﾀﾛｳ", "icao", "Yamada^Tarou"),
        ("キッチョウ^シンバシ", "icao", "Kitchou^Shimbashi"),
        ("홍^길동", "icao", "Hong^Gildong"),
        ("محمد", "icao", "Mxhmd"),
        ("فاطمة", "icao", "Faxttmxah"),
        ("Thorax – p.a. №5", "icao", "Thorax - p.a. No.5"),
        ("王^小明", "icao", "U+738B^U+5C0FU+660E"),
    ],
)
def test_a_name_is_written_as_in_its_passport(name: str, scheme: str, written: str) -> None:
    """A scanner with Latin letters alone shows the name the patient's passport shows."""
    assert _ascii(name, scheme) == written


def test_letters_the_scanner_has_stay() -> None:
    """Only what the scanner's set lacks is rewritten: a Cyrillic scanner keeps Cyrillic, a German one its umlauts."""
    assert transliteration.transliterate("Müller Щукина", lambda each: charset.holds(("ISO_IR 144",), each)) == (
        "Mueller Щукина"
    )
    assert transliteration.transliterate("Müller Щукина", lambda each: charset.holds(("ISO_IR 100",), each)) == (
        "Müller Shchukina"
    )
    assert transliteration.transliterate("Ґалаґан^Іван", lambda each: charset.holds(("ISO_IR 144",), each)) == (
        "Galagan^Ivan"
    )
    decomposed = "Mu\u0308ller"
    assert transliteration.transliterate(decomposed, lambda each: charset.holds(("ISO_IR 100",), each)) == "Müller"


@given(ANY_TEXT, TERMS, st.sampled_from(sorted(transliteration.SCHEMES)))
@settings(max_examples=500, deadline=None)
def test_every_text_can_be_sent_in_every_set(text: str, term: str, scheme: str) -> None:
    """Whatever a HIS writes, a scanner can be sent: in its own letters, without `?` and without a new delimiter."""
    terms = charset.usable([term])
    written = transliteration.transliterate(text, lambda each: charset.holds(terms, each), scheme)
    charset.encode(written, "\\".join(terms))
    assert transliteration.transliterate(written, lambda each: charset.holds(terms, each), scheme) == written
    assert all(written.count(delimiter) <= text.count(delimiter) for delimiter in "?*^=\\")


@given(st.text("王李张刘陈", min_size=1), st.text("王李张刘陈", min_size=1))
def test_two_names_no_table_knows_stay_two(one: str, other: str) -> None:
    """Patients whose names cannot be read aloud by any table are still told apart."""
    assert (_ascii(one) == _ascii(other)) == (one == other)
    assert not transliteration.is_readable(_ascii(one))
