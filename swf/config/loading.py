"""Reads `swf.toml` and the environment; every mistake is reported at once, each with its place."""

import json
import os
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from swf import clock, profiles
from swf.config.settings import DEFAULT_FILE, DEFAULT_MAPPING, LISTS, PREFIX, SECTIONS, Settings, called_titles, keys
from swf.errors import ConfigError
from swf.profiles import Finding, Place, did_you_mean

# Kubernetes and Docker links set these for a service that is itself called "swf"; they are no settings of ours.
_SERVICE_LINK = re.compile(r"SWF_(SERVICE_(HOST|PORT)|PORT_\d+_|PORT=tcp:)")
Document = dict[str, Any]
_UNIQUE = {
    "modality": "ae_title",
    "profile": "name",
    "partition": "ae_title",
    "source": "name",
    "destination": "name",
    "relay": "name",
}
_SENTENCES = {
    "missing": "is missing",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "tuple_type": "must be a list",
}


def load(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings from `path`, else from ./swf.toml if it is there, else the defaults; the environment wins over both.

    The site's time zone is in force from then on (`swf.clock`).

    Raises ConfigError with every mistake, each as `FILE:LINE: KEY: TEXT` or `VARIABLE: KEY: TEXT`; members of a list
    are counted from 1. A file that is no TOML at all is one mistake.
    """
    file = path or DEFAULT_FILE
    text = _read(file) if path or file.is_file() else ""
    document = _parse(text, file)
    variables, mistakes = _assign(os.environ if environ is None else environ, document)
    settings, findings = _validate(document)
    lines = {place: f"{file}:{number}" for place, number in _line_numbers(text).items()}
    for place, sentence in findings:
        origin = _origin(place, variables) or _origin(place, lines) or str(file)
        mistakes.append(f"{origin}: {_path(place)}: {sentence}")
    if settings is None or mistakes:
        raise ConfigError(mistakes)
    clock.use_zone(settings.site.time_zone)
    return settings


def mapping_file(settings: Settings) -> Path:
    """The mapping to use: the configured file, or the shipped one while the default is configured and not there.

    Raises ConfigError when a file of the site's own is missing.
    """
    return _mapping_file(settings.mapping, "mapping")


def source_mapping_files(settings: Settings) -> dict[str, Path]:
    """The mappings of the sources that have one of their own, by what the settings call them.

    Raises ConfigError with every file that is missing.
    """
    files: dict[str, Path] = {}
    mistakes: list[str] = []
    for number, source in enumerate(settings.source, start=1):
        if not source.mapping:
            continue
        try:
            files[source.mapping] = _mapping_file(source.mapping, f"source[{number}].mapping")
        except ConfigError as error:
            mistakes += error.mistakes
    if mistakes:
        raise ConfigError(mistakes)
    return files


def _mapping_file(name: str, key: str) -> Path:
    configured = Path(name)
    if configured.is_file():
        return configured
    if name == DEFAULT_MAPPING:
        return shipped_mappings() / configured.name
    raise ConfigError([f"{key}: {configured}: there is no such file"])


def shipped_mappings() -> Path:
    """The folder of mappings that came with swf: inside an installed package, else beside it in the working copy."""
    package = Path(__file__).parents[1]
    installed = package / "mappings"
    return installed if installed.is_dir() else package.parent / "mappings"


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise ConfigError([f"{path}: {reason}"]) from error


def _parse(text: str, path: Path) -> Document:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        place = f"{path}:{line[1]}" if line else str(path)
        raise ConfigError([f"{place}: {error}"]) from error


def _line_numbers(text: str) -> dict[Place, int]:
    """Where each key stands, judged line by line: good enough to point at, not to parse by."""
    lines: dict[Place, int] = {}
    seen: Counter[str] = Counter()
    table: Place = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*(\[\[?)\s*([\w-]+)\s*\]", line):
            table = (header[2],) if header[1] == "[" else (header[2], seen[header[2]])
            seen[header[2]] += 1
            lines[table] = number
        elif key := re.match(r"\s*([\w-]+)\s*=", line):
            lines[*table, key[1]] = number
    return lines


def _places_of_variables() -> dict[str, Place]:
    single = {name: (key.section, key.name) if key.section else (key.name,) for key in keys() for name in key.variables}
    return {**single, **{PREFIX + name.upper(): (name,) for name in LISTS}}


def _assign(environ: Mapping[str, str], document: Document) -> tuple[dict[Place, str], list[str]]:
    """Put every SWF_ variable into the document; the answer is which variable set what, and what was wrong with some."""
    known = _places_of_variables()
    variables: dict[Place, str] = {}
    mistakes: list[str] = []
    ours = {name for name, value in environ.items() if not _SERVICE_LINK.match(f"{name}={value}")}
    for name in sorted(name for name in ours if name.startswith(PREFIX)):
        if name not in known:
            mistakes.append(f"{name}: there is no such setting{did_you_mean(name, known)}")
            continue
        try:
            _put(document, known[name], environ[name])
        except json.JSONDecodeError as error:
            mistakes.append(f"{name}: {_path(known[name])}: is not JSON: {error}")
        variables[known[name]] = name
    return variables, mistakes


def _put(document: Document, place: Place, text: str) -> None:
    """Set one value; raises JSONDecodeError for a list that is none."""
    match place:
        case (str(name),) if name in LISTS:
            document[name] = json.loads(text)
        case (str(name),):
            document[name] = text
        case (str(section), str(name)) if isinstance(document.setdefault(section, {}), dict):
            is_list = isinstance(SECTIONS[section].model_fields[name].default, tuple)
            document[section][name] = json.loads(text) if is_list else text


def _validate(document: Document) -> tuple[Settings | None, list[Finding]]:
    known = {name: value for name, value in document.items() if name in Settings.model_fields}
    findings: list[Finding] = [((name,), _no_such_key(name, Settings)) for name in document if name not in known]
    findings += _repetitions(document)
    try:
        settings = Settings(**known)
        titles = called_titles(settings)
        return settings, [*findings, *profiles.mistakes(settings.modality, settings.profile, titles)]
    except ValidationError as error:
        found = error.errors()
        inside = {each["loc"][:-1] for each in found}  # a list that lost a wrong member is called too short as well
        told = [each for each in found if each["type"] != "too_short" or each["loc"] not in inside]
        return None, findings + [(each["loc"], _sentence(each)) for each in told]


def _repetitions(document: Document) -> Iterator[Finding]:
    """Names given twice; looked for before the models are, so that they are reported beside any other mistake.

    A relay and a destination share the list of deliveries, and so they may not share a name.
    """
    destinations = {value for _, value in _given(document, "destination", "name")}
    for section, unique in _UNIQUE.items():
        seen: set[str] = set()
        for index, value in _given(document, section, unique):
            if value in seen:
                yield (section, index, unique), f"{value!r} is already taken by another {section}"
            elif section == "relay" and value in destinations:
                yield (section, index, unique), f"{value!r} is already taken by a destination"
            seen |= {value}


def _given(document: Document, section: str, key: str) -> Iterator[tuple[int, str]]:
    """The values of a key in every member of a list that has one."""
    members = document.get(section, [])
    for index, member in enumerate(members if isinstance(members, list) else []):
        value = str(member.get(key, "")).strip() if isinstance(member, dict) else ""
        if value:
            yield index, value


def _sentence(found: ErrorDetails) -> str:
    if found["type"] == "extra_forbidden":
        table, *_, name = found["loc"]
        return _no_such_key(str(name), {**SECTIONS, **LISTS}[str(table)])
    return _SENTENCES.get(found["type"]) or re.sub(r"^\w+ should", "should", found["msg"])


def _no_such_key(name: str, model: type[BaseModel]) -> str:
    return f"there is no such key{did_you_mean(name, model.model_fields)}"


def _origin(place: Place, origins: Mapping[Place, str]) -> str:
    """The origin of the place or of the nearest table around it; empty when neither is known."""
    around = (place[:length] for length in range(len(place), 0, -1))
    return next((origins[outer] for outer in around if outer in origins), "")


def _path(place: Place) -> str:
    """`destination[2].port` for ("destination", 1, "port")."""
    return "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in place).removeprefix(".")
