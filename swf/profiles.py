"""What modalities may differ in (RAD-5): the keys of a profile, how profiles extend each other, and their mistakes.

A key that is not given is taken from the profile that is extended; what no profile gives changes nothing.
"""

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Annotated, Any, Literal, Protocol

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from swf import clock
from swf.sentence import say

CHARACTER_SETS = (  # PS3.3 C.12.1.1.2
    *("ISO_IR 6", "ISO_IR 13", "ISO_IR 100", "ISO_IR 101", "ISO_IR 109", "ISO_IR 110", "ISO_IR 126", "ISO_IR 127"),
    *("ISO_IR 138", "ISO_IR 144", "ISO_IR 148", "ISO_IR 166", "ISO_IR 192", "GB18030", "GBK"),
    *("ISO 2022 IR 6", "ISO 2022 IR 13", "ISO 2022 IR 58", "ISO 2022 IR 87", "ISO 2022 IR 100", "ISO 2022 IR 101"),
    *("ISO 2022 IR 109", "ISO 2022 IR 110", "ISO 2022 IR 126", "ISO 2022 IR 127", "ISO 2022 IR 138"),
    *("ISO 2022 IR 144", "ISO 2022 IR 148", "ISO 2022 IR 149", "ISO 2022 IR 159", "ISO 2022 IR 166"),
)
STATUSES = ("SCHEDULED", "ARRIVED", "READY", "STARTED", "HELD", "COMPLETED", "CANCELLED", "DISCONTINUED")
SCHEMES = ("icao", "belarusian", "bulgarian", "macedonian", "russian", "serbian", "ukrainian")
SORT_KEYS = ("start", "station", "modality", "patient_name", "patient_id", "accession_number", "location")
DEFAULT = "default"
"""The profile of modalities that name none, if there is one of that name."""
_ALWAYS_ANSWERED = "ScheduledProcedureStepSequence"

Place = tuple[str | int, ...]
Finding = tuple[Place, str]


