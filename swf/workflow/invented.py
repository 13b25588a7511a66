"""Whether invented orders may come into this broker: never onto a list that patients depend on, nor to a system elsewhere."""

from sqlalchemy import Connection

from swf.config import Settings, is_loopback
from swf.sentence import say
from swf.store import patients


def objection(connection: Connection, settings: Settings, authority: str) -> str:
    """Why not, as a sentence; "" when nothing speaks against it, or `[simulator] test_system` says that no patient depends.

    `authority` is the assigning authority of everybody who is invented.
    """
    if settings.simulator.test_system:
        return ""
    if patients.of_others(connection, authority):
        return say("The store holds patients who were not invented here.")
    elsewhere = [each for each in (*settings.destination, *settings.relay) if not is_loopback(each.host)]
    if elsewhere:
        return say("%(name)s on another machine would be told what was invented.", name=elsewhere[0].name)
    if not is_loopback(settings.dicom.host):
        return say("Devices of other machines may ask this broker, and would be shown what was invented.")
    return ""
