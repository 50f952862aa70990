"""What does the failure analysis ask the store, and how do the rows become the answer?"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from tokentide.api.engine import Rows
from tokentide.api.perf import figures
from tokentide.api.perf.days import Days
from tokentide.api.perf.models import Period
from tokentide.api.perf.reports import FailingModel, FailureMode, Failures, FailureSummary, Mitigation
from tokentide.api.printed import share
from tokentide.api.ranking import ranked
from tokentide.api.sums import Sums, added
from tokentide.rollups.tables import FAILURE_MODES
from tokentide.store.queries.calls import are_kept, failure_triggers
from tokentide.store.queries.sources import USAGE_SOURCE
from tokentide.store.queries.totals import Question, Scope, totals

__all__ = ["MITIGATIONS", "asked", "shaped"]

_MEASURES = (
    "requests",
    "failures",
    *(f"failed_{mode}" for mode in FAILURE_MODES),
    "recovered_by_retry",
    "recovered_by_fallback",
)
_TOP = 2
_LEAST_SHARE = Fraction(1, 5)

MITIGATIONS = {
    "format_violation": ("High format_violation rate", "Add schema validation to prompts, or use structured output"),
    "refusal": ("High refusal rate", "Rephrase what the provider's policy stops, or route it to another model"),
    "hallucination": ("High hallucination rate", "Ground prompts in retrieved context, and ask for its sources"),
    "incomplete": ("High incomplete rate", "Raise the output token limit, or split the task into smaller ones"),
    "reasoning_error": ("High reasoning_error rate", "Use a stronger reasoning model for these tasks"),
    "provider_error": ("High provider_error rate", "Add retries with backoff, and a fallback to another provider"),
}
"""Failure mode → what is said about it, and what helps."""


def asked(scope: Scope) -> list[Question]:
    """The questions, in the order in which `shaped` takes their rows; the second one only when events are kept."""
    usage = totals("perf_failures", USAGE_SOURCE, scope, _MEASURES, by=["model"])
    return [usage, failure_triggers(scope)] if are_kept(scope) else [usage]


def shaped(days: Days, usage: Rows, triggers: Rows = ()) -> Failures:
    """The answer.

    Args:
        days: what was asked.
        usage: sums by model.
        triggers: (failure mode, trigger, failures); none when events are not kept.
    """
    models = figures.by_model(usage, _MEASURES)
    total = added(models.values())
    retried, fallen_back = total["recovered_by_retry"], total["recovered_by_fallback"]
    modes = ranked(_modes(total))
    return Failures(
        period=Period.of(days),
        summary=FailureSummary(
            total_failures=total["failures"],
            failure_rate=share(total["failures"], total["requests"]),
            retries_succeeded=retried,
            fallback_succeeded=fallen_back,
            unrecoverable=total["failures"] - retried - fallen_back,
        ),
        by_failure_mode={mode: _mode(mode, total, models, triggers) for mode in modes},
        by_model={model: _model(sums) for model, sums in models.items() if sums["failures"]},
        mitigation_recommendations=[
            _mitigation(mode, _modes(total)[mode], total["failures"])
            for mode in modes
            if _modes(total)[mode] >= total["failures"] * _LEAST_SHARE
        ],
    )


def _modes(sums: Sums) -> dict[str, int]:
    return {mode: sums[f"failed_{mode}"] for mode in FAILURE_MODES}


def _mode(mode: str, total: Sums, models: Mapping[str, Sums], triggers: Rows) -> FailureMode:
    return FailureMode(
        count=total[f"failed_{mode}"],
        percentage=share(total[f"failed_{mode}"], total["failures"]),
        affected_models=ranked({model: sums[f"failed_{mode}"] for model, sums in models.items()}, _TOP),
        common_triggers=ranked({trigger: count for of, trigger, count in triggers if of == mode}, _TOP),
    )


def _model(sums: Sums) -> FailingModel:
    return FailingModel(
        total_calls=sums["requests"],
        failures=sums["failures"],
        failure_rate=share(sums["failures"], sums["requests"]),
        top_failure_modes=ranked(_modes(sums), _TOP),
    )


def _mitigation(mode: str, count: int, failures: int) -> Mitigation:
    issue, recommendation = MITIGATIONS[mode]
    reduction = round(Fraction(100 * count, failures))
    return Mitigation(
        issue=issue, recommendation=recommendation, expected_improvement=f"{reduction}% reduction in failures"
    )
