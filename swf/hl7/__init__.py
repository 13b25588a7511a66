"""HL7 v2 without I/O: bytes and text in, values and text out."""
