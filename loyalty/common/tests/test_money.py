"""Points and money in the reader's language."""

from decimal import Decimal

from django.utils import translation

from loyalty.common.money import show_money, show_points


def test_numbers_follow_the_readers_language():
    with translation.override("en"):
        assert show_points(1234567) == "1,234,567"
        assert show_points(12345, decimals=2) == "123.45"
        assert show_money(Decimal("12.5"), "USD") == "$12.50"
    with translation.override("id"):
        assert show_points(1234567) == "1.234.567"
        assert show_money(Decimal("1500"), "IDR") == "Rp1.500"
