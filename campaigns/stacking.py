"""Which campaigns count together (DOMAIN 3.4). Standing rules always count.

Campaigns are looked at by priority, lower numbers first, equal ones by their short name: the outcome never depends on the
order rules were read in. An exclusive campaign that applies keeps all others out. Of the campaigns of the group "best" only the one
that gives the member most counts, of the group "first" only the first by priority. What may not count together with a
campaign already taken is left out.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from campaigns.terms import ALL, BEST, FIRST, RuleTerms

Counting = list[tuple[RuleTerms, tuple[int, ...] | None]]


def together(counting: Counting, worth: Callable[[Counting], Fraction]) -> tuple[Counting, list[dict[str, Any]]]:
    """The rules that count together, and the ones left out with the reason. `worth` tells what some rules give together."""
    for terms, _over in counting:
        if terms.group != ALL or terms.exclusive or terms.not_with:
            break
    else:
        return counting, []
    campaigns: dict[str, Counting] = {}
    for pair in counting:
        if pair[0].campaign:
            campaigns.setdefault(pair[0].campaign, []).append(pair)
    order = sorted(campaigns, key=lambda slug: (min(terms.priority for terms, _ in campaigns[slug]), slug))
    standing = [pair for pair in counting if not pair[0].campaign]
    kept, out = _kept(order, campaigns, lambda rules: worth(standing + rules))
    left_out = [
        {"rule": terms.slug, "version": terms.version, "because": because, "by": by}
        | ({"names": terms.names} if terms.names else {})
        for slug, (because, by) in out.items()
        for terms, _ in campaigns[slug]
    ]
    return [pair for pair in counting if not pair[0].campaign or pair[0].campaign in kept], left_out


def _kept(
    order: Sequence[str], campaigns: dict[str, Counting], worth: Callable[[Counting], Fraction]
) -> tuple[set[str], dict[str, tuple[str, str]]]:
    """The campaigns that stay, and for each other one why it does not and which one keeps it out."""
    alone = next((slug for slug in order if any(terms.exclusive for terms, _ in campaigns[slug])), None)
    if alone is not None:
        return {alone}, {slug: ("exclusive", alone) for slug in order if slug != alone}
    out: dict[str, tuple[str, str]] = {}
    for group in (BEST, FIRST):
        rivals = [slug for slug in order if any(terms.group == group for terms, _ in campaigns[slug])]
        if len(rivals) > 1:
            winner = rivals[0] if group == FIRST else max(rivals, key=lambda slug: worth(campaigns[slug]))
            out |= {slug: (group, winner) for slug in rivals if slug != winner}
    kept: list[str] = []
    for slug in order:
        if slug in out:
            continue
        rival = next((other for other in kept if _forbids(campaigns, slug, other)), None)
        if rival is None:
            kept.append(slug)
        else:
            out[slug] = ("not_with", rival)
    return set(kept), out


def _forbids(campaigns: dict[str, Counting], one: str, other: str) -> bool:
    """Whether either of two campaigns may not count with the other."""
    return any(other in terms.not_with for terms, _ in campaigns[one]) or any(
        one in terms.not_with for terms, _ in campaigns[other]
    )
