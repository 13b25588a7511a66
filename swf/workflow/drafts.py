"""Drafts of the site's mapping: who wants what, tried before it counts, put in force as a whole, and undone.

A draft lives in the store, so that a colleague finds it. Only files in the folders of the site's own mappings can be
drafted; what came with swf is extended, never changed. Nobody's work is lost: neither that of another operator, nor what
was done to a file by other means since its draft was begun.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from swf import config
from swf.config import Settings
from swf.errors import ConfigError, DraftRefused
from swf.mapping import files
from swf.mapping.files import Files
from swf.sentence import say
from swf.store import drafts
from swf.store.database import Database, Record, Transaction
from swf.workflow import operator
from swf.workflow import site as sites
from swf.workflow.site import Site

KINDS = (".toml", ".csv")
LONGEST = 2_000_000
_ONE_AT_A_TIME = threading.Lock()
_BEGUN = """# The mapping of this site: only what is different from the one that came with swf.
extends = "swf:{name}"

[attributes]
"""


class Document(NamedTuple):
    """A file of the mapping: what it holds now, None when it is not there, and why it may not be changed; "" when it may."""

    path: Path
    text: str | None
    closed: str
    draft: Record | None

    @property
    def overtaken(self) -> bool:
        """Whether the file has changed since its draft was begun."""
        return self.draft is not None and self.text not in (self.draft.base, self.draft.content)


class Change(NamedTuple):
    """What a file held when a draft of it was begun, and is to hold."""

    before: str | None
    after: str | None


def documents(site: Site, rows: Sequence[Record]) -> list[Document]:
    """The files of the mapping in force, uppermost first, then those only drafted."""
    drafted = {Path(row.path): row for row in rows}
    known = dict.fromkeys([*site.files, *drafted])
    return [_document(site.settings, path, drafted.get(path)) for path in known]


def _document(settings: Settings, path: Path, draft: Record | None) -> Document:
    try:
        return Document(path, files.on_disk(path), _closed(settings, path), draft)
    except (OSError, UnicodeDecodeError) as error:
        return Document(path, None, f"cannot be read: {error}", draft)


def _closed(settings: Settings, path: Path) -> str:
    """Why a file may not be written; "" when it may."""
    if _is_shipped(path):
        return say("came with swf")
    if path.suffix not in KINDS:
        return say("is neither .toml nor .csv")
    if not any(path.resolve().is_relative_to(folder.resolve()) for folder in folders(settings)):
        return say("is outside the folders of the mapping")
    return ""


def folders(settings: Settings) -> list[Path]:
    """Where the site keeps mappings of its own."""
    named = [Path(settings.mapping), *(Path(source.mapping) for source in settings.source if source.mapping)]
    return list(dict.fromkeys(path.parent for path in named if not _is_shipped(path)))


def own_document(site: Site) -> Path | None:
    """The document a site that uses what came with swf may begin; None when it has one, or settings name another."""
    path = Path(site.settings.mapping)
    return path if not path.exists() and not _closed(site.settings, path) else None


def _is_shipped(path: Path) -> bool:
    return path.resolve().is_relative_to(config.shipped_mappings().resolve())


def keep(transaction: Transaction, site: Site, change: tuple[str, str, int], at: datetime, by: str) -> None:
    """Keep a draft: the path, its content, and the revision it is a change of, 0 for a new one.

    Raises DraftRefused for a file that is not the site's own, and when somebody else has changed the draft since.
    """
    name, content, revision = change
    path, text = _admitted(transaction, site, name), plain(content)
    present = drafts.one(transaction, str(path))
    if len(text) > LONGEST:
        raise DraftRefused(say("%(path)s: is longer than %(most)s characters", path=path, most=LONGEST))
    if present is None:
        drafts.add(transaction, path=str(path), base=_on_disk(path), content=text, by=by, at=at)
        operator.acted(transaction, at, by, f"draft of {path} begun")
        return
    if present.revision != revision or not drafts.change(transaction, str(path), revision, content=text, by=by, at=at):
        raise DraftRefused(
            say(
                "%(path)s: %(who)s has changed the draft meanwhile; copy your text and look at it anew",
                path=path,
                who=present.by,
            )
        )


def _admitted(transaction: Transaction, site: Site, name: str) -> Path:
    """The path of that name, if it is one to be drafted: in force, drafted already, or new in a folder of the site."""
    path = files.plain(Path(name))
    closed = _closed(site.settings, path)
    if closed:
        raise DraftRefused(say("%(path)s: %(why)s", path=path, why=closed))
    known = path in site.files or drafts.one(transaction, str(path)) is not None
    if not known and path.exists():
        raise DraftRefused(say("%(path)s: is there and no part of the mapping", path=path))
    return path


def begin(transaction: Transaction, site: Site, name: str, at: datetime, by: str) -> None:
    """Begin a draft of a file as it is, or of a new one; a site's first extends the mapping that came with swf."""
    path = _admitted(transaction, site, name)
    if drafts.one(transaction, str(path)) is not None:
        return
    first = _BEGUN.format(name=Path(site.settings.mapping).name) if path == own_document(site) else ""
    keep(transaction, site, (name, _on_disk(path) or first, 0), at, by)


def rebase(transaction: Transaction, name: str, at: datetime, by: str) -> None:
    """Let a draft count as made from the file as it is now, which its author has looked at."""
    row = drafts.one(transaction, name)
    if row is None:
        raise DraftRefused(say("%(path)s: there is no draft of it", path=name))
    drafts.change(transaction, name, row.revision, base=_on_disk(Path(name)))
    operator.acted(transaction, at, by, f"draft of {name} laid over the file as it is")


