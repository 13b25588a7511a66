"""A worklist item as lines for people: one path and one text for each attribute, sequences unfolded (PS3.5 7.5)."""

from collections.abc import Iterator

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

_NOT_CONTENT = frozenset({"SpecificCharacterSet"})


def attributes(dataset: Dataset) -> dict[str, str]:
    """Path → value, such as `ScheduledProcedureStepSequence/Modality` → `CT`; `[2]` counts the items of a sequence."""
    return dict(_lines(dataset, ""))


def _lines(dataset: Dataset, around: str) -> Iterator[tuple[str, str]]:
    for element in dataset:
        path = f"{around}{element.keyword}"
        if element.VR == "SQ":
            for number, item in enumerate(element.value, start=1):
                yield from _lines(item, f"{path}{f'[{number}]' if number > 1 else ''}/")
        elif element.keyword not in _NOT_CONTENT:
            yield path, _text(element.value)


def _text(value: object) -> str:
    if value is None:
        return ""
    return "\\".join(map(str, value)) if isinstance(value, MultiValue) else str(value)
