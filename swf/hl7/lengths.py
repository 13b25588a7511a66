"""How long HL7 lets the fields be that a worklist reads (2.3.1 and 2.5.1, the longer of the two; hl7apy's tables say none)."""

FIELD: dict[tuple[str, int], int] = {
    ("PID", 3): 250, ("PID", 5): 250, ("PID", 11): 250, ("PID", 18): 250,
    ("PV1", 3): 80, ("PV1", 8): 250, ("PV1", 19): 250,
    ("AL1", 3): 250,
    ("ORC", 2): 22, ("ORC", 3): 22, ("ORC", 13): 80, ("ORC", 17): 250,
    ("OBR", 2): 22, ("OBR", 3): 22, ("OBR", 4): 250, ("OBR", 12): 250, ("OBR", 13): 300, ("OBR", 16): 250,
    ("OBR", 18): 60, ("OBR", 19): 60, ("OBR", 20): 60, ("OBR", 24): 10, ("OBR", 30): 20, ("OBR", 31): 300,
    ("OBR", 44): 250,
    ("IPC", 1): 80, ("IPC", 2): 22, ("IPC", 3): 70, ("IPC", 4): 22, ("IPC", 5): 16, ("IPC", 7): 80, ("IPC", 8): 250,
    ("IPC", 9): 16,
}  # fmt: skip
"""Segment and field → characters, all components together."""
