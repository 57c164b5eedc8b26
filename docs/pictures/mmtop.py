"""The pictures of mmtop, made of the example under load: ``python docs/pictures/mmtop.py``, which takes a minute."""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

HERE = Path(__file__).parent
sys.path.append(str(HERE))

from mmash import ROOT, load, running  # noqa: E402 - it lies beside this

from mmstats_reader import Directory  # noqa: E402
from mmstats_reader.mmtop._screen import Top  # noqa: E402

#: Keys before each picture: each process, by its value; and what there is of the first row's metric, a histogram.
PICTURES = {"mmtop": ("e", ">", ">"), "mmtop-details": ("enter",)}
COLUMNS, LINES = 110, 32
_SECONDS = 40
#: What Textual has fetched from another host.
_FONTS = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)


async def take(stats: Directory) -> None:
    """Run the program without a terminal, and take its pictures."""
    app = Top(stats, 1.0)
    async with app.run_test(size=(COLUMNS, LINES)) as pilot:
        await asyncio.sleep(_SECONDS)
        for name, keys in PICTURES.items():
            await pilot.press(*keys)
            await asyncio.sleep(1.5)
            path = HERE / f"{name}.svg"
            path.write_text(local(app.export_screenshot(title="mmtop")), encoding="utf-8")
            print(path.relative_to(ROOT), path.stat().st_size, "bytes")


def local(svg: str) -> str:
    """A picture that names no other host; whoever looks at it has a font of even widths."""
    svg = re.sub(r"<!--.*?-->\s*", "", _FONTS.sub("", svg))
    svg = re.sub(r"font-family: [^;]*;", "font-family: monospace;", svg)
    if others := re.findall(r"https?://(?!www\.w3\.org/2000/svg)\S*", svg):
        raise SystemExit(f"the picture names other hosts: {others}")
    return svg


def main() -> None:
    """Make them."""
    with tempfile.TemporaryDirectory(prefix="mmstats-") as made, ExitStack() as stack:
        directory = Path(made)
        example = [str(ROOT / "run_flask_example"), "--bind", "127.0.0.1:0"]
        port = stack.enter_context(running(example, directory, "Listening at: http://127.0.0.1:")).split()[0]
        stack.enter_context(load(int(port)))
        stack.enter_context(stats := Directory(directory))
        asyncio.run(take(stats))


if __name__ == "__main__":
    main()
