"""What a worker prints: its end is kept, however much there is, in memory and never on the disk."""

from __future__ import annotations

import os
import secrets
import threading

OUTPUT_BYTES_MAX = 64 * 1024
"""How much of the end is kept."""

LINE_BYTES_MAX = 200
"""How much of the beginning of the last line: the name of an error, if its text is endless."""


class WorkerOutput:
    """A pipe that a worker prints into; a thread reads it, and sleeps while nothing is printed."""

    def __init__(self) -> None:
        """Open the pipe and begin to read."""
        reading, self.writing = os.pipe()
        self._tail = self._last_line = self._line = b""
        self._total = 0
        self._end = secrets.token_bytes(16)
        self._thread = threading.Thread(target=self._read, args=(reading,), daemon=True)
        self._thread.start()

    def text(self) -> str:
        """Return the end of what was printed, once; the pipe is closed then.

        A process that the worker has left behind may hold the pipe open. So this does not wait for
        its end, but for a word of our own in it.
        """
        os.write(self.writing, self._end)
        self._thread.join()
        os.close(self.writing)
        text = self._tail.decode("utf-8", errors="replace")
        more = self._total - len(self._tail)
        if not more:
            return text
        begins = self._last_line.decode("utf-8", errors="replace")
        again = "" if begins in text else f"\n{begins}…\n"
        return f"[{more} bytes before this are left out]\n{text}{again}"

    def _read(self, reading: int) -> None:
        """Keep the last bytes until our own word comes; what follows it is not the worker's."""
        kept = b""
        try:
            while self._end not in kept:
                chunk = os.read(reading, OUTPUT_BYTES_MAX)
                self._total += len(chunk)
                self._note_line(chunk.partition(self._end)[0])
                kept = (kept + chunk)[-OUTPUT_BYTES_MAX - len(self._end) - len(chunk) :]
        finally:
            os.close(reading)
        said, _, later = kept.partition(self._end)
        self._total -= len(self._end) + len(later)
        self._tail = said[-OUTPUT_BYTES_MAX:]

    def _note_line(self, chunk: bytes) -> None:
        """Keep the beginning of the last line that is not empty."""
        *ended, self._line = (self._line + chunk).split(b"\n")
        self._line = self._line[:LINE_BYTES_MAX]
        self._last_line = next(
            (line[:LINE_BYTES_MAX] for line in (self._line, *reversed(ended)) if line.strip()),
            self._last_line,
        )
