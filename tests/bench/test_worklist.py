"""What a worklist query costs, whatever the length of the list; prints tables, judges nothing.

Ours and the others hold the same steps and are asked the same by a client on a bare socket, with TCP_NODELAY and
without, which is how most scanners ask. All run on this machine and share it with the client.
"""

from pathlib import Path

import pytest

from tests.bench import worklist_servers, worklists
from tests.bench.raw_scu import RawScu
from tests.bench.worklist_servers import TITLE, Served

OURS = (100, 1_000, 10_000, 100_000)
THEIRS = {"wlmscpfs": (100, 1_000, 10_000), "orthanc": (100, 1_000, 10_000), "pynetdicom": (100, 10_000)}
ROWS = [("swf", count) for count in OURS] + [(server, count) for server, counts in THEIRS.items() for count in counts]
MILLION = 1_000_000
_QUERIES, _FEWEST, _LONG_ENOUGH_S = 200, 3, 2.0
_WARM_UP = 2
_STRIDE = 7919  # a prime: one day and station after another


@pytest.mark.bench
@pytest.mark.parametrize(("server", "count"), [*ROWS, ("swf", MILLION)], ids=str)
def test_one_day_of_one_station(
    server: str, count: int, tmp_path: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    """A scanner asks for its own list of a day: two patients, among a hundred or among a million."""
    if reason := worklist_servers.reason_to_skip(server):
        pytest.skip(reason)
    if count == MILLION and not request.config.getoption("--million"):
        pytest.skip("only with --million")
    with worklist_servers.serving(server, tmp_path, count) as served:
        figures = [_narrow(served, count, nodelay=nodelay) for nodelay in (True, False)]
    with capsys.disabled():
        print("".join(f"\n{server:>10} {count:>9,} steps, {figure}" for figure in figures))


@pytest.mark.bench
@pytest.mark.parametrize("server", ["swf", "wlmscpfs", "orthanc", "pynetdicom"])
def test_a_list_of_two_hundred(server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A scanner asks for everything: two hundred patients, what each of them costs, and how soon the first is there."""
    if reason := worklist_servers.reason_to_skip(server):
        pytest.skip(reason)
    count, query = 200, worklists.broad()
    with (
        worklist_servers.serving(server, tmp_path, count) as served,
        RawScu(served.address, TITLE, nodelay=True) as scu,
    ):
        times = []
        for _ in range(20):
            found, first, last = scu.query(query)
            assert found == count
            times.append((last, first))
    cold, (last, first) = times[0], sorted(times)[len(times) // 2]
    with capsys.disabled():
        print(
            f"\n{server:>10} {count} items: the first after {first * 1e3:6.2f} ms, all after {last * 1e3:7.1f} ms,"
            f" {last / count * 1e3:6.3f} ms an item ({cold[0] / count * 1e3:6.3f} the first time)"
        )


def _narrow(served: Served, count: int, *, nodelay: bool) -> str:
    """Many queries on one association, few where they are slow: how long they took, and what they cost the server.

    On a machine that does other things the least time and the cost say more than the middle.
    """
    times: list[float] = []
    used = 0.0
    with RawScu(served.address, TITLE, nodelay=nodelay) as scu:
        for number in range(_WARM_UP + _QUERIES):
            if number == _WARM_UP:
                used = served.worked()
            found, _, seconds = scu.query(worklists.narrow(number * _STRIDE % count))
            assert 0 < found <= worklists.EACH_DAY
            if number >= _WARM_UP:
                times.append(seconds)
            if len(times) >= _FEWEST and sum(times) > _LONG_ENOUGH_S:
                break
        used = served.worked() - used
    times.sort()
    least, middle, late = (times[place] * 1e3 for place in (0, len(times) // 2, int(len(times) * 0.99)))
    name = "TCP_NODELAY" if nodelay else "as it comes"
    return (
        f"{name}: least {least:8.2f} ms, p50 {middle:8.2f} ms, p99 {late:8.2f} ms;"
        f" {used / len(times) * 1e3:8.2f} ms of a processor a query"
    )
