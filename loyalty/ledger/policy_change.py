"""Setting a new version of an expiry policy: what it would have meant for the points of the last year is previewed (DOMAIN 8.4, 9.4).

Points that were granted keep the day they were promised. What is shown is therefore a comparison: the points of the last
twelve months that followed the policy, had the new version been in force. It is applied exactly as previewed; another
version meanwhile makes the preview void. The undo sets the terms before as a version of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.common.changes import Asked, ChangeKind, Limit, Plan, Row
from loyalty.common.clock import add_months, day_start, local_day
from loyalty.common.errors import Refusal
from loyalty.common.money import show_money, show_points
from loyalty.ledger import policies
from loyalty.ledger.models import ExpiryPolicy, Lot, Program, Season, Wallet
from loyalty.ledger.seasons import periods_of
from loyalty.ledger.showing import example_in_words, words_of

KIND = "expiry_terms"
PLAIN = ("kind", "count", "round_to", "days", "at_least", "resets", "confirmed_by", "confirm_days", "activation_days")
MONTHS = 12
CENT = Decimal("0.01")
OUTCOMES = ("sooner", "later", "never", "same")


class NoNewTerms(Refusal):
    """The policy says what was asked for already."""

    code = "nothing_to_do"
    status = 422


class NoTermsBefore(Refusal):
    """The version that a change set was the first of its policy, or is not the newest any more."""

    code = "policy_no_way_back"


class SetExpiry(ChangeKind):
    """Set a new version of an expiry policy. Parameters: wallet, name, terms (as `terms_of` tells them)."""

    name = "expiry_terms"
    title = gettext_lazy("Change when points expire")
    question = gettext_lazy("It counts for points granted from then on; points that are there keep the day they were promised.")  # fmt: skip
    is_listed = False
    form = "loyalty.ledger.policy_change_form.PolicyChangeForm"
    is_whole = True
    is_personal = False

    def plan(self, asked: Asked, *, at: datetime, locked: bool = False, only: Sequence[Row] | None = None) -> Plan:
        told = asked.parameters
        return _plan(asked.program, told["wallet"], told["name"], told["terms"], at=at, locked=locked)

    def post(self, asked: Asked, rows: Sequence[Row], *, at: datetime, actor: str) -> None:
        for row in rows:
            wallet = Wallet.objects.get(program=asked.program, slug=row.facts["wallet"])
            terms = policy_of(wallet, row.facts["name"], row.facts["terms"])
            policies.set_expiry(
                wallet, name=terms.name, last_valid_day=terms.last_day, season=terms.season, at=at, actor=actor,
                **{name: getattr(terms, name) for name in PLAIN},
            )  # fmt: skip

    def plan_undo(
        self,
        asked: Asked,
        done: Sequence[Row],
        *,
        at: datetime,
        locked: bool = False,
        only: Sequence[Row] | None = None,
    ) -> Plan:
        facts = done[0].facts
        wallet = _wallet(asked.program, facts["wallet"], locked=locked)
        now = policies.current(wallet, facts["name"])
        if facts["before"] is None:
            raise NoTermsBefore(_("This was the first version: there is none before it to put back. Set other terms."))
        if now is None or terms_of(now) != facts["terms"]:
            raise NoTermsBefore(_("Another version was set since. Undo that one first, or set other terms."))
        return _plan(asked.program, facts["wallet"], facts["name"], facts["before"], at=at, locked=locked)

    def limits(self, plan: Plan) -> list[Limit] | None:
        return [Limit("bulk_points", plan.worth.get("points", 0))]

    def words(self, asked: Asked, row: Row) -> str:
        wallet = Wallet.objects.select_related("program").get(program=asked.program, slug=row.facts["wallet"])
        before, after = (_words(wallet, row.facts["name"], row.facts[one]) for one in ("before", "terms"))
        return _("%(what)s: before “%(before)s”, then “%(after)s”") % {
            "what": row.facts["name"] or _("all points"), "before": before, "after": after,
        }  # fmt: skip

    def summary(self, asked: Asked) -> str:
        told = asked.parameters
        wallet = Wallet.objects.select_related("program").get(program=asked.program, slug=told["wallet"])
        return f"{told['name'] or _('all points')}: {_words(wallet, told['name'], told['terms'])}"


def needs_preview(wallet: Wallet, name: str) -> bool:
    """Whether a new version changes what somebody may know already: not before there is a point, nor for a new name."""
    is_known = not name or ExpiryPolicy.objects.filter(wallet=wallet, name=name).exists()
    return is_known and Lot.objects.filter(account__wallet=wallet).exists()


def terms_of(policy: ExpiryPolicy) -> dict[str, Any]:
    """What a version says, as plain JSON."""
    told = {name: getattr(policy, name) for name in PLAIN}
    told = {name: str(value) if isinstance(value, str) else value for name, value in told.items()}
    day = policy.last_day.isoformat() if policy.last_day else None
    return told | {"last_day": day, "season": policy.season_id}


def policy_of(wallet: Wallet, name: str, terms: Mapping[str, Any]) -> ExpiryPolicy:
    """Terms as a version that is not stored."""
    season = Season.objects.get(program=wallet.program_id, pk=terms["season"]) if terms["season"] else None
    last = date.fromisoformat(terms["last_day"]) if terms["last_day"] else None
    plain = {field: terms[field] for field in PLAIN}
    return ExpiryPolicy(wallet=wallet, name=name, season=season, last_day=last, **plain)


def _plan(program: Program, slug: str, name: str, terms: Mapping[str, Any], *, at: datetime, locked: bool) -> Plan:
    """One row, the version itself, and what it would have meant."""
    wallet = _wallet(program, slug, locked=locked)
    now = policies.current(wallet, name)
    before = terms_of(now) if now else None
    if before == terms:
        raise NoNewTerms(_("Nothing would change: this is when points expire already."))
    version = now.version if now else 0
    row = Row(slug, None, KIND, 0, {"wallet": slug, "name": name, "terms": dict(terms), "before": before, "version": version})  # fmt: skip
    if locked:
        return Plan([row], wallet)
    new = policy_of(wallet, name, terms)
    policies.need_days(new, at=at)
    told = compared(wallet, name, now, new, at=at)
    points = sum(told[outcome] for outcome in OUTCOMES if outcome != "same")
    return Plan([row], wallet, _said(wallet, now, new, told, at=at), worth={"points": points, **told})


def _wallet(program: Program, slug: str, *, locked: bool) -> Wallet:
    found = Wallet.objects.filter(program=program).select_related("program")
    if locked:
        found = found.select_for_update(no_key=True, of=("self",))
    wallet = found.filter(slug=slug).first()
    if wallet is None:
        raise NoNewTerms(_("The program has no such wallet any more."))
    return wallet


def compared(wallet: Wallet, name: str, now: ExpiryPolicy | None, new: ExpiryPolicy, *, at: datetime) -> dict[str, int]:
    """Points granted in the last year under the policy, by where the new terms would have put their end beside the present ones."""
    told = dict.fromkeys(OUTCOMES, 0)
    ends = [_Ends(wallet, one) for one in (now, new)]
    for granted, points in _granted(wallet, name, at=at):
        told[_outcome(*(one.of(granted) for one in ends))] += points
    return told


def _granted(wallet: Wallet, name: str, *, at: datetime) -> Iterator[tuple[date, int]]:
    """The points of each day of the last year that follow the policy: one query, one row a day."""
    zone = wallet.program.time_zone
    first = add_months(local_day(at, zone), -MONTHS)
    lots: QuerySet[Lot, Any] = Lot.objects.filter(account__wallet=wallet, granted_at__gte=day_start(first, zone), granted_at__lte=at)  # fmt: skip
    own = Q(expiry_policy__name=name) if name else Q(expiry_policy__isnull=True) | Q(expiry_policy__name="")
    days = lots.filter(own).order_by().values(day=TruncDate("granted_at", tzinfo=ZoneInfo(zone)))
    for row in days.annotate(points=Sum("granted")).order_by("day"):
        yield row["day"], int(row["points"])


class _Ends:
    """The last valid days of points under one version, by the day they were granted; each day is looked up once."""

    def __init__(self, wallet: Wallet, policy: ExpiryPolicy | None) -> None:
        self.policy = policy
        own = policy.activation_days if policy else None
        self.wait = timedelta(days=wallet.activation_days if own is None else own)
        season = policy.season_id if policy else None
        self.periods = periods_of([season])[season] if season else ()

    def of(self, granted: date) -> date | None:
        """The last day of points granted on a day; None when they never expire."""
        return policies.last_day(self.policy, granted + self.wait, self.periods) if self.policy else None


def _outcome(before: date | None, after: date | None) -> str:
    """Where the second end lies beside the first."""
    if before == after:
        return "same"
    if after is None:
        return "never"
    return "sooner" if before is None or after < before else "later"


def _said(wallet: Wallet, now: ExpiryPolicy | None, new: ExpiryPolicy, told: Mapping[str, int], *, at: datetime) -> list[str]:  # fmt: skip
    """The ends of points earned today, now and then, and what would have become of the last year's, for whoever decides."""
    present = now or ExpiryPolicy(wallet=wallet, kind=ExpiryPolicy.Kind.NEVER)
    said = [
        _("Now: %(words)s") % {"words": example_in_words(present, at=at)},
        _("Then: %(words)s") % {"words": example_in_words(new, at=at)},
    ]
    everything = sum(told.values())
    if not everything:
        said.append(_("No points were granted under this policy in the last 12 months."))
    else:
        said.append(_("Granted under it in the last 12 months: %(points)s.") % {"points": _shown(wallet, everything)})
        words = {
            "sooner": _("Would have ended sooner: %(points)s."),
            "later": _("Would have ended later: %(points)s."),
            "never": _("Would never have ended: %(points)s."),
            "same": _("Would have ended on the same day: %(points)s."),
        }
        said += [words[outcome] % {"points": _shown(wallet, told[outcome])} for outcome in OUTCOMES if told[outcome]]
    if present.is_idle or new.is_idle:
        said.append(_("Compared as if no activity had given points more time."))
    return [*said, _("Points that were granted keep the day they were promised.")]


def _shown(wallet: Wallet, points: int) -> str:
    """Points with what they stand for."""
    worth = (points * wallet.money_per_unit).scaleb(-wallet.decimals).quantize(CENT, ROUND_HALF_UP)
    told = {"points": show_points(points, wallet.decimals), "units": wallet.name_of(points), "money": show_money(worth, wallet.program.currency)}  # fmt: skip
    return _("%(points)s %(units)s (%(money)s)") % told


def _words(wallet: Wallet, name: str, terms: Mapping[str, Any] | None) -> str:
    """Terms in a few words; none at all means that points never expire."""
    return words_of(policy_of(wallet, name, terms)) if terms else _("never")
