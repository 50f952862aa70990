"""TrueFoundry's metrics query: one endpoint over six datasources."""

from tokentide.api.truefoundry.routes import router

__all__ = ["router"]
