"""What the desk shows of a member's tier: the standing as a figure, and the history with why."""

from datetime import datetime
from decimal import Decimal

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from loyalty.common.clock import last_valid_day
from loyalty.common.money import show_points
from loyalty.desk.panels import Panel, Stat, day
from members.ladders import ladder
from members.models import Member, Purchase, QualifyingPart, TierGrant, TierStay
from members.tiers.benefits import lines_of
from members.tiers.standing import standing
from members.tiers.telling import in_words

ROWS = 10


def stat(member: Member, *, at: datetime) -> Stat:
    """The tier now, what is missing for the next one, and what is missing to keep it."""
    steps = ladder(member.program)
    stands = standing(member, at=at, steps=steps)
    hint = _("What counts towards the tier now. Spending points never costs a tier.")
    said: list[str] = []
    is_at_risk = stands.is_at_risk and not stands.held_until
    if stands.held_until:
        said.append(_("given until %(day)s") % {"day": day(last_valid_day(stands.held_until, steps.zone))})
    elif is_at_risk and stands.decided_at:
        words = in_words(steps, member.program, stands.keep_missing or Decimal(0), "en")
        told = {"missing": words, "day": day(last_valid_day(stands.decided_at, steps.zone))}
        said.append(_("at risk: %(missing)s to keep it by %(day)s") % told)
    if stands.next_tier is None:
        said.append(gettext("the highest"))
    elif stands.missing is not None:
        words = in_words(steps, member.program, stands.missing, "en")
        said.append(_("%(missing)s more for %(tier)s") % {"missing": words, "tier": stands.next_tier})
    if stands.waiting:
        words = in_words(steps, member.program, stands.waiting, "en")
        said.append(_("%(waiting)s do not count yet") % {"waiting": words})
    if stands.projected is not None:
        said.append(_("at the present pace: %(tier)s") % {"tier": stands.projected})
    return Stat(_("Tier"), stands.tier, hint, "; ".join(said), tone="bad" if is_at_risk else "")


def history(member: Member) -> Panel:
    """Every stay: from, until, why."""
    stays = list(TierStay.objects.filter(member=member).select_related("tier").order_by("-since", "-id")[:ROWS])
    given = {int(s.cause.partition(":")[2]) for s in stays if s.cause.startswith(("given:", "ended:"))}
    grants = TierGrant.objects.in_bulk(given) if given else {}
    rows = [(s.tier, day(s.since), day(s.until) if s.until else _("today"), cause(s.cause, grants)) for s in stays]
    return Panel(_("Tier history"), [_("Tier"), _("From"), _("Until"), _("Cause")], rows)


def of_purchase(purchase: Purchase) -> list[Panel]:
    """Which of a purchase's points count for tiers later than from the purchase, and from when; nothing where none do."""
    rows = [
        (part.policy or "–", show_points(part.points), _when(part)) for part in purchase.qualifying_parts.order_by("id")
    ]
    headers = [_("Expiry policy"), _("Qualifying points"), _("Count from")]
    return [Panel(_("Count for tiers later"), headers, rows, numeric=frozenset({1}))] if rows else []


def _when(part: QualifyingPart) -> str:
    """From when a part counts, in words."""
    if part.counts_at is not None:
        return day(part.counts_at)
    if part.is_cancelled or part.confirm_by is None:
        return gettext("never: cancelled")
    words = gettext("when “%(event)s” is reported, at the latest on %(day)s")
    return words % {"event": part.waits_for, "day": day(last_valid_day(part.confirm_by, part.program.time_zone))}


def benefits(member: Member) -> list[Panel]:
    """What the tier gives, as the member reads it."""
    rows = [(line,) for line in lines_of([member.tier])[member.tier_id]]
    return [Panel(_("What the tier gives"), [_("Benefit")], rows)] if rows else []


def cause(reference: str, grants: dict[int, TierGrant]) -> str:
    """What moved a member to a tier, in words: references are for the books."""
    kind, _colon, rest = reference.partition(":")
    if kind == "purchase" and rest.partition(":")[2]:
        return gettext("Purchase %(receipt)s") % {"receipt": rest.partition(":")[2]}
    if kind in ("given", "ended") and int(rest) in grants:
        grant = grants[int(rest)]
        words = gettext("%(how)s: %(reason)s") if kind == "given" else gettext("End of the tier %(how)s: %(reason)s")
        return words % {"how": grant.get_kind_display(), "reason": grant.reason}
    known = {
        "enrolment": gettext("Enrolment"),
        "review": gettext("Review"),
        "policy": gettext("Edit of the tiers"),
        "entry": gettext("Credit in the counted wallet"),
    }
    return known.get(kind, reference)
