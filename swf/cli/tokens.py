"""`swf tokens`: what programs show the operator's window in place of a password."""

from typing import Annotated

import typer

from swf import clock
from swf.cli.options import NOT_AS_HOPED, ConfigOption, JsonOption, LimitOption
from swf.cli.refusals import refusals
from swf.cli.screen import print_json, show
from swf.cli.stored import looking, making
from swf.cli.typed import by
from swf.cli.users import RoleOption, change
from swf.model.user import Role
from swf.store import users as store
from swf.workflow import users

app = typer.Typer(help="Tokens by which programs use the operator's window.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(help="What the journal calls the program.")]
_COLUMNS = ("name", "role", "created_at", "used_at", "expires_at")


@app.command("add")
def add_token(
    name: NameArgument,
    role: RoleOption = Role.VIEWER,
    days: Annotated[int, typer.Option("--days", min=0, max=3650, help="For how long it is good; 0 for ever.")] = 365,
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """Make a token and print it, this once; a program sends it as `Authorization: Bearer TOKEN`."""
    with making(config_file) as database, refusals(NOT_AS_HOPED):
        key = database.run(
            lambda transaction: users.add_token(transaction, clock.now(), by(), name, role=role, days=days)
        )
    if as_json:
        print_json([{"name": name, "role": role, "token": key}])
    else:
        print(key)


@app.command("list")
def list_tokens(limit: LimitOption = 500, as_json: JsonOption = False, config_file: ConfigOption = None) -> None:
    """Which programs have one, with which role, when it was last used and when it ends; never the token."""
    with looking(config_file) as database, database.reading() as connection:
        rows = store.tokens(connection, limit)
    show(rows, _COLUMNS, as_json)


@app.command("revoke")
def revoke_token(name: NameArgument, config_file: ConfigOption = None) -> None:
    """Let nobody in with a token any more."""
    change(config_file, lambda transaction: users.revoke_token(transaction, clock.now(), by(), name))
