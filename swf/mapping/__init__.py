"""The translators between HL7 and DICOM, by the site's rules."""
