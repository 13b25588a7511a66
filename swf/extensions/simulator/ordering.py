"""What a HIS sends, drawn from a seed: the same seed gives the same messages, byte for byte but for the times in them.

Of order number n everything is drawn from the seed and n alone, so that neither the speed nor the answers of the broker
change what comes next (RAD-4, RAD-13).
"""

import heapq
import random
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from swf import clock
from swf.errors import ConfigError
from swf.extensions.simulator import his, people
from swf.extensions.simulator.faults import NONE, Faults
from swf.hl7 import charset
from swf.profiles import did_you_mean

_FIRST_HOUR, _DAY_MINUTES, _QUARTER = 7, 600, 15
_CODES = ("HEAD", "CHEST", "ABD")
_MOST_STEPS, _SEVERAL = 3, 0.15
_LATE_BY, _LATE_S = 3, 30
# How long after its order a change and a cancellation come, counted in orders.
_AFTER = {"new": 0.0, "change": 1.5, "cancel": 2.5}
_CONTROL = {"new": his.NEW, "change": his.CHANGED, "cancel": his.CANCELLED}
_WRONG = "utf-8"

PROFILES: dict[str, tuple[Callable[..., bytes], ...]] = {
    "orm-2.3.1": (his.orm,),
    "omi-2.5.1": (his.omi,),
    "mixed": (his.orm, his.omi),
}
"""Which messages a HIS of this profile sends: a HIS keeps to the same for one order."""


@dataclass(frozen=True)
class Habits:
    """What is known of a HIS before it begins. `character_set` is MSH-18; without it what is usual for the language."""

    seed: str
    language: str = "en"
    profile: str = "omi-2.5.1"
    character_set: str = ""
    faults: Faults = NONE
    stations: tuple[tuple[str, str], ...] = people.MODALITIES


class Message(NamedTuple):
    """One message about `order`, of the kind `new`, `change` or `cancel`, and what goes wrong on its way."""

    order: his.Order
    kind: str
    control_id: str
    faults: frozenset[str]
    raw: bytes


def habits(
    seed: str, language: str, profile: str, *, character_set: str = "", faults: Faults = NONE, stations: str = ""
) -> Habits:
    """The same, checked: `stations` are typed as `CT=CT1,MR=MR1`. Raises ConfigError with every mistake."""
    mistakes = []
    for name, known, what in ((language, people.LANGUAGES, "language"), (profile, PROFILES, "profile of a HIS")):
        if name not in known:
            mistakes.append(f"{name} is no {what}{did_you_mean(name, known)}; there are {', '.join(known)}")
    if character_set and charset.codec_for(character_set) is None:
        mistakes.append(f"{character_set} is no character set of MSH-18 that is known here")
    pairs = [each.partition("=") for each in stations.split(",") if each]
    mistakes += [f"{''.join(pair)} is no station; write CT=CT1" for pair in pairs if not all(pair)]
    if mistakes:
        raise ConfigError(mistakes)
    places = tuple((modality, title) for modality, _, title in pairs) or people.MODALITIES
    return Habits(seed, language, profile, character_set, faults, places)


def messages(wanted: Habits, orders: int | None = None) -> Iterator[Message]:
    """The messages about so many orders, or without end, in the order in which they are sent.

    Changes and cancellations come among later orders. Times are those of the moment each message is asked for.
    """
    waiting: list[tuple[float, int, str]] = []
    number = 0
    while waiting or orders is None or number < orders:
        if orders is None or number < orders:
            for kind, place in _places(wanted, number):
                heapq.heappush(waiting, (place, number, kind))
            number += 1
        ended = orders is not None and number >= orders
        while waiting and (ended or waiting[0][0] < number):
            _, about, kind = heapq.heappop(waiting)
            yield message(wanted, about, kind)


def order(wanted: Habits, number: int) -> his.Order:
    """Order `number` as it is at first."""
    chance = _chance(wanted, number, "order")
    tag = f"{zlib.crc32(wanted.seed.encode()) & 0xFFFF:04X}{number:06}"
    who = people.person(chance, wanted.language, tag)
    modality, title = wanted.stations[chance.randrange(len(wanted.stations))]
    region = chance.randrange(len(_CODES))
    text = f"{modality} {people.LANGUAGES[wanted.language].regions[region]}"
    steps = chance.randint(2, _MOST_STEPS) if chance.random() < _SEVERAL else 1
    begins = timedelta(minutes=chance.randrange(0, _DAY_MINUTES, _QUARTER))
    return his.Order(
        patient_id=who.patient_id,
        issuer=people.AUTHORITY,
        name=who.name,
        forms=who.forms,
        birth_date=who.birth_date,
        sex=who.sex,
        placer_number=f"P{tag}",
        filler_number=f"F{tag}",
        accession=f"A{tag}",
        procedure_id=f"RP{tag}",
        step_ids=tuple(f"S{tag}.{step + 1}" for step in range(steps)),
        study_uid=f"2.25.{chance.getrandbits(120)}",
        code=f"{modality}{_CODES[region]}^{text}^99SIM",
        protocol=f"P{_CODES[region]}^{text}^99SIM",
        modality=modality,
        station_ae=title,
        start=_today(_FIRST_HOUR) + begins,
    )


def message(wanted: Habits, number: int, kind: str) -> Message:
    """The message of that kind about order `number`, as it is made now."""
    of_order, faults = order(wanted, number), drawn(wanted, number)
    if kind != "new" and "change" in faults:
        of_order = replace(of_order, start=of_order.start + timedelta(minutes=2 * _QUARTER))
    makers = PROFILES[wanted.profile]
    character_set = wanted.character_set or people.LANGUAGES[wanted.language].character_set
    is_late = kind == "new" and "late" in faults
    control_id = f"{of_order.placer_number}{kind[:2].upper()}"
    envelope = his.Envelope(control_id, clock.now() - timedelta(seconds=_LATE_S * is_late))
    raw = makers[number % len(makers)](of_order, _CONTROL[kind], character_set, envelope)
    if "wrong-charset" in faults:
        raw = _mislabelled(raw, character_set)
    return Message(of_order, kind, control_id, _on_the_way(faults, kind), raw)


def drawn(wanted: Habits, number: int) -> frozenset[str]:
    """What goes wrong with order `number`."""
    return wanted.faults.drawn(_chance(wanted, number, "faults"))


def _on_the_way(faults: frozenset[str], kind: str) -> frozenset[str]:
    """Noise and repetitions befall the order itself; the others whatever is sent about it."""
    return faults if kind == "new" else faults - {"duplicate", "garbage"}


def _places(wanted: Habits, number: int) -> Iterator[tuple[str, float]]:
    faults = drawn(wanted, number)
    for kind, after in _AFTER.items():
        if kind == "new" or kind in faults:
            late = _LATE_BY if "late" in faults and kind != "change" else 0
            yield kind, number + after + late


def _mislabelled(raw: bytes, character_set: str) -> bytes:
    """The same text in UTF-8 under the name of another set; a set that is UTF-8 itself is named as one that is not."""
    codec = charset.codec_for(character_set) or _WRONG
    if codec == _WRONG:
        return raw.replace(character_set.encode(), b"8859/1", 1)
    return raw.decode(codec).encode(_WRONG)


def _chance(wanted: Habits, number: int, what: str) -> random.Random:
    return random.Random(f"{wanted.seed}/{what}/{number}")  # noqa: S311  to be repeated, not to be secret


def _today(hour: int) -> datetime:
    return clock.local(clock.now()).replace(hour=hour, minute=0, second=0, microsecond=0)
