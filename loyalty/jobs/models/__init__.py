"""The nouns of the jobs: runs with their claims and schedules, and change requests."""

from loyalty.jobs.models.alerts import Alert
from loyalty.jobs.models.changes import ApprovalLimits, ChangeLine, ChangeRequest, Operator
from loyalty.jobs.models.runs import Heartbeat, JobRun, JobSchedule

__all__ = [
    "Alert", "ApprovalLimits", "ChangeLine", "ChangeRequest", "Heartbeat", "JobRun", "JobSchedule", "Operator",
]  # fmt: skip
