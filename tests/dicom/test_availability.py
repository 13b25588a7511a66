"""What a notice of images must say (PS3.4 Annex R)."""

import pytest
from pydicom.dataset import Dataset

from swf import errors
from swf.dicom import availability
from tests.notices import notice


def test_a_faultless_notice_is_taken_without_a_word() -> None:
    """An archive that follows the standard raises no warning, and is understood."""
    dataset = notice("1.2", {"1.2.1": "ONLINE", "1.2.2": "UNAVAILABLE"}, "1.9")
    assert availability.check(dataset) == []
    assert availability.performed_steps(dataset) == ["1.9"]
    assert [(each.sop_instance_uid, each.can_be_had) for each in availability.instances(dataset)] == [
        ("1.2.1", True),
        ("1.2.2", False),
    ]
    assert availability.instances(dataset)[0].retrieve_ae_title == "PACS"


@pytest.mark.parametrize("state", ["NEARLINE", "OFFLINE"])
def test_what_takes_a_while_can_be_had(state: str) -> None:
    """Images on a slow medium are there all the same."""
    assert availability.instances(notice("1.2", {"1.2.1": state}))[0].can_be_had


@pytest.mark.parametrize("empty", [False, True])
@pytest.mark.parametrize(
    ("path", "keyword"),
    [
        ((), "StudyInstanceUID"),
        ((), "ReferencedSeriesSequence"),
        (("ReferencedSeriesSequence",), "ReferencedSOPSequence"),
        (("ReferencedSeriesSequence", "ReferencedSOPSequence"), "ReferencedSOPInstanceUID"),
        (("ReferencedSeriesSequence", "ReferencedSOPSequence"), "InstanceAvailability"),
    ],
)
def test_what_a_notice_cannot_do_without(path: tuple[str, ...], keyword: str, empty: bool) -> None:
    """A notice that does not say what is where is refused, and the archive told what is missing."""
    dataset = notice("1.2", {"1.2.1": "ONLINE"})
    place = dataset
    for step in path:
        place = place[step].value[0]
    if empty:
        setattr(place, keyword, [] if keyword.endswith("Sequence") else "")
    else:
        delattr(place, keyword)
    with pytest.raises(errors.MissingValue if empty else errors.MissingAttribute) as refusal:
        availability.check(dataset)
    assert refusal.value.keywords == (keyword,)


def test_an_unknown_availability_is_refused() -> None:
    """A word nobody knows says nothing about an image (0106)."""
    with pytest.raises(errors.InvalidValue):
        availability.check(notice("1.2", {"1.2.1": "SOMEWHERE"}))


def test_what_else_is_missing_is_noted() -> None:
    """A notice that does not name who holds the images is taken, and the gap written down."""
    dataset = notice("1.2", {"1.2.1": "ONLINE"})
    del dataset.ReferencedSeriesSequence[0].ReferencedSOPSequence[0].RetrieveAETitle
    assert availability.check(dataset) == ["RetrieveAETitle is missing (type 1)"]


def test_a_notice_of_nothing_is_refused() -> None:
    """An empty notice is no notice."""
    with pytest.raises(errors.MissingAttribute):
        availability.check(Dataset())
