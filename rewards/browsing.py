"""Looking through the catalogue: shelves, kinds, search, what can be had now, in an order, page by page.

What the page shows is judged before it is cut into pages, so that what can be had always comes first.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlencode

from django.db.models import Q

from loyalty.ledger.models import Program
from members.models import Member
from rewards import catalogue
from rewards.catalogue import Offer
from rewards.models import Category, RewardKind
from rewards.recommending import Advice, advise

ON_A_PAGE = 24
WORTH_ADVICE = 12  # fewer are seen at a glance
NEAR, CHEAP, DEAR, NEW = "near", "cheap", "dear", "new"
ORDERS = (NEAR, CHEAP, DEAR, NEW)
SEARCHED = ("name", "name_id", "name_ms", "summary", "summary_id", "summary_ms", "partner")


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody looks for; whatever makes no sense is as if it had not been said."""

    words: str = ""
    category: str = ""
    kind: str = ""
    only_now: bool = False
    order: str = NEAR
    page: int = 1

    @classmethod
    def of(cls, asked: Mapping[str, str]) -> "Wish":
        """The wish that an address tells."""
        page, order, kind = asked.get("page", ""), asked.get("order", ""), asked.get("kind", "")
        return cls(
            words=asked.get("q", "").strip()[:60].replace("\0", ""),
            category=asked.get("category", "")[:50].replace("\0", ""),
            kind=kind if kind in RewardKind.values else "",
            only_now=asked.get("now") == "1",
            order=order if order in ORDERS else NEAR,
            page=int(page) if page.isascii() and page.isdecimal() and len(page) < 5 else 1,
        )

    @property
    def is_plain(self) -> bool:
        """Whether everything is wanted, from its beginning."""
        return self == Wish()

    @property
    def is_narrow(self) -> bool:
        """Whether something is left out."""
        return bool(self.words or self.category or self.kind or self.only_now)

    def address(self, **other: str) -> str:
        """The wish as the end of an address, with some of it said otherwise; another wish begins at its first page."""
        told = {"q": self.words, "category": self.category, "kind": self.kind, "now": "1" if self.only_now else "", "order": "" if self.order == NEAR else self.order}  # fmt: skip
        return "?" + urlencode({name: value for name, value in (told | other).items() if value})

    def condition(self) -> Q:
        """The rewards that are wanted."""
        wanted = Q()
        if self.category:
            wanted &= Q(category__slug=self.category)
        if self.kind:
            wanted &= Q(kind=self.kind)
        for word in self.words.split()[:5]:
            found = Q()
            for name in SEARCHED:
                found |= Q(**{f"{name}__icontains": word})
            wanted &= found
        return wanted


@dataclass(slots=True)
class Found:
    """One page of the catalogue for one member."""

    wish: Wish
    offers: list[Offer]
    count: int
    pages: int
    categories: list[Category]
    advice: list[Advice] = field(default_factory=list)


def browse(member: Member, wish: Wish, *, at: datetime) -> Found:
    """The page a member wishes to see; beyond the last page, the last one. A constant number of queries."""
    offers = in_order(catalogue.offers(member, at=at, wanted=wish.condition()), wish.order)
    if wish.only_now:
        offers = [one for one in offers if one.can_redeem]
    pages = max(1, -(-len(offers) // ON_A_PAGE))
    page = min(max(1, wish.page), pages)
    wish = Wish(wish.words, wish.category, wish.kind, wish.only_now, wish.order, page)
    shown = offers[(page - 1) * ON_A_PAGE : page * ON_A_PAGE]
    advice = advise(member, offers) if wish.is_plain else []
    if len(offers) <= WORTH_ADVICE:
        advice = []
    return Found(wish, shown, len(offers), pages, categories(member.program), advice)


def categories(program: Program) -> list[Category]:
    """The shelves of a program that hold something."""
    return list(Category.objects.filter(program=program, rewards__is_active=True).distinct())


def in_order(offers: list[Offer], order: str = NEAR) -> list[Offer]:
    """By default what can be had comes first, what is featured before the rest and cheap before dear; then what is nearest."""
    if order == NEW:
        return sorted(offers, key=lambda one: -one.reward.pk)
    if order in (CHEAP, DEAR):
        return sorted(offers, key=lambda one: one.cost if order == CHEAP else -one.cost)
    return sorted(
        offers,
        key=lambda one: (
            not one.can_redeem, not (one.can_redeem or one.is_nearly_there), not one.reward.is_featured, one.missing, one.cost,
        ),
    )  # fmt: skip
