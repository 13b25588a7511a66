"""Templates of outgoing messages: HL7 text with `{{ values }}`, every value escaped (Jinja2, RAD-3).

A template looks like the message it makes, one segment a line. Empty trailing fields vanish; a value can neither end a
segment nor begin a component, whatever is in it.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError, meta
from jinja2 import Template as JinjaTemplate
from jinja2.sandbox import SandboxedEnvironment

from swf.hl7 import writer

VALUES = frozenset({"message", "sender", "receiver", "patient", "order", "procedure", "performed"})


class Template:
    """A message to be filled in."""

    def __init__(self, template: JinjaTemplate) -> None:
        self._template = template

    def render(self, values: dict[str, Any]) -> str:
        """The message as ER7 text; `values` has the names of `VALUES`."""
        return writer.assemble(self._template.render(values).splitlines())


def load(path: Path) -> Template:
    """The template in the file `path`; ValueError when it cannot be read or names a value there is not."""
    try:
        return _compiled(path, path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from error
    except TemplateError as error:
        raise ValueError(f"{path}:{getattr(error, 'lineno', 1)}: {error}") from error


@lru_cache(maxsize=64)
def _compiled(path: Path, text: str) -> Template:
    """What the file with that text makes. A site reads the same few again and again: for orders by hand, at each reload."""
    environment = _environment(path.parent)
    parsed = environment.parse(text)
    unknown = meta.find_undeclared_variables(parsed) - VALUES
    if unknown:
        raise ValueError(f"{path}: there is no value {', '.join(sorted(unknown))}; known are {sorted(VALUES)}")
    return Template(environment.from_string(parsed))


def _environment(folder: Path) -> Environment:
    return SandboxedEnvironment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        finalize=_escaped,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )


def _escaped(value: object) -> str:
    return writer.escape("" if value is None else str(value))
