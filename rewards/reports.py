"""The views of rewards and redemptions for finance and BI tools, without a voucher's code (docs/reports.md)."""

from loyalty.common.reports import declare

REWARDS = """
SELECT r.id AS reward, p.slug AS program, r.slug, r.name, r.kind, w.slug AS wallet, r.cost, r.unit_cost, r.stock,
       r.taken, r.offered_from, r.offered_until, CASE WHEN r.is_active THEN 1 ELSE 0 END AS is_active
FROM rewards_reward r
JOIN ledger_program p ON p.id = r.program_id
JOIN ledger_wallet w ON w.id = r.wallet_id
"""

# An unused voucher past its end is expired, marked by a job or not.
REDEMPTIONS = """
SELECT d.id AS redemption, p.slug AS program, m.number AS member, d.account_id AS account, r.slug AS reward, d.cost,
       CASE WHEN d.status = 'issued' AND v.expires_at <= {now} THEN 'expired' ELSE d.status END AS status,
       d.redeemed_at, v.expires_at AS valid_until, d.ended_at, v.used_at, v.till, v.receipt, d.entry_id AS entry,
       d.reversal_id AS reversal, d.reference, v.value AS card_value, v."left" AS card_left
FROM rewards_redemption d
JOIN ledger_program p ON p.id = d.program_id
JOIN rewards_reward r ON r.id = d.reward_id
JOIN members_member m ON m.id = d.member_id
LEFT JOIN rewards_voucher v ON v.redemption_id = d.id
"""

SESSIONS = """
SELECT s.id AS session, p.slug AS program, r.slug AS reward, s.starts_at, s.ends_at, s.place, s.capacity, s.taken,
       CASE WHEN s.cancelled_at IS NOT NULL THEN 'called off' WHEN s.ends_at <= {now} THEN 'over'
            WHEN s.is_open THEN 'open' ELSE 'closed' END AS status
FROM rewards_eventsession s
JOIN rewards_reward r ON r.id = s.reward_id
JOIN ledger_program p ON p.id = r.program_id
"""

# A hold past its end has timed out, recorded or not.
POINTS_PAYMENTS = """
SELECT y.id AS payment, p.slug AS program, m.number AS member, y.account_id AS account, y.reference, y.points, y.money, y.basket,
       CASE WHEN h.status = 'held' AND h.expires_at <= {now} THEN 'timed_out'
            WHEN h.status = 'released' AND h.ended_at = h.expires_at THEN 'timed_out' ELSE h.status END AS state,
       h.held_at, h.expires_at AS held_until, y.captured_at, y.till, s.code AS store, y.source, y.receipt, y.points_back,
       y.money_back, h.entry_id AS entry
FROM rewards_pointspayment y
JOIN ledger_program p ON p.id = y.program_id
JOIN ledger_hold h ON h.id = y.hold_id
JOIN members_member m ON m.id = y.member_id
LEFT JOIN pos_store s ON s.id = y.store_id
"""

GIFTS = """
SELECT g.id AS gift, p.slug AS program, c.slug AS cause, r.slug AS reward, g.money, g.given_at, g.redemption_id AS redemption
FROM rewards_gift g
JOIN rewards_cause c ON c.id = g.cause_id
JOIN ledger_program p ON p.id = c.program_id
JOIN rewards_redemption d ON d.id = g.redemption_id
JOIN rewards_reward r ON r.id = d.reward_id
"""


def register() -> None:
    """Declare the views of this app."""
    declare("report_rewards", REWARDS)
    declare("report_redemptions", REDEMPTIONS)
    declare("report_sessions", SESSIONS)
    declare("report_gifts", GIFTS)
    declare("report_points_payments", POINTS_PAYMENTS)
