"""A letter of every kind, with values as long as they come in real life."""

from loyalty.mail.models import Message

GIFT = {"code": "ABCD-EFGH-JKMN-PQRS", "valid_until": "2026-12-31", "owed": True}
COUNTED = {"points": 1250000, "decimals": 0, "units": "points", "balance": 98765432}
TIER = {"tier": "Gold and Friends", "until": "2026-12-31", "benefits": ["20% more points at every till", "Two free deliveries a month"]}  # fmt: skip
STOCK = "Codes of Voucher for a very long weekend in Yogyakarta: 12 left of 1,000"

VALUES = {
    "welcome": {"number": "1234 5678 9012"},
    "sign_in_code": {"code": "482917"},
    "redeemed": {
        "reward": "Weekend for two in Yogyakarta", "summary": "Two nights with breakfast", "code": GIFT["code"],
        "cost": "125,000 points", "balance": "1,200 points", "valid_until": "2026-12-31",
        "facts": [["Where", "Jalan Malioboro 52, Yogyakarta"], ["Ends", "9 pm"]],
    },
    "parcel_sent": {"reward": "Coffee grinder", "address": "Ani Wijaya, Jalan Kemang Raya 12, Jakarta 12730", "carrier": "JNE", "tracking": "JNE0012345678901234567890"},
    "voucher_ends": {"reward": "Free coffee", **GIFT},
    "session_off": {"reward": "Latte art for beginners", "when": "31 December 2026, 14:00", "place": "Kemang", "points": "1,500 points"},
    "refunded": {"receipt": "KN-2026-000123456789", "amount": "1,250,000 IDR", "points": "1,250 points", "why": "1 point for each 1,000 IDR", "kept": "300 points", "balance": "-50 points", "debt": "50 points"},
    "expiring": {"points": 12500, "decimals": 0, "units": "points", "currency": "IDR", "days": [["2026-12-15", 12000, "points"], ["2026-12-31", 500, "points"]], "worth": "1250000.00", "is_kept_by_shopping": True},
    "points_passed": {"points": "1,500 points", "other": "Budi Santoso", "balance": "300 points"},
    "points_received": {"points": "1,500 points", "other": "Budi Santoso", "balance": "1,800 points"},
    "points_lapsed": {"points": "1,500 points", "earned": "2026-11-30", "until": "2026-12-31", "why": "The order was not delivered."},
    "points_earned": {**COUNTED, "begins": "2026-12-31"},
    "points_adjusted": {**COUNTED},
    "points_activated": {**COUNTED},
    "points_expired": {**COUNTED, "last_day": "2026-12-31"},
    "statement": {**COUNTED, "month": "2026-11-01", "earned": 1250000, "spent": -300000, "expired": -2500, "other": 0},
    "referral": {"what": "rewarded", "points": "500 points", "other": "Budi Santoso"},
    "birthday_gift": {"gift": "Free coffee and a slice of cake", **GIFT},
    "tier_up": TIER,
    "tier_kept": TIER,
    "tier_down": TIER,
    "tier_at_risk": {"tier": "Gold and Friends", "missing": "2,500,000 IDR", "until": "2026-12-31", "decided": "2026-12-15"},
    "challenge_done": {"challenge": "Five coffees in one week", "prize": "500 points", **GIFT},
    "challenge_back": {"challenge": "Five coffees in one week", "prize": "500 points", "stands": True},
    "draw_won": {"draw": "The big year's end", "prize": "A scooter", "number": "000123456", **GIFT},
    "reward_there": {**COUNTED, "reward": "Weekend for two in Yogyakarta"},
    "win_back": COUNTED,
    "announcement": {**COUNTED, "balance": "98,765,432 points", "tier": "Gold"},
    "settlement": {"partner": "Toko Buku Senja", "month": "November 2026", "points": "1,250,000", "owed": "12,500,000 IDR"},
    "job_failed": {"said": "Expire points stopped at program Kopi Nusantara: the database did not answer."},
    "job_mended": {"said": "Expire points works again at program Kopi Nusantara."},
    "stock_low": {"said": STOCK},
    "approval": {"change": "1234", "title": "Points for everybody of the Bandung shop", "said": "It is above the limit of your role.", "lines": "1,200", "given": "125,000", "taken": "0", "reason": "The till was down for a whole day"},
}  # fmt: skip


def letter(kind: str, language: str = "en") -> Message:
    """One that was never saved."""
    values = {"name": "Ani Wijaya Kusumaningtyas", "program": "Kopi Nusantara", **VALUES[kind]}
    return Message(pk=7, recipient="123456789012", address="ani@example.com", language=language, kind=kind, subject="x", context=values)  # fmt: skip
