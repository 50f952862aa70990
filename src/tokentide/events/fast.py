"""The fast form of an event: a msgspec Struct generated from the model.

Soundness is what counts: what this decoder accepts, the model accepts with equal values (a property test shows it).
What it refuses goes to the model, which has the last word and words the error. A constraint of the model that has no
exact msgspec form fails here, when the module is loaded, instead of being skipped on the fast path.
"""

from __future__ import annotations

import types
from collections.abc import Collection
from itertools import chain
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
import msgspec
from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

from tokentide.events.model import Event, Fast

__all__ = ["DecodedEvent", "struct_from"]

_BOUNDS = {
    annotated_types.Ge: "ge",
    annotated_types.Gt: "gt",
    annotated_types.Le: "le",
    annotated_types.Lt: "lt",
    annotated_types.MinLen: "min_length",
    annotated_types.MaxLen: "max_length",
}
_HARMLESS_CONFIG = {"strict", "extra", "frozen", "hide_input_in_errors"}


def struct_from(model: type[BaseModel], applied: Collection[str] = ()) -> Any:
    """A msgspec Struct with the fields, defaults and constraints of a strict pydantic model.

    Args:
        model: a strict model that ignores unknown fields.
        applied: the model's validator methods that whoever uses the Struct applies itself.

    Raises:
        TypeError: the model has something that msgspec cannot express exactly.
    """
    _refuse_what_fields_do_not_say(model, applied)
    fields = [_field(name, info) for name, info in model.model_fields.items()]
    return msgspec.defstruct(f"Fast{model.__name__}", fields, kw_only=True, gc=False)


def _refuse_what_fields_do_not_say(model: type[BaseModel], applied: Collection[str]) -> None:
    config = model.model_config
    if not config.get("strict") or config.get("extra") != "ignore":
        raise TypeError(f"{model.__name__} must be strict and ignore unknown fields")
    if unknown := config.keys() - _HARMLESS_CONFIG:
        raise TypeError(f"{model.__name__}: {sorted(unknown)} of its configuration has no exact form here")
    own = model.__pydantic_decorators__
    methods = {*own.validators, *own.field_validators, *own.root_validators, *own.model_validators}
    if unapplied := methods - set(applied):
        raise TypeError(f"{model.__name__}: the validator {sorted(unapplied)} has no exact form here")


def _field(name: str, info: FieldInfo) -> Any:
    if info.alias or info.validation_alias:
        raise TypeError(f"{name}: an alias has no form here")
    hint = _fast_type(info.annotation, tuple(info.metadata))
    if info.is_required():
        return name, hint
    if info.default_factory is not None:
        factory: Any = info.default_factory
        return name, hint, msgspec.field(default_factory=factory)
    default = info.default
    marked = any(isinstance(entry, Fast) for entry in info.metadata)
    return name, hint, float(default) if marked and default is not None else default


def _fast_type(hint: Any, constraints: tuple[Any, ...] = ()) -> Any:
    marks = [entry.type for entry in constraints if isinstance(entry, Fast)]
    if marks:
        return marks[0]
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _fast_type(args[0], (*args[1:], *constraints))
    if origin in {Union, types.UnionType}:
        inner = [arg for arg in args if arg is not types.NoneType]
        if len(inner) != 1 or len(args) != 2:  # noqa: PLR2004  X | None
            raise TypeError(f"only X | None has a form here, not {hint}")
        return _fast_type(inner[0], constraints) | None
    meta = _bounds(constraints)
    if origin is dict and args[0] is not str:
        raise TypeError(f"the keys of a JSON object are text, not as {hint} says")
    if origin in {dict, list}:
        plain: Any = origin[tuple(_fast_type(arg) for arg in args)]
    elif origin is Literal or hint in {str, int, float, bool}:
        plain = hint
    else:
        raise TypeError(f"{hint} has no exact form here")
    return Annotated[plain, msgspec.Meta(**meta)] if meta else plain


def _bounds(constraints: tuple[Any, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    entries = [entry.metadata if isinstance(entry, FieldInfo) else [entry] for entry in constraints]
    for constraint in chain.from_iterable(entries):
        if type(constraint) in _BOUNDS:
            bound = _BOUNDS[type(constraint)]
            if bound in found:
                raise TypeError(f"{constraint!r} is the second of its kind")
            found[bound] = getattr(constraint, bound)
        elif not _is_already_so(constraint):
            raise TypeError(f"{constraint!r} has no exact form here")
    return found


def _is_already_so(constraint: Any) -> bool:
    """Whether msgspec's JSON decoder obeys the constraint without being told."""
    widening = isinstance(constraint, BeforeValidator)  # it only lets more in: those go to the model
    finite = getattr(constraint, "allow_inf_nan", None) is False  # JSON has neither, and 1e400 is refused
    return widening or finite


_APPLIED_BY_DECODE = (
    "_null_is_absent",  # msgspec takes null only where absent means None; elsewhere the model is asked
    "_keeps_the_rules",
)


class DecodedEvent(struct_from(Event, _APPLIED_BY_DECODE), kw_only=True, gc=False, omit_defaults=True):  # type: ignore[misc, call-arg]
    """An event as the fold reads it: the model's fields, what they mean, and its place in the log.

    `timestamp` stays the producer's text and the costs the producer's numbers. What they mean is set by `decode`:
    `event_time_ms` (milliseconds since the epoch, UTC) and the `…_nanos` (nano-dollars). The place in the log is set by
    the fold, and makes the event a row of the events table. A producer's own values for these names never survive.
    """

    event_time_ms: int = 0
    cost_nanos: int = 0
    cost_ceiling_nanos: int | None = None
    potential_savings_nanos: int | None = None
    log_partition: int = 0
    log_offset: int = 0
    log_index: int = 0
