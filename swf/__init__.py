"""A scheduled-workflow broker: HL7 v2 orders in, DICOM worklist and MPPS, HL7 v2 status out (IHE RAD SWF)."""
