"""A worker killed before each statement and commit while it starts and queues a mailing: the next one goes on, and each letter is written once."""

import pytest

from loyalty.tests import forked

pytestmark = [pytest.mark.processes, pytest.mark.slow, pytest.mark.timeout(1800)]


def town():
    """Seven readers, some of them to be kept out by lot, and a mailing whose time has come."""
    from campaigns.mailings import course
    from campaigns.mailings.tests.readers import START, townspeople, write
    from members.testing import make_program

    program = make_program()
    townspeople(program, 7)
    course.ask(write(program, control_percent=30, control_secret="s"), at=START, actor="staff:1")


def ended():
    """What is there after it all."""
    from campaigns.mailings.models import Mailing, Recipient
    from loyalty.mail.models import Message

    mailing = Mailing.objects.get()
    chosen = Recipient.objects.filter(mailing=mailing, is_kept_out=False)
    numbers = sorted(chosen.values_list("member__number", flat=True))
    return {
        "status": mailing.status,
        "audience": Recipient.objects.count(),
        "kept out": mailing.audience["kept_out"] == 7 - len(numbers) > 0,
        "released": mailing.released == len(numbers),
        "letters": sorted(Message.objects.values_list("recipient", flat=True)) == numbers,
    }


def killed_at_every_step():
    """Look for due work, killed before its first step, its second, and so on, until a look gets to its end; at the start, then when letters leave."""
    from campaigns.mailings import sending
    from campaigns.mailings.tests.readers import LEAVES, START

    sending.BATCH = 2
    forked.alone(town)
    kills = []
    for at in (START, LEAVES):
        step = 1
        while forked.killed_before(step, lambda at=at: sending.send_due(at=at) and None):
            step += 1
        kills.append(step - 1)
    return [kills, forked.alone(ended)]


def test_a_mailing_killed_at_every_step_goes_on_and_writes_each_letter_once(house):
    kills, told = house.play(killed_at_every_step)
    assert min(kills) > 10
    assert told == {"status": "running", "audience": 7, "kept out": True, "released": True, "letters": True}
