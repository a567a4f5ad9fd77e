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

# A draw whose close has come is being drawn, until the job has been there.
DRAWS = """
SELECT d.id AS draw, p.slug AS program, d.slug, d.name,
       CASE WHEN d.status = 'open' AND d.opens_at > {now} THEN 'coming' WHEN d.status = 'open' AND d.closes_at <= {now} THEN 'closed'
            ELSE d.status END AS status,
       d.opens_at, d.closes_at, d.limit_per_member, d.limit_in_all, d.entries, d.withdrawn, m.made_at AS published_at,
       m.seed_digest, t.drawn_at
FROM rewards_draw d
JOIN ledger_program p ON p.id = d.program_id
LEFT JOIN rewards_drawpromise m ON m.draw_id = d.id
LEFT JOIN rewards_drawresult t ON t.draw_id = d.id
"""

DRAW_WINS = """
SELECT w.id AS win, p.slug AS program, d.slug AS draw, w.place, z.name AS prize, e.number, m.number AS member, w.won_at, w.given_at,
       w.owed, w.redemption_id AS redemption, w.credit_id AS entry, w.passed_at, w.passed_why
FROM rewards_drawwin w
JOIN rewards_draw d ON d.id = w.draw_id
JOIN ledger_program p ON p.id = d.program_id
JOIN rewards_drawprize z ON z.id = w.prize_id
JOIN rewards_drawentry e ON e.id = w.entry_id
JOIN members_member m ON m.id = e.member_id
"""

POOL_DRAWS = """
SELECT n.id AS pool_draw, p.slug AS program, o.slug AS pool, n.number, m.number AS member, n.ticket_id AS redemption, z.name AS prize,
       n.redemption_id AS won_redemption, n.credit_id AS entry, n.drawn_at
FROM rewards_pooldraw n
JOIN rewards_prizepool o ON o.id = n.prize_pool_id
JOIN ledger_program p ON p.id = o.program_id
JOIN members_member m ON m.id = n.member_id
LEFT JOIN rewards_poolprize z ON z.id = n.prize_id
"""

# Where a parcel goes stays out: only what carriers and stock are asked about.
PARCELS = """
SELECT c.id AS parcel, p.slug AS program, r.slug AS reward, m.number AS member, c.redemption_id AS redemption, c.status, c.carrier,
       c.tracking, c.asked_at, c.packed_at, c.sent_at, c.delivered_at
FROM rewards_parcel c
JOIN rewards_redemption d ON d.id = c.redemption_id
JOIN ledger_program p ON p.id = d.program_id
JOIN rewards_reward r ON r.id = d.reward_id
JOIN members_member m ON m.id = d.member_id
"""


def register() -> None:
    """Declare the views of this app."""
    declare("report_rewards", REWARDS)
    declare("report_redemptions", REDEMPTIONS)
    declare("report_sessions", SESSIONS)
    declare("report_draws", DRAWS)
    declare("report_draw_wins", DRAW_WINS)
    declare("report_pool_draws", POOL_DRAWS)
    declare("report_parcels", PARCELS)
    declare("report_gifts", GIFTS)
    declare("report_points_payments", POINTS_PAYMENTS)
