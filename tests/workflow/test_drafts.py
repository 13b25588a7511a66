"""Drafts of the mapping: kept for everybody, saved as a whole, undone; nobody's work is lost."""

from pathlib import Path
from typing import Any

import pytest

from swf import clock, config
from swf.config import Settings
from swf.errors import ConfigError, DraftRefused
from swf.store import drafts as draft_store
from swf.store import journal
from swf.store.database import Database
from swf.workflow import drafts
from swf.workflow import site as sites
from swf.workflow.site import Site

JANE, JOHN = "jane", "john"
FIRST = 'extends = "swf:default.toml"\n'
SECOND = FIRST + '[stations]\nCT = "CT7"\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The site's own mapping."""
    path = tmp_path / "mappings" / "site.toml"
    path.parent.mkdir()
    path.write_text(FIRST)
    return path


@pytest.fixture
def site(file: Path) -> Site:
    """The rules in force."""
    return sites.load(Settings(mapping=str(file)))


def keep(database: Database, site: Site, file: Path, content: str, **since: Any) -> None:
    """Keep a draft."""
    change = (str(file), content, since.get("revision", 0))
    database.run(lambda transaction: drafts.keep(transaction, site, change, clock.now(), since.get("by", JANE)))


def save(database: Database, site: Site, seen: str = "") -> list[str]:
    """Save what is drafted."""
    return drafts.save(database, site, clock.now(), JOHN, seen)


def did(database: Database) -> list[str]:
    """What operators did, oldest first."""
    with database.reading() as connection:
        found = journal.recent(connection, limit=99, event="operator acted")
    return [f"{row.detail['by']}: {row.detail['did']}" for row in reversed(found)]


def test_a_draft_is_found_by_everybody_and_changes_nothing(database: Database, site: Site, file: Path) -> None:
    """What one keeps another finds, with who kept it; the file and the rules are as before."""
    keep(database, site, file, SECOND)
    with database.reading() as connection:
        rows = draft_store.everything(connection)
    document = drafts.documents(site, rows)[0]
    assert document.draft is not None
    assert (document.path, document.draft.by, document.draft.content, document.text) == (file, JANE, SECOND, FIRST)
    assert drafts.tried(site, rows).mapping.stations["CT"] == ("CT7",)
    assert "CT" not in site.mapping.stations
    assert file.read_text() == FIRST


def test_two_do_not_write_over_each_other(database: Database, site: Site, file: Path) -> None:
    """Who keeps a draft that a colleague has changed meanwhile is told by whom, and the colleague's text stays."""
    keep(database, site, file, SECOND)
    keep(database, site, file, SECOND + "# of john\n", revision=1, by=JOHN)
    with pytest.raises(DraftRefused, match="john has changed the draft meanwhile"):
        keep(database, site, file, FIRST, revision=1)
    with database.reading() as connection:
        row = draft_store.one(connection, str(file))
    assert row is not None
    assert (row.content, row.base) == (SECOND + "# of john\n", FIRST)


def test_what_is_saved_can_be_undone(database: Database, site: Site, file: Path) -> None:
    """Saving writes the file, ends the draft and keeps what was before; undoing is a saving too, and can be undone."""
    keep(database, site, file, SECOND)
    assert save(database, site) == [str(file)]
    assert file.read_text() == SECOND
    with database.reading() as connection:
        assert draft_store.everything(connection) == []
    drafts.undo(database, site, 1, clock.now(), JANE)
    assert file.read_text() == FIRST
    drafts.undo(database, site, 2, clock.now(), JANE)
    assert file.read_text() == SECOND
    with pytest.raises(DraftRefused, match="there is no saving 7"):
        drafts.undo(database, site, 7, clock.now(), JANE)
    assert did(database) == [
        f"jane: draft of {file} begun",
        f"john: mapping saved: {file}",
        f"jane: mapping saving 1 undone: {file}",
        f"jane: mapping saving 2 undone: {file}",
    ]


