"""What can be wrong with clocks, services, and the checks themselves?"""

from __future__ import annotations

from tokentide.doctor.finding import Kind

__all__ = ["CLOCKS", "PROCESSES"]

CLOCKS = (
    Kind(
        "clock_store",
        "ClickHouse's clock and this machine's differ: rows expire, keys end at other times",
        "synchronise them",
    ),
    Kind(
        "clock_kafka",
        "Kafka's clock and this machine's differ: ages and freshness are wrong by that",
        "synchronise them",
    ),
    Kind(
        "log_time_ahead",
        "log time lies in the future: the duplicates window is empty until then, and hours leave memory at once",
        "let the broker stamp records; it passes by itself",
    ),
)

PROCESSES = (
    Kind(
        "rate_limits_unreachable",
        "the shared counters do not answer: each API process counts by itself",
        "start it, or correct its address",
        "unreachable",
    ),
    Kind("service_unreachable", "a service that should run does not answer", "start it", "unreachable"),
    Kind("service_not_ready", "a service answers that it is not ready", "see the reason"),
    Kind("worker_paused", "a worker waits for the store, and reads nothing", "look at ClickHouse"),
    Kind("version_differs", "a service is of another version than this program", "upgrade it", "advice"),
    Kind(
        "check_timed_out",
        "a check did not end in time",
        "look at what it asks; or give it more --timeout",
        "unreachable",
    ),
    Kind(
        "check_failed", "a check failed in a way that was not foreseen", "report it, with the log of --log-format text"
    ),
)
