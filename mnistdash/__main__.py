"""Run the command line: `python -m mnistdash`."""

import sys

from mnistdash.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
