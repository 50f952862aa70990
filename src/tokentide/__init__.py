"""Tokentide: LLM usage rollups that are exactly right, from Kafka to ClickHouse."""

from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("tokentide")
