"""The views of members for finance and BI tools, without a name or an address (docs/reports.md)."""

from loyalty.common.reports import declare

MEMBERS = """
SELECT m.number AS member, p.slug AS program, m.status, m.language, t.slug AS tier, m.source, m.source_key,
       m.enrolled_at
FROM members_member m
JOIN ledger_program p ON p.id = m.program_id
JOIN members_tier t ON t.id = m.tier_id
"""

# What is true now, whether or not a job has recorded it: the same as pages and the API say.
# What time has made spendable repays debt first, recorded or not (laws of the books 6).
POSITIONS = """
SELECT a.id AS account, a.wallet_id, a.opened_at, a.last_number, a.debt,
       a.available + a.pending + a.held - a.debt AS points,
       COALESCE((SELECT SUM(l.remaining) FROM ledger_lot l WHERE l.account_id = a.id AND l.remaining > 0
                 AND l.available_at <= {now} AND (l.expires_at IS NULL OR l.expires_at > {now})), 0)
       - COALESCE((SELECT SUM(x.amount) FROM ledger_hold h JOIN ledger_holdpart x ON x.hold_id = h.id
                   JOIN ledger_lot l ON l.id = x.lot_id WHERE h.account_id = a.id AND h.status = 'held'
                   AND h.expires_at > {now} AND l.available_at <= {now}
                   AND (l.expires_at IS NULL OR l.expires_at > {now})), 0) AS free,
       COALESCE((SELECT SUM(l.remaining) FROM ledger_lot l WHERE l.account_id = a.id AND l.remaining > 0
                 AND (l.available_at IS NULL OR l.available_at > {now})
                 AND (l.expires_at IS NULL OR l.expires_at > {now})), 0) AS pending,
       COALESCE((SELECT SUM(x.amount) FROM ledger_hold h JOIN ledger_holdpart x ON x.hold_id = h.id
                 WHERE h.account_id = a.id AND h.status = 'held' AND h.expires_at > {now}), 0) AS held,
       COALESCE((SELECT SUM(l.remaining) FROM ledger_lot l WHERE l.account_id = a.id AND l.is_pending AND a.debt > 0
                 AND l.expires_at <= {now} AND l.available_at < l.expires_at), 0)
       + COALESCE((SELECT SUM(x.amount) FROM ledger_hold h JOIN ledger_holdpart x ON x.hold_id = h.id
                   JOIN ledger_lot l ON l.id = x.lot_id WHERE h.account_id = a.id AND h.status = 'held' AND a.debt > 0
                   AND NOT l.is_pending AND l.expires_at <= {now} AND h.expires_at < l.expires_at), 0) AS repaid
FROM ledger_account a
"""
OWED = (
    """
SELECT x.*, CASE WHEN x.debt > x.repaid THEN x.debt - x.repaid ELSE 0 END AS owed FROM ("""
    + POSITIONS
    + """) x
"""
)
ACCOUNTS = (
    """
SELECT a.account, p.slug AS program, w.slug AS wallet, m.number AS member, a.opened_at,
       CASE WHEN a.free > a.owed THEN a.free - a.owed ELSE 0 END AS available, a.pending, a.held,
       CASE WHEN a.free > a.owed THEN 0 ELSE a.owed - a.free END AS debt, a.points, a.last_number AS entries
FROM ("""
    + OWED
    + """) a
JOIN ledger_wallet w ON w.id = a.wallet_id
JOIN ledger_program p ON p.id = w.program_id
LEFT JOIN members_memberaccount ma ON ma.account_id = a.account
LEFT JOIN members_member m ON m.id = ma.member_id
"""
)

PURCHASES = """
SELECT b.id AS purchase, p.slug AS program, m.number AS member, b.source, b.receipt, b.occurred_at, b.recorded_at,
       s.code AS store, b.channel, b.currency, b.items, b.total, b.eligible, t.slug AS tier, b.points,
       b.qualifying_points, b.qualifying_spend, b.payment, b.refunded, b.points_returned
FROM members_purchase b
JOIN ledger_program p ON p.id = b.program_id
JOIN members_member m ON m.id = b.member_id
JOIN members_tier t ON t.id = b.tier_id
LEFT JOIN pos_store s ON s.id = b.store_id
"""

REFUNDS = """
SELECT r.id AS refund, p.slug AS program, m.number AS member, r.purchase_id AS purchase, r.source, r.receipt, r.number,
       r.status, r.refusal, r.occurred_at, r.recorded_at, r.applied_at, r.amount, r.points, r.qualifying_points,
       r.qualifying_spend, r.recorded_by AS actor, r.reason
FROM members_refund r
JOIN ledger_program p ON p.id = r.program_id
LEFT JOIN members_purchase b ON b.id = r.purchase_id
LEFT JOIN members_member m ON m.id = b.member_id
"""


def register() -> None:
    """Declare the views of this app."""
    declare("report_members", MEMBERS)
    declare("report_accounts", ACCOUNTS)
    declare("report_purchases", PURCHASES)
    declare("report_refunds", REFUNDS)
