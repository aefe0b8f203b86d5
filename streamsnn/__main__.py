"""`python -m streamsnn`: the command line."""

import sys

from streamsnn.cli import main

if __name__ == "__main__":
    sys.exit(main())
