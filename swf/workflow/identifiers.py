"""The numbers an order, a procedure, a step and a study go by: the sender's, else ours (RAD-4; ihe-swf 3.6).

Ours are made of the order's row number, which is never used again, and therefore stay the same however often an order
is sent; the Study Instance UID is derived from the order number itself, so that it survives even the store.
"""

from datetime import datetime

from swf import clock
from swf.dicom import uid
from swf.dicom.encoding import Value
from swf.hl7.header import Header
from swf.mapping import inbound, rules
from swf.workflow.site import Site

_UNIVERSAL_SERVICE = "RequestedProcedureCodeSequence"


def order_numbers(item: dict[str, Value], header: Header) -> tuple[tuple[str, str], tuple[str, str]]:
    """The placer's and the filler's (number, issuer); a number without a namespace is the sender's own."""
    sender = f"{header.sending_application}@{header.sending_facility}"
    placer, filler = str(item.get(rules.PLACER, "")), str(item.get(rules.FILLER, ""))
    return (
        (placer, inbound.authority(item, rules.PLACER_AUTHORITY) or sender),
        (filler, inbound.authority(item, rules.FILLER_AUTHORITY) or sender),
    )


def accession_number(site: Site, order: int, at: datetime) -> str:
    """The accession number of order row `order`, which came at `at`, by the site's template; at most 16 characters (SH)."""
    return site.mapping.accession.render(site.settings.site.accession_prefix, order, clock.local(at))


def requested_procedure_id(order: int, position: int) -> str:
    """The requested procedure ID of the procedure at `position`, counted from 1, of order row `order`."""
    return f"R{order}.{position}"


def step_id(order: int, position: int) -> str:
    """The scheduled procedure step ID of the step at `position`, counted from 1, of order row `order`."""
    return f"S{order}.{position}"


def study_instance_uid(issuer: str, number: str, procedure: str = "") -> str:
    """The study of an order; `procedure` tells a second requested procedure of the same order from the first."""
    return uid.derive(issuer, number, procedure)


def procedure_code(item: dict[str, Value]) -> str:
    """The code of the requested procedure, empty when there is none."""
    sequence = item.get(_UNIVERSAL_SERVICE)
    if not sequence or isinstance(sequence, str) or isinstance(sequence[0], str):
        return ""
    return str(sequence[0].get("CodeValue") or sequence[0].get("LongCodeValue") or "")
