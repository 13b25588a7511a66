"""The settings: `swf.toml` and `SWF_*` become one frozen table; every mistake is reported at once, each with its place.

One table of fields feeds everything: loading, the list of environment variables, the file `swf init` writes and the
reference in the documentation. Nothing else in the project reads the environment.
"""

from swf.config.loading import load, mapping_file, shipped_mappings, source_mapping_files
from swf.config.peers import Destination, Line, Modality, Relay, Source
from swf.config.sections import ROLES, Dicom, Hl7, Node, Role, Simulator, Site, Store, Web, Worklist
from swf.config.settings import (
    DEFAULT_FILE,
    DEFAULT_MAPPING,
    PREFIX,
    Key,
    Settings,
    called_titles,
    keys,
    list_keys,
    template,
)
from swf.config.values import CHARSETS, is_loopback

__all__ = [
    "CHARSETS",
    "DEFAULT_FILE",
    "DEFAULT_MAPPING",
    "PREFIX",
    "ROLES",
    "Destination",
    "Dicom",
    "Hl7",
    "Key",
    "Line",
    "Modality",
    "Node",
    "Relay",
    "Role",
    "Settings",
    "Simulator",
    "Site",
    "Source",
    "Store",
    "Web",
    "Worklist",
    "called_titles",
    "is_loopback",
    "keys",
    "list_keys",
    "load",
    "mapping_file",
    "shipped_mappings",
    "source_mapping_files",
    "template",
]
