"""Draws docs/pictures/demo.svg from a real run: `python -m tests.docs.picture`."""

import io
import os
import re
import subprocess
import sys

from rich.console import Console
from rich.text import Text

from tests.docs.generate import DOCS

PICTURE = DOCS / "pictures" / "demo.svg"
COLUMNS = 80


def drawn(output: str) -> str:
    """The output of a terminal as SVG, without fonts from elsewhere."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(output))
    picture = console.export_svg(title="swf demo", unique_id="demo")
    picture = picture.replace("<text ", '<text xml:space="preserve" ')  # some viewers trim even hard spaces
    return re.sub(r"@font-face \{.*?\}\s*|<!-- .*? -->\s*", "", picture, flags=re.DOTALL)


def main() -> None:
    """Run the demo and draw what it printed."""
    environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(COLUMNS), "TZ": "UTC"}
    done = subprocess.run([sys.executable, "-m", "swf", "demo"], env=environment, stdout=subprocess.PIPE, check=True)
    PICTURE.write_text(drawn(done.stdout.decode()), "utf-8")


if __name__ == "__main__":
    main()
