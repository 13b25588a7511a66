"""The end of a long run: every order accounted for, by what the HIS was promised, the scanners did and the MIS was told.

Nothing is lost when each step that was promised and neither cancelled nor begun is on the list; nothing is there twice or
after its end, while a step that has begun may be; and what ended was told, unless the MIS refused it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from pydicom.dataset import Dataset

from swf.extensions.simulator import his
from swf.extensions.simulator.his_traffic import His
from swf.extensions.simulator.scanning import Scanning, Step, step_of
from swf.extensions.simulator.telling import Telling

# A part of the steps of an order may be done, so that either status of a report may stand in what is told last.
_TOLD = {"completed": "CM", "discontinued": "DC"}


def account(ordering: His, scanners: Iterable[Scanning], told: Telling, shown: Iterable[Dataset]) -> Iterator[str]:
    """What does not add up, a sentence each. `shown` is the whole worklist after everything has ended."""
    ended = {step: how for scanner in scanners for step, how in scanner.ended.items()}
    listed = Counter(map(step_of, shown))
    promised = {accession: message.order for accession, message in ordering.accepted.items()}
    kept = {
        step: each for each in promised.values() if each.accession not in ordering.cancelled for step in _steps(each)
    }
    for step, order in kept.items():
        if step not in listed and step not in ended:
            yield f"order {order.accession} is lost: step {step[1]} was promised, not done, and is on no list"
    for step, times in listed.items():
        if times > 1:
            yield f"step {step[1]} is on the list {times} times"
        if ended.get(step):
            yield f"step {step[1]} has ended and is still on the list"
        elif step not in kept and step not in ended:
            yield f"step {step[1]} is on the list although it is cancelled or was never promised"
    for order in promised.values():
        yield from _news(order, {ended[step] for step in _steps(order) if step in ended}, told)


def _steps(order: his.Order) -> list[Step]:
    return [(order.study_uid, step_id) for step_id in order.step_ids]


def _news(order: his.Order, how: set[str], told: Telling) -> Iterator[str]:
    """What the MIS knows of an order all steps of which ended the same way."""
    if len(how) != 1 or len(order.step_ids) != 1 or how == {""}:
        return
    wanted = _TOLD[how.pop()]
    heard = told.statuses[order.placer_number]
    if wanted not in heard and order.placer_number not in told.refused_orders:
        yield f"the MIS was not told {wanted} of order {order.accession}, but {heard}"
