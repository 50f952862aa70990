"""The reference: a Faust agent as its documentation shows it, which only counts. Run by `consumers`.

python reference_faust.py HOST:PORT TOPIC COUNT_FILE
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import faust


def build(broker: str, topic_name: str, count_file: Path) -> faust.App:
    app = faust.App(
        count_file.stem,
        broker=f"kafka://{broker}",
        autodiscover=False,
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
    )
    seen = 0

    @app.agent(app.topic(topic_name, value_type=bytes, value_serializer="raw"))
    async def count(stream):
        nonlocal seen
        async for _ in stream:
            seen += 1

    @app.timer(0.1)
    async def report():
        count_file.write_text(str(seen))

    return app


async def run(app: faust.App) -> None:
    await app.start()
    await app.wait_until_stopped()


if __name__ == "__main__":
    asyncio.run(run(build(sys.argv[1], sys.argv[2], Path(sys.argv[3]))))
