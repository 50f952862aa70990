"""The ceiling: aiokafka's own consumer, which hands out records and counts them.

python reference_aiokafka.py HOST:PORT TOPIC COUNT_FILE
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from aiokafka import AIOKafkaConsumer


async def run(broker: str, topic: str, count_file: Path) -> None:
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=broker,
        group_id=count_file.stem,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    seen = 0
    try:
        while True:
            fetched = await consumer.getmany(timeout_ms=200, max_records=5000)
            seen += sum(len(records) for records in fetched.values())
            count_file.write_text(str(seen))
    finally:
        await consumer.stop()


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