def _is_ae_title(text: str) -> str:
    """An application entity title: up to 16 characters, no backslash and no control character (PS3.5 section 6.2)."""
    title = text.strip(" ")
    if not re.fullmatch(r"[ -\[\]-~]{1,16}", title):
        raise PydanticCustomError("ae_title", "must be an AE title: 1 to 16 characters, no backslash")
    return title


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a sentence about a word nobody knows: the one that was probably meant, if any is near."""
    names = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(word.casefold(), names, n=1)
    return say("; did you mean %(name)s?", name=names[close[0]]) if close else ""


def _one_of(names: Sequence[str]) -> AfterValidator:
    def check(text: str) -> str:
        if text not in names:
            sentence = "must be one of {names}{meant}"
            raise PydanticCustomError(
                "one_of", sentence, {"names": ", ".join(names), "meant": did_you_mean(text, names)}
            )
        return text

    return AfterValidator(check)


def _is_path(text: str) -> str:
    from pydicom import datadict  # noqa: PLC0415  most settings name no attribute and need not wait for it

    for keyword in text.split("/"):
        if datadict.tag_for_keyword(keyword) is None:
            meant = did_you_mean(keyword, datadict.keyword_dict)
            raise PydanticCustomError("keyword", "is no keyword of the DICOM dictionary{meant}", {"meant": meant})
    return text


def _is_keyword(text: str) -> str:
    if "/" in text or text == _ALWAYS_ANSWERED:
        raise PydanticCustomError("keyword", "must be one keyword, and none the answer cannot do without")
    return _is_path(text)


def _is_time_zone(text: str) -> str:
    if not clock.is_zone(text):
        raise PydanticCustomError("time_zone", "is no time zone known here; such as Europe/Berlin")
    return text


def _is_value(text: str) -> str:
    if not text.strip(" ") or "\\" in text:
        raise PydanticCustomError("value", "must not be empty and must not hold a backslash")
    return text.strip(" ")


AeTitle = Annotated[str, AfterValidator(_is_ae_title)]
TimeZone = Annotated[str, AfterValidator(_is_time_zone)]
_Days = Annotated[int, Field(ge=0, le=3650)]
_Value = Annotated[str, AfterValidator(_is_value)]
_SortKey = Annotated[str, _one_of([*SORT_KEYS, *(f"-{key}" for key in SORT_KEYS)])]


class Section(BaseModel):
    """A table of the file: no unknown keys, no changes after loading."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Answers(Section):
    """How a modality is answered: what a profile holds, and what a modality may say differently for itself."""

    character_set: tuple[Annotated[str, _one_of(CHARACTER_SETS)], ...] | None = Field(
        default=None,
        min_length=1,
        max_length=4,
        description="The set its answers are in, always declared: terms of (0008,0005), several for code extensions; "
        "without it that of the query, or UTF-8.",
        examples=[["ISO_IR 100"]],
    )
    letters_outside: Literal["transliterate", "unicode"] | None = Field(
        default=None,
        description="What is done with letters its set does not hold: transliterate writes them with letters it holds, "
        "unicode sends the item in UTF-8. Without it: transliterate where there is a character_set. "
        "Identifiers are never rewritten.",
        examples=["transliterate"],
    )
    transliteration: Annotated[str, _one_of(SCHEMES)] | None = Field(
        default=None,
        description="By which tables: icao (those of passports), or those of a country beside them.",
        examples=["icao"],
    )
    station_filter: Literal["asked", "implied", "forced"] | None = Field(
        default=None,
        description="asked narrows by station only when it asks for one, implied also when it asks for none, "
        "forced always and to its own.",
        examples=["implied"],
    )
    stations: tuple[AeTitle, ...] | None = Field(
        default=None,
        min_length=1,
        description="The Scheduled Station AE Titles that are its own, such as those of a group that shares a list; "
        "who asks for one of them gets the steps of all. Without it the AE title it calls with.",
        examples=[["CT1", "CT2"]],
    )
    statuses: tuple[Annotated[str, _one_of(STATUSES)], ...] | None = Field(
        default=None,
        min_length=1,
        description="Which steps it sees when it does not ask for a status itself.",
        examples=[["SCHEDULED", "ARRIVED", "READY"]],
    )
    days_behind: _Days | None = Field(
        default=None,
        description="How many days back its list goes when it asks for no date itself.",
        examples=[1],
    )
    days_ahead: _Days | None = Field(
        default=None,
        description="How many days ahead its list goes when it asks for no date itself.",
        examples=[7],
    )
    locations: tuple[_Value, ...] | None = Field(
        default=None,
        min_length=1,
        description="It sees only steps at these places, (0040,0011).",
        examples=[["ROOM 3"]],
    )
    labels: tuple[_Value, ...] | None = Field(
        default=None,
        min_length=1,
        description="It sees only items with one of these labels, (0074,1202).",
        examples=[["NORTH"]],
    )
    sort: tuple[_SortKey, ...] | None = Field(
        default=None,
        min_length=1,
        description=f"The order of its list, by {', '.join(SORT_KEYS)}; a minus turns one round.",
        examples=[["start"]],
    )
    return_always: tuple[Annotated[str, AfterValidator(_is_path)], ...] | None = Field(
        default=None,
        description="What it is told without asking: keywords, inside a sequence as SEQUENCE/KEYWORD.",
        examples=[["StudyInstanceUID"]],
    )
    return_never: tuple[Annotated[str, AfterValidator(_is_keyword)], ...] | None = Field(
        default=None,
        description="What it is never told, even if it asks; keywords, wherever they stand.",
        examples=[["Allergies"]],
    )
    needs: tuple[Annotated[str, AfterValidator(_is_path)], ...] | None = Field(
        default=None,
        description="What an item must have a value for, or it is kept from this modality; `swf why` tells.",
        examples=[["StudyInstanceUID", "PatientID"]],
    )
    name_length: Annotated[int, Field(ge=8, le=192)] | None = Field(
        default=None,
        description="How long a name may be in all; the title goes first, the family name last.",
        examples=[64],
    )
    name_components: Annotated[int, Field(ge=1, le=5)] | None = Field(
        default=None,
        description="How many parts of a name it takes, of family name, given name, middle name, prefix and suffix.",
        examples=[3],
    )
    name_groups: Annotated[int, Field(ge=1, le=3)] | None = Field(
        default=None,
        description="How many of the alphabetic, ideographic and phonetic forms of a name it takes.",
        examples=[1],
    )
    names_begin: bool | None = Field(
        default=None,
        description="Whether a name it asks for without a wildcard need only be the beginning of the patient's: SMITH "
        "finds SMITH^ANNA.",
        examples=[True],
    )
    time_zone: TimeZone | None = Field(
        default=None,
        description="The zone of its clock, such as Atlantic/Azores, when it is not the site's: the start times it asks "
        "for and is told are in this zone.",
        examples=["Atlantic/Azores"],
    )


