"""``python -m mmstats_reader.mmtop``."""

import sys

from . import main

sys.exit(main())
