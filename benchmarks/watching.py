"""Reads event streams of mmash to their ends, and prints how many events each had as a JSON list.

The argument is a JSON object: ``port``, of the server on this machine; ``viewers``, how many connections at once. It
prints a line when each connection has had its first event, and the list when the server has ended the last stream. A
stream that breaks off is an error.
"""

import http.client
import json
import sys
import threading
from typing import Any


class Viewer(threading.Thread):
    """A connection that follows all metrics, an event a second."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.begun = threading.Event()
        self.events = 0
        self.error: Any = None

    def run(self) -> None:
        """Read to the end."""
        try:
            self.connection.request("GET", "/api/v2/stream?interval=1")
            for line in self.connection.getresponse():
                if line.startswith(b"data: "):
                    json.loads(line[6:])["metrics"]
                    self.events += 1
                    self.begun.set()
        except (OSError, http.client.HTTPException, KeyError) as error:
            self.error = error


def main() -> None:
    """Run."""
    task = json.loads(sys.argv[1])
    viewers = [Viewer(task["port"]) for _ in range(task["viewers"])]
    for viewer in viewers:
        viewer.start()
    if not all(viewer.begun.wait(60) for viewer in viewers):
        raise SystemExit("a stream does not begin")
    print("all see", flush=True)
    for viewer in viewers:
        viewer.join()
        if viewer.error:
            raise SystemExit(f"a stream breaks off: {viewer.error!r}")
    print(json.dumps([viewer.events for viewer in viewers]))


if __name__ == "__main__":
    main()
