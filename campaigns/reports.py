"""The view of campaigns for finance and BI tools (docs/reports.md)."""

from loyalty.common.reports import declare

CAMPAIGNS = """
SELECT c.id AS campaign, p.slug AS program, c.slug, c.name, c.status, c.since, c.until,
       (SELECT COUNT(*) FROM campaigns_rule r WHERE r.campaign_id = c.id) AS rules
FROM campaigns_campaign c
JOIN ledger_program p ON p.id = c.program_id
"""


def register() -> None:
    """Declare the views of this app."""
    declare("report_campaigns", CAMPAIGNS)
