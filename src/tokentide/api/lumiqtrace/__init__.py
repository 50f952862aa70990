"""LumiqTrace's metrics endpoints: overview, costs, performance, errors."""

from tokentide.api.lumiqtrace.routes import router

__all__ = ["router"]
