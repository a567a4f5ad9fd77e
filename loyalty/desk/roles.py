"""The roles of the staff (DOMAIN 12.5), as groups with permissions.

They are made after every migrate. What an operator changed on a role stays: an existing group only receives
permissions that this very migrate brought into being.
"""

from typing import Any

from django.apps import apps
from django.db import DatabaseError, connections
from django.utils.translation import gettext_lazy as _

PROGRAM_MANAGER = "program manager"
MARKETING_ASSISTANT = "marketing assistant"
SUPPORT_AGENT = "support agent"
FINANCE = "finance"
AUDITOR = "auditor"
OPS = "ops"
ADMINISTRATOR = "administrator"
TITLES = {
    PROGRAM_MANAGER: _("Program manager"),
    MARKETING_ASSISTANT: _("Marketing assistant"),
    SUPPORT_AGENT: _("Support agent"),
    FINANCE: _("Finance"),
    AUDITOR: _("Auditor"),
    OPS: _("Operations"),
    ADMINISTRATOR: _("Administrator"),
}

PROGRAM = ["ledger.program", "ledger.wallet", "ledger.expirypolicy", "ledger.exchangerate", "ledger.season", "ledger.seasonperiod", "members.tierpolicyversion", "members.tier", "members.tierpolicy", "members.consentterms"]  # fmt: skip
OFFERS = ["rewards.reward", "rewards.category", "rewards.rewardprice", "rewards.storestock", "rewards.discountstep", "rewards.eventsession", "rewards.codepool", "rewards.poolimport", "rewards.draw", "rewards.drawprize", "rewards.prizepool", "rewards.poolprize", "rewards.pointsterms", "rewards.voucherterms", "rewards.cause", "campaigns.campaign", "campaigns.rule", "campaigns.challenge", "mailings.mailing", "ways.survey", "ways.question", "ways.eventkind", "ways.wayterms", "ways.birthdaygift", "ways.surprisebudget", "letters.letterterms"]  # fmt: skip
SHOPS = ["pos.store", "pos.till", "pos.apikey"]
PEOPLE = ["members.member", "members.purchase", "members.refund", "members.confirmation", "members.event", "members.tierstay", "members.tiergrant", "ways.referral", "ways.review", "ways.registration", "ways.eventdetail", "ways.giftgiven", "members.consent"]  # fmt: skip
PARTNERS = ["partners.partner", "partners.partnerposting", "partners.settlement"]
DECIDED = ["ways.referral", "ways.review"]
SEGMENTS = ["segments.segment", "segments.snapshot", "segments.scoringpolicy"]
VOUCHERS = [
    "rewards.redemption",
    "rewards.drawwin",
    "rewards.drawentry",
    "rewards.pooldraw",
    "rewards.voucher",
    "rewards.parcel",
    "rewards.pointspayment",
]
BOOKS = ["ledger.account", "ledger.entry", "ledger.lot", "ledger.allocation"]
PROOF = ["ledger.anchor", "ledger.dayfigures", "ledger.periodclose", "ledger.verification"]
LETTERS = ["mail.message", "mail.blockedaddress", "notices.notice"]
WORDINGS = ["mail.letterwording"]
RUNS = ["jobs.jobrun", "jobs.heartbeat", "jobs.jobschedule", "jobs.alert"]
CHANGES = ["jobs.changerequest", "jobs.approvallimits"]
ASK = {"jobs.ask_adjustment", "jobs.ask_forgiveness", "jobs.ask_bulk_change", "jobs.ask_expiry_run"}
APPROVE = {"jobs.approve_change"}
VERSIONS = ["campaigns.ruleversion", "campaigns.backtest", "campaigns.prize"]
SCHEDULES = [f"django_celery_beat.{name}" for name in ("periodictask", "intervalschedule", "crontabschedule", "clockedschedule", "solarschedule")]  # fmt: skip
STAFF = ["auth.user", "auth.group"]
AUDIT = ["admin.logentry"]
EVERYTHING = (
    PROGRAM
    + OFFERS
    + VERSIONS
    + SHOPS
    + PEOPLE
    + VOUCHERS
    + BOOKS
    + PROOF
    + LETTERS
    + WORDINGS
    + RUNS
    + SCHEDULES
    + STAFF
    + AUDIT
    + CHANGES
    + SEGMENTS
    + PARTNERS
)


