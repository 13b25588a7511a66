"""`python -m swf` and the `swf` command."""

import gc

gc.disable()  # what modules make while they are read stays; to look through it again and again took a sixth of the start

from swf.cli import app  # noqa: E402


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
