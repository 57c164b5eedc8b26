"""``python -m mmstats_format.conformance``: the command ``mmstats-conformance``."""

import sys

from ._command import main

if __name__ == "__main__":
    sys.exit(main())
