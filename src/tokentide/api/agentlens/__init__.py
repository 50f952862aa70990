"""AgentLens' LLM analytics, and the events that its command line lists."""

from tokentide.api.agentlens.routes import router

__all__ = ["router"]
