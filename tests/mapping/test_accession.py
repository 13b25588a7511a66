"""Accession numbers by template, and the check digits in them."""

import re
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swf.errors import ConfigError
from swf.mapping import accession, check_digits, loader
from tests.mapping.conftest import SHIPPED, Written

AT = datetime(2030, 5, 2)  # the year is all that counts


@pytest.mark.parametrize(
    ("scheme", "text", "expected"),
    [
        ("luhn", "7992739871", "3"),
        ("luhn", "SWF7992739871", "3"),
        ("verhoeff", "236", "3"),
        ("verhoeff", "12345", "1"),
        ("damm", "572", "4"),
        ("mod11_2", "0794", "0"),
        ("mod11_2", "079", "X"),
        ("mod11_2", "000000021825009", "7"),
        ("mod11_10", "0794", "5"),
        ("mod11_10", "00200667308", "5"),
        ("mod97_10", "99991234567890121414", "90"),
        ("mod37_36", "A12425GABC1234002", "M"),
        ("mod37_2", "G123498654321", "H"),
    ],
)
def test_published_examples(scheme: str, text: str, expected: str) -> None:
    """Check digits are those of the published examples of each scheme."""
    assert check_digits.SCHEMES[scheme](text) == expected


HKID = {
    "scheme": "weighted",
    "weights": [9, 8, 7, 6, 5, 4, 3, 2],
    "modulus": 11,
    "pad": " ",
    "letters": "A=10",
    "complement": True,
    "digits": "0123456789A",
}
ISBN = HKID | {"weights": [10, 9, 8, 7, 6, 5, 4, 3, 2], "pad": "", "digits": "0123456789X"}
DNI = {"scheme": "table", "digits": "TRWAGMYFPDXBNJZSQVHLCKE"}


@pytest.mark.parametrize(
    ("described", "text", "expected"),
    [
        (HKID, "A123456", "3"),
        (HKID, "AB123456", "9"),
        (HKID, "E364912", "5"),
        (HKID, "AB987654", "3"),
        (HKID, "G123456", "A"),
        (HKID, "L555555", "0"),
        (ISBN, "030640615", "2"),
        (ISBN, "080442957", "X"),
        (DNI, "12345678", "Z"),
        ({"scheme": "luhn"}, "7992739871", "3"),
    ],
)
def test_schemes_a_site_describes(described: dict[str, Any], text: str, expected: str) -> None:
    """National and site schemes are described in the mapping, and give the published examples."""
    assert check_digits.parse(described).check(text) == expected


@pytest.mark.parametrize(
    ("described", "expected"),
    [
        ("crc", "there is no check digit crc; known are luhn"),
        ({"scheme": "crc"}, "there is no check digit crc"),
        ({"scheme": "weighted", "modulus": 11}, "weighted needs weights, and table takes none"),
        ({**DNI, "weights": [1]}, "weighted needs weights, and table takes none"),
        ({**HKID, "weights": "98765432"}, "weights must be a list of whole numbers"),
        ({**HKID, "modulus": 12}, "modulus must be a whole number from 2 on"),
        ({**HKID, "modulus": "11"}, "modulus must be a whole number from 2 on"),
        ({**HKID, "letters": "10"}, 'letters must be written like "A=10"'),
        ({**HKID, "pad": "  "}, "pad be one character"),
        ({**HKID, "weigths": []}, "a check digit has no setting weigths"),
    ],
)
def test_a_scheme_that_cannot_be(described: Any, expected: str) -> None:
    """A scheme that is described wrongly is refused before it is used."""
    with pytest.raises(ValueError, match=re.escape(expected)):
        check_digits.parse(described)


def test_a_sites_own_check_digit() -> None:
    """`{check}` is the digit by the site's own scheme; one a worklist query would misread is refused."""
    own = check_digits.parse({**HKID, "weights": [7, 3, 1] * 5})
    made = accession.parse("{prefix}{number:08}{check}", own)
    assert made.render("SWF", 42, AT) == f"SWF00000042{own.check('SWF00000042')}"
    assert made.render("SWF", 42, AT)[-1] != made.render("SWF", 43, AT)[-1]
    for template, scheme, expected in (
        ("{number:08}{check}", None, "{check} needs a line check in [identifiers]"),
        ("{number:08}{check}", check_digits.parse("mod37_2"), "a worklist query takes * for any text"),
        ("{number:08}{check:mod37_2}", None, "a worklist query takes * for any text"),
        ("{number:09}{check}", check_digits.parse(HKID), "9 characters can stand before the check digit, which has 8"),
    ):
        with pytest.raises(ValueError, match=re.escape(expected)):
            accession.parse(template, scheme)


def test_a_check_digit_in_a_mapping(written: Written) -> None:
    """The scheme stands in the mapping, and a mistake in it is named with its line."""
    head = f'extends = "{SHIPPED}"\n[identifiers]\naccession = "{{number:08}}{{check}}"\n'
    mapping = loader.load(written(head + 'check = { scheme = "table", digits = "TRWAGMYFPDXBNJZSQVHLCKE" }\n'))
    assert mapping.accession.render("", 12345678, AT) == "12345678Z"
    with pytest.raises(ConfigError, match=r"site\.toml:4: weighted needs weights"):
        loader.load(written(head + 'check = { scheme = "weighted", modulus = 11 }\n'))


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(check_digits.SCHEMES)), st.integers(1, 99_999_999), st.integers(0, 7), st.integers(1, 9))
def test_a_slip_of_the_typist_is_noticed(scheme: str, number: int, place: int, by: int) -> None:
    """One wrong digit gives another check digit, whichever digit it is."""
    right = f"{number:08d}"
    wrong = right[:place] + str((int(right[place]) + by) % 10) + right[place + 1 :]
    check = check_digits.SCHEMES[scheme]
    assert check(right) != check(wrong)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{prefix}{number:08}", "SWF00000042"),
        ("{prefix}{year}{number:06}", "SWF2030000042"),
        ("{prefix}{number:08}{check:luhn}", "SWF000000422"),
        ("X-{number:07}{check:mod97_10}", None),
        ("{number:10}", None),
        (accession.DEFAULT, "SWF00000042"),
    ],
)
def test_templates(template: str, expected: str | None) -> None:
    """A site writes its own form of number; it always fits a worklist and is never the same for two orders."""
    try:
        made = accession.parse(template)
    except ValueError:
        assert expected is None
        return
    assert len(made.render("ABCDEF", 42, AT)) <= 16
    assert made.render("SWF", 42, AT) != made.render("SWF", 43, AT)
    assert expected in {None, made.render("SWF", 42, AT)}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{prefix}", "an accession number without {number} would be given twice"),
        ("{prefix}{number:011}", "the accession number can be 17 characters long; a worklist holds 16 (SH)"),
        ("{prefix}{number:08}{year}", "the accession number can be 18 characters long"),
        ("{prefx}{number:08}", "there is no field prefx; did you mean prefix?"),
        ("{zzz}{number:08}", "there is no field zzz; prefix, number, year, check"),
        ("{number:8}", "{number:8} must be written like {number:08}"),
        ("{number}", "{number} needs a width of 6 or more"),
        ("{number:08}{check:crc}", "there is no check digit crc; known are luhn, verhoeff, damm"),
        ("a/{number:08}", "between the fields of an accession number stand capitals"),
        ("{number:08", "between the fields of an accession number stand capitals"),
    ],
)
def test_a_template_that_cannot_be(template: str, expected: str) -> None:
    """A form that gives numbers twice, too long or unreadable is refused before it is used."""
    with pytest.raises(ValueError, match=re.escape(expected)):
        accession.parse(template)
