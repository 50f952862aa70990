"""How files and standard input are read without holding up the event loop, be they files, pipes or terminals."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import CancelledError
from io import FileIO
from pathlib import Path

__all__ = ["chunks", "size_of"]

_CHUNK_BYTES = 1 << 20
_CHUNKS_AHEAD = 4
_STDIN = 0


async def chunks(file: str) -> AsyncIterator[bytes]:
    """The bytes of a file, or of standard input for `-`, as they come.

    Raises:
        OSError: the file cannot be read.
    """
    # A thread that ends with the process: one that waits for standard input could not be stopped otherwise.
    loop, queue = asyncio.get_running_loop(), asyncio.Queue[bytes | OSError | None](_CHUNKS_AHEAD)

    def put(item: bytes | OSError | None) -> None:
        asyncio.run_coroutine_threadsafe(queue.put(item), loop).result()

    threading.Thread(target=_read, args=(file, put), name="read", daemon=True).start()
    while (item := await queue.get()) is not None:
        if isinstance(item, OSError):
            raise item
        yield item


def size_of(files: tuple[str, ...]) -> int | None:
    """Bytes of all files together; None when standard input is among them."""
    return None if "-" in files else sum(Path(file).stat().st_size for file in files)


def _read(file: str, put: Callable[[bytes | OSError | None], None]) -> None:
    try:
        # Unbuffered: a read returns what is there, so that the events of a slow pipe do not wait for others.
        with _opened(file) as source:
            while chunk := source.read(_CHUNK_BYTES):
                put(chunk)
        put(None)
    except OSError as error:
        put(error)
    except (RuntimeError, CancelledError):
        return  # the event loop has ended: nobody reads on


def _opened(file: str) -> FileIO:
    return FileIO(_STDIN, closefd=False) if file == "-" else FileIO(file)
