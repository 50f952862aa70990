"""Perf's six endpoints: overview, customer, performance, failures, providers, daily."""

from tokentide.api.perf.routes import router

__all__ = ["router"]
