"""Sending NDJSON files into the topic: read, judge, put into records, send, report."""

from tokentide.ingest.run import run

__all__ = ["run"]
