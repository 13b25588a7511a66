"""What an operator is shown of a performed step."""

from pydicom.dataset import Dataset

from swf.dicom import mpps_details


def _item(**values: object) -> Dataset:
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def test_dose_is_shown_with_its_units() -> None:
    """What an old scanner tells of radiation is seen, as a whole and exposure by exposure."""
    step = _item(
        TotalNumberOfExposures=3,
        ImageAndFluoroscopyAreaDoseProduct="1.25",
        TotalTimeOfFluoroscopy=0,
        CommentsOnRadiationDose="",
        ExposureDoseSequence=[_item(KVP="120", ExposureTime="500"), _item(KVP="80")],
    )
    assert mpps_details.details(step) == {
        "dose": {
            "TotalNumberOfExposures": "3",
            "TotalTimeOfFluoroscopy": "0 s",
            "ImageAndFluoroscopyAreaDoseProduct": "1.25 dGy.cm2",
        },
        "exposures": [{"KVP": "120 kV", "ExposureTime": "500 ms"}, {"KVP": "80 kV"}],
    }


def test_series_and_codes_are_shown() -> None:
    """Protocol, people and number of objects of each series, and every code as people write it."""
    image = _item(ReferencedSOPInstanceUID="1.2")
    series = _item(
        SeriesInstanceUID="1.3", ProtocolName="HEAD", OperatorsName="ROE^JOHN", ReferencedImageSequence=[image, image]
    )
    code = _item(CodeValue="110514", CodingSchemeDesignator="DCM", CodeMeaning="Incorrect worklist entry selected")
    step = _item(
        PerformedSeriesSequence=[series], PerformedProcedureStepDiscontinuationReasonCodeSequence=[code], Modality="CT"
    )
    assert mpps_details.details(step) == {
        "Modality": "CT",
        "PerformedProcedureStepDiscontinuationReasonCodeSequence": ["110514 DCM Incorrect worklist entry selected"],
        "series": [
            {"SeriesInstanceUID": "1.3", "ProtocolName": "HEAD", "OperatorsName": "ROE^JOHN", "images": 2, "others": 0}
        ],
    }


def test_what_was_used_is_shown() -> None:
    """Films and supplies that are to be billed are seen with their quantities."""
    unit = _item(CodeValue="ml", CodingSchemeDesignator="UCUM", CodeMeaning="ml")
    contrast = _item(CodeValue="C1", CodingSchemeDesignator="L", CodeMeaning="Contrast")
    quantity = _item(Quantity="80", MeasuringUnitsSequence=[unit])
    step = _item(
        FilmConsumptionSequence=[_item(NumberOfFilms="2", FilmSizeID="14INX17IN")],
        BillingSuppliesAndDevicesSequence=[_item(BillingItemSequence=[contrast], QuantitySequence=[quantity])],
    )
    assert mpps_details.details(step) == {
        "films": [{"NumberOfFilms": "2", "FilmSizeID": "14INX17IN"}],
        "supplies": [{"item": "C1 L Contrast", "quantity": "80", "unit": "ml UCUM ml"}],
    }


def test_an_empty_step_shows_nothing() -> None:
    """A report that says nothing shows nothing, and breaks nothing."""
    assert mpps_details.details(Dataset()) == {}
