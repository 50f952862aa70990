"""The page at `/`: a picture of the traffic for those who do not write queries."""

from tokentide.api.page.routes import router

__all__ = ["router"]
