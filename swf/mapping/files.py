"""The files of a mapping: as they are on disk, or as a draft has them while it is only tried."""

import errno
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

OUTSIDE = "is outside the folders of the mapping"


class Files:
    """Gives the text of each file, and remembers in `seen` which were asked for, in their order.

    A draft stands for the file of its path, None for one that is not to be there. With `within` no file outside these folders is read: what somebody only
    tries must not open whatever the broker may open.
    """

    def __init__(self, drafts: Mapping[Path, str | None] | None = None, within: Sequence[Path] = ()) -> None:
        self.seen: list[Path] = []
        self._drafts = {plain(path): text for path, text in (drafts or {}).items()}
        self._within = tuple(folder.resolve() for folder in within)

    def text(self, path: Path) -> str:
        """What is in the file, a byte order mark included; raises OSError and UnicodeDecodeError."""
        if path not in self.seen:
            self.seen.append(path)
        if plain(path) in self._drafts:
            return self._drafted(path)
        if not self.admits(path):
            raise PermissionError(errno.EACCES, OUTSIDE, str(path))
        return path.read_text(encoding="utf-8")

    def problem(self, path: Path) -> str:
        """Why there is nothing to be read at `path`; "" when there is."""
        drafted = plain(path) in self._drafts
        if self._drafts.get(plain(path)) is not None or (not drafted and self.admits(path) and path.is_file()):
            return ""
        return "there is no such file" if self.admits(path) else OUTSIDE

    def _drafted(self, path: Path) -> str:
        draft = self._drafts[plain(path)]
        if draft is None:
            raise FileNotFoundError(errno.ENOENT, "there is no such file", str(path))
        return draft

    def admits(self, path: Path) -> bool:
        """Whether a file of this path may be read at all."""
        return not self._within or any(path.resolve().is_relative_to(folder) for folder in self._within)


def plain(path: Path) -> Path:
    """A path without detours, so that two ways to write it are one."""
    return Path(os.path.normpath(path))


def on_disk(path: Path) -> str | None:
    """What a file holds, its line ends as they are; None when it is not there. Raises OSError and UnicodeDecodeError."""
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None


def write(changes: Mapping[Path, str | None]) -> None:
    """Put each file in the place of the one before it, whole and on disk, in the order given; None takes one away.

    All of them are written beside their places before the first is put there: a full disk changes nothing. Raises
    OSError.
    """
    ready: dict[Path, Path] = {}
    try:
        for path, text in changes.items():
            if text is not None:
                ready[path] = _beside(path.resolve(), text.encode("utf-8"))
        for path in changes:
            place = path.resolve()
            ready[path].replace(place) if path in ready else place.unlink(missing_ok=True)
            _sync_folder(place.parent)
    finally:
        for left in ready.values():
            left.unlink(missing_ok=True)


def _beside(place: Path, content: bytes) -> Path:
    """The content in a new file beside its place, with the rights of the one that is there."""
    place.parent.mkdir(parents=True, exist_ok=True)
    rights = place.stat().st_mode & 0o777 if place.exists() else 0o644
    number, name = tempfile.mkstemp(prefix=f".{place.name}.", dir=place.parent)
    with os.fdopen(number, "wb") as file:
        file.write(content)
        file.flush()
        os.fchmod(number, rights)
        os.fsync(number)
    return Path(name)


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
