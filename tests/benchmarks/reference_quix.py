"""A peer: Quix Streams, which sums one field of each event over tumbling windows of an hour.

python reference_quix.py HOST:PORT TOPIC COUNT_FILE
"""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

from quixstreams import Application


def run(broker: str, topic_name: str, count_file: Path) -> None:
    app = Application(
        broker_address=broker,
        consumer_group=count_file.stem,
        auto_offset_reset="earliest",
        state_dir=count_file.with_suffix(".state"),
        loglevel="WARNING",
    )
    seen = 0

    def count(_: object) -> None:
        nonlocal seen
        seen += 1
        if seen % 500 == 0:
            count_file.write_text(str(seen))

    topic = app.topic(topic_name, key_deserializer="str", value_deserializer="json")
    latencies = app.dataframe(topic).update(count).apply(lambda event: event["latency_ms"])
    latencies.tumbling_window(timedelta(hours=1)).sum().current()
    app.run()


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
