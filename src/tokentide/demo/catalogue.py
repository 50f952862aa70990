"""What the made-up traffic is about: models with their prices and speeds, tasks, agents, errors. Data only.

Prices are nano-dollars a token (2.50 dollars per million tokens are 2,500), as the makers of the models list them.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = [
    "AGENTS",
    "CONFIG_TYPES",
    "ENVIRONMENTS",
    "ERROR_CODES",
    "FAILURE_MODES",
    "GUARDRAILS",
    "MCP_TOOLS",
    "MODELS",
    "SDK_VERSIONS",
    "TASKS",
    "Agent",
    "ErrorCode",
    "Model",
    "Task",
]


class Model(NamedTuple):
    """One model as its calls show it.

    Attributes:
        provider: who answers.
        name: the model's name.
        weight: share of the calls, relative to the others.
        input_price: nano-dollars for a token read.
        cached_price: nano-dollars for a token read from the prompt cache; 0 when there is no such cache.
        output_price: nano-dollars for a token written.
        first_token_ms: median time to the first token.
        token_ms: median time for each token after it.
        quality: mean quality score of an easy task, 0 to 1.
        reasons: whether it thinks before it answers.
    """

    provider: str
    name: str
    weight: int
    input_price: int
    cached_price: int
    output_price: int
    first_token_ms: float
    token_ms: float
    quality: float
    reasons: bool = False


MODELS = (
    Model("openai", "gpt-4o-mini", 300, 150, 75, 600, 320, 7.5, 0.84),
    Model("openai", "gpt-4o", 180, 2_500, 1_250, 10_000, 430, 11.0, 0.90),
    Model("anthropic", "claude-sonnet-4-5", 150, 3_000, 300, 15_000, 620, 14.0, 0.94),
    Model("anthropic", "claude-haiku-4-5", 110, 1_000, 100, 5_000, 340, 6.5, 0.88),
    Model("google", "gemini-2.5-flash", 100, 300, 75, 2_500, 290, 4.5, 0.86),
    Model("openai", "gpt-4.1", 60, 2_000, 500, 8_000, 450, 10.0, 0.91),
    Model("google", "gemini-2.5-pro", 40, 1_250, 310, 10_000, 900, 9.0, 0.93, reasons=True),
    Model("openai", "o4-mini", 25, 1_100, 275, 4_400, 2_400, 8.0, 0.93, reasons=True),
    Model("mistral", "mistral-large-latest", 20, 2_000, 0, 6_000, 380, 12.0, 0.87),
    Model("anthropic", "claude-opus-4-5", 15, 5_000, 500, 25_000, 850, 18.0, 0.96, reasons=True),
)


class Task(NamedTuple):
    """One kind of work: how often, how many tokens (medians), how hard (mean, 0 to 1), how often streamed."""

    name: str
    weight: int
    input_tokens: int
    output_tokens: int
    complexity: float
    stream_share: float


TASKS = (
    Task("chat", 38, 900, 220, 0.35, 0.9),
    Task("summarization", 17, 3_800, 260, 0.40, 0.3),
    Task("code_generation", 14, 2_100, 620, 0.70, 0.7),
    Task("extraction", 13, 1_500, 140, 0.30, 0.0),
    Task("classification", 10, 420, 12, 0.15, 0.0),
    Task("reasoning", 8, 1_300, 900, 0.85, 0.5),
)


class Agent(NamedTuple):
    """An agent that makes calls, and the kinds of work that it does."""

    id: str
    name: str
    framework: str
    server_type: str
    tasks: tuple[str, ...]


AGENTS = (
    Agent("agent-support", "Support assistant", "langgraph", "http", ("chat", "classification")),
    Agent("agent-coder", "Code reviewer", "autogen", "a2a", ("code_generation", "reasoning")),
    Agent("agent-research", "Research scout", "crewai", "http", ("summarization", "reasoning")),
    Agent("agent-billing", "Billing helper", "openai-agents", "mcp", ("extraction", "classification")),
    Agent("agent-onboarding", "Onboarding guide", "langgraph", "http", ("chat",)),
)


class ErrorCode(NamedTuple):
    """How a call that fails says so; `code` is None where a provider sends none."""

    code: str | None
    http_status: int
    weight: int


ERROR_CODES = {
    "error": (
        ErrorCode("context_length_exceeded", 400, 34),
        ErrorCode("server_error", 500, 26),
        ErrorCode("overloaded_error", 529, 18),
        ErrorCode("invalid_request_error", 400, 12),
        ErrorCode("content_policy_violation", 400, 6),
        ErrorCode(None, 502, 4),
    ),
    "timeout": (ErrorCode("request_timeout", 504, 60), ErrorCode(None, 504, 40)),
    "rate_limited": (ErrorCode("rate_limit_exceeded", 429, 70), ErrorCode(None, 429, 30)),
    "cancelled": (ErrorCode(None, 499, 1),),
}
FAILURE_MODES = {
    "format_violation": ("strict_json", "nested_schema"),
    "incomplete": ("long_output", "max_tokens"),
    "hallucination": ("missing_context", "rare_entity"),
    "refusal": ("policy_keyword",),
    "reasoning_error": ("multi_step", "arithmetic"),
}
"""Each failure mode with what triggers it."""

ENVIRONMENTS = (("production", 85), ("staging", 10), ("development", 5))
SDK_VERSIONS = (("python/1.8.2", 70), ("node/2.3.0", 25), ("go/0.9.1", 5))
MCP_TOOLS = (
    ("github", "search_code"),
    ("github", "create_issue"),
    ("postgres", "run_query"),
    ("slack", "post_message"),
)
GUARDRAILS = (("pii-redaction", "llm_input"), ("prompt-injection", "llm_input"), ("toxicity", "llm_output"))
CONFIG_TYPES = (("loadbalance", 70), ("ratelimit", 20), ("budget", 10))
