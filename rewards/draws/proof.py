"""The public record of a draw, and checking one: from the database, or from a file somebody kept.

The record holds no person: numbers, public names, times, the digest, and after the draw the seed. `problems` needs nothing else and
computes everything again (`rewards.draws.fair`); `check` holds the database's rows against each other besides.
"""

from datetime import datetime
from typing import Any

from django.db.models import F

from loyalty.common.sealing import opened
from rewards.draws import fair
from rewards.draws.terms import SEED, terms_of
from rewards.models import Draw, DrawEntry, DrawWin

FORM = "setia-draw-1"
NEEDED = {"form", "seed_digest", "entries", "withdrawn", "places", "seed", "list_digest", "winners", "passed", "standing"}  # fmt: skip


def record_of(draw: Draw) -> dict[str, Any]:
    """What everybody may know about a published draw. The seed is empty until it is drawn."""
    entries = list(
        DrawEntry.objects.filter(draw=draw).order_by("number").values_list("number", "holder", "withdrawal__reason")
    )
    result = getattr(draw, "result", None)
    wins = list(DrawWin.objects.filter(draw=draw).annotate(number=F("entry__number")).order_by("place", "id"))
    passed = sorted((one for one in wins if one.passed_number), key=lambda one: one.passed_number or 0)
    terms = draw.promise.terms
    places = sum(one["winners"] for one in terms["prizes"])
    standing = {one.place: one.number for one in wins if one.passed_at is None}
    return {
        "form": FORM,
        "draw": terms,
        "status": draw.status,
        "seed_digest": draw.promise.seed_digest,
        "published_at": _moment(draw.promise.made_at),
        "places": places,
        "entries": [[number, holder] for number, holder, _gone in entries],
        "withdrawn": [[number, gone] for number, _holder, gone in entries if gone],
        "seed": result.seed if result else "",
        "drawn_at": _moment(result.drawn_at) if result else "",
        "list_digest": result.list_digest if result else "",
        "winners": result.numbers if result else [],
        "passed": [[one.number, one.passed_why] for one in passed],
        "standing": [standing.get(place, 0) for place in range(1, len(result.numbers) + 1)] if result else [],
    }


def _moment(at: datetime) -> str:
    return at.isoformat()


def problems(record: Any) -> list[str]:
    """What is wrong with a record, in words; empty when it proves itself. Before the draw only its list is looked at."""
    if not isinstance(record, dict) or record.get("form") != FORM or not set(record) >= NEEDED:
        return ["This is not the record of a draw."]
    try:
        return _problems(record)
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
        return [f"The record is damaged: {error}."]


def _problems(record: dict[str, Any]) -> list[str]:
    """The same, for a record of the right form."""
    found = []
    entries = [fair.Entry(int(number), str(holder)) for number, holder in record["entries"]]
    if [one.number for one in entries] != list(range(1, len(entries) + 1)):
        found.append("The numbers of the entries are not 1, 2, 3 and so on.")
    if not record["seed"]:
        return found
    if fair.digest_of(record["seed"]) != record["seed_digest"]:
        found.append("The seed is not the one whose digest was published.")
    gone = {int(number) for number, _why in record["withdrawn"]}
    final = [one for one in entries if one.number not in gone]
    if fair.list_digest(final) != record["list_digest"]:
        found.append("The list of entries is not the one the winners were drawn from.")
    drawn = fair.winners(record["seed"], final, record["places"])
    if drawn != record["winners"]:
        found.append(f"The winners computed are {drawn}, the record says {record['winners']}.")
        return found
    standing = fair.winners(
        record["seed"], final, record["places"], passed=[number for number, _why in record["passed"]]
    )
    if standing != record["standing"]:
        found.append(f"After passing places on they are {standing}, the record says {record['standing']}.")
    return found


def check(draw: Draw) -> list[str]:
    """What is wrong with a draw in the database, in words; empty when everything agrees."""
    found = problems(record_of(draw))
    count, gone = DrawEntry.objects.filter(draw=draw).count(), DrawEntry.objects.filter(draw=draw, withdrawal__isnull=False).count()  # fmt: skip
    if (count, gone) != (draw.entries, draw.withdrawn):
        found.append(
            f"The draw counts {draw.entries} entries, {draw.withdrawn} withdrawn; there are {count} and {gone}."
        )
    if fair.digest_of(opened(draw.promise.sealed_seed, purpose=SEED)) != draw.promise.seed_digest:
        found.append("The sealed seed is not the one whose digest was published.")
    if terms_of(draw) != draw.promise.terms:
        found.append("The terms are not those that were published.")
    cancelled = DrawEntry.objects.filter(draw=draw, redemption__status="cancelled", withdrawal__isnull=True).count()
    if cancelled:
        found.append(f"{cancelled} entries take part although their points went back.")
    strange = DrawEntry.objects.filter(draw=draw).exclude(redemption__member=F("member")).count()
    if strange:
        found.append(f"{strange} entries belong to somebody else than their redemption.")
    return found
