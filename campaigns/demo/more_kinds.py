"""Demo rewards that are more than a code for once: terms for studios, longer returns, going first, a download."""

from datetime import datetime
from typing import Any

from loyalty.ledger.models import Program
from members.models import Member
from rewards import granting
from rewards.models import Redemption, Reward

ACTOR = "job:load_demo"
MORE: list[dict[str, Any]] = [
    {
        "slug": "spring-pressing", "category": "things", "colour": (96, 60, 52), "kind": "product", "cost": 4200, "stock": 30, "unit_cost": "18.00",
        "limit_per_member": 1, "offered_days": (10, 90),
        "name": "Spring pressing", "name_id": "Rilisan musim semi", "name_ms": "Keluaran musim bunga",
        "summary": "The next pressing, thirty copies.", "summary_id": "Rilisan berikutnya, tiga puluh kopi.",
        "summary_ms": "Keluaran seterusnya, tiga puluh naskhah.",
    },
    {
        "slug": "spring-first", "category": "things", "kind": "early", "cost": 400, "opens": "spring-pressing", "early_days": 14,
        "name": "Be first at the spring pressing", "name_id": "Jadi yang pertama untuk rilisan musim semi",
        "name_ms": "Jadi yang pertama untuk keluaran musim bunga",
        "summary": "Redeem the spring pressing two weeks before everybody else.",
        "summary_id": "Tukarkan rilisan musim semi dua minggu sebelum semua orang.",
        "summary_ms": "Tebus keluaran musim bunga dua minggu sebelum semua orang.",
    },
    {
        "slug": "studio-terms", "category": "everyday", "kind": "business", "cost": 2000, "measure": "volume", "segment": "business", "unit_cost": "10.00",
        "steps": (("0", "3"), ("250", "5"), ("1000", "8")),
        "name": "Studio terms", "name_id": "Harga studio", "name_ms": "Harga studio",
        "summary": "For studios and shops: two months of a discount that grows with what you buy, up to 8 %.",
        "summary_id": "Untuk studio dan toko: dua bulan potongan yang naik bersama pembelian Anda, sampai 8 %.",
        "summary_ms": "Untuk studio dan kedai: dua bulan diskaun yang naik bersama pembelian anda, sehingga 8 %.",
    },
    {
        "slug": "longer-returns", "category": "everyday", "kind": "warranty", "cost": 350, "extra_days": 60, "unit_cost": "1.00",
        "name": "60 more days to return", "name_id": "60 hari lebih lama untuk pengembalian", "name_ms": "60 hari lebih lama untuk pemulangan",
        "summary": "Bring a purchase back sixty days later than usual.",
        "summary_id": "Kembalikan pembelian enam puluh hari lebih lama dari biasanya.",
        "summary_ms": "Pulangkan pembelian enam puluh hari lebih lama daripada biasa.",
    },
    {
        "slug": "liner-notes", "category": "things", "kind": "download", "cost": 250, "uses": 5,
        "file": ("liner-notes.txt", "Notes on a season of records\n\nSide A opens with the rain on the roof of the press room.\n"),
        "name": "Liner notes of the season", "name_id": "Catatan album musim ini", "name_ms": "Nota album musim ini",
        "summary": "What the people who made them say about the records, as a file.",
        "summary_id": "Cerita para pembuatnya tentang piringan ini, sebagai berkas.",
        "summary_ms": "Cerita para pembuatnya tentang piring ini, sebagai fail.",
    },
]  # fmt: skip


COMPANIES = ("Hilltop Studio", "Studio Melati", "Studio Cahaya")


def name_companies(stars: list[Member]) -> None:
    """The members to show buy for studios of theirs, unless staff said otherwise since."""
    for star, company in zip(stars, COMPANIES, strict=False):
        Member.objects.filter(pk=star.pk, company="").update(company=company)


def add_held(program: Program, stars: list[Member], *, at: datetime) -> None:
    """The members to show were given the studio's terms and the notes, once."""
    for slug in ("studio-terms", "liner-notes"):
        reward = Reward.objects.get(program=program, slug=slug)
        for star in stars:
            reference = f"demo:{slug}:{star.number}"
            if not Redemption.objects.filter(program=program, reference=reference).exists():
                granting.grant(star, reward, at=at, reference=reference, actor=ACTOR)
