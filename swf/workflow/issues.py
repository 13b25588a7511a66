"""The list of issues: what is found now, and who has it. Problems are computed, what operators say of them is kept."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from swf.errors import Unresolvable
from swf.sentence import say
from swf.store import care
from swf.store.database import Transaction
from swf.workflow import operator, problems
from swf.workflow.problems import Problem
from swf.workflow.site import Site

LONGEST_REMARK = 500
LONGEST_SNOOZE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Issue:
    """A problem and what was last said of it, by whom; `owner` is "" while nobody has it."""

    problem: Problem
    owner: str = ""
    remark: str = ""
    snoozed_until: datetime | None = None
    changed_by: str = ""
    changed_at: datetime | None = None

    def jsonable(self) -> dict[str, Any]:
        """Everything with a name."""
        found = asdict(self)
        return {**found.pop("problem"), **found}


def every(connection: Transaction, site: Site, now: datetime, elsewhere: Iterable[Problem] = ()) -> list[Issue]:
    """Every issue, those that keep something from being done first; `elsewhere` was found outside of the store."""
    found = problems.ordered([*elsewhere, *problems.found(connection, site, now)])
    said = care.of(connection, [each.key for each in found])
    return [_issue(each, said.get(each.key), now) for each in found]


def _issue(problem: Problem, said: Any, now: datetime) -> Issue:
    if said is None:
        return Issue(problem)
    until = said.snoozed_until if said.snoozed_until is not None and said.snoozed_until > now else None
    return Issue(problem, said.owner, said.remark, until, said.changed_by, said.changed_at)


def one(issues: Iterable[Issue], key: str) -> Issue:
    """The issue of that key; raises Unresolvable when there is none any more."""
    for each in issues:
        if each.problem.key == key:
            return each
    raise Unresolvable(say("there is no issue %(key)s; it may be mended", key=key))


def take(transaction: Transaction, at: datetime, by: str, problem: Problem) -> None:
    """`by` has it from now on."""
    _say(transaction, at, by, problem, f"take {_name(problem)}", owner=by)


def give_back(transaction: Transaction, at: datetime, by: str, problem: Problem) -> None:
    """Nobody has it from now on."""
    _say(transaction, at, by, problem, f"give back {_name(problem)}", owner="")


def remark(transaction: Transaction, at: datetime, by: str, problem: Problem, text: str) -> None:
    """Note what is known of it; an empty text takes the note away."""
    _say(transaction, at, by, problem, f"remark on {_name(problem)}", remark=text.strip()[:LONGEST_REMARK])


def snooze(transaction: Transaction, at: datetime, by: str, problem: Problem, hours: float) -> None:
    """Do not show it for so many hours; 0 shows it again."""
    length = min(timedelta(hours=max(hours, 0.0)), LONGEST_SNOOZE)
    until = at + length if length else None
    did = f"snooze {_name(problem)} for {hours:g} h" if until else f"wake {_name(problem)}"
    _say(transaction, at, by, problem, did, snoozed_until=until)


def _name(problem: Problem) -> str:
    return f"issue {problem.key} ({problem.kind})"


def _say(transaction: Transaction, at: datetime, by: str, problem: Problem, did: str, **changes: Any) -> None:
    named = {"key": problem.key, "kind": problem.kind, "subject": problem.subject}
    care.change(transaction, named, by, at, changes)
    operator.acted(transaction, at, by, did)
