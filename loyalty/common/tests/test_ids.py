"""Numbers and codes that people read aloud, type and scan."""

from hypothesis import given
from hypothesis import strategies as st

from loyalty.common import ids


@given(st.integers(10**10, 10**11 - 1), st.integers(0, 11), st.integers(1, 9))
def test_one_wrong_digit_never_names_another_member(digits, place, shift):
    number = f"{digits}{ids.check_digit(str(digits))}"
    assert ids.is_member_number(number)
    wrong = number[:place] + str((int(number[place]) + shift) % 10) + number[place + 1 :]
    assert not ids.is_member_number(wrong)


@given(st.integers(10**10, 10**11 - 1), st.integers(0, 10))
def test_two_swapped_neighbours_never_name_another_member(digits, place):
    number = f"{digits}{ids.check_digit(str(digits))}"
    swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
    assert swapped == number or not ids.is_member_number(swapped)


def test_other_text_is_no_member_number():
    for text in ("", "123", "abcdefghijkl", "٠١٢٣٤٥٦٧٨٩٠١", "1" * 13):
        assert not ids.is_member_number(text)


def test_a_voucher_code_is_read_whatever_way_it_is_typed():
    code = ids.voucher_code()
    assert len(code) == 16 and set(code) <= set(ids.ALPHABET)
    assert ids.normal_code(ids.show_code(code).lower()) == code
    assert ids.normal_code(" " + code.replace("0", "o").replace("1", "l") + "\n") == code
    assert len({ids.voucher_code() for _ in range(1000)}) == 1000
