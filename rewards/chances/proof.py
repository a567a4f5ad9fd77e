"""The public record of a pool of prizes, and checking one: from the database, or from a file somebody kept.

The record holds no person: numbers, what each won, what was out, the digest, and after the close the seed. `problems` needs nothing
else and computes every number again (`rewards.draws.fair.lot`).
"""

from collections import Counter
from typing import Any

from django.db.models import F

from loyalty.common.sealing import opened
from rewards.chances.terms import SEED, terms_of
from rewards.draws import fair
from rewards.models import PoolDraw, PrizePool

FORM = "setia-pool-1"
NEEDED = {"form", "pool", "seed_digest", "seed", "draws"}


def record_of(pool: PrizePool) -> dict[str, Any]:
    """What everybody may know about a published pool now: what was drawn only where that tells nobody what comes next."""
    return whole_record(pool) | ({"draws": []} if pool.keeps_count else {})


def whole_record(pool: PrizePool) -> dict[str, Any]:
    """All about a published pool. The seed is empty until it is closed."""
    result = getattr(pool, "result", None)
    places = {pk: place for place, pk in enumerate(pool.prizes.order_by("position", "id").values_list("pk", flat=True), 1)}  # fmt: skip
    draws = PoolDraw.objects.filter(prize_pool=pool).order_by("number").values_list("number", "prize", "out")
    return {
        "form": FORM,
        "pool": pool.promise.terms,
        "status": pool.status,
        "seed_digest": pool.promise.seed_digest,
        "published_at": pool.promise.made_at.isoformat(),
        "seed": result.seed if result else "",
        "closed_at": result.closed_at.isoformat() if result else "",
        # The number, the place of the prize it won (0: nothing), and the places that were out.
        "draws": [[number, places.get(prize, 0), out] for number, prize, out in draws],
    }


def problems(record: Any) -> list[str]:
    """What is wrong with a record, in words; empty when it proves itself. Before the close only its counts are looked at."""
    if not isinstance(record, dict) or record.get("form") != FORM or not set(record) >= NEEDED:
        return ["This is not the record of a pool of prizes."]
    try:
        return _problems(record)
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
        return [f"The record is damaged: {error}."]


def _problems(record: dict[str, Any]) -> list[str]:
    """The same, for a record of the right form."""
    found, terms, seed = [], record["pool"], record["seed"]
    draws = [(int(number), int(place), set(out)) for number, place, out in record["draws"]]
    if [number for number, _place, _out in draws] != list(range(1, len(draws) + 1)):
        found.append("The numbers are not 1, 2, 3 and so on.")
    if seed and fair.digest_of(seed) != record["seed_digest"]:
        found.append("The seed is not the one whose digest was published.")
    given: Counter[int] = Counter()
    for number, place, out in draws:
        used_up = {p for p, one in enumerate(terms["prizes"], 1) if one["pieces"] is not None and given[p] >= one["pieces"]}  # fmt: skip
        if not used_up <= out:
            found.append(f"Number {number} could win a prize whose pieces were all given.")
        if seed and (right := computed(seed, number, terms, out)) != place:
            found.append(f"Number {number} drew prize {right}, the record says {place} (0: nothing).")
        given[place] += 1
    return found


def computed(seed: str, number: int, terms: dict[str, Any], out: set[int]) -> int:
    """The place of the prize that a number draws, 0 for nothing."""
    weights = [0 if place in out else int(one["weight"]) for place, one in enumerate(terms["prizes"], start=1)]
    lot = fair.lot(seed, number, weights, one_in=int(terms["one_in"]), is_counted=bool(terms["is_counted"]))
    return 0 if lot is None else lot + 1


def check(pool: PrizePool) -> list[str]:
    """What is wrong with a pool in the database, in words; empty when everything agrees. The sealed seed computes an open pool, too."""
    record, seed = whole_record(pool), opened(pool.promise.sealed_seed, purpose=SEED)
    found = problems(record | {"seed": record["seed"] or seed})
    if fair.digest_of(seed) != pool.promise.seed_digest:
        found.append("The sealed seed is not the one whose digest was published.")
    if terms_of(pool) != pool.promise.terms:
        found.append("The odds are not those that were published.")
    draws = PoolDraw.objects.filter(prize_pool=pool)
    if strange := draws.exclude(ticket__member=F("member")).count():
        found.append(f"{strange} numbers belong to somebody else than their redemption.")
    if (result := getattr(pool, "result", None)) and result.numbers != pool.numbers:
        found.append(f"The pool was closed with {result.numbers} numbers; it counts {pool.numbers}.")
    if draws.count() != pool.numbers:
        found.append(f"The pool counts {pool.numbers} numbers; there are {draws.count()}.")
    for prize in pool.prizes.all():
        if (there := draws.filter(prize=prize).count()) != prize.given:
            found.append(f"The prize {prize.name} counts {prize.given} given; there are {there}.")
    return found
