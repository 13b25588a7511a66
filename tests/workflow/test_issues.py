"""Who has a problem: taken, given back, remarked on and snoozed, and all of it in the journal."""

from datetime import timedelta

import pytest

from swf import clock
from swf.config import Settings
from swf.errors import Unresolvable
from swf.mapping.rules import SiteMapping
from swf.model.journal import Event
from swf.store import journal
from swf.store.database import Database
from swf.workflow import issues
from swf.workflow.issues import Issue
from swf.workflow.problems import Kind, Problem, Severity
from swf.workflow.site import Site

PROBLEM = Problem(Kind.PART_AILING, "hl7 listener", Severity.TROUBLE, "it does not do its work", "start it anew")


@pytest.fixture
def site(database: Database, mapping: SiteMapping) -> Site:
    """The rules in force of an empty house."""
    return Site(Settings(store={"url": database.url}), mapping)


def _look(database: Database, site: Site, after: timedelta = timedelta()) -> Issue:
    with database.reading() as connection:
        return issues.one(issues.every(connection, site, clock.now() + after, [PROBLEM]), PROBLEM.key)


def test_an_issue_has_an_owner_until_it_is_given_back(database: Database, site: Site) -> None:
    """Who took it is seen by everybody; what was remarked stays when it changes hands."""
    assert _look(database, site) == Issue(PROBLEM)
    now = clock.now()
    database.run(lambda transaction: issues.take(transaction, now, "anna", PROBLEM))
    database.run(lambda transaction: issues.remark(transaction, now, "anna", PROBLEM, " the switch is broken "))
    found = _look(database, site)
    assert (found.owner, found.remark, found.changed_by) == ("anna", "the switch is broken", "anna")
    database.run(lambda transaction: issues.take(transaction, now, "ben", PROBLEM))
    assert (_look(database, site).owner, _look(database, site).remark) == ("ben", "the switch is broken")
    database.run(lambda transaction: issues.give_back(transaction, now, "ben", PROBLEM))
    database.run(lambda transaction: issues.remark(transaction, now, "ben", PROBLEM, "x" * 999))
    assert (_look(database, site).owner, len(_look(database, site).remark)) == ("", issues.LONGEST_REMARK)
    with database.reading() as connection:
        rows = journal.recent(connection, limit=9, event=Event.OPERATOR_ACTED)
    told = f"issue {PROBLEM.key} (part ailing)"
    assert [(row.detail["by"], row.detail["did"]) for row in rows][:3] == [
        ("ben", f"remark on {told}"),
        ("ben", f"give back {told}"),
        ("ben", f"take {told}"),
    ]


def test_a_snoozed_issue_comes_back(database: Database, site: Site) -> None:
    """It is not shown for as long as was said, a month at the most, and may be woken before."""
    now = clock.now()
    database.run(lambda transaction: issues.snooze(transaction, now, "anna", PROBLEM, 2))
    assert _look(database, site).snoozed_until == now + timedelta(hours=2)
    assert _look(database, site, timedelta(hours=3)).snoozed_until is None
    database.run(lambda transaction: issues.snooze(transaction, now, "anna", PROBLEM, 99_999))
    assert _look(database, site).snoozed_until == now + issues.LONGEST_SNOOZE
    database.run(lambda transaction: issues.snooze(transaction, now, "anna", PROBLEM, 0))
    assert _look(database, site).snoozed_until is None


def test_what_is_mended_cannot_be_taken(database: Database, site: Site) -> None:
    """An issue that is gone is said to be gone."""
    with database.reading() as connection, pytest.raises(Unresolvable, match="may be mended"):
        issues.one(issues.every(connection, site, clock.now()), PROBLEM.key)


def test_everything_has_a_name(database: Database, site: Site) -> None:
    """For programs each value of an issue has its name."""
    found = _look(database, site).jsonable()
    assert found["kind"] == "part ailing"
    assert {"key", "cause", "remedy", "since", "times", "owner", "snoozed_until"} <= found.keys()
