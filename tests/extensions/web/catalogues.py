"""What the window can say, and the catalogues of its languages: `python -m tests.extensions.web.catalogues` brings them up to date.

It adds what is new without a translation, drops what nobody says any more, and lists what is to be translated. Everything
stands in the order of its English, without places, so that two people's changes meet rarely.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import polib
from babel.messages import extract

from swf import errors
from swf.extensions.web import language

ROOT = Path(__file__).parents[3] / "swf"
_KEYWORDS = {"_": None, "gettext": None, "N_": None, "say": None, "ngettext": (1, 2), "say_n": (1, 2)}
_METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
_OPTIONS = {"**/templates/**.html": {"trimmed": "true", "newstyle_gettext": "true", "silent": "false"}}
LANGUAGES = sorted(set(language.NAMES) - {language.ENGLISH})
Said = dict[str, str]
"""A sentence and its plural, "" when it has none."""


def said() -> Said:
    """Everything that is said."""
    found = dict.fromkeys((*_words(), *_advice(errors.SwfError)), "")
    for _file, _line, message, *_ in extract.extract_from_dir(
        ROOT, _METHODS, _OPTIONS, _KEYWORDS, directory_filter=lambda folder: not folder.endswith("__pycache__")
    ):
        one, many = (message, "") if isinstance(message, str) else message
        found[one] = found.get(one) or many
    return found


def _words() -> Iterator[str]:
    return (str(word).lower() for kind in language.WORDS for word in kind)


def _advice(kind: type[errors.SwfError]) -> Iterator[str]:
    yield kind.advice
    for each in kind.__subclasses__():
        yield from _advice(each)


def path(code: str) -> Path:
    """The catalogue of a language."""
    return language.LOCALE / code / "LC_MESSAGES" / "swf.po"


def catalogue(code: str) -> polib.POFile:
    """The same, read."""
    return polib.pofile(str(path(code)), wrapwidth=120)


def bring_up_to_date(code: str, needed: Said) -> Iterable[str]:
    """Write the catalogue anew; what is not translated yet."""
    before = catalogue(code)
    known = {entry.msgid: entry for entry in before}
    forms = range(int(before.metadata["Plural-Forms"].partition("nplurals=")[2].partition(";")[0]))
    after = polib.POFile(wrapwidth=120)
    after.metadata = before.metadata
    for one, many in sorted(needed.items()):
        entry = known.get(one)
        if entry is None or entry.msgid_plural != many:
            empty = {"msgid_plural": many, "msgstr_plural": dict.fromkeys(forms, "")} if many else {}
            entry = polib.POEntry(msgid=one, **empty)
        after.append(entry)
    after.save(str(path(code)))
    return [entry.msgid for entry in after.untranslated_entries()]


def main() -> None:
    """Bring every catalogue up to date."""
    needed = said()
    for code in LANGUAGES:
        for sentence in bring_up_to_date(code, needed):
            print(f"{code}: {sentence}")


if __name__ == "__main__":
    main()
