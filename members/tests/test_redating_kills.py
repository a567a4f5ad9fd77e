"""A re-dating killed before its statements and commits, then taken up again: every lot moves once, nothing is lost or twice."""

from datetime import UTC, datetime, timedelta

import pytest

from loyalty.tests import forked

pytestmark = [pytest.mark.processes, pytest.mark.timeout(1800)]
OPENING = datetime(2026, 1, 1, 3, tzinfo=UTC)
NOW = OPENING + timedelta(days=30)


def approved():
    """Five members whose points are to get a policy of inactivity, approved and not posted yet; two lines make a chunk."""
    from loyalty.jobs.changes import deciding, posting
    from loyalty.jobs.models import ChangeRequest
    from loyalty.ledger import policies
    from members.corrections.redating import RedatePoints
    from members.testing import give_points, make_member, make_program
    from members.tests.changes import ask, hired, limited

    posting.AT_ONCE, RedatePoints.chunk = 0, 2
    if ChangeRequest.objects.exists():
        return
    program = make_program()
    limited(program)
    for number in range(5):
        give_points(make_member(program, f"M{number}"), 10)
    made = policies.set_expiry(
        program.wallets.get(), kind="idle_days", count=60, resets="purchase", at=NOW, actor="test"
    )
    change = ask(program, "redate", by=hired("dewi"), selection={"all": True}, policy=made.pk)
    deciding.approve(change, at=NOW, actor=hired("rama"))


def post():
    from loyalty.jobs.changes import posting

    approved()
    posting.post_due(at=NOW)


def kills(every):
    """How many steps a posting takes, how it ends, and what went wrong when it was killed before some of them."""
    from loyalty.jobs.models import ChangeRequest

    def ended():
        return [list(ChangeRequest.objects.values_list("status", "posted_count")), forked.state()]

    forked.alone(lambda: approved() and None)
    with forked.copied_database():
        steps = forked.steps_of(post)
    with forked.copied_database():
        forked.alone(post)
        whole = forked.alone(ended)
    wrong = []
    for step in range(1, steps + 1, every):
        with forked.copied_database():
            killed = forked.killed_before(step, post)
            forked.alone(post)
            now = forked.alone(ended)
        if not killed or now != whole:
            wrong.append([step, killed, now[0], forked.difference(now[1], whole[1])])
    return [steps, whole[0], wrong[:3]]


def test_a_re_dating_killed_here_and_there_ends_as_if_nothing_had_happened(house):
    steps, ended, wrong = house.play(kills, every=7)
    assert (ended, wrong, steps > 20) == ([["done", 5]], [], True)


@pytest.mark.exhaustive
def test_a_re_dating_killed_before_any_of_its_statements_ends_as_if_nothing_had_happened(house):
    assert house.play(kills, every=1)[2] == []
