"""How a command ends when it cannot do what it was asked: each mistake on a line of standard error."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer

from swf.cli.options import NOT_AS_HOPED, REFUSED
from swf.errors import ConfigError, PeerError, SwfError


@contextmanager
def refusals(code: int = REFUSED) -> Iterator[None]:
    """Turns an `SwfError` into its sentence, its advice and an exit code; `code` is for those that say nothing of a peer."""
    try:
        yield
    except ConfigError as error:
        refuse(error.mistakes, REFUSED)
    except SwfError as error:
        refuse([f"{error}", f"hint: {error.advice}"], NOT_AS_HOPED if isinstance(error, PeerError) else code)


def refuse(sentences: Iterable[str], code: int = REFUSED) -> NoReturn:
    """End the command with `code` and a line for each sentence; raises `typer.Exit`."""
    for sentence in sentences:
        print(sentence, file=sys.stderr)
    raise typer.Exit(code)
