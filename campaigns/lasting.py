"""How long the points of an award last, where its rules name expiry policies of their own (DOMAIN 9.1).

Each distinct policy gets its part of the award, as a credit and a lot of its own: a bonus that ends soon does not shorten the
base points, and base points do not lengthen the bonus. The whole points are laid over the exact numbers that the rules of each
policy gave, by largest remainder. Without such a rule an award is one credit, and none of this is asked.
"""

from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any

from campaigns.rounding import split
from campaigns.terms import Award
from loyalty.common.clock import last_valid_day, local_day
from loyalty.ledger import policies
from loyalty.ledger.models import Wallet
from loyalty.ledger.posting import Accrual


def laid_over(points: int, parts: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Points that are left of an award, by policy, in the proportion of its parts."""
    shares = split(points, [Fraction(part["points"]) for part in parts])
    return {part["policy"]: share for part, share in zip(parts, shares, strict=True)}


class Lasting:
    """The expiry policies of a program's main wallet, read once and only when an award asks for one."""

    def __init__(self, program_id: int) -> None:
        self.program_id = program_id
        self._terms: policies.Terms | None = None

    @property
    def terms(self) -> policies.Terms:
        """What the main wallet promises."""
        if self._terms is None:
            wallet_id = Wallet.objects.values_list("id", flat=True).get(program=self.program_id, is_main=True)
            self._terms = policies.terms_of([wallet_id])[wallet_id]
        return self._terms

    def policy_id(self, name: str) -> int | None:
        """The newest version of a named policy; None for the wallet's own."""
        return self.terms.newest(name) if name else None

    def told(self, award: Award, occurred_at: datetime, *, waits: bool = False) -> dict[str, Any]:
        """The award's explanation, each part with the last day its points are valid (None: for ever).

        With `waits`, parts that wait for an event of the order name it, and the last day on which it may happen.
        """
        if "lasts" not in award.explanation:
            return award.explanation
        parts = [part | self._end(part["policy"], occurred_at, waits) for part in award.explanation["lasts"]]
        return award.explanation | {"lasts": parts}

    def _end(self, name: str, occurred_at: datetime, waits: bool) -> dict[str, Any]:
        """What is told of the end of points that follow a policy."""
        policy_id, zone = self.policy_id(name), self.terms.zone
        policy = self.terms.policy_for(policy_id)
        until = self.terms.confirm_by(occurred_at, policy_id) if waits else None
        if policy and until:
            return {"waits": policy.confirmed_by, "through": last_valid_day(until, zone).isoformat()}
        begin = self.terms.available_at(occurred_at, policy_id)
        end = self.terms.expires_at(begin, policy_id)
        told: dict[str, Any] = {"through": last_valid_day(end, zone).isoformat() if end else None}
        if policy and policy.activation_days:
            told["from"] = local_day(begin, zone).isoformat()
        return told | ({"idle": True} if policy and policy.is_idle else {})

    def credits(self, credit: Accrual) -> list[Accrual]:
        """The credits of an award: the one given, or one for each of its parts; those after the first are called by their number."""
        parts = credit.explanation.get("lasts", [])
        return [
            Accrual(
                credit.account_id, part["points"], credit.effective_at,
                f"part {number}" if number else credit.reference, credit.source, credit.actor, credit.explanation,
                ",".join(part["rules"]), expiry_policy_id=self.policy_id(part["policy"]),
                waits=credit.waits,
            )
            for number, part in enumerate(parts)
        ] or [credit]  # fmt: skip
