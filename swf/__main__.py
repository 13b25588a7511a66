"""`python -m swf` and the `swf` command."""

from swf.cli import app


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
