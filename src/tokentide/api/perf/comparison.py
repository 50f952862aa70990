"""What would the same tokens have cost at the comparison model's prices?"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from tokentide.api.printed import NANOS_PER_DOLLAR
from tokentide.settings import Settings
from tokentide.store.accounts import Account

__all__ = ["Prices"]

_TOKENS = 10**6


@dataclass(frozen=True, slots=True)
class Prices:
    """Dollars per million tokens, read and written."""

    input: Decimal
    output: Decimal

    @classmethod
    def of(cls, settings: Settings) -> Prices:
        """Those of the settings."""
        return cls(settings.gpt4o_input_price, settings.gpt4o_output_price)

    def for_account(self, account: Account) -> Prices:
        """These, where the account has none of its own."""
        own_input, own_output = account.gpt4o_input_price, account.gpt4o_output_price
        return Prices(self.input if own_input is None else own_input, self.output if own_output is None else own_output)

    def cost_nanos(self, input_tokens: int, output_tokens: int) -> Fraction:
        """Nano-dollars; tokens that came from a cache have the full price."""
        dollars = Fraction(self.input) * input_tokens + Fraction(self.output) * output_tokens
        return dollars * NANOS_PER_DOLLAR / _TOKENS
