"""Accession numbers by template, and the check digits in them."""

import re
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swf.mapping import accession, check_digits

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
    ],
)
def test_published_examples(scheme: str, text: str, expected: str) -> None:
    """Check digits are those of the published examples of each scheme."""
    assert check_digits.SCHEMES[scheme](text) == expected


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
