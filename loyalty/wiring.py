"""Who does what, by name: jobs, kinds of changes, and the questions that lower floors ask upper ones.

The ground knows no floor above it, so it calls by the names that stand here and imports nothing (docs/architecture.md, decision 0009).
"""

from django.utils.translation import gettext_lazy as _

# Job name -> what it runs and how often. Named by string: the ground knows no floor above it (docs/architecture.md).
# `every: "day"` is one run per program and business date; `every: "nudge"` looks for due work at each nudge.
# The order is that of one business date (DOMAIN 9.5): activate, repay debt, expire, review tiers, balance figures, messages.
SETIA_JOBS = {
    "release_holds": {"run": "loyalty.ledger.holds.release_due", "every": "nudge", "title": _("Release holds")},
    "activate_points": {
        "run": "loyalty.ledger.activation.activate_due",
        "every": "day",
        "title": _("Activate points"),
    },
    "repay_debts": {"run": "loyalty.ledger.repaying.repay_due", "every": "day", "title": _("Repay debts")},
    "turn_campaigns": {
        "run": "campaigns.turning.turn_campaigns",
        "every": "nudge",
        "title": _("Begin and end campaigns"),
    },
    "reward_referrals": {
        "run": "campaigns.ways.rewarding.reward_due",
        "every": "nudge",
        "title": _("Reward referrals"),
    },
    "celebrate": {"run": "campaigns.ways.occasions.celebrate", "every": "day", "title": _("Celebrate with members")},
    "give_birthday_gifts": {
        "run": "campaigns.ways.gifting.give_due",
        "every": "day",
        "title": _("Give birthday gifts"),
    },
    "expire_points": {"run": "loyalty.jobs.changes.nightly.expire", "every": "day", "title": _("Expire points")},
    "review_tiers": {"run": "members.tiers.reviewing.review_tiers", "every": "day", "title": _("Review tiers")},
    "remind_vouchers": {
        "run": "rewards.lasting.remind_ending",
        "every": "day",
        "title": _("Remind of vouchers that end"),
    },
    "expire_vouchers": {"run": "rewards.vouchers.expire_due", "every": "day", "title": _("Expire vouchers")},
    "draw_winners": {"run": "rewards.draws.drawing.draw_due", "every": "nudge", "title": _("Draw winners")},
    "count_popularity": {
        "run": "rewards.recommending.count_popularity",
        "every": "day",
        "title": _("Count popular rewards"),
    },
    "daily_figures": {
        "run": "loyalty.ledger.daily.keep_figures",
        "every": "day",
        "title": _("Keep the figures of the day"),
    },
    "verify_books": {"run": "loyalty.ledger.verifying.verify_books", "every": "day", "title": _("Verify the books")},
    "anchor_books": {"run": "loyalty.ledger.evidence.anchor_and_keep", "every": "day", "title": _("Anchor the books")},
    "forget_answers": {
        "run": "loyalty.pos.idempotency.forget_old",
        "every": "day",
        "title": _("Forget old API answers"),
    },
    "forget_addresses": {
        "run": "rewards.forgetting.forget_due",
        "every": "day",
        "title": _("Forget addresses of old parcels"),
    },
    "forget_letters": {
        "run": "members.forgetting.forget_letters",
        "every": "day",
        "title": _("Forget what stood in old letters"),
    },
    "forget_sessions": {
        "run": "loyalty.desk.forgetting.forget_sessions",
        "every": "day",
        "title": _("Forget sessions that have ended"),
    },
    "score_members": {
        "run": "members.segments.scoring.score_members",
        "every": "day",
        "title": _("Score members"),
    },
    "refresh_segments": {
        "run": "members.segments.membership.refresh_due",
        "every": "nudge",
        "title": _("Refresh segments"),
    },
    "remind_expiry": {
        "run": "campaigns.reminders.remind_expiring",
        "every": "day",
        "title": _("Remind of expiring points"),
    },
    "tell_entries": {
        "run": "campaigns.letters.movements.tell_entries",
        "every": "nudge",
        "title": _("Tell of points earned and adjusted"),
    },
    "tell_points": {
        "run": "campaigns.letters.movements.tell_points",
        "every": "day",
        "title": _("Tell of points begun and expired"),
    },
    "send_statements": {
        "run": "campaigns.letters.monthly.send_statements",
        "every": "day",
        "title": _("Send monthly statements"),
    },
    "tell_rewards": {"run": "campaigns.letters.inviting.tell_rewards", "every": "day", "title": _("Tell of rewards")},
    "win_back": {"run": "campaigns.letters.inviting.win_back", "every": "day", "title": _("Win members back")},
    "watch_stock": {
        "run": "campaigns.letters.shelves.watch_stock",
        "every": "day",
        "title": _("Watch stock and codes"),
    },
    "run_back_tests": {"run": "campaigns.backtest.run_due", "every": "nudge", "title": _("Run back-tests")},
    "post_changes": {"run": "loyalty.jobs.changes.posting.post_due", "every": "nudge", "title": _("Post changes")},
    "send_mailings": {"run": "campaigns.mailings.sending.send_due", "every": "nudge", "title": _("Send mailings")},
    "deliver_mail": {"run": "loyalty.mail.delivery.deliver_due", "every": "nudge", "title": _("Deliver mail")},
    "pass_letters_on": {
        "run": "loyalty.mail.handing_on.deliver_due",
        "every": "nudge",
        "title": _("Pass letters on"),
    },
    # Last: what this very nudge has made up is not late any more.
    "send_alerts": {"run": "loyalty.jobs.alerting.send_alerts", "every": "nudge", "title": _("Send alerts")},
}
# The kinds of change requests: corrections, bulk actions and runs with four eyes (loyalty/common/changes.py).
SETIA_CHANGES: list[str] = [
    "members.corrections.adjusting.AdjustOne",
    "members.corrections.adjusting.AdjustMany",
    "members.corrections.forgiving.ForgiveDebt",
    "members.corrections.extending.ExtendPoints",
    "members.corrections.redating.RedatePoints",
    "members.corrections.reinstating.Reinstate",
    "members.corrections.moving.MovePoints",
    "members.corrections.moving.UndoTransfer",
    "loyalty.ledger.expiry_change.ExpiryRun",
    "loyalty.ledger.worth_change.ChangeWorth",
    "loyalty.ledger.policy_change.SetExpiry",
    "loyalty.ledger.night_change.TakeNightBack",
    "members.tiers.editing.EditTiers",
    "loyalty.jobs.changes.limiting.ChangeLimits",
    "campaigns.ways.surprise.Surprise",
    "campaigns.partners.taking_back.TakePostingBack",
    "rewards.calling_off.CallOffSession",
    "rewards.extending.ExtendVouchers",
    "rewards.price_change.ChangePrices",
    "campaigns.mailings.approving.SendMailing",
]
# What upper floors seal themselves is proven with the books: functions of a program that yield violations.
SETIA_PROOFS: list[str] = ["campaigns.partners.settlement.prove"]
# Asked by name, because the books know no people: the accounts of a member of staff, and who holds an account.
SETIA_OWN_ACCOUNTS = "members.holders.own_accounts"
SETIA_HOLDERS = "members.holders.numbers"
SETIA_ACCOUNTS_OF = "members.holders.accounts_of"
# Asked by name, because the books write to nobody: who tells of points that lapsed unconfirmed.
SETIA_TELL_LAPSED = "campaigns.lapse_letters.tell"
SETIA_SWEEP = "loyalty.ledger.expiry.run_sweep"
# Asked by name, because mail knows no people: where a reader can be reached, what they agreed to, when they sleep.
SETIA_READERS = "members.readers.readers"
# Asked by name, because mail knows no mailings: which of them are paused or stopped, and how each reads.
SETIA_MAILINGS_HALTED = "campaigns.mailings.course.halted"
SETIA_MAILING_WORDS = "campaigns.mailings.writing.words_of"
# Asked by name, because mail knows no points: which of some letters name days that hold no more.
SETIA_STALE_LETTERS = "campaigns.notices.staleness.stale"
# Further channels for letters (loyalty/mail/channels.py).
SETIA_CHANNELS: list[str] = ["loyalty.mail.webhooks.Webhook"]
# Asked by name, because mail knows no programs: which letters of which members are passed to another system.
SETIA_PASSED_ON = "campaigns.letters.passing.targets"
SETIA_KINDS_PASSED_ON = "campaigns.letters.passing.kinds"
# Asked by name, because the books know no letters: which points nobody was told of, and who gives them more time.
SETIA_GUARANTEE = "campaigns.notices.guarantee"
SETIA_QUEUE_LETTER = "loyalty.mail.outbox.queue"
# The checks behind /readyz, for alerts and the page of health: the jobs know no mail.
SETIA_HEALTH = "loyalty.health.readiness"
