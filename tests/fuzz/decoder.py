"""Fuzz what reads bytes from outside with atheris, which looks for inputs that take new ways through the code.

    python -m tests.fuzz.decoder -max_total_time=60 [-runs=N] [CORPUS_FOLDER]

Options are libFuzzer's. An input is read as a record (as the worker reads it), as the body of a request, and by every
adapter. It ends at the first input that breaks a promise, and writes it to a file named `crash-…`.
"""

from __future__ import annotations

import sys
from contextlib import suppress

import atheris

with atheris.instrument_imports(include=["tokentide"]):
    from tokentide.errors import QueryError
    from tokentide.events import Limits, decode
    from tokentide.gateway.adapters.otlp_wire import PROTOBUF
    from tokentide.gateway.adapters.payload import Payload
    from tokentide.gateway.doors import DOORS
    from tokentide.gateway.judging import Judged, Origin, Rules, judge_body, judge_fields

AT_MS = 1_776_679_293_000
LIMITS = Limits()
RULES, ORIGIN = Rules(LIMITS, {}), Origin("p", "o")


def accepted_by_the_worker(judged: Judged) -> None:
    """What the gateway accepts never becomes a dead letter."""
    for record in judged.records:
        decoded = decode(record.value, AT_MS, LIMITS)
        assert not decoded.refusals
        assert len(decoded.events) == record.events


def read(data: bytes) -> None:
    """Read the bytes in every way that there is."""
    decoded = decode(data, AT_MS, LIMITS)
    assert len(decoded.events) == len(decoded.indexes)
    with suppress(QueryError):
        accepted_by_the_worker(judge_body(data, ORIGIN, AT_MS, RULES, 100))
    for door in DOORS:
        for content_type in ("application/json", PROTOBUF):
            if door.adapter is not None:
                with suppress(QueryError):
                    mapped = door.adapter(Payload(data, content_type, AT_MS))
                    accepted_by_the_worker(judge_fields(mapped.events, ORIGIN, AT_MS, RULES))


if __name__ == "__main__":
    atheris.Setup(sys.argv, read)
    atheris.Fuzz()
