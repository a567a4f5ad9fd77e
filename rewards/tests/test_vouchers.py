"""Codes at the till."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from loyalty.common.ids import check_character
from members.testing import OPENING, give_points, make_program
from rewards import redemption, vouchers
from rewards.digests import code_digest
from rewards.models import Redemption, Voucher
from rewards.testing import make_reward

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
LATER = OPENING + timedelta(days=3)


@pytest.fixture
def voucher(program, ani):
    give_points(ani, 100)
    reward = make_reward(program, voucher_days=10)
    return redemption.redeem(ani, reward, at=LATER, reference="r1", source="test", actor="test").voucher


def use(voucher, at=LATER, till="till-1", receipt="R1"):
    return vouchers.use(voucher, at=at, till=till, receipt=receipt, actor="test")


def test_a_code_is_found_however_it_is_typed(program, voucher):
    typed = voucher.shown_code.lower().replace("0", "o").replace("1", "i").replace("-", " ")
    assert vouchers.find(program, typed) == voucher


@pytest.mark.parametrize("typed", ["", "-", "ABC", "0000-0000-0000-0000", "x" * 10_000, "😀" * 16, "'; DROP TABLE--"])
def test_a_wrong_code_finds_nothing(program, voucher, typed):
    with pytest.raises(vouchers.VoucherUnknown):
        vouchers.find(program, typed)


def test_a_slip_of_the_hand_is_told_from_a_code_that_nobody_has(program, voucher):
    code = voucher.code
    wrong = ("0" if code[0] != "0" else "1") + code[1:]
    with pytest.raises(vouchers.CodeMistyped):
        vouchers.find(program, wrong)
    with pytest.raises(vouchers.VoucherUnknown) as refusal:
        vouchers.find(program, wrong[:16] + check_character(wrong[:16]))
    assert refusal.value.code == "voucher_unknown"


def test_a_code_of_before_the_check_character_is_found(program, voucher):
    old = voucher.code[:16]
    Voucher.objects.update(code=old, code_digest=code_digest(old))
    assert vouchers.find(program, old) == voucher


def test_what_the_digest_found_is_compared_in_constant_time(program, voucher, monkeypatch):
    compared = []
    monkeypatch.setattr(vouchers, "hmac", SimpleNamespace(compare_digest=lambda *two: compared.append(two)))
    with pytest.raises(vouchers.VoucherUnknown):
        vouchers.find(program, voucher.code)
    assert compared == [(voucher.code.encode(), voucher.code.encode())]


def test_another_programs_voucher_does_not_exist(voucher):
    with pytest.raises(vouchers.VoucherUnknown):
        vouchers.find(make_program("other"), voucher.code)


def test_a_voucher_is_used_once_and_a_retry_of_the_till_gets_the_first_answer(voucher):
    first = use(voucher)
    again = use(voucher, at=LATER + timedelta(days=99))
    assert (again.used_at, again.till, again.receipt) == (LATER, "till-1", "R1") == (first.used_at, "till-1", "R1")
    with pytest.raises(vouchers.VoucherUsed):
        use(voucher, receipt="R2")
    with pytest.raises(vouchers.VoucherUsed):
        use(voucher, till="till-2")
    assert Redemption.objects.get().status == "used"


def test_a_voucher_past_its_end_cannot_be_used_before_any_job_ran(voucher):
    last = voucher.expires_at - timedelta(microseconds=1)
    assert vouchers.unusable(voucher, at=last) is None
    with pytest.raises(vouchers.VoucherExpired):
        use(voucher, at=voucher.expires_at)
    assert Redemption.objects.get().state(at=voucher.expires_at) == "expired"
    assert use(voucher, at=last).used_at == last


def test_a_voucher_is_not_used_before_it_is_valid(voucher):
    Voucher.objects.update(valid_from=LATER + timedelta(days=1))
    voucher.refresh_from_db()
    with pytest.raises(vouchers.VoucherNotYetValid):
        use(voucher)


def test_the_job_marks_what_has_ended_once_and_nothing_else(program, ani, voucher):
    give_points(ani, 200)
    reward = make_reward(program, "long", voucher_days=300)
    redemption.redeem(ani, reward, at=LATER, reference="long", source="test", actor="test")
    end = voucher.expires_at
    assert vouchers.expire_due(program, at=end - timedelta(seconds=1)).done == 0
    assert vouchers.expire_due(program, at=end, dry_run=True).found == 1
    assert Redemption.objects.filter(status="expired").count() == 0
    assert vouchers.expire_due(program, at=end + timedelta(days=7)).done == 1
    assert vouchers.expire_due(program, at=end + timedelta(days=7)).done == 0
    marked = Redemption.objects.get(status="expired")
    assert (marked.ended_at, marked.ended_by, marked.voucher.is_live) == (end, "job:expire_vouchers", False)


def test_the_job_leaves_used_and_cancelled_vouchers_alone(program, ani, voucher):
    use(voucher)
    assert vouchers.expire_due(program, at=voucher.expires_at).done == 0
    assert Redemption.objects.get().status == "used"


def test_the_job_stops_between_batches_when_told_to_and_goes_on_later(program, ani, monkeypatch):
    give_points(ani, 500)
    reward = make_reward(program, "many", voucher_days=1)
    for number in range(5):
        redemption.redeem(ani, reward, at=LATER, reference=f"m{number}", source="test", actor="test")
    monkeypatch.setattr(vouchers, "SWEEP_BATCH", 2)
    after = LATER + timedelta(days=9)
    assert vouchers.expire_due(program, at=after, progress=lambda *_: False).done == 2
    assert vouchers.expire_due(program, at=after).done == 3
