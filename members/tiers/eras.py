"""The ladders that were in force one after another: what comes late is judged by the policy of its day (DOMAIN 2.5, 8.4).

Every edit keeps the thresholds and the policy that it made, and when it came into force. The newest one is the ladder itself.
"""

import copy
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from loyalty.ledger.models import Program
from members.ladders import Ladder
from members.models import TierPolicyVersion

AT_ONCE = "moves_down_at_once"
UNDOES = "undoes"


def eras(program: Program, steps: Ladder, since: datetime) -> list[Ladder]:
    """The ladders from the one in force at an instant to the present one; before its `wall` each follows another.

    One query where the present one came into force later, else none.
    """
    if steps.wall is None or since >= steps.wall:
        return [steps]
    versions = list(TierPolicyVersion.objects.filter(program=program).order_by("number"))
    decimals, found = decimals_of(program), [steps]
    walls = {one.number: one.since for one in versions}
    steps.puts_back = walls.get(versions[-1].terms.get(UNDOES)) if versions else None
    for index in range(len(versions) - 2, -1, -1):
        one, is_first = versions[index], index == 0
        earlier = ladder_of(steps, one.terms, decimals, number=one.number, since=None if is_first else one.since)
        earlier.puts_back = walls.get(one.terms.get(UNDOES))
        found.insert(0, earlier)
        if one.since <= since:
            break
    return found


def from_on(ladders: Sequence[Ladder], since: datetime) -> list[Ladder]:
    """Those of some eras that were in force at an instant or came later."""
    begun = [index for index, one in enumerate(ladders) if one.wall is None or one.wall <= since]
    return list(ladders[max(begun, default=0) :])


def ladder_of(
    steps: Ladder,
    terms: Mapping[str, Any],
    decimals: Mapping[int | None, int],
    *,
    number: int,
    since: datetime | None,
    at_once: bool | None = None,
) -> Ladder:
    """A program's ladder with other thresholds and another policy, in force from an instant on; nothing is written.

    `terms` are those of a version; a tier they do not name is not on the ladder.
    """
    policy = copy.copy(steps.policy)
    for name, value in terms["policy"].items():
        setattr(policy, "wallet_id" if name == "wallet" else name, value)
    policy.version, policy.in_force_since = number, since
    policy.moves_down_at_once = bool(terms.get(AT_ONCE)) if at_once is None else at_once
    tiers = [copy.copy(tier) for tier in steps.by_id.values()]
    for tier in tiers:
        tier.is_on_ladder = tier.slug in terms["tiers"]
        if tier.is_on_ladder:
            least, keep = terms["tiers"][tier.slug]
            tier.threshold, tier.keep_threshold = Decimal(least), None if keep is None else Decimal(keep)
    made = Ladder(tiers, policy, steps.zone, decimals.get(policy.wallet_id, decimals[None]))
    made.has_grants, made.has_parts, made.delays = steps.has_grants, steps.has_parts, steps.delays
    return made


def decimals_of(program: Program) -> dict[int | None, int]:
    """The decimals of a program's wallets; those of the main one stand under None, too. One query."""
    found: dict[int | None, int] = {}
    for pk, decimals, is_main in program.wallets.values_list("pk", "decimals", "is_main"):
        found[pk] = decimals
        if is_main:
            found[None] = decimals
    return found
