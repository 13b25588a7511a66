"""Profiles of modalities: what a site may say of a device, what of it counts, and every mistake with its place."""

from pathlib import Path

import pytest

from swf import config, profiles
from swf.dicom import charset, terms, transliteration
from swf.errors import ConfigError

CT1 = "[[modality]]\nae_title = 'CT1'\n"
BASE = "[[profile]]\nname = 'base'\ncharacter_set = ['ISO_IR 100']\ndays_ahead = 3\n"


def _load(folder: Path, text: str) -> config.Settings:
    (folder / "site.toml").write_text(text, "utf-8")
    return config.load(folder / "site.toml", {})


def _of(settings: config.Settings, name: str = "") -> profiles.Answers:
    return profiles.resolved(settings.modality[0], settings.profile, name or settings.modality[0].profile)


def test_what_a_modality_says_itself_counts_before_its_profile(tmp_path: Path) -> None:
    """One device of a group may differ from the others in one thing."""
    extended = "[[profile]]\nname = 'ct'\nextends = 'base'\ndays_ahead = 7\nneeds = ['PatientID']\n"
    found = _of(_load(tmp_path, f"{CT1}profile = 'ct'\ndays_behind = 0\n{extended}{BASE}"))
    assert (found.days_behind, found.days_ahead, found.character_set) == (0, 7, ("ISO_IR 100",))
    assert (found.needs, found.statuses) == (("PatientID",), None)


def test_what_nobody_says_is_nothing(tmp_path: Path) -> None:
    """A modality without a profile is answered as before there were any."""
    found = _of(_load(tmp_path, CT1))
    assert set(found.model_dump().values()) == {None}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (f"{CT1}profile = 'bsae'\n{BASE}", "site.toml:3: modality[1].profile: there is no such profile; did you mean base?"),
        (f"{CT1}{BASE}extends = 'nothing'", "site.toml:7: profile[1].extends: there is no such profile"),
        (f"{BASE}extends = 'base'", "site.toml:5: profile[1].extends: the profile extends itself in the end"),
        (f"{BASE}{BASE}", "profile[2].name: 'base' is already taken by another profile"),
        (f"{CT1}aliases = ['CT2']\n[[modality]]\nae_title = 'CT2'", "modality[1].aliases[1]: 'CT2' is already taken"),
        (f"{CT1}aliases = ['CT1\\']", "aliases[1]: must be an AE title"),
        (f"{CT1}character_set = ['ISO_IR 10']", "must be one of ISO_IR 6, "),
        (f"{CT1}character_set = ['ISO_IR 10']", "; did you mean ISO_IR 1"),
        (f"{CT1}character_set = []", "character_set: should have at least 1 item"),
        (f"{CT1}transliteration = 'ukranian'", "did you mean ukrainian?"),
        (f"{CT1}letters_outside = '?'", "letters_outside: should be 'transliterate' or 'unicode'"),
        (f"{CT1}station_filter = 'mine'", "station_filter: should be 'asked', 'implied' or 'forced'"),
        (f"{CT1}statuses = ['SCHEDULE']", "did you mean SCHEDULED?"),
        (f"{CT1}sort = ['patientname']", "did you mean patient_name?"),
        (f"{CT1}return_always = ['PatientNam']", "is no keyword of the DICOM dictionary; did you mean PatientName?"),
        (f"{CT1}return_never = ['ScheduledProcedureStepSequence']", "none the answer cannot do without"),
        (f"{CT1}needs = ['ScheduledProcedureStepSequence/Modalty']", "; did you mean Modality?"),
        (f"{CT1}name_length = 3", "name_length: should be greater than or equal to 8"),
        (f"{CT1}days_ahead = -1", "days_ahead: should be greater than or equal to 0"),
        (f"{CT1}locations = ['']", "locations[1]: must not be empty"),
        (f"{CT1}time_zone = 'Mars/Olympus'", "is no time zone known here"),
        (f"{CT1}charset = 'x'", "modality[1].charset: there is no such key"),
        ("[[partition]]\nae_title = 'SWF'\nlabels = ['X']", "partition[1].ae_title: 'SWF' is already an AE title of ours"),
        ("[[partition]]\nae_title = 'N'", "partition[1].labels: is missing"),
    ],
)  # fmt: skip
def test_mistakes_in_profiles(tmp_path: Path, text: str, sentence: str) -> None:
    """A profile that cannot work is found before the first scanner asks, with its line and what was meant."""
    with pytest.raises(ConfigError) as refusal:
        _load(tmp_path, text)
    (mistake,) = refusal.value.mistakes
    assert sentence in mistake


def test_a_circle_of_profiles_is_told_at_each(tmp_path: Path) -> None:
    """Profiles that extend each other are named, not followed for ever."""
    circle = (
        "[[profile]]\nname='a'\nextends='b'\n[[profile]]\nname='b'\nextends='a'\n[[profile]]\nname='c'\nextends='a'\n"
    )
    with pytest.raises(ConfigError) as refusal:
        _load(tmp_path, circle)
    places = [mistake.partition(": ")[0].rpartition("/")[2] for mistake in refusal.value.mistakes]
    assert places == ["site.toml:3", "site.toml:6"]


def test_the_names_a_profile_may_use_are_those_the_broker_knows() -> None:
    """Every set, table and status that may be written in a profile works, and every one that works may be written."""
    assert set(profiles.CHARACTER_SETS) == set(charset.TERMS) - {""}
    assert set(profiles.SCHEMES) == set(transliteration.SCHEMES)
    assert list(profiles.STATUSES) == list(terms.StepStatus)
