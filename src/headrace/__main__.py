"""Run the command line with `python -m headrace`."""

from headrace.cli import main

main()
