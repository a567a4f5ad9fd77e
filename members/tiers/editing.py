"""Editing thresholds and the tier policy: who moves is previewed, and applied exactly so or not at all (DOMAIN 8.4)."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from loyalty.common.changes import Asked, ChangeKind, Limit, Plan, Row
from loyalty.common.errors import Refusal
from loyalty.common.money import show_points
from loyalty.ledger.locking import lock
from loyalty.ledger.models import Program, Wallet
from members.ladders import INSTANT, Ladder, ladder
from members.models import Member, MemberAccount, Tier, TierPolicy, TierPolicyVersion
from members.tiers import going_back, impact, rungs
from members.tiers.eras import AT_ONCE, UNDOES, decimals_of, ladder_of
from members.tiers.going_back import POLICY_ROW
from members.tiers.parts import note_counted
from members.tiers.reading import trails
from members.tiers.reviewing import counting, due
from members.tiers.walking import Trail
from members.tiers.writing import write_stays

FIELDS = (
    "metric", "window", "months", "review", "review_months", "review_month", "review_day", "down", "soft_landing",
    "grace_days",
)  # fmt: skip
KEPT = ("threshold", "keep_threshold", "price", "lasts_days", "is_on_ladder")


class EditTiers(ChangeKind):
    """Edit the tiers. Parameters: terms (as `terms_of` tells them), moves_down_at_once."""

    name = "tiers"
    title = gettext_lazy("Edit the tiers")
    question = gettext_lazy("What reaches and keeps each tier, over which window, and when is it reviewed?")
    form = "members.tiers.editing_form.TiersForm"
    is_whole = True
    is_personal = False

    def plan(self, asked: Asked, *, at: datetime, locked: bool = False, only: Sequence[Row] | None = None) -> Plan:
        if locked:
            lock(*_accounts(asked.program).values())
        before = terms_of(asked.program)
        if asked.parameters["terms"] == before:
            raise Refusal(_("Nothing would change: these are the present thresholds and the present policy."))
        steps = edited(asked.program, asked.parameters, at=at)
        accounts, tiers_before = _accounts(asked.program), _tiers(asked.program)
        moves = moved(asked.program, steps, tiers_before, at=at)
        rows = [_policy_row(asked, before, moves)]
        rows += _move_rows(steps, moves, accounts)
        wallet = Wallet.objects.select_related("program").get(program=asked.program, is_main=True)
        # The past is looked at for the preview only: it takes long, and nothing of it is written.
        worth = {} if locked else impact.worth_of(asked.program, moves, asked.parameters["terms"]["benefits"], at=at)
        said = [
            *rungs.in_words(steps, before["tiers"]),
            *_told(steps, tiers_before, moves),
            *impact.in_words(wallet, worth, at=at),
        ]
        return Plan(rows, wallet, said, worth=worth)

    def post(self, asked: Asked, rows: Sequence[Row], *, at: datetime, actor: str) -> None:
        program = asked.program
        steps = edited(program, asked.parameters, at=at)
        walked = switched(program, steps, _tiers(program), at=at)
        _write_terms(program, steps, asked, at=at, actor=actor)
        write_stays(walked, recorded_at=at)
        if steps.has_parts:
            note_counted(walked, until=at - INSTANT)

    def plan_undo(
        self,
        asked: Asked,
        done: Sequence[Row],
        *,
        at: datetime,
        locked: bool = False,
        only: Sequence[Row] | None = None,
    ) -> Plan:
        if locked:
            lock(*_accounts(asked.program).values())
        now, before = terms_of(asked.program), _before(done)
        version = going_back.undone(asked.program, done, now, at=at)
        steps = going_back.restored(asked.program, before, version, at=at)
        accounts, tiers_before = _accounts(asked.program), _tiers(asked.program)
        moves = _ends(going_back.put_back(steps, list(tiers_before), at=at), tiers_before)
        back = replace(asked, parameters={"terms": before})
        rows = [_policy_row(back, now, moves), *_move_rows(steps, moves, accounts)]
        wallet = Wallet.objects.select_related("program").get(program=asked.program, is_main=True)
        worth = {} if locked else impact.worth_of(asked.program, moves, before["benefits"], at=at)
        said = [
            self.summary(back),
            *rungs.in_words(steps, now["tiers"]),
            *_told(steps, tiers_before, moves),
            *impact.in_words(wallet, worth, at=at),
        ]
        said += going_back.stays_as_it_is(asked.program, version, moves, at=at)
        return Plan(rows, wallet, said, worth=worth)

    def post_undo(self, asked: Asked, rows: Sequence[Row], *, at: datetime, actor: str) -> None:
        program, facts = asked.program, next(row.facts for row in rows if row.key == POLICY_ROW)
        edit = [Row(POLICY_ROW, None, "tier", 0, {"terms": facts["before"], "before": facts["terms"]})]
        version = going_back.undone(program, edit, terms_of(program), at=at)
        steps = going_back.restored(program, facts["terms"], version, at=at)
        walked = going_back.put_back(steps, list(_tiers(program)), at=at)
        back = replace(asked, parameters={"terms": facts["terms"]})
        _write_terms(program, steps, back, at=at, actor=actor, more={UNDOES: version.number})
        write_stays(walked, recorded_at=at)
        if steps.has_parts:
            note_counted(walked, until=at - INSTANT)

    def limits(self, plan: Plan) -> list[Limit] | None:
        points = abs(plan.worth.get("points", 0) + plan.worth.get("gifts", 0))
        return [Limit("bulk_members", len(plan.rows) - 1), Limit("bulk_points", points)]

    def words(self, asked: Asked, row: Row) -> str:
        if row.key == POLICY_ROW:
            return _("The thresholds and the policy as shown above")
        names = {tier.slug: str(tier) for tier in Tier.objects.filter(program=asked.program)}
        told = {name: names.get(row.facts[name], row.facts[name]) for name in ("before", "after")}
        return _("from %(before)s to %(after)s") % told

    def summary(self, asked: Asked) -> str:
        terms = asked.parameters["terms"]
        tiers = ", ".join(f"{slug} {told[0]}" for slug, told in terms["tiers"].items())
        policy = terms["policy"]
        said = _("%(metric)s, %(window)s, reviewed %(review)s; %(tiers)s") % {
            "metric": TierPolicy.Metric(policy["metric"]).label,
            "window": TierPolicy.Window(policy["window"]).label,
            "review": TierPolicy.Review(policy["review"]).label,
            "tiers": tiers,
        }
        given = [f"{slug} ×{told['factor']}" for slug, told in terms["benefits"].items() if told["factor"] != "1"]
        given += [_("%(tier)s %(points)s on the birthday") % {"tier": slug, "points": show_points(told["gift"])} for slug, told in terms["benefits"].items() if told["gift"]]  # fmt: skip
        given += [_("%(tier)s for sale for %(points)s points") % {"tier": slug, "points": show_points(price)} for slug, (price, _days) in terms["prices"].items() if price]  # fmt: skip
        return "; ".join([said, *given])


def terms_of(program: Program) -> dict[str, Any]:
    """The thresholds and the policy of a program as plain JSON."""
    steps = ladder(program)
    policy = {name: getattr(steps.policy, name) for name in FIELDS}
    return {
        "policy": {name: str(value) if isinstance(value, str) else value for name, value in policy.items()}
        | {"wallet": steps.wallet_id},
        "tiers": {tier.slug: [_text(tier.threshold), _text(tier.keep_threshold)] for tier in steps.tiers},
        "benefits": impact.benefits_of(program),
        "prices": {tier.slug: [tier.price, tier.lasts_days] for tier in steps.tiers[1:]},
    }


def edited(program: Program, parameters: dict[str, Any], *, at: datetime) -> Ladder:
    """The ladder as the edit would make it, in force from an instant on; nothing is written."""
    steps = ladder(program)
    at_once = bool(parameters.get(AT_ONCE))
    made = ladder_of(steps, parameters["terms"], decimals_of(program), number=steps.policy.version + 1, since=at, at_once=at_once)  # fmt: skip
    for tier in made.tiers:
        tier.price, tier.lasts_days = parameters["terms"]["prices"].get(tier.slug, (tier.price, tier.lasts_days))
    rungs.judge_leaving(program, made, at=at)
    return made


def switched(program: Program, steps: Ladder, members: dict[int, int], *, at: datetime) -> dict[int, Trail]:
    """Every member walked into the edited policy at an instant; nothing is written.

    What was due before is decided under the policy that was in force, whether or not the job has come to it.
    """
    walked = trails(steps, members, earliest=at - INSTANT)
    for member_id, before in _due_before(program, members, at=at).items():
        walked[member_id].go_on_from(before)
    for trail in walked.values():
        trail.count_credits(at)
        if trail.stays and trail.stays[-1].since < at:
            trail.switch(at)
            trail.go_to(at)  # what begins to count at this very instant lifts at once
    return walked


def moved(program: Program, steps: Ladder, members: dict[int, int], *, at: datetime) -> dict[int, tuple[int, int]]:
    """Who would have another tier: member -> (tier before, tier after), by their keys."""
    return _ends(switched(program, steps, members, at=at), members)


def _ends(walked: dict[int, Trail], members: dict[int, int]) -> dict[int, tuple[int, int]]:
    """Whose walk ends in another tier than they have."""
    ends = {pk: trail.stays[-1].tier.pk for pk, trail in walked.items() if trail.stays}
    return {pk: (members[pk], end) for pk, end in ends.items() if end != members[pk]}


def _move_rows(steps: Ladder, moves: dict[int, tuple[int, int]], accounts: dict[int, int]) -> list[Row]:
    """One row for each member who moves."""
    return [
        Row(str(pk), accounts[pk], "tier", 0, {"before": steps.by_id[was].slug, "after": steps.by_id[becomes].slug})
        for pk, (was, becomes) in sorted(moves.items())
    ]


def _before(done: Sequence[Row]) -> dict[str, Any]:
    """The terms that an edit replaced."""
    before: dict[str, Any] = next((row.facts["before"] for row in done if row.key == POLICY_ROW), {})
    return before


def _due_before(program: Program, members: Iterable[int], *, at: datetime) -> dict[int, Trail]:
    """Members of whom something was due before an instant, walked until then under the present policy."""
    steps = ladder(program)
    asked = set(members)
    if not steps.counts_wallet:
        began = counting(program, at=at).values_list("purchase__member", flat=True) if steps.waits else ()
        asked &= {*due(program, at=at).values_list("member_id", flat=True), *began}
    walked = trails(steps, asked, earliest=at - INSTANT)
    for trail in walked.values():
        trail.go_to(at - INSTANT)
    return walked


def _accounts(program: Program) -> dict[int, int]:
    held = MemberAccount.objects.filter(member__program=program, wallet__is_main=True)
    return dict(held.values_list("member_id", "account_id"))


def _tiers(program: Program) -> dict[int, int]:
    return dict(Member.objects.filter(program=program).order_by("id").values_list("id", "tier_id"))


def _policy_row(asked: Asked, before: dict[str, Any], moves: dict[int, tuple[int, int]]) -> Row:
    """The edit itself. It knows what was before and who moves: another edit meanwhile, or one more mover, makes it another one."""
    movers = hashlib.sha256(repr(sorted(moves.items())).encode()).hexdigest()
    facts = {"terms": asked.parameters["terms"], "before": before, "movers": movers}
    return Row(POLICY_ROW, None, "tier", 0, facts)


def _told(steps: Ladder, before: dict[int, int], moves: dict[int, tuple[int, int]]) -> list[str]:
    """Who moves in numbers: up and down, and the members of each tier now and then."""
    rank = {tier.pk: tier.rank for tier in steps.by_id.values()}
    up = sum(1 for was, now in moves.values() if rank[now] > rank[was])
    down = len(moves) - up
    rises = ngettext("%(count)d member goes up", "%(count)d members go up", up) % {"count": up}
    falls = ngettext("%(count)d goes down", "%(count)d go down", down) % {"count": down}
    told = [f"{rises}, {falls}."]
    now = Counter(before.values())
    then = now + Counter(after for _was, after in moves.values())
    then.subtract(was for was, _after in moves.values())
    for tier in steps.by_id.values():
        if not tier.is_on_ladder and not now[tier.pk]:
            continue
        counts = {"tier": tier, "now": now[tier.pk], "then": then[tier.pk]}
        told.append(ngettext("%(tier)s: %(now)d member now, %(then)d then.", "%(tier)s: %(now)d members now, %(then)d then.", now[tier.pk]) % counts)  # fmt: skip
    return told


def _write_terms(
    program: Program, steps: Ladder, asked: Asked, *, at: datetime, actor: str, more: dict[str, Any] | None = None
) -> None:
    """The edited policy, thresholds and benefits, and both versions for ever."""
    policy = steps.policy
    if not TierPolicyVersion.objects.filter(program=program).exists():
        TierPolicyVersion.objects.create(program=program, number=policy.version - 1, since=program.created_at, recorded_by="setup", terms=terms_of(program))  # fmt: skip
    policy.save()
    # Thresholds are unique: a tier may take the one that another leaves, so they first move out of each other's way.
    highest = max(tier.threshold for tier in [*steps.tiers, *Tier.objects.filter(program=program)]) + 1
    for offset, tier in enumerate(steps.by_id.values()):
        if tier.rank:
            Tier.objects.filter(pk=tier.pk).update(threshold=highest + offset, keep_threshold=None)
    for tier in steps.by_id.values():
        kept = {name: getattr(tier, name) for name in KEPT}
        Tier.objects.filter(pk=tier.pk).update(**kept)
    impact.keep_benefits(program, asked.parameters["terms"]["benefits"], at=at, actor=actor)
    TierPolicyVersion.objects.create(
        program=program,
        number=policy.version,
        since=at,
        recorded_by=actor,
        reason=asked.reason[:200],
        terms=terms_of(program) | {AT_ONCE: policy.moves_down_at_once} | (more or {}),
    )


def _text(amount: Decimal | None) -> str | None:
    """An amount as JSON, always the same way."""
    return None if amount is None else str(Decimal(amount).quantize(Decimal("0.01")))