def discard(transaction: Transaction, name: str, at: datetime, by: str) -> None:
    """Throw a draft away; raises DraftRefused when there is none."""
    if not drafts.drop(transaction, name):
        raise DraftRefused(say("%(path)s: there is no draft of it", path=name))
    operator.acted(transaction, at, by, f"draft of {name} thrown away")


def tried(site: Site, rows: Sequence[Record]) -> Site:
    """The site as it would be by these drafts; raises ConfigError with every mistake as file, line and sentence."""
    return with_texts(site, {Path(row.path): row.content for row in rows})


def with_texts(site: Site, texts: Mapping[Path, str | None]) -> Site:
    """The site as it would be if these files held these texts; raises ConfigError."""
    around = [*folders(site.settings), config.shipped_mappings(), *(path.parent for path in site.files)]
    return sites.load(site.settings, Files(texts, list(dict.fromkeys(around))))


def stamp(rows: Sequence[Record]) -> str:
    """Differs when any draft has changed, so that what is saved is what was looked at."""
    return " ".join(f"{row.path}@{row.revision}" for row in rows)


def save(database: Database, site: Site, at: datetime, by: str, seen: str = "") -> list[str]:
    """Write every draft into its file and end the drafts; the files. Whoever calls has the broker read them then.

    Raises ConfigError when they have mistakes, and DraftRefused when there is none, when a file has changed since its draft
    was begun or a draft since it was `seen`, and when it cannot be written. Cut off half way, it can be done again.
    """
    with database.reading() as connection:
        rows = drafts.everything(connection)
    if not rows:
        raise DraftRefused(say("there is no draft to be saved"))
    if seen and seen != stamp(rows):
        raise DraftRefused(say("a draft has changed since you looked at the difference; look at it again"))
    changes = {Path(row.path): Change(row.base, _as_before(row.base, row.content)) for row in rows}
    revisions = {row.path: row.revision for row in rows}

    def end(transaction: Transaction) -> None:
        for name, revision in revisions.items():
            row = drafts.one(transaction, name)
            if row is not None and row.revision == revision:  # else somebody has gone on writing
                drafts.drop(transaction, name)

    return _put_in_force(database, site, changes, (at, by, "saved"), end)


def undo(database: Database, site: Site, number: int, at: datetime, by: str) -> list[str]:
    """Give the files of a saving back what they held before it; the files. Raises like `save`."""
    with database.reading() as connection:
        row = drafts.version(connection, number)
    if row is None:
        raise DraftRefused(say("there is no saving %(number)s", number=number))
    changes = {Path(path): Change(each["after"], each["before"]) for path, each in row.files.items()}
    return _put_in_force(database, site, changes, (at, by, f"saving {number} undone"), lambda _: None)


def _put_in_force(
    database: Database,
    site: Site,
    changes: Mapping[Path, Change],
    said: tuple[datetime, str, str],
    end: Callable[[Transaction], None],
) -> list[str]:
    with _ONE_AT_A_TIME:
        names = _write(site, changes)
    at, by, did = said

    def note(transaction: Transaction) -> None:
        kept = {str(path): {"before": change.before, "after": change.after} for path, change in changes.items()}
        drafts.saved(transaction, at, by, did, kept)
        operator.acted(transaction, at, by, f"mapping {did}: {', '.join(names)}")
        end(transaction)

    database.run(note)
    return names


def _write(site: Site, changes: Mapping[Path, Change]) -> list[str]:
    """Put the files in their places, and name them; raises ConfigError and DraftRefused, and then none is changed."""
    for path, change in changes.items():
        closed = _closed(site.settings, path)
        if closed:
            raise DraftRefused(say("%(path)s: %(why)s", path=path, why=closed))
        if _on_disk(path) not in change:
            raise DraftRefused(
                say("%(path)s: has changed on disk; look at it as it is now before you write over it", path=path)
            )
    with_texts(site, {path: change.after and plain(change.after) for path, change in changes.items()})
    order = sorted(changes, key=lambda path: site.files.index(path) if path in site.files else len(site.files))
    try:  # what is named by others first, the uppermost document last
        files.write({path: changes[path].after for path in reversed(order)})
    except OSError as error:
        raise DraftRefused(
            say("the mapping was not written: %(reason)s: %(path)s", reason=error.strerror, path=error.filename)
        ) from error
    return [str(path) for path in order]


def _on_disk(path: Path) -> str | None:
    try:
        return files.on_disk(path)
    except (OSError, UnicodeDecodeError) as error:
        raise DraftRefused(say("%(path)s: cannot be read: %(reason)s", path=path, reason=error)) from error


def plain(text: str) -> str:
    """A text with the line ends of Unix, and one at its end, as an editor in a browser does not give it."""
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    return unified if unified.endswith("\n") or not unified else f"{unified}\n"


def _as_before(base: str | None, content: str) -> str:
    """The content with the line ends and the byte order mark its file had."""
    base = base or ""
    text = content.removeprefix("\ufeff")
    text = text.replace("\n", "\r\n") if "\r\n" in base else text
    return f"\ufeff{text}" if base.startswith("\ufeff") else text


def mistakes(site: Site, rows: Sequence[Record]) -> list[str]:
    """What is wrong with the drafts; empty when they could be saved."""
    try:
        tried(site, rows)
    except ConfigError as error:
        return list(error.mistakes)
    return []