def _may(verbs: str, models: list[str]) -> set[str]:
    """Permission names such as `members.view_member`."""
    return {f"{label.split('.')[0]}.{verb}_{label.split('.')[1]}" for label in models for verb in verbs.split()}


def rights() -> dict[str, set[str]]:
    """What each role may do, as permission names."""
    see, write = "view", "view add change"
    figures, export, run = {"loyalty.see_figures"}, {"loyalty.export_lists"}, {"loyalty.run_jobs"}
    manager = (
        _may(write, PROGRAM + OFFERS + SHOPS + PARTNERS[:1] + ["members.member", "members.tiergrant"])
        | _may("add", [*WORDINGS, "members.consent", "members.refund", "campaigns.backtest", "partners.settlement"])
        | _may(write, SEGMENTS)
        | _may("delete", [*OFFERS, "segments.segment", "members.tier", "pos.store", "pos.till"])
        | _may(see, PEOPLE + VOUCHERS + BOOKS + LETTERS + WORDINGS + RUNS + VERSIONS + PARTNERS)
        | _may("change", VOUCHERS + LETTERS[:2] + DECIDED)
        | _may(see, CHANGES)
        | ASK
        | APPROVE
        | figures
        | export
    )
    return {
        PROGRAM_MANAGER: manager,
        MARKETING_ASSISTANT: _may(write, OFFERS + SEGMENTS[:2])
        | _may("add", ["campaigns.backtest", *WORDINGS])
        | _may(see, PROGRAM + VERSIONS + PEOPLE + VOUCHERS + LETTERS + WORDINGS + PARTNERS[:1])
        | figures,
        SUPPORT_AGENT: _may(
            see, PEOPLE + VOUCHERS + BOOKS + LETTERS + OFFERS + PROGRAM[-2:] + CHANGES + SEGMENTS[:1] + PARTNERS[:2]
        )
        | {"jobs.ask_adjustment", "jobs.ask_forgiveness"}
        | _may("add change", ["members.member"])
        | _may("add", ["members.refund", "members.consent"])
        | _may("change", VOUCHERS + LETTERS[:2] + DECIDED),
        FINANCE: _may(
            see, PROGRAM + OFFERS + VERSIONS + PEOPLE + VOUCHERS + BOOKS + PROOF + RUNS + CHANGES + SEGMENTS + PARTNERS
        )
        | _may("add", ["ledger.periodclose"])
        | figures
        | export,
        AUDITOR: _may(see, EVERYTHING) | figures,
        OPS: _may(see, RUNS + LETTERS + SHOPS + PROGRAM + CHANGES)
        | {"jobs.ask_expiry_run"}
        | _may("change", LETTERS[:2] + RUNS)
        | _may("view add change delete", SCHEDULES)
        | run,
        ADMINISTRATOR: manager
        | _may(see, EVERYTHING)
        | _may(write, STAFF)
        | _may("change", RUNS)
        | _may("add change", ["jobs.approvallimits"])
        | _may("view add change delete", SCHEDULES)
        | run,
    }


def note_known(using: str = "default", **kwargs: Any) -> None:
    """Before a migrate: remember which permissions exist, to tell later which are new."""
    permission = apps.get_model("auth", "Permission")
    try:
        tables = connections[using].introspection.table_names()
        known = (
            set(permission.objects.using(using).values_list("pk", flat=True))
            if permission._meta.db_table in tables
            else set()
        )
    except DatabaseError:
        known = set()
    _known[using] = known


_known: dict[str, set[int]] = {}


def make(using: str = "default", **kwargs: Any) -> None:
    """After a migrate: make the groups that are missing; give the others what has come into being just now."""
    group_model, permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    known = _known.pop(using, None)
    by_name = {
        f"{app}.{codename}": pk
        for pk, app, codename in permission.objects.using(using).values_list(
            "pk", "content_type__app_label", "codename"
        )
    }
    for role, names in rights().items():
        group, is_new = group_model.objects.using(using).get_or_create(name=role)
        wanted = {by_name[name] for name in names if name in by_name}
        given = wanted if is_new else wanted - (wanted if known is None else known)
        if given:
            group.permissions.add(*given)
