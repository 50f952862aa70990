"""What `tokentide demo` does around the demonstration: bring everything up, run it, stay up when asked to, end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable
from dataclasses import replace

from rich.console import Console
from rich.logging import RichHandler

from tokentide.demo.run import PROJECTS, run_demo
from tokentide.settings import Settings
from tokentide.up.run import UpOptions, brought_up
from tokentide.up.status import Ready

__all__ = ["run"]

_INTERRUPTED = 130


async def run(settings: Settings, options: UpOptions, *, events: int, seed: int, keep: bool) -> int:
    """Run the demonstration; the exit code is 0 when everything agrees, 1 when not, 130 when interrupted.

    Args:
        settings: what the parts run with; the events table is kept, whatever they say.
        options: what to bring up.
        events: how many events to send.
        seed: which traffic.
        keep: stay up afterwards, until interrupted.
    """
    demonstration = asyncio.create_task(_run(settings, options, events=events, seed=seed, keep=keep))
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, _cancel_once(demonstration))
    try:
        return await demonstration
    except asyncio.CancelledError:
        return _INTERRUPTED


def _cancel_once(task: asyncio.Task[int]) -> Callable[[], None]:
    """Asking again must not interrupt the orderly end that the first time began."""
    asked = False

    def cancel() -> None:
        nonlocal asked
        if not asked:
            asked = True
            task.cancel()

    return cancel


async def _run(settings: Settings, options: UpOptions, *, events: int, seed: int, keep: bool) -> int:
    console = Console()
    if console.is_terminal:  # what goes wrong is said above the progress bars, not through them
        logging.getLogger().handlers[:] = [RichHandler(logging.WARNING, console, show_path=False)]
    settings = settings.model_copy(update={"events_table": True})
    options = replace(options, projects=(*options.projects, *PROJECTS[1:]))
    console.print("Starting Kafka, ClickHouse, a worker and the API …")
    async with brought_up(settings, options) as up:
        holds = await run_demo(up, settings, events=events, seed=seed, console=console)
        if keep:
            _tell_where(console, up.now())
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
    return 0 if holds else 1


def _tell_where(console: Console, ready: Ready) -> None:
    overview = f"{ready.api}/v1/projects/{ready.project_id}/overview"
    for text in (
        f"API {ready.api}, documentation {ready.api}/docs",
        f"Kafka {ready.kafka}, ClickHouse {ready.clickhouse}, metrics {' '.join(ready.metrics)}",
        f"curl -H 'Authorization: Bearer {ready.read_key}' {overview}",
        "Ctrl-C stops everything.",
    ):
        console.print(text, highlight=False, soft_wrap=True)