def test_a_mistake_is_never_saved(database: Database, site: Site, file: Path) -> None:
    """A draft may be kept half done; saved it is only without a mistake, and all of them are told."""
    keep(database, site, file, FIRST + '[attributes]\nPatientSex = { from = "PID-99" }\nPatientAge = 3\n')
    with pytest.raises(ConfigError) as caught:
        save(database, site)
    assert [each.partition(": ")[0] for each in caught.value.mistakes] == [f"{file}:3", f"{file}:4"]
    assert file.read_text() == FIRST


def test_what_an_editor_wrote_meanwhile_is_not_lost(database: Database, site: Site, file: Path) -> None:
    """The file was changed by hand since the draft was begun: saving is refused until somebody has looked at both."""
    keep(database, site, file, SECOND)
    file.write_text(FIRST + "# by hand\n")
    with database.reading() as connection:
        rows = draft_store.everything(connection)
    assert drafts.documents(site, rows)[0].overtaken
    with pytest.raises(DraftRefused, match="has changed on disk"):
        save(database, site)
    assert file.read_text() == FIRST + "# by hand\n"
    database.run(lambda transaction: drafts.rebase(transaction, str(file), clock.now(), JANE))
    save(database, site)
    drafts.undo(database, site, 1, clock.now(), JANE)
    assert file.read_text() == FIRST + "# by hand\n"


def test_a_saving_that_was_cut_off_is_done_again(database: Database, site: Site, file: Path) -> None:
    """The power failed when the file was written and the draft not yet ended: saved again, it is as if nothing was."""
    keep(database, site, file, SECOND)
    file.write_text(SECOND)
    assert save(database, site) == [str(file)]
    drafts.undo(database, site, 1, clock.now(), JANE)
    assert file.read_text() == FIRST


def test_only_what_was_looked_at_is_saved(database: Database, site: Site, file: Path) -> None:
    """A colleague goes on writing while the difference is read: saving refuses and sends one back to look."""
    keep(database, site, file, SECOND)
    with database.reading() as connection:
        seen = drafts.stamp(draft_store.everything(connection))
    keep(database, site, file, SECOND + "# more\n", revision=1)
    with pytest.raises(DraftRefused, match="has changed since you looked"):
        save(database, site, seen)
    assert file.read_text() == FIRST


def test_tables_and_documents_are_saved_together(database: Database, site: Site, file: Path) -> None:
    """A new table and the line that names it come into force at once; undone, the table is gone again."""
    table = file.parent / "codes" / "sex.csv"
    keep(database, site, table, "code,value\nX,O\n")
    keep(database, site, file, FIRST + '[attributes]\nPatientSex = { from = "PID-8", table = "codes/sex.csv" }\n')
    assert save(database, site) == [str(file), str(table)]
    assert table in sites.load(site.settings).files
    drafts.undo(database, site, 1, clock.now(), JANE)
    assert not table.exists()


@pytest.mark.parametrize(
    "name",
    [
        "{folder}/../../swf.toml",
        "{folder}/../elsewhere.toml",
        "/etc/passwd",
        "{folder}/site.py",
        "{folder}/present.toml",
        "{shipped}/default.toml",
        "",
    ],
)
def test_only_the_sites_own_files_are_written(database: Database, site: Site, file: Path, name: str) -> None:
    """No path leads out of the folder of the mapping, to what came with swf, or to a file that is no mapping."""
    (file.parent / "present.toml").write_text("secret")
    path = Path(name.format(folder=file.parent, shipped=config.shipped_mappings()))
    with pytest.raises(DraftRefused):
        keep(database, site, path, SECOND)


def test_a_site_without_a_mapping_of_its_own_begins_one(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came with swf is never changed: the site's document extends it, and is in force once it is saved."""
    monkeypatch.chdir(tmp_path)
    site = sites.load(Settings())
    own = drafts.own_document(site)
    assert own == Path("mappings/default.toml")
    database.run(lambda transaction: drafts.begin(transaction, site, str(own), clock.now(), JANE))
    with database.reading() as connection:
        rows = draft_store.everything(connection)
    assert drafts.tried(site, rows).mapping.path == own
    save(database, site)
    mine = sites.load(Settings())
    assert (mine.mapping.path, drafts.own_document(mine)) == (own, None)
    drafts.undo(database, mine, 1, clock.now(), JANE)
    assert sites.load(Settings()).mapping.path == config.shipped_mappings() / "default.toml"
