"""Numbers and codes that people read aloud, type and scan.

Member numbers are random with a Damm check digit, so a mistyped digit or two swapped neighbours never name another
member. Voucher codes carry 80 bits in an alphabet without look-alikes (DOMAIN 7.3), and a check character that tells a
slip of the hand from a code that nobody has.
"""

import secrets

# The Damm quasigroup of order 10: catches every single wrong digit and every swap of two neighbours.
DAMM = (
    "0317598642", "7092154863", "4206871359", "1750983426", "6123045978",
    "3674209581", "5869720134", "8945362017", "9438617205", "2581436790",
)  # fmt: skip
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LOOK_ALIKES = str.maketrans({"O": "0", "I": "1", "L": "1", "U": "V"})
CODE_LENGTH = 16  # x 5 bits = 80 bits; the check character comes after them


def check_digit(digits: str) -> str:
    """The Damm check digit of a string of decimal digits."""
    interim = 0
    for digit in digits:
        interim = int(DAMM[interim][int(digit)])
    return str(interim)


def member_number() -> str:
    """A new random member number: eleven digits and their check digit. Uniqueness is the database's promise."""
    digits = str(10_000_000_000 + secrets.randbelow(90_000_000_000))
    return digits + check_digit(digits)


def is_member_number(text: str) -> bool:
    """Whether the text is twelve digits whose last one checks."""
    return len(text) == 12 and text.isascii() and text.isdigit() and check_digit(text) == "0"


def show_member_number(number: str) -> str:
    """A member number in groups of four, as printed on cards."""
    return " ".join(number[start : start + 4] for start in range(0, len(number), 4))


def check_character(code: str) -> str:
    """The check character of a string in the alphabet of codes.

    Damm's method over the field of 32 elements (x^5 + x^2 + 1): catches every single wrong character and every swap of two neighbours.
    """
    interim = 0
    for character in code:
        interim = (interim ^ ALPHABET.index(character)) << 1
        if interim & 32:
            interim ^= 0b100101
    return ALPHABET[interim]


def voucher_code() -> str:
    """A new voucher code: 80 random bits in an alphabet without I, L, O and U, and their check character."""
    code = "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))
    return code + check_character(code)


def is_mistyped(code: str) -> bool:
    """Whether a code in its stored form is as long as one, but its check character does not fit the others."""
    return len(code) == CODE_LENGTH + 1 and check_character(code[:-1]) != code[-1]


def normal_code(typed: str) -> str:
    """A typed or scanned code as it is stored: upper case, look-alikes mended, dashes and spaces dropped."""
    return "".join(c for c in typed.upper().translate(LOOK_ALIKES) if c in ALPHABET)


def show_code(code: str) -> str:
    """A voucher code in groups of four with dashes."""
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))