class Profile(Answers):
    """What several modalities have in common; repeat the table for each. One called default is everybody else's."""

    name: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        description="What [[modality]] and other profiles call it.", examples=["strict-ct"]
    )
    extends: str = Field(default="", description="A profile whose keys count where this one gives none.")


class Partition(Section):
    """A further AE title of ours, with a list of its own; repeat the table for each tenant of one port."""

    ae_title: AeTitle = Field(description="The AE title that is called.", examples=["NORTH"])
    labels: tuple[_Value, ...] = Field(
        min_length=1,
        description="Who calls it sees only items with one of these labels, (0074,1202).",
        examples=[["NORTH"]],
    )


class Caller(Protocol):
    """What is read here of a [[modality]]."""

    @property
    def ae_title(self) -> str:
        """The AE title it calls with."""

    @property
    def aliases(self) -> tuple[str, ...]:
        """Further ones."""

    @property
    def profile(self) -> str:
        """The name of its profile, or nothing."""


def resolved(own: Answers, profiles: Sequence[Profile], name: str) -> Answers:
    """The keys of `own`, then those of the profile `name` and of what it extends; every name has to be known."""
    known = {profile.name: profile for profile in profiles}
    keys: dict[str, Any] = {}
    for layer in chain([own], _chain(known, name)):
        given = {key: value for key in Answers.model_fields if (value := getattr(layer, key)) is not None}
        keys = {**given, **keys}
    return Answers.model_construct(**keys)


def origins(own: Answers, profiles: Sequence[Profile], name: str) -> dict[str, str]:
    """Where each key of `resolved` comes from: "" for the modality itself, else the name of a profile."""
    known = {profile.name: profile for profile in profiles}
    found: dict[str, str] = {}
    for layer, where in [(own, ""), *((each, each.name) for each in _chain(known, name))]:
        for key in Answers.model_fields:
            if getattr(layer, key) is not None:
                found.setdefault(key, where)
    return found


def _chain(known: dict[str, Profile], name: str) -> Iterator[Profile]:
    seen: set[str] = set()
    while name in known and name not in seen:
        seen.add(name)
        yield known[name]
        name = known[name].extends


def mistakes(callers: Sequence[Caller], profiles: Sequence[Profile], called: Sequence[str]) -> Iterator[Finding]:
    """What is wrong between the tables: unknown profiles, circles, AE titles that are taken. `called` are all of ours."""
    known = {profile.name: profile for profile in profiles}
    for index, profile in enumerate(profiles):
        if profile.extends and profile.extends not in known:
            yield ("profile", index, "extends"), f"there is no such profile{did_you_mean(profile.extends, known)}"
        elif any(each.extends == profile.name for each in _chain(known, profile.name)):
            yield ("profile", index, "extends"), "the profile extends itself in the end"
    for index, caller in enumerate(callers):
        if caller.profile and caller.profile not in known:
            yield ("modality", index, "profile"), f"there is no such profile{did_you_mean(caller.profile, known)}"
    yield from _taken_aliases(callers)
    for index, title in enumerate(called[1:]):
        if title in called[: index + 1]:
            yield ("partition", index, "ae_title"), f"{title!r} is already an AE title of ours"


def _taken_aliases(callers: Sequence[Caller]) -> Iterator[Finding]:
    seen = {caller.ae_title for caller in callers}
    for index, caller in enumerate(callers):
        for number, alias in enumerate(caller.aliases):
            if alias in seen:
                yield ("modality", index, "aliases", number), f"{alias!r} is already taken by a modality"
            seen.add(alias)
