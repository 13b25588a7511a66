"""`swf statistics`: how many and how long, over the last days."""

from typing import Annotated, Any

import typer

from swf import clock
from swf.cli.options import ConfigOption, JsonOption
from swf.cli.screen import print_json, print_table
from swf.cli.stored import looking
from swf.workflow import statistics as counted


def statistics(
    days: Annotated[int, typer.Option("--days", help="1, 7 or 30.")] = 7,
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """How many orders, exams and messages, and how long each way took, over the last days."""
    with looking(config_file) as database, database.reading() as connection:
        found = counted.figures(connection, clock.now(), days)
    if as_json:
        print_json([found])
        return
    print(f"{sum(found['orders_per_hour'].values())} orders in {found['days']} days")
    messages = [(name, str(count)) for name, count in found["messages"].items()]
    exams = [(modality or "without order", str(sum(by_day.values()))) for modality, by_day in found["exams"].items()]
    print_table(("exams of", "number"), exams)
    print_table(("messages", "number"), messages)
    titles = {"wait": "order to exam start", "exam": "exam start to end", "told": "status to delivered"}
    lines = [line for way, title in titles.items() for line in _lines(title, found["times"][way])]
    print_table(("what", "of", "median", "nine of ten", "number"), [*lines, *_lines("delivery", found["deliveries"])])


def _lines(title: str, spans: dict[str, dict[str, Any]]) -> list[tuple[str, ...]]:
    return [
        (title, name, f"{each['median']:.3g} s", f"{each['p90']:.3g} s", str(each["cases"]))
        for name, each in spans.items()
    ]
