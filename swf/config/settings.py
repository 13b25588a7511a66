"""All settings as one frozen table, and what there is to know of each key: its default, its meaning, its variables."""

import itertools
import json
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from swf.config.peers import Destination, Modality, Relay, Source
from swf.config.sections import Dicom, Hl7, Node, Simulator, Site, Store, Web, Worklist
from swf.profiles import Answers, Partition, Profile

DEFAULT_FILE = Path("swf.toml")
DEFAULT_MAPPING = "mappings/default.toml"
PREFIX = "SWF_"


class Settings(BaseSettings):
    """All settings. `Settings()` are the defaults; `load` reads the file and the environment."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    mapping: Annotated[str, Field(min_length=1)] = Field(
        default=DEFAULT_MAPPING,
        description="The site's rules from HL7 to DICOM and back, relative to the folder swf is started in; "
        "where the default file is missing, the one shipped with swf is used.",
    )
    node: Node = Field(default=Node(), description=str(Node.__doc__))
    store: Store = Field(default=Store(), description=str(Store.__doc__))
    hl7: Hl7 = Field(default=Hl7(), description=str(Hl7.__doc__))
    dicom: Dicom = Field(default=Dicom(), description=str(Dicom.__doc__))
    worklist: Worklist = Field(default=Worklist(), description=str(Worklist.__doc__))
    web: Web = Field(default=Web(), description=str(Web.__doc__))
    simulator: Simulator = Field(default=Simulator(), description=str(Simulator.__doc__))
    site: Site = Field(default=Site(), description=str(Site.__doc__))
    modality: tuple[Modality, ...] = Field(default=(), description=str(Modality.__doc__))
    profile: tuple[Profile, ...] = Field(default=(), description=str(Profile.__doc__))
    partition: tuple[Partition, ...] = Field(default=(), description=str(Partition.__doc__))
    source: tuple[Source, ...] = Field(default=(), description=str(Source.__doc__))
    destination: tuple[Destination, ...] = Field(default=(), description=str(Destination.__doc__))
    relay: tuple[Relay, ...] = Field(default=(), description=str(Relay.__doc__))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        *_: PydanticBaseSettingsSource,
        **__: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load` passes: it alone knows from which file and variable a value came, and says so in errors."""
        return (init_settings,)


SECTIONS: dict[str, type[BaseModel]] = {
    "node": Node,
    "store": Store,
    "hl7": Hl7,
    "dicom": Dicom,
    "worklist": Worklist,
    "web": Web,
    "simulator": Simulator,
    "site": Site,
}
LISTS: dict[str, type[BaseModel]] = {
    "modality": Modality,
    "profile": Profile,
    "partition": Partition,
    "source": Source,
    "destination": Destination,
    "relay": Relay,
}


@dataclass(frozen=True)
class Key:
    """One key of the file: `section` is empty at the top level; `value` is its default, or an example without one."""

    section: str
    name: str
    value: Any
    description: str

    @property
    def path(self) -> str:
        """The key as errors name it, such as `hl7.port`."""
        return f"{self.section}.{self.name}" if self.section else self.name

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that set it; where both are set, the last one counts."""
        parts = [part.upper() for part in (self.section, self.name) if part]
        return tuple(dict.fromkeys(PREFIX + joint.join(parts) for joint in ("_", "__")))


def keys() -> Iterator[Key]:
    """Every key that stands once in the file, in the order of the file; `list_keys` has those of the repeated tables."""
    for name, field in Settings.model_fields.items():
        if name in SECTIONS:
            yield from _keys_of(name, SECTIONS[name])
        elif name not in LISTS:
            yield Key("", name, field.default, str(field.description))


def list_keys() -> Iterator[Key]:
    """Every key of the tables that repeat; those of a profile, which a modality may hold too, only once."""
    for name, section in LISTS.items():
        shared = set(Answers.model_fields) if section is Modality else set()
        yield from (key for key in _keys_of(name, section) if key.name not in shared)


def template() -> str:
    """The commented swf.toml that `swf init` writes: every key with its meaning and its default, all commented out."""
    head = [
        "# Settings of swf. Lines that begin with # and a key show the default; remove the # to change it.",
        "# Every key can be set by an environment variable too, which wins over this file: SWF_HL7_PORT for port in [hl7];",
        '# lists as JSON: SWF_MODALITY=\'[{"ae_title": "CT1"}]\'.',
    ]
    return "\n".join([*head, *_template_of(keys(), "[{}]"), *_template_of(list_keys(), "#[[{}]]"), ""])


def called_titles(settings: Settings) -> tuple[str, ...]:
    """The AE titles of ours that may be called: that of the site, then those of its partitions."""
    return (settings.dicom.ae_title, *(partition.ae_title for partition in settings.partition))


def _keys_of(section: str, model: type[BaseModel]) -> Iterator[Key]:
    for name, field in model.model_fields.items():
        value = field.examples[0] if field.examples else field.default
        yield Key(section, name, value, str(field.description))


def _template_of(members: Iterable[Key], header: str) -> Iterator[str]:
    for section, group in itertools.groupby(members, key=lambda key: key.section):
        yield ""
        if section:
            yield f"# {Settings.model_fields[section].description}"
            yield header.format(section)
        for key in group:
            yield from textwrap.wrap(key.description, 110, initial_indent="# ", subsequent_indent="# ")
            yield f"#{key.name} = {json.dumps(key.value, ensure_ascii=False)}"
