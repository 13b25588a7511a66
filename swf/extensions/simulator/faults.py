"""What may go wrong on the other side, how often, and by which seed: the same seed makes the same mistakes."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from swf.errors import ConfigError
from swf.profiles import did_you_mean
from swf.sentence import say

HIS = {
    "change": say("the order is changed later (ORC-1 XO, another start)"),
    "cancel": say("the order is cancelled later (ORC-1 CA)"),
    "duplicate": say("the same message is sent twice"),
    "late": say("the order comes after those that followed it, its own change among them"),
    "lost-ack": say("the connection is closed before the acknowledgement is read, and the message sent again"),
    "garbage": say("a frame that is no message comes before the order"),
    "split-frames": say("the frame comes in pieces of a few bytes"),
    "wrong-charset": say("the message is in another character set than MSH-18 says"),
}
MODALITY = {
    "never-ends": say("an exam is begun and no end is ever reported"),
    "set-first": say("N-SET comes before N-CREATE"),
    "duplicate-create": say("N-CREATE comes twice"),
    "lost-answer": say("the connection is cut before the answer to N-SET is read, and N-SET sent again"),
    "discontinued": say("the exam is discontinued"),
    "wrong-patient": say("another patient's entry is begun first, and discontinued with reason 110514"),
    "unscheduled": say("an exam nobody ordered is reported"),
    "abort": say("the association is aborted in the middle of an answer"),
    "c-cancel": say("the query is cancelled after its first item"),
}
MIS = {
    "no-ack": say("nothing is answered"),
    "ae": say("AE: the message is refused, this time"),
    "ar": say("AR: the message is refused for good"),
    "slow": say("the acknowledgement takes long"),
    "close": say("the connection is closed in place of an answer"),
    "garbage": say("what is answered is no acknowledgement"),
}
KINDS = {"his": HIS, "modality": MODALITY, "mis": MIS}
EVERY = "all"
EVERY_RATE = 0.05


@dataclass(frozen=True)
class Faults:
    """How often each happens, from 0 to 1."""

    rates: Mapping[str, float]

    def drawn(self, chance: random.Random) -> frozenset[str]:
        """Which happen this time; every kind draws, so that a rate that is changed moves no other fault."""
        return frozenset([name for name, rate in self.rates.items() if chance.random() < rate])


NONE = Faults({})


def faults(kind: str, wishes: Iterable[str]) -> Faults:
    """The faults of `his`, `modality` or `mis` as they are typed: NAME=RATE, NAME alone (always), or all[=RATE].

    Raises ConfigError with every mistake.
    """
    known = KINDS[kind]
    rates = dict.fromkeys(known, 0.0)
    mistakes = []
    for wish in wishes:
        name, _, text = wish.partition("=")
        rate = _rate(text, EVERY_RATE if name == EVERY else 1.0)
        if name not in known and name != EVERY:
            mistakes.append(f"{name} is no fault of {kind}{did_you_mean(name, known)}; there are {', '.join(known)}")
        elif rate is None:
            mistakes.append(f"{text} is no rate of {name}; write a number from 0 to 1, such as 0.05")
        else:
            rates.update(dict.fromkeys(known if name == EVERY else [name], rate))
    if mistakes:
        raise ConfigError(mistakes)
    return Faults(rates)


def _rate(text: str, otherwise: float) -> float | None:
    if not text:
        return otherwise
    try:
        rate = float(text)
    except ValueError:
        return None
    return rate if 0.0 <= rate <= 1.0 else None
