"""Invented people for the demo's customers: Indonesian, Malay and English names at example domains.

Everything about a person follows from the customer number alone, so every load invents the same people.
"""

from datetime import date, timedelta
from random import Random
from typing import NamedTuple

INDONESIAN_WOMEN = (
    "Ayu", "Dewi", "Fitri", "Indah", "Lestari", "Maya", "Nadia", "Putri", "Ratna", "Rina", "Sari", "Sri", "Tuti", "Wulan", "Yanti",
    "Citra", "Dian", "Eka", "Gita", "Intan", "Kartika", "Laras", "Mega", "Nita", "Retno", "Siska", "Tiara", "Utami", "Vina", "Yuni",
)  # fmt: skip
INDONESIAN_MEN = (
    "Agus", "Andi", "Arif", "Bambang", "Budi", "Dedi", "Eko", "Fajar", "Galih", "Hadi", "Heru", "Iwan", "Joko", "Rizky", "Wahyu",
    "Adi", "Bayu", "Cahyo", "Dimas", "Edi", "Gilang", "Hendra", "Irfan", "Krisna", "Lukman", "Nanda", "Rama", "Satria", "Teguh", "Yoga",
)  # fmt: skip
INDONESIAN_LAST = (
    "Santoso", "Wijaya", "Pratama", "Saputra", "Nugroho", "Setiawan", "Hidayat", "Kusuma", "Wibowo", "Susanto", "Siregar",
    "Nasution", "Harahap", "Simanjuntak", "Hutapea", "Permana", "Gunawan", "Suryadi", "Maulana", "Ramadhan", "Handayani", "Rahayu",
    "Anggraini", "Purnomo", "Hartono", "Sutrisno", "Firmansyah", "Kurniawan", "Mahendra", "Prasetyo",
)  # fmt: skip
MALAY_WOMEN = (
    "Aisyah", "Siti", "Nur", "Nurul", "Farah", "Hajar", "Izzah", "Khadijah", "Liyana", "Maisarah", "Nadiah", "Puteri", "Qistina",
    "Rohana", "Salmah", "Syafiqah", "Umairah", "Wardah", "Zahra", "Zaleha",
)  # fmt: skip
MALAY_MEN = (
    "Ahmad", "Aiman", "Amir", "Azlan", "Daniel", "Faiz", "Firdaus", "Hafiz", "Hakim", "Harith", "Iskandar", "Izzat", "Khairul",
    "Luqman", "Megat", "Nazri", "Razif", "Shahrul", "Syafiq", "Zulkifli",
)  # fmt: skip
MALAY_FATHERS = (
    "Abdullah", "Rahman", "Ismail", "Hassan", "Ibrahim", "Yusof", "Othman", "Zakaria", "Mahmud", "Osman", "Salleh", "Jamaluddin",
    "Kamarudin", "Mansor", "Razali", "Sulaiman", "Tahir", "Wahab", "Yaakob", "Zainal",
)  # fmt: skip
ENGLISH_FIRST = (
    "Alice", "Ben", "Charlotte", "Daniel", "Emily", "Frank", "Grace", "Henry", "Isabel", "Jack", "Kate", "Liam", "Megan", "Noah",
    "Olivia", "Peter", "Rachel", "Simon", "Tessa", "William",
)  # fmt: skip
ENGLISH_LAST = (
    "Adams", "Baker", "Carter", "Dawson", "Ellis", "Foster", "Grant", "Hughes", "Irving", "Jenkins", "Knight", "Lawson", "Mason",
    "Norris", "Owens", "Parker", "Reid", "Shaw", "Turner", "Webb",
)  # fmt: skip
DOMAINS = ("example.com", "example.org")
HOME_STORES = {"id": ("jakarta", "bandung"), "ms": ("kuala-lumpur",), "en": ("jakarta", "kuala-lumpur")}
FIRST_BIRTHDAY = date(1950, 1, 1)
BIRTHDAYS = 365 * 57


class Person(NamedTuple):
    """One invented customer."""

    name: str
    email: str
    language: str
    birthday: date
    store: str
    web_share: float


def person(customer: str) -> Person:
    """The person behind a customer number, always the same."""
    chance = Random(f"setia records {customer}")
    language = chance.choices(("id", "ms", "en"), weights=(55, 30, 15))[0]
    first, last, name = _name(chance, language)
    email = f"{first}.{last}{int(customer)}@{chance.choice(DOMAINS)}".lower()
    birthday = FIRST_BIRTHDAY + timedelta(days=chance.randrange(BIRTHDAYS))
    return Person(name, email, language, birthday, chance.choice(HOME_STORES[language]), chance.choice((0.1, 0.4, 0.8)))


def _name(chance: Random, language: str) -> tuple[str, str, str]:
    """First name, last name, and the whole name as it is written."""
    is_woman = chance.random() < 0.5
    if language == "ms":
        first, father = chance.choice(MALAY_WOMEN if is_woman else MALAY_MEN), chance.choice(MALAY_FATHERS)
        return first, father, f"{first} {'binti' if is_woman else 'bin'} {father}"
    if language == "id":
        first, last = chance.choice(INDONESIAN_WOMEN if is_woman else INDONESIAN_MEN), chance.choice(INDONESIAN_LAST)
        return first, last, f"{first} {last}"
    first, last = chance.choice(ENGLISH_FIRST), chance.choice(ENGLISH_LAST)
    return first, last, f"{first} {last}"
