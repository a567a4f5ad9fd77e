"""The variables of letters: a fixed list for each kind, what each means, and its value as it is shown (RELIABILITY, Security).

Letters keep plain values; here they become words in the language that is active. A value is a text, or a list of texts.
"""

from typing import Any

from django.template import Context
from django.template.loader import get_template
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.mail.templatetags.letters import day, money, month, points

Shown = dict[str, str | list[str]]
EVERYWHERE = ("name", "program", "link", "site")
PER_KIND: dict[str, tuple[str, ...]] = {
    "welcome": ("number",),
    "sign_in_code": ("code",),
    "redeemed": ("reward", "summary", "code", "given", "facts", "cost", "balance", "valid_until"),
    "parcel_sent": ("reward", "address", "carrier", "tracking"),
    "voucher_ends": ("reward", "code", "valid_until"),
    "session_off": ("reward", "when", "place", "points"),
    "refunded": ("receipt", "amount", "points", "why", "kept", "balance", "debt"),
    "expiring": ("points", "units", "first_day", "days", "worth", "shopping_note"),
    "points_passed": ("points", "other", "balance"),
    "points_received": ("points", "other", "balance"),
    "points_lapsed": ("points", "earned", "until", "why"),
    "points_earned": ("points", "units", "balance", "begins_note"),
    "points_adjusted": ("points", "units", "balance", "said"),
    "points_activated": ("points", "units", "balance"),
    "points_expired": ("points", "units", "last_day", "balance"),
    "statement": ("month", "earned", "spent", "expired", "other", "units", "balance"),
    "referral": ("title", "said", "points", "other"),
    "birthday_gift": ("gift", "code", "valid_until", "owed_note"),
    "tier_up": ("tier", "until_note", "benefits"),
    "tier_kept": ("tier", "until_note", "benefits"),
    "tier_down": ("tier", "until_note", "benefits"),
    "tier_at_risk": ("tier", "missing", "until", "decided_note"),
    "challenge_done": ("challenge", "prize", "code", "valid_until", "owed_note"),
    "challenge_back": ("challenge", "prize", "stands_note"),
    "draw_won": ("draw", "prize", "number", "code", "valid_until"),
    "reward_there": ("reward", "balance", "units", "unsubscribe", "choices"),
    "announcement": ("balance", "tier", "number", "unsubscribe", "choices"),
    "win_back": ("balance", "units", "unsubscribe", "choices"),
    "settlement": ("partner", "month", "points", "owed"),
    "job_failed": ("said",),
    "job_mended": ("said",),
    "stock_low": ("said",),
    "approval": ("change", "title", "said", "lines", "given", "taken", "reason"),
}
MEANINGS: dict[str, Any] = {
    "name": gettext_lazy("the reader's name"),
    "program": gettext_lazy("the program"),
    "link": gettext_lazy("the page the letter leads to"),
    "site": gettext_lazy("the portal's address"),
    "number": gettext_lazy("the member number, or the number of the entry"),
    "reward": gettext_lazy("the reward"),
    "summary": gettext_lazy("the reward in a sentence"),
    "code": gettext_lazy("the code"),
    "given": gettext_lazy("what was given instead of a code, or counted up"),
    "facts": gettext_lazy("what else is to be known, a line for each"),
    "cost": gettext_lazy("what it cost"),
    "balance": gettext_lazy("the balance"),
    "valid_until": gettext_lazy("the last day of the voucher"),
    "address": gettext_lazy("where the parcel goes"),
    "carrier": gettext_lazy("who carries it"),
    "tracking": gettext_lazy("the tracking number"),
    "when": gettext_lazy("day and hour"),
    "place": gettext_lazy("the place"),
    "points": gettext_lazy("how many points"),
    "units": gettext_lazy("what points are called"),
    "receipt": gettext_lazy("the receipt"),
    "amount": gettext_lazy("the money"),
    "why": gettext_lazy("why, in a sentence"),
    "kept": gettext_lazy("the points that stay"),
    "debt": gettext_lazy("the points owed"),
    "first_day": gettext_lazy("the first of the last days"),
    "days": gettext_lazy("each last day with its points, a line for each"),
    "worth": gettext_lazy("what the points are worth"),
    "shopping_note": gettext_lazy("that a purchase keeps them alive, if it does"),
    "other": gettext_lazy("the other person; in a statement what else changed"),
    "earned": gettext_lazy("the day they were earned; in a statement how many"),
    "spent": gettext_lazy("the points spent"),
    "expired": gettext_lazy("the points that expired"),
    "last_day": gettext_lazy("their last day"),
    "begins_note": gettext_lazy("from when on they can be spent, if not at once"),
    "until": gettext_lazy("the last day"),
    "until_note": gettext_lazy("when the tier is looked at next, if it is"),
    "decided_note": gettext_lazy("until when things count, if that is decided"),
    "title": gettext_lazy("what it is about"),
    "said": gettext_lazy("what happened, in a sentence"),
    "gift": gettext_lazy("the gift"),
    "owed_note": gettext_lazy("that the reward comes later, if it does"),
    "stands_note": gettext_lazy("that a used voucher stays, if it does"),
    "tier": gettext_lazy("the tier"),
    "benefits": gettext_lazy("what the tier gives, a line for each"),
    "missing": gettext_lazy("what is missing"),
    "challenge": gettext_lazy("the challenge"),
    "prize": gettext_lazy("the prize"),
    "draw": gettext_lazy("the draw"),
    "unsubscribe": gettext_lazy("the page that stops these letters"),
    "choices": gettext_lazy("the page where the reader chooses"),
    "partner": gettext_lazy("the partner"),
    "month": gettext_lazy("the month"),
    "owed": gettext_lazy("the money to pay"),
    "change": gettext_lazy("the number of the change"),
    "lines": gettext_lazy("how many lines"),
    "taken": gettext_lazy("points taken"),
    "reason": gettext_lazy("the reason"),
}
DAYS = {"valid_until", "until", "earned", "last_day"}
# Kinds whose points come as numbers of the smallest unit, with `decimals` beside them.
COUNTED = {"points_earned", "points_adjusted", "points_activated", "points_expired", "statement", "reward_there", "win_back"}  # fmt: skip
AMOUNTS = ("points", "balance", "earned", "spent", "expired", "other")
LISTS = {"facts", "days", "benefits"}
# Sentences that are there or not: they begin on a line of their own.
NOTES = ("begins_note", "facts", "shopping_note", "until_note", "decided_note", "benefits", "owed_note", "stands_note")


