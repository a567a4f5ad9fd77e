"""What a recorded purchase earns when it is rated again: in another tier, or for the goods that are kept (DOMAIN 3.7, 6.1).

It is rated under the versions its explanation names, whatever became of the rule or its campaign since, and under others
that were published by then: kept goods may reach another one, and so may a tier that is learned of late. Who the member was
and which purchase it was has been judged once and stays; a cap leaves no more than it left then.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from campaigns import rules
from campaigns.conditions import ABOUT_EARLIER, ABOUT_SEGMENTS, ABOUT_SHOPPER
from campaigns.earning import Award, Basket, ProgramTerms, RuleTerms, rate
from campaigns.models import RuleVersion
from campaigns.rating import basket_again
from campaigns.terms import Known
from loyalty.ledger.models import Entry, Program
from members.models import Event, Purchase, PurchaseLine

WHO_IT_WAS = ABOUT_SHOPPER | ABOUT_SEGMENTS | {"seasons"}
JUDGED_ONCE = WHO_IT_WAS | ABOUT_EARLIER
# What a near miss names when it was missed because of who the member was, or of the day.
MISSED_BY_WHO = {"languages", "days", "birthday", "from_day", "control"}


@dataclass(frozen=True, slots=True)
class Frozen:
    """The rules of a program with all their versions, to rate recorded purchases again."""

    book: rules.RuleBook
    terms: ProgramTerms
    versions: Mapping[tuple[str, int], RuleVersion]

    def award(
        self,
        bought: Purchase,
        lines: Sequence[PurchaseLine],
        parts: Sequence[Decimal],
        tier: str,
        explanation: Mapping[str, Any] | None,
    ) -> Award:
        """The award of these parts of a purchase for a member in a tier; `explanation` is the one it was recorded with."""
        basket = basket_again(bought, lines, parts)
        terms = self._counted(explanation or {})
        slugs = {one.slug for one in terms}
        terms += [
            one
            for one in self.book.at(bought.occurred_at)
            if one.slug not in slugs and self._counts_too(one, bought)
        ]  # fmt: skip
        known = self.book.ceilings.kept(bought.occurred_at, (explanation or {}).get("points", 0))
        return rate(basket, tier, terms, bought.occurred_at, self._rounded_as(explanation), known)

    def rules_again(
        self, bought: Purchase | Event, explanation: Mapping[str, Any] | None, budgets: Container[str]
    ) -> list[RuleTerms]:
        """The rules to judge when a purchase is walked again with all that came before it: those that counted or nearly did, less
        the conditions on who the member was, and the others that were published by then. `budgets` are those that are known; of others a
        rule gives no more than it gave.
        """
        told = explanation or {}
        nearly = [one for one in told.get("near", ()) if not MISSED_BY_WHO & one.keys()]
        found: dict[str, RuleTerms] = {}
        for one in [*told.get("steps", ()), *told.get("left_out", ()), *nearly]:
            version = self.versions.get((one["rule"], one["version"]))
            if version is not None:
                terms = rules.terms_of(version, version.rule)
                conditions = tuple(pair for pair in terms.conditions if pair[0] not in WHO_IT_WAS)
                found[terms.slug] = _within_budget(replace(terms, conditions=conditions), one, budgets)
        return [
            *found.values(),
            *(
                one
                for one in self.book.at(bought.occurred_at)
                if one.slug not in found and self._may_count(one, bought)
            ),
        ]

    def rate_again(
        self,
        bought: Purchase,
        lines: Sequence[PurchaseLine],
        parts: Sequence[Decimal],
        tier: str,
        terms: Sequence[RuleTerms],
        explanation: Mapping[str, Any] | None,
        known: Known,
    ) -> Award:
        """The award of a purchase under these rules, with what is known at its turn, rounded as it was."""
        basket = basket_again(bought, lines, parts)
        return rate(basket, tier, terms, bought.occurred_at, self._rounded_as(explanation), known)

    def rate_event_again(
        self,
        event: Event,
        tier: str,
        terms: Sequence[RuleTerms],
        explanation: Mapping[str, Any] | None,
        known: Known,
    ) -> Award:
        """The award of an event under these rules, with what is known at its turn, rounded as it was."""
        return rate(
            Basket(activity=event.kind, partner=event.source),
            tier,
            terms,
            event.occurred_at,
            self._rounded_as(explanation),
            known,
        )

    def _rounded_as(self, explanation: Mapping[str, Any] | None) -> ProgramTerms:
        """The program's terms, rounding as it did when the purchase earned."""
        if not explanation or "rounding" not in explanation:
            return self.terms
        rounded_per = explanation.get("rounded_per", "order")
        return replace(self.terms, rounding=explanation["rounding"], rounded_per=rounded_per)

    def _may_count(self, terms: RuleTerms, bought: Purchase | Event) -> bool:
        """Whether a rule that did not count was published by then. Who the member is, is only asked where something else may have kept it out."""
        version = self.versions.get((terms.slug, terms.version))
        if version is None or version.created_at > bought.recorded_at:
            return False
        names = {name for name, _ in terms.conditions}
        return not names & WHO_IT_WAS or bool(terms.tiers or names & ABOUT_EARLIER)

    def _counted(self, explanation: Mapping[str, Any]) -> list[RuleTerms]:
        """The rules that counted, without what was judged once, and capped at what they gave."""
        found = []
        lasted = {rule: part["policy"] for part in explanation.get("lasts", ()) for rule in part["rules"]}
        for step in explanation.get("steps", ()):
            version = self.versions.get((step["rule"], step["version"]))
            if version is not None:
                terms = rules.terms_of(version, version.rule)
                gave = (("purchase", Fraction(step["gives"])),) if terms.caps or terms.has_budget else ()
                conditions = tuple(one for one in terms.conditions if one[0] not in JUDGED_ONCE)
                expiry = lasted.get(f"{terms.slug}@{terms.version}", terms.expiry)
                found.append(replace(terms, conditions=conditions, caps=gave, has_budget=False, expiry=expiry))
        return found

    def _counts_too(self, terms: RuleTerms, bought: Purchase) -> bool:
        """Whether a rule that did not count may count now: it was published by then, and only asks about the goods."""
        version = self.versions.get((terms.slug, terms.version))
        if version is None or version.created_at > bought.recorded_at or terms.caps or terms.has_budget:
            return False
        return not any(name in JUDGED_ONCE for name, _ in terms.conditions)


