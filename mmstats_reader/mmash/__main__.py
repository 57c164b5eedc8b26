"""``python -m mmstats_reader.mmash`` is ``mmash``."""

import sys

from . import main

sys.exit(main())
