"""The container files are checked for what can be checked without an engine: ports, paths, users and commands."""

import fnmatch
import json
import re
import shlex
from pathlib import Path

import pytest
import typer

from swf import config
from swf.cli import app

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "compose"
SETTINGS = config.load(COMPOSE / "swf.toml", {})
PORTS = {SETTINGS.hl7.port, SETTINGS.dicom.port}


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile as pairs of instruction and argument, without its comments."""
    text = re.sub(r"(?m)^#.*\n", "", (COMPOSE / "Dockerfile").read_text("utf-8")).replace("\\\n", " ")
    return [(name, argument) for name, _, argument in (line.partition(" ") for line in text.splitlines() if line)]


def arguments(instruction: str) -> list[str]:
    """The arguments of every occurrence of an instruction."""
    return [argument for name, argument in instructions() if name == instruction]


def items(key: str) -> list[str]:
    """The members of a list in compose.yaml."""
    block = re.search(rf"(?m)^( +){key}:\n((?:\1  - .*\n)+)", (COMPOSE / "compose.yaml").read_text("utf-8"))
    assert block, f"compose.yaml has no {key}"
    return [line.strip().removeprefix("- ").strip('"') for line in block[2].splitlines()]


def commands() -> list[list[str]]:
    """What the container runs: its health check and its program."""
    found = [*arguments("HEALTHCHECK"), *arguments("CMD")]
    return [json.loads(argument[argument.index("[") :]) for argument in found]


def mounts() -> dict[str, str]:
    """Where each source of compose.yaml is seen inside the container."""
    return {source: target for source, target, *_ in (item.split(":") for item in items("volumes"))}


def test_the_ports_are_the_same_everywhere() -> None:
    """An engineer who knows the ports of the documentation finds the container at them."""
    defaults = config.Settings()
    assert {defaults.hl7.port, defaults.dicom.port} == PORTS
    assert {int(port) for port in arguments("EXPOSE")[0].split()} == PORTS
    published = [item.rsplit(":", 2) for item in items("ports")]
    assert sorted(int(inner) for _, _, inner in published) == sorted(PORTS)
    assert all(outer == inner for _, outer, inner in published)


def test_the_container_is_reached_from_outside_only_when_asked() -> None:
    """Starting the example opens no door to the hospital's network by accident."""
    assert all(item.startswith("${BIND_ADDRESS:-127.0.0.1}:") for item in items("ports"))
    assert SETTINGS.dicom.callers_are_checked


def test_the_doors_listen_on_every_address_inside() -> None:
    """A published port would lead nowhere if the broker listened on the container's loopback."""
    assert not config.is_loopback(SETTINGS.hl7.host)
    assert not config.is_loopback(SETTINGS.dicom.host)


def test_everything_that_is_copied_exists_and_reaches_the_build() -> None:
    """The image can be built from a fresh working copy."""
    kept = [line.removeprefix("!") for line in ignore_lines() if line.startswith("!")]
    for argument in arguments("COPY"):
        *sources, _ = [word for word in shlex.split(argument) if not word.startswith("--")]
        for source in sources if "--from" not in argument else []:
            assert (ROOT / source).exists(), source
            assert source in kept


def ignore_lines() -> list[str]:
    """The patterns of the ignore file that belongs to the Dockerfile."""
    return (COMPOSE / "Dockerfile.dockerignore").read_text("utf-8").splitlines()


def test_no_file_of_a_developer_reaches_the_image() -> None:
    """A database or a virtual environment that lies beside the source stays where it is."""
    patterns = [line for line in ignore_lines() if not line.startswith(("#", "!"))]
    for private in ("swf.db", ".venv", ".git", "swf.toml"):
        assert any(fnmatch.fnmatch(private, pattern) for pattern in patterns)
        assert f"!{private}" not in ignore_lines()


def test_what_pip_needs_is_copied_before_it_runs() -> None:
    """The package is complete when it is installed in the image."""
    order = [name for name, _ in instructions()]
    copied = " ".join(argument for name, argument in instructions()[: order.index("RUN")] if name == "COPY")
    assert {"pyproject.toml", "README.md", "LICENSE", "mappings", "swf"} <= set(shlex.split(copied))


def test_the_container_does_not_run_as_root() -> None:
    """Whoever breaks into the broker is not root in its container."""
    user = arguments("USER")[-1].split(":")
    assert all(int(number) > 0 for number in user)
    assert f"--uid {user[0]}" in " ".join(arguments("RUN"))
    last = max(index for index, (name, _) in enumerate(instructions()) if name == "USER")
    assert not {"RUN", "COPY"} & {name for name, _ in instructions()[last:]}


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_of_the_container_exists(words: list[str]) -> None:
    """The container does not start, or check its health, with a command that is not there."""
    group = typer.main.get_command(app)
    program, name, *rest = words
    assert program == "swf"
    command = getattr(group, "commands", {})[name]
    context = command.make_context(name, rest, resilient_parsing=True)
    assert not context.args, "words the command does not know"
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in rest if word.startswith("-")} <= known


def test_the_health_check_asks_the_worklist_door() -> None:
    """The container is well when a modality would be answered."""
    assert commands()[0] == ["swf", "echo", f"127.0.0.1:{SETTINGS.dicom.port}"]


def test_the_health_check_is_let_in() -> None:
    """The container is not called ill because its own health check is a stranger to it."""
    echo = getattr(typer.main.get_command(app), "commands", {})["echo"]
    titles = {modality.ae_title for modality in SETTINGS.modality if modality.host == "127.0.0.1"}
    assert titles & {parameter.default for parameter in echo.params if isinstance(parameter.default, str)}


def test_the_settings_are_mounted_where_the_broker_reads_them() -> None:
    """The file beside compose.yaml is the one the broker in the container reads."""
    assert mounts()["./swf.toml"] == commands()[1][-1]
    assert "./swf.toml:/etc/swf/swf.toml:ro" in items("volumes")


def test_orders_outlive_the_container() -> None:
    """The database lies on a volume, and nothing else in the container can be written to."""
    (volume,) = arguments("VOLUME")
    database = SETTINGS.store.url.removeprefix("sqlite:///")
    assert Path(database).parent == Path(volume) == Path(mounts()["orders"]) == Path(arguments("WORKDIR")[-1])
    text = (COMPOSE / "compose.yaml").read_text("utf-8")
    assert re.search(r"(?m)^    read_only: true$", text)
    assert re.search(r"(?m)^volumes:\n  orders:$", text)


def test_the_files_named_in_compose_exist() -> None:
    """The compose file can be used as it lies in the working copy."""
    text = (COMPOSE / "compose.yaml").read_text("utf-8")
    context = re.search(r"context: (\S+)", text)
    dockerfile = re.search(r"dockerfile: (\S+)", text)
    assert context
    assert dockerfile
    assert (COMPOSE / context[1]).resolve() == ROOT
    assert (ROOT / dockerfile[1]).is_file()
