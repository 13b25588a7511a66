"""DICOM datasets without a network."""
