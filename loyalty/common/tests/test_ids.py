"""Numbers and codes that people read aloud, type and scan."""

import math

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


CODES = st.text(ids.ALPHABET, min_size=16, max_size=16)


@given(CODES, st.integers(0, 16), st.integers(1, 31))
def test_one_wrong_character_of_a_code_is_told(code, place, shift):
    whole = code + ids.check_character(code)
    assert not ids.is_mistyped(whole)
    other = ids.ALPHABET[(ids.ALPHABET.index(whole[place]) + shift) % 32]
    assert ids.is_mistyped(whole[:place] + other + whole[place + 1 :])


@given(CODES, st.integers(0, 15))
def test_two_swapped_neighbours_of_a_code_are_told(code, place):
    whole = code + ids.check_character(code)
    swapped = whole[:place] + whole[place + 1] + whole[place] + whole[place + 2 :]
    assert swapped == whole or ids.is_mistyped(swapped)


def test_all_characters_but_the_check_character_are_drawn_by_chance(monkeypatch):
    drawn = []
    monkeypatch.setattr(ids.secrets, "choice", lambda alphabet: drawn.append(len(set(alphabet))) or "7")
    assert ids.voucher_code() == "7" * 16 + ids.check_character("7" * 16)
    assert math.prod(drawn) >= 2**80


def test_a_voucher_code_is_read_whatever_way_it_is_typed():
    code = ids.voucher_code()
    assert len(code) == 17 and set(code) <= set(ids.ALPHABET)
    assert ids.normal_code(ids.show_code(code).lower()) == code
    assert ids.normal_code(" " + code.replace("0", "o").replace("1", "l") + "\n") == code
    assert len({ids.voucher_code() for _ in range(1000)}) == 1000
    assert len(set(ids.ALPHABET)) == 32 and not set(ids.ALPHABET) & set("ILOU")
