"""`swf users`: who may use the operator's window, and what for. A password is asked for or read, never typed in a command."""

import getpass
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from swf import clock
from swf.cli.options import NOT_AS_HOPED, ConfigOption, JsonOption, LimitOption
from swf.cli.refusals import refusals, refuse
from swf.cli.screen import show
from swf.cli.stored import looking, making
from swf.cli.typed import by
from swf.model.user import Role
from swf.store import users as store
from swf.store.database import Transaction
from swf.workflow import passwords, users

app = typer.Typer(help="Who may use the operator's window.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(help="The name one signs in with.")]
RoleOption = Annotated[Role, typer.Option("--role", help="viewer looks, operator acts, admin changes the rules.")]
_COLUMNS = ("name", "role", "disabled_at", "sessions", "seen_at", "password_at", "created_at")


@app.command("add")
def add_user(name: NameArgument, role: RoleOption = Role.VIEWER, config_file: ConfigOption = None) -> None:
    """Let somebody sign in; the password is asked for, or is the first line of standard input."""
    kept = _new_password(name)
    change(
        config_file,
        lambda transaction: users.add(transaction, clock.now(), by(), name, role=role, password_hash=kept),
    )


@app.command("list")
def list_users(limit: LimitOption = 500, as_json: JsonOption = False, config_file: ConfigOption = None) -> None:
    """Who may sign in, with which role, and when they were last seen; never their passwords."""
    with looking(config_file) as database, database.reading() as connection:
        rows = store.listed(connection, limit)
    show(rows, _COLUMNS, as_json)


@app.command("password")
def change_password(name: NameArgument, config_file: ConfigOption = None) -> None:
    """Give somebody another password and sign them out everywhere; asked for as `swf users add` does."""
    kept = _new_password(name)
    change(config_file, lambda transaction: users.set_password(transaction, clock.now(), by(), name, kept))


@app.command("role")
def change_role(
    name: NameArgument,
    role: Annotated[Role, typer.Argument(help="viewer, operator or admin.")],
    config_file: ConfigOption = None,
) -> None:
    """Let somebody do more or less; it holds from their next click."""
    change(config_file, lambda transaction: users.set_role(transaction, clock.now(), by(), name, role))


@app.command("disable")
def disable_user(name: NameArgument, config_file: ConfigOption = None) -> None:
    """Let somebody in no more, and sign them out everywhere; the journal goes on naming them."""
    change(config_file, lambda transaction: users.disable(transaction, clock.now(), by(), name))


@app.command("enable")
def enable_user(name: NameArgument, config_file: ConfigOption = None) -> None:
    """Let somebody in again who was disabled."""
    change(config_file, lambda transaction: users.enable(transaction, clock.now(), by(), name))


def change(config_file: Path | None, work: Callable[[Transaction], None]) -> None:
    """Do it in one transaction; a store nobody has made yet is made, for the window may not open before there is a user."""
    with making(config_file) as database, refusals(NOT_AS_HOPED):
        database.run(work)


def _new_password(name: str) -> str:
    """How a password is kept that comes from the terminal twice or from standard input once."""
    if sys.stdin.isatty():
        password = getpass.getpass("Password: ")
        if password != getpass.getpass("Once more: "):
            refuse(["it was not the same both times"], NOT_AS_HOPED)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    with refusals(NOT_AS_HOPED):
        return passwords.hashed(name, password)
