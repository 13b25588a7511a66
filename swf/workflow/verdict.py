"""What `why` answers with: findings of its rules, the stages of a list, and the whole answer (RAD-5).

Every sentence is English that can be said in other languages (`swf.sentence`).
"""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, NamedTuple


class Verdict(StrEnum):
    """What a rule means for the step."""

    HIDES = "hides"
    NOTE = "note"
    PASSES = "passes"


class Finding(NamedTuple):
    """What one rule found. `action` mends what hides; "" when there is nothing to mend. `attribute` is whose values it tells."""

    rule: str
    verdict: Verdict
    facts: str
    action: str = ""
    attribute: str = ""


class Stage(NamedTuple):
    """How many steps were left after one more condition of the station's list, and the attribute or setting it is about."""

    rule: str
    condition: str
    left: int
    attribute: str = ""


@dataclass(frozen=True, slots=True)
class StepAnswer:
    """The answer for one step of the order."""

    accession_number: str
    step_id: str
    seen: bool
    findings: list[Finding]


@dataclass(frozen=True, slots=True)
class Why:
    """The whole answer. `steps` is empty when nothing is known of the number; then `near` says what comes near it."""

    number: str
    ae_title: str
    called: str
    sentence: str
    seen: bool
    steps: list[StepAnswer]
    funnel: list[Stage]
    near: list[Finding]

    def jsonable(self) -> dict[str, Any]:
        """The answer with a name for every value."""
        steps = [{**asdict(step), "findings": [found._asdict() for found in step.findings]} for step in self.steps]
        funnel = [stage._asdict() for stage in self.funnel]
        return {**asdict(self), "steps": steps, "funnel": funnel, "near": [found._asdict() for found in self.near]}
