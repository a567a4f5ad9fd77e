"""Tiers: measured on what counts over a window, up at once, down only at a review (DOMAIN 8).

Spending points never costs a tier. A stay in a tier is a row of history; a late purchase moves the stays as if it had come
in order (`members.retracing`), and a stay that it overtakes keeps its row with no length.
"""

from members.ladders import Ladder, ladder
from members.tiers.reading import as_settled, has_due, held, is_due, late, tier_at, tiers_at, trails
from members.tiers.standing import Standing, standing, standing_on
from members.tiers.stays import Stay
from members.tiers.walking import Trail
from members.tiers.writing import STAY_FIELDS, write_on, write_stays

__all__ = [
    "STAY_FIELDS", "Ladder", "Standing", "Stay", "Trail", "as_settled", "has_due", "held", "is_due", "ladder", "late", "standing",
    "standing_on", "tier_at", "tiers_at", "trails", "write_on", "write_stays",
]  # fmt: skip
