"""Which part of the site an AE title of ours stands for: who reports to a tenant reaches that tenant's steps (RAD-5 to RAD-7, RAD-49).

The worklist of a partition is cut by the same labels in `stations`.
"""

from collections.abc import Collection, Sequence

from swf.config import Settings
from swf.store.database import Record


def labels(settings: Settings, called: str) -> tuple[str, ...]:
    """The worklist labels of the partition with that AE title; none for the title of the whole site."""
    return next((each.labels for each in settings.partition if each.ae_title == called), ())


def within(own: Collection[str], steps: Sequence[Record]) -> Sequence[Record]:
    """Those of the steps that carry one of these labels; all of them when there are none."""
    return [step for step in steps if step.worklist_label in own] if own else steps


def admits(settings: Settings, called: str, performed: Record, linked: Sequence[Record]) -> bool:
    """Whether who calls `called` may see and change a performed step that was performed for `linked`.

    One reported to the site itself belongs to the partition of its steps, so that an exam outlives the day on which a
    site is divided.
    """
    own = labels(settings, called)
    if not own:
        return True
    reported_to = labels(settings, performed.called_ae_title)
    if reported_to:
        return set(reported_to) <= set(own)
    return bool(linked) and len(within(own, linked)) == len(linked)
