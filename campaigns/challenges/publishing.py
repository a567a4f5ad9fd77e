"""Marketing's pen for challenges: a draft is written, set live, paused, resumed and ended; a change of terms is a new version.

A challenge counts from the moment it is live, never for what was done before: nobody is promised a prize for what they did not
know of. A version counts from when it is saved; what was achieved under the one before stays.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from campaigns.challenges import definitions
from campaigns.models import Challenge, ChallengeVersion
from campaigns.publishing import StatusChanged, state_at
from campaigns.publishing import end as end_campaign
from campaigns.publishing import pause as pause_campaign
from campaigns.publishing import resume as resume_campaign
from loyalty.common.errors import Refusal
from loyalty.ledger.models import Program
from rewards.draws import fair
from rewards.models import Reward

__all__ = ["ChallengeRefused", "StatusChanged", "duplicate", "end", "go_live", "pause", "publish", "resume", "state_at"]


class ChallengeRefused(Refusal):
    """A challenge that cannot be as it stands; `numbers["errors"]` names the fields."""

    code = "challenge_refused"
    status = 422


def problems(program: Program, kind: str, definition: Any) -> dict[str, str]:
    """What is wrong with a definition in this program, field by field."""
    tiers = program.tiers.values_list("slug", flat=True)
    rewards = Reward.objects.filter(program=program).values_list("slug", flat=True)
    return definitions.problems(kind, definition, tiers=tiers, rewards=rewards)


@transaction.atomic
def publish(challenge: Challenge, definition: dict[str, Any], *, at: datetime, actor: str) -> ChallengeVersion | None:
    """Make a version that counts from now on (a draft keeps one); None when it says what the latest says. Raises ChallengeRefused."""
    locked = Challenge.objects.select_for_update(no_key=True).select_related("program").get(pk=challenge.pk)
    errors = problems(locked.program, locked.kind, definition)
    if errors:
        raise ChallengeRefused(" ".join(errors.values()), errors=errors)
    latest = locked.versions.order_by("-number").first()
    if latest and latest.definition == definition:
        return None
    if latest and locked.status == "draft":
        latest.definition, latest.created_at, latest.created_by = definition, at, actor
        latest.save(update_fields=["definition", "created_at", "created_by"])
        return latest
    since = min(at, locked.since) if latest is None else at
    return ChallengeVersion.objects.create(
        challenge=locked, number=latest.number + 1 if latest else 1, definition=definition, since=since, created_at=at,
        created_by=actor,
    )  # fmt: skip


@transaction.atomic
def go_live(challenge: Challenge, *, at: datetime, actor: str) -> Challenge:
    """Set a draft live: it counts from its beginning, or from now on. Raises StatusChanged, ChallengeRefused."""
    if not challenge.versions.exists():
        raise ChallengeRefused(_("This challenge says nothing yet. Write what is to be done and save it first."))
    if at >= challenge.until:
        raise ChallengeRefused(_("The days of this challenge are over. Choose a later end and save it first."))
    seed = fair.new_seed()
    since = max(challenge.since, at)
    changes = {"since": since, "status": "live", "seed": seed, "seed_digest": fair.digest_of(seed)}  # fmt: skip
    if not Challenge.objects.filter(pk=challenge.pk, status="draft").update(**changes):
        raise StatusChanged(_("Somebody else changed this challenge meanwhile. Look at it again."))
    challenge.versions.update(since=min(at, since))
    challenge.refresh_from_db()
    return challenge


def pause(challenge: Challenge, *, at: datetime, actor: str) -> Challenge:
    """Stop a challenge from an instant on: what is done in the pause does not count. Raises StatusChanged."""
    return pause_campaign(challenge, at=at, actor=actor)


def resume(challenge: Challenge, *, at: datetime, actor: str) -> Challenge:
    """Let a paused challenge count again. Raises StatusChanged."""
    return resume_campaign(challenge, at=at, actor=actor)


def end(challenge: Challenge, *, at: datetime, actor: str) -> Challenge:
    """End a challenge for good; what was won stays, and the seed of a drawing is shown. Raises StatusChanged."""
    return end_campaign(challenge, at=at, actor=actor)


@transaction.atomic
def duplicate(challenge: Challenge, *, at: datetime, actor: str) -> Challenge:
    """Another draft with the same texts, days and terms, under a free short name."""
    taken = set(Challenge.objects.filter(program=challenge.program).values_list("slug", flat=True))
    base = challenge.slug[:44]
    slug = next(name for number in range(2, len(taken) + 3) if (name := f"{base}-{number}") not in taken)
    copied = ("name", "name_id", "name_ms", "summary", "summary_id", "summary_ms", "kind", "icon", "has_board")
    made = Challenge.objects.create(
        program=challenge.program, slug=slug, since=max(challenge.since, at),
        until=max(challenge.until, at + timedelta(days=30)), **{field: getattr(challenge, field) for field in copied},
    )  # fmt: skip
    latest = challenge.versions.order_by("-number").first()
    if latest is not None:
        publish(made, latest.definition, at=at, actor=actor)
    return made
