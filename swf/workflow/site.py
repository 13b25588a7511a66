"""What the decisions need to know of the place they are made for."""

from dataclasses import dataclass

from swf.config import Settings
from swf.mapping.loader import SiteMapping


@dataclass(frozen=True, slots=True)
class Site:
    """The configuration and the mapping in force."""

    settings: Settings
    mapping: SiteMapping
