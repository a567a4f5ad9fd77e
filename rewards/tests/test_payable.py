"""How many points a bill takes: a table of cases, and what holds for any terms."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards.payable import CENT, Payable


def terms(value="100", minimum=1, step=1, maximum=None, share="100"):
    return Payable(Decimal(value), minimum, step, maximum, Decimal(share))


@pytest.mark.parametrize(
    ("rule", "basket", "available", "least", "most", "worth"),
    [
        (terms(), "45950", 1000, 1, 459, "45900"),
        (terms(), "45950", 300, 1, 300, "30000"),
        (terms(step=50), "45950", 1000, 50, 450, "45000"),
        (terms(share="50"), "45950", 1000, 1, 229, "22900"),
        (terms(maximum=100), "45950", 1000, 1, 100, "10000"),
        (terms(minimum=100, step=30), "45950", 1000, 120, 450, "45000"),
        (terms(minimum=500), "45950", 1000, 500, 0, "0"),
        (terms(minimum=500), "99999", 499, 500, 0, "0"),
        (terms("0.005"), "12.34", 5000, 2, 2468, "12.34"),
        (terms("0.003"), "1.00", 5000, 4, 333, "0.99"),
        (terms(maximum=90, step=50), "45950", 1000, 50, 50, "5000"),
    ],
)
def test_a_bill_takes_what_the_terms_allow(rule, basket, available, least, most, worth):
    found = rule.most(Decimal(basket), available)
    assert (rule.least, found, rule.worth(found)) == (least, most, Decimal(worth))


@given(
    value=st.decimals("0.000001", "1000", places=6), minimum=st.integers(1, 10_000), step=st.integers(1, 1000),
    maximum=st.none() | st.integers(1, 10**6), share=st.decimals("0.01", "100", places=2),
    basket=st.decimals("0.01", "10000000", places=2), available=st.integers(0, 10**7),
)  # fmt: skip
def test_never_more_than_there_is_nor_than_the_bill_takes_and_worth_a_cent_at_least(
    value, minimum, step, maximum, share, basket, available
):
    rule = Payable(value, minimum, step, maximum, share)
    most = rule.most(basket, available)
    assert most <= available and most % step == 0
    assert maximum is None or most <= maximum
    assert rule.worth(most) <= rule.payable(basket) <= basket
    assert most == 0 or (most >= rule.least and rule.worth(most) >= CENT)
    smallest = rule.smallest_basket()
    if maximum is None or maximum >= rule.least:
        assert rule.most(smallest, rule.least) == rule.least
