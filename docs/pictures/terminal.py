"""What the tools of a terminal print of the example under load: ``python docs/pictures/terminal.py``.

Each picture is a text: the command, and its output.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mmash import HERE, ROOT, load, running

_COMMANDS = {
    "pollstats": "pollstats -c 8 -p flask.example. ok,bad,working,latency mmstats-*",
    "slurpstats": "slurpstats mmstats-* | head -n 6",
    "cleanstats": "cleanstats --fold --dry-run mmstats-*",
}


def main() -> None:
    """Make them."""
    with tempfile.TemporaryDirectory(prefix="mmstats-") as directory, contextlib.ExitStack() as stack:
        example = [str(ROOT / "run_flask_example"), "--bind", "127.0.0.1:0"]
        port = stack.enter_context(running(example, Path(directory), "Listening at: http://127.0.0.1:")).split()[0]
        stack.enter_context(load(int(port)))
        time.sleep(5)
        for name, command in _COMMANDS.items():
            tools = f'PATH="{Path(sys.executable).parent}:$PATH"; export PATH; '
            done = subprocess.run(
                ["sh", "-c", tools + command], cwd=directory, capture_output=True, text=True, check=True
            )
            (HERE / f"{name}.txt").write_text(f"$ {command}\n{done.stdout}", encoding="utf-8")
            print(f"{name}.txt")


if __name__ == "__main__":
    main()
