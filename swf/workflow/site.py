"""What the decisions need to know of the place they are made for, and of who sends."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from pathlib import Path

from swf import config
from swf.config import Modality, Settings, Source
from swf.errors import ConfigError, UnknownSender
from swf.hl7.header import Header
from swf.mapping import loader, selectors
from swf.mapping.files import Files
from swf.mapping.rules import SiteMapping
from swf.model.message import BY_HAND
from swf.sentence import say
from swf.workflow import stations

ANYBODY = Source.model_construct(name="")
"""A sender without a [[source]] of its own."""
OPERATOR = Source.model_construct(name="by hand")
"""Whoever makes orders by hand."""
ANY_DEVICE = Modality.model_construct(ae_title="")
"""A device without a [[modality]] of its own."""


_BY_HAND_FILE = "by_hand.toml"
_UNIVERSAL_SERVICE_ID = selectors.parse("OBR-4.1")


@dataclass(frozen=True, slots=True)
class Site:
    """The configuration and the mapping in force; for one message, `source` is who sent it.

    `door` is the port a message came by when that is some sources' own, 0 for the common one; `BY_HAND` for what an
    operator says, which has a mapping of its own. `files` are the mappings' documents and tables, in the order they were
    read.
    """

    settings: Settings
    mapping: SiteMapping
    source_mappings: Mapping[str, SiteMapping] = field(default_factory=dict)
    source: Source = ANYBODY
    door: int = 0
    by_hand_mapping: SiteMapping | None = None
    files: tuple[Path, ...] = ()

    @property
    def by_hand(self) -> bool:
        """Whether what comes is an operator's, and no peer's."""
        return self.door == BY_HAND

    def at_door(self, port: int) -> "Site":
        """The site as it is found by what comes to a port of its own."""
        return replace(self, door=port) if port != self.door else self

    def mappings(self) -> list[SiteMapping]:
        """Every mapping in force."""
        return [self.mapping, *self.source_mappings.values()]

    def of_operator(self) -> "Site":
        """The site as it is found by what an operator says."""
        return replace(self, door=BY_HAND, source=OPERATOR, mapping=self.by_hand_mapping or self.mapping)

    def for_source(self, header: Header, peer: str) -> "Site":
        """The site as a message from the address `peer` finds it: with its source, and that source's mapping.

        The first [[source]] that fits by name and address counts; one that fits by name alone, when none does.
        """
        if self.by_hand:
            return self.of_operator()
        here = (source for source in self.settings.source if source.port == self.door)
        named = [source for source in here if _is_named(source, header)]
        source = next((source for source in named if _admits(source.hosts, peer)), named[0] if named else None)
        if source is None:
            return self
        return replace(self, source=source, mapping=self.source_mappings.get(source.mapping, self.mapping))

    def device(self, ae_title: str) -> Modality:
        """The [[modality]] of that AE title or alias; one nobody has configured is as the defaults are."""
        return stations.device_of(self.settings, ae_title) or ANY_DEVICE

    def admit(self, peer: str) -> None:
        """Raise UnknownSender for a source that sends from elsewhere and, off loopback or at a port of others, for one that is not listed."""
        if not _admits(self.source.hosts, peer):
            raise UnknownSender(f"{self.source.name} does not send from this address", location="MSH^1^3")
        checked = self.settings.source and self.settings.hl7.senders_are_checked
        if self.source is ANYBODY and (self.door or checked):
            raise UnknownSender(say("the sender is not known here"), location="MSH^1^3")

    @property
    def default_charset(self) -> str:
        """The character set of messages that declare none."""
        return self.source.charset or self.settings.hl7.default_charset


def load(settings: Settings, files: Files | None = None) -> Site:
    """The settings with every mapping they name; raises ConfigError with every mistake in any of them.

    What is sent follows the site's own mapping, whoever's message is the cause. `files` are read instead of those on
    disk, when somebody tries a draft.
    """
    mistakes: list[str] = []
    mappings: dict[str, SiteMapping] = {}
    mistakes += _strange_destinations(settings)
    files = files or Files()
    for name, file in {"": _own(settings, files), **config.source_mapping_files(settings)}.items():
        try:
            mappings[name] = loader.load(file, files)
        except ConfigError as error:
            mistakes += error.mistakes
    if mistakes:
        raise ConfigError(list(dict.fromkeys(mistakes)))
    own = mappings.pop("")
    others = {name: replace(other, messages=own.messages) for name, other in mappings.items()}
    by_hand = _by_hand(own, files)
    return Site(settings, own, others, by_hand_mapping=by_hand, files=tuple(files.seen))


def _by_hand(own: SiteMapping, files: Files) -> SiteMapping:
    """How orders made by hand are read: fields where the standard has them, everything that is the site's as the site has it."""
    beside = own.path.with_name(_BY_HAND_FILE)
    lines = _shipped() if files.problem(beside) else loader.load(beside, files)
    listed = own.catalogue._replace(place=_UNIVERSAL_SERVICE_ID) if own.catalogue else None
    return replace(own, path=lines.path, rules=lines.rules, step_rules=lines.step_rules, catalogue=listed)


@cache
def _shipped() -> SiteMapping:
    return loader.load(config.shipped_mappings() / _BY_HAND_FILE)


def _own(settings: Settings, files: Files) -> Path:
    """The site's mapping; the file of its settings also while that is only a draft, or to be taken away."""
    configured = Path(settings.mapping)
    if not files.problem(configured):
        return configured
    if settings.mapping == config.DEFAULT_MAPPING:
        return config.shipped_mappings() / configured.name
    return config.mapping_file(settings)


def _strange_destinations(settings: Settings) -> Iterable[str]:
    names = {destination.name for destination in settings.destination}
    for number, source in enumerate(settings.source, start=1):
        if source.application_ack_to and source.application_ack_to not in names:
            yield f"source[{number}].application_ack_to: there is no destination {source.application_ack_to}"
        elif source.application_ack_to and source.ack_mode != "enhanced":
            yield f'source[{number}].application_ack_to: means nothing without ack_mode = "enhanced"'


def _is_named(source: Source, header: Header) -> bool:
    wanted = ((source.application, header.sending_application), (source.facility, header.sending_facility))
    return all(name in ("", _first_component(told, header)) for name, told in wanted)


def _first_component(text: str, header: Header) -> str:
    return text.partition(header.delimiters.component)[0].strip()


@lru_cache(maxsize=4096)
def _admits(hosts: tuple[str, ...], peer: str) -> bool:
    if not hosts:
        return True
    try:
        address = ip_address(peer)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in ip_network(host) for host in hosts)