def _within_budget(terms: RuleTerms, told: Mapping[str, Any], budgets: Container[str]) -> RuleTerms:
    """A rule whose campaign's budget is not known gives no more than it gave."""
    if not terms.has_budget or terms.campaign in budgets:
        return terms
    gave = ("purchase", Fraction(told.get("gives", 0)))
    return replace(terms, caps=(*terms.caps, gave), has_budget=False)


def frozen(program: Program, decimals: int, book: rules.RuleBook | None = None) -> Frozen:
    """The rules of a program with all their versions: two queries, one where the book is read already."""
    versions = RuleVersion.objects.filter(rule__program=program).select_related("rule__campaign")
    return Frozen(
        book or rules.book(program),
        rules.program_terms(program, decimals),
        {(version.rule.slug, version.number): version for version in versions},
    )


def explanations_of(bought: Iterable[Purchase | Event]) -> dict[str, dict[str, Any]]:
    """Why purchases and events earn what they earn, by reference: one query. One that was reckoned again, or has no credit, keeps its own."""
    own = {reference_of(one): one.explanation for one in bought}
    asked = [reference for reference, explanation in own.items() if not explanation]
    entries = Entry.objects.filter(reference__any_of=asked, kind=Entry.Kind.ACCRUAL)
    found = dict(entries.values_list("reference", "explanation"))
    return {reference: explanation or found.get(reference, {}) for reference, explanation in own.items()}


def reference_of(bought: Purchase | Event) -> str:
    """The reference of what a purchase or an event earned in the books."""
    if isinstance(bought, Event):
        return f"event:{bought.source}:{bought.key}"
    return f"purchase:{bought.source}:{bought.receipt}"
