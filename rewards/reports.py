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
       d.reversal_id AS reversal, d.reference
FROM rewards_redemption d
JOIN ledger_program p ON p.id = d.program_id
JOIN rewards_reward r ON r.id = d.reward_id
JOIN members_member m ON m.id = d.member_id
LEFT JOIN rewards_voucher v ON v.redemption_id = d.id
"""


def register() -> None:
    """Declare the views of this app."""
    declare("report_rewards", REWARDS)
    declare("report_redemptions", REDEMPTIONS)