def written(name: str) -> str:
    """A variable as it stands in a wording."""
    return "{{ " + name + " }}"


def names_of(kind: str) -> tuple[str, ...]:
    """The variables a wording of this kind may use."""
    return EVERYWHERE + PER_KIND.get(kind, ())


def shown(kind: str, values: dict[str, Any]) -> Shown:
    """Every variable of a kind in the active language. What a letter does not say is empty."""
    known: dict[str, Any] = {name: values.get(name, "") for name in names_of(kind)}
    if kind in COUNTED:
        known |= _counted(kind, known, values)
    known |= {name: day(known[name]) for name in DAYS & known.keys() if known[name]}
    known |= _notes(values)
    if kind == "expiring":
        known |= _running_out(values)
    elif kind == "announcement" and "points" in values:
        known["balance"] = f"{points(values['points'], values['decimals'])} {values['units']}"
    elif kind == "redeemed":
        known["facts"] = [f"{told}: {value}" for told, value in values.get("facts", [])]
        known["valid_until"] = "" if values.get("given") else known["valid_until"]
    elif kind == "referral":
        known |= {"said": _part("referral", "said.txt", values), "title": _part("referral", "subject.txt", values)}
    known["program"] = known["program"] or values.get("sender", "")
    return {name: _text(known.get(name, "")) for name in names_of(kind)}


def notes_of(kind: str) -> list[str]:
    """What a letter of a kind says on a line of its own, or leaves out."""
    return [name for name in names_of(kind) if name in NOTES or (kind, name) == ("redeemed", "given")]


def samples(kind: str) -> Shown:
    """What a preview shows when no letter of this kind was ever written: the meaning of each variable, in brackets."""
    return {
        name: [f"[{MEANINGS[name]}]"] * 2 if name in LISTS else f"[{MEANINGS[name]}]" for name in names_of(kind)
    }  # fmt: skip


def placeholders(kind: str) -> dict[str, Any]:
    """Values with which a built-in letter shows its variables instead of values."""
    values: dict[str, Any] = {name: written(name) for name in names_of(kind) if name not in notes_of(kind)}
    if kind == "expiring":
        values |= {"days": [["{{ days }}", "", ""]], "decimals": 0, "currency": ""}
    return values


def _notes(values: dict[str, Any]) -> dict[str, str]:
    """The sentences that a letter says or leaves out."""
    until, decided, begins = values.get("until"), values.get("decided"), values.get("begins")
    owed = _("Your reward is not there at the moment. The shop gives it to you as soon as it can.")
    stands = _("You had used the voucher of this prize already. It stays yours.")
    shopping = _("These days hold unless you shop before then: your next purchase keeps points alive that run out because nothing happened.")  # fmt: skip
    return {
        "begins_note": _("You can spend them from %(begins)s on.") % {"begins": day(begins)} if begins else "",
        "owed_note": owed if values.get("owed") else "",
        "stands_note": stands if values.get("stands") else "",
        "shopping_note": shopping if values.get("is_kept_by_shopping") else "",
        "until_note": _("It is looked at next after %(until)s.") % {"until": day(until)} if until else "",
        "decided_note": _("What counts is everything until %(decided)s.") % {"decided": day(decided)} if decided else "",
    }  # fmt: skip


def _counted(kind: str, known: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Points of a letter in the number format of its language; what happened to them as a sentence."""
    told = {name: points(known[name], values.get("decimals", 0)) for name in AMOUNTS if known.get(name) not in (None, "")}  # fmt: skip
    if kind == "points_adjusted":
        told["said"] = _part(kind, "said.txt", values)
    if kind == "statement":
        told["month"] = month(values.get("month"))
    return told


def _running_out(values: dict[str, Any]) -> dict[str, Any]:
    decimals, days = values.get("decimals", 0), values.get("days") or [["", 0, ""]]
    worth = values.get("worth")
    return {
        "points": points(values.get("points", 0), decimals),
        "first_day": day(days[0][0]),
        "days": [f"{day(last)}: {points(amount, decimals)} {unit}" for last, amount, unit in days],
        "worth": money(worth, values.get("currency", "")) if worth else "",
    }


def _part(kind: str, part: str, values: dict[str, Any]) -> str:
    template: Any = get_template(f"emails/{kind}/{part}")
    return " ".join(template.template.render(Context(values, autoescape=False)).split())


def _text(value: Any) -> str | list[str]:
    return [str(one) for one in value] if isinstance(value, list) else str(value)
