"""How large must a deployment be? Measured costs, multiplied by a load: pure arithmetic, and what it assumes."""

from tokentide.capacity.load import Load
from tokentide.capacity.planning import Figure, Plan, planned

__all__ = ["Figure", "Load", "Plan", "planned"]
