"""The original mmstats package's names on today's writer and reader: its users' programs run unchanged.

Writes version 1. New programs use `mmstats_writer` and `mmstats_reader`.
"""

from mmstats_format import __version__ as __version__

from .defaults import *  # noqa: F403
from .defaults import __getattr__ as __getattr__
from .fields import *  # noqa: F403
from .models import *  # noqa: F403

version = __version__
