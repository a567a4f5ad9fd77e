"""The demo's catalogue: shelves, and rewards in three languages with pictures, prices, stocks and limits."""

import io
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from PIL import Image, ImageDraw

from campaigns.demo.more_kinds import MORE
from loyalty.common.clock import day_start, local_day
from loyalty.ledger.models import Program, Wallet
from loyalty.pos.models import Store
from members.models import Tier
from members.segments import standard
from members.segments.models import Segment
from rewards import downloads, pictures, pools
from rewards.models import Category, Cause, CodePool, DiscountStep, EventSession, Reward, RewardPrice, StoreStock

CATEGORIES = [
    ("everyday", "Everyday", "Sehari-hari", "Setiap hari"),
    ("things", "Things", "Barang", "Barangan"),
    ("evenings", "Evenings out", "Malam seru", "Malam seronok"),
    ("good-causes", "Good causes", "Untuk kebaikan", "Untuk kebajikan"),
]

REWARDS: list[dict[str, Any]] = [
    {
        "slug": "free-delivery", "kind": "shipping", "cost": 400, "limit_per_month": 2, "category": "everyday", "unit_cost": "1.80",
        "name": "Free delivery", "name_id": "Gratis ongkir", "name_ms": "Penghantaran percuma",
        "summary": "Your next parcel travels free, anywhere we deliver.",
        "summary_id": "Paket Anda berikutnya dikirim gratis ke mana saja kami melayani.",
        "summary_ms": "Bungkusan anda yang seterusnya dihantar percuma ke mana-mana kawasan kami.",
    },
    {
        "slug": "first-listen", "kind": "sample", "cost": 150, "limit_per_week": 1, "category": "things", "unit_cost": "0.60",
        "name": "A single to try", "name_id": "Satu singel untuk dicoba", "name_ms": "Satu singel untuk dicuba",
        "summary": "A 7-inch single of a band that is new to us.",
        "summary_id": "Satu singel 7 inci dari band yang baru bagi kami.",
        "summary_ms": "Satu singel 7 inci daripada kumpulan yang baharu bagi kami.",
    },
    {
        "slug": "bookshop-code", "kind": "discount", "cost": 700, "pool": "Toko Buku Senja", "partner": "Toko Buku Senja",
        "category": "evenings", "unit_cost": "3.00",
        "name": "10% off at the bookshop", "name_id": "Diskon 10% di toko buku", "name_ms": "Diskaun 10% di kedai buku",
        "summary": "A code for one order of the bookshop next door.",
        "summary_id": "Satu kode untuk satu pesanan di toko buku sebelah.",
        "summary_ms": "Satu kod untuk satu pesanan di kedai buku sebelah.",
    },
    {
        "slug": "five-coffees", "kind": "product", "cost": 1400, "uses": 5, "category": "everyday", "unit_cost": "6.00",
        "name": "Five coffees at the counter", "name_id": "Lima kopi di konter", "name_ms": "Lima kopi di kaunter",
        "summary": "One voucher, five cups, whenever you drop in.",
        "summary_id": "Satu voucher, lima cangkir, kapan pun Anda mampir.",
        "summary_ms": "Satu baucar, lima cawan, bila-bila anda singgah.",
    },
    {
        "slug": "gift-card", "kind": "gift_card", "cost": 2200, "face_value": Decimal("10.00"), "category": "everyday", "unit_cost": "10.00",
        "name": "$10 gift card", "name_id": "Kartu hadiah $10", "name_ms": "Kad hadiah $10",
        "summary": "Ten dollars on a card, for you or a friend, spent in parts as you like.",
        "summary_id": "Sepuluh dolar di kartu, untuk Anda atau teman, dipakai sebagian demi sebagian.",
        "summary_ms": "Sepuluh dolar pada kad, untuk anda atau rakan, dibelanjakan sedikit demi sedikit.",
    },
    {
        "slug": "gold-month", "kind": "tier", "tier": "gold", "cost": 5000, "category": "evenings", "unit_cost": "4.00",
        "name": "Two months of Gold", "name_id": "Dua bulan Emas", "name_ms": "Dua bulan Emas",
        "summary": "Be Gold from now on, for sixty days.",
        "summary_id": "Jadi Emas mulai sekarang, selama enam puluh hari.",
        "summary_ms": "Jadi Emas mulai sekarang, selama enam puluh hari.",
    },
    {
        "slug": "listeners-club", "kind": "benefit", "cost": 1500, "category": "evenings", "unit_cost": "5.00",
        "name": "Listeners' club", "name_id": "Klub pendengar", "name_ms": "Kelab pendengar",
        "summary": "Two months of first listens: new records, a chair and a coffee, as often as you come.",
        "summary_id": "Dua bulan mendengar lebih dulu: piringan baru, kursi dan kopi, sesering Anda datang.",
        "summary_ms": "Dua bulan mendengar dahulu: piring baharu, kerusi dan kopi, sekerap anda datang.",
    },
    {
        "slug": "friend-badge", "kind": "badge", "cost": 300, "category": "good-causes",
        "name": "Friend of the shop", "name_id": "Sahabat toko", "name_ms": "Sahabat kedai",
        "summary": "A badge to show that you like us.",
        "summary_id": "Lencana untuk menunjukkan bahwa Anda suka kami.",
        "summary_ms": "Lencana untuk menunjukkan bahawa anda suka kami.",
    },
    {
        "slug": "music-lesson", "category": "good-causes", "kind": "donation", "cost": 500, "unit_cost": "2.50", "cause": "music-school", "gift": Decimal("2.50"),
        "name": "A music lesson for a child", "name_id": "Les musik untuk seorang anak", "name_ms": "Kelas muzik untuk seorang kanak-kanak",
        "summary": "We pay for an hour with a teacher at a community music school.",
        "summary_id": "Kami membiayai satu jam bersama guru di sekolah musik komunitas.",
        "summary_ms": "Kami membiayai satu jam bersama guru di sekolah muzik komuniti.",
    },
    {
        "slug": "five-off", "category": "everyday", "is_featured": True, "kind": "discount", "cost": 1000, "unit_cost": "5.00",
        "name": "$5 off", "name_id": "Potongan $5", "name_ms": "Potongan $5",
        "summary": "Five dollars off your next purchase, in store or online.",
        "summary_id": "Potongan lima dolar untuk pembelian berikutnya, di toko atau daring.",
        "summary_ms": "Potongan lima dolar untuk pembelian seterusnya, di kedai atau dalam talian.",
    },
    {
        "slug": "tote-bag", "category": "things", "colour": (196, 164, 120), "stores": (40, 30, 30), "kind": "product", "cost": 1200, "unit_cost": "3.20",
        "name": "Record tote bag", "name_id": "Tas kanvas piringan hitam", "name_ms": "Beg kanvas piring hitam",
        "summary": "A sturdy canvas bag that holds twenty records.",
        "summary_id": "Tas kanvas kuat, muat dua puluh piringan hitam.",
        "summary_ms": "Beg kanvas yang kukuh, muat dua puluh piring hitam.",
    },
    {
        "slug": "listening-session", "category": "evenings", "colour": (84, 48, 72), "kind": "service", "cost": 1800, "stock": 24, "minimum_tier": "silver", "unit_cost": "6.00",
        "name": "Listening session for two", "name_id": "Sesi mendengarkan untuk berdua", "name_ms": "Sesi mendengar untuk dua orang",
        "summary": "An hour in the listening room, with coffee and any album in the house.",
        "summary_id": "Satu jam di ruang dengar, dengan kopi dan album apa pun yang kami punya.",
        "summary_ms": "Sejam di bilik mendengar, dengan kopi dan mana-mana album yang kami ada.",
    },
    {
        "slug": "pressing-night", "category": "evenings", "colour": (58, 40, 104), "kind": "experience", "cost": 900, "unit_cost": "4.50",
        "dates": ((9, "19:00", 16), (16, "19:00", 16), (23, "15:00", 8)),
        "name": "An evening at the record press", "name_id": "Semalam di pabrik piringan hitam", "name_ms": "Satu malam di kilang piring hitam",
        "summary": "Watch a record being pressed, and take the first copy home.",
        "summary_id": "Lihat piringan hitam dicetak, dan bawa pulang kopi pertamanya.",
        "summary_ms": "Lihat piring hitam dicetak, dan bawa pulang naskhah pertamanya.",
    },
    {
        "slug": "fifteen-off", "category": "everyday", "prices": [("gold", 2500)], "kind": "discount", "cost": 2800, "limit_per_member": 2, "unit_cost": "15.00",
        "name": "$15 off", "name_id": "Potongan $15", "name_ms": "Potongan $15",
        "summary": "Fifteen dollars off a purchase of thirty or more.",
        "summary_id": "Potongan lima belas dolar untuk pembelian mulai tiga puluh dolar.",
        "summary_ms": "Potongan lima belas dolar untuk pembelian tiga puluh dolar ke atas.",
    },
    {
        "slug": "free-cd", "category": "things", "kind": "product", "cost": 1600, "money": "4.00", "colour": (40, 96, 110), "stock": 40, "limit_per_member": 2, "unit_cost": "8.40",
        "name": "A CD of your choice", "name_id": "CD pilihan Anda", "name_ms": "CD pilihan anda",
        "summary": "Any single CD from the shelf, on us.",
        "summary_id": "Satu CD apa saja dari rak, dari kami untuk Anda.",
        "summary_ms": "Mana-mana satu CD dari rak, hadiah daripada kami.",
    },
    {
        "slug": "limited-vinyl", "category": "things", "is_sent": True, "colour": (24, 24, 28), "terms": "One for each member. Numbered copies cannot be exchanged.", "terms_id": "Satu untuk setiap anggota. Kopi bernomor tidak dapat ditukar.", "terms_ms": "Satu bagi setiap ahli. Naskhah bernombor tidak boleh ditukar.", "kind": "product", "cost": 6500, "stock": 12, "limit_per_member": 1, "minimum_tier": "gold",
        "unit_cost": "21.00", "offered_days": (-120, 45),
        "name": "Limited vinyl pressing", "name_id": "Piringan hitam edisi terbatas", "name_ms": "Piring hitam edisi terhad",
        "summary": "One of twelve numbered copies of this season's pressing.",
        "summary_id": "Satu dari dua belas kopi bernomor rilisan musim ini.",
        "summary_ms": "Satu daripada dua belas naskhah bernombor keluaran musim ini.",
    },
]  # fmt: skip


def add_rewards(program: Program, wallet: Wallet, *, at: datetime) -> None:
    """The shelves and what stands on them. What is there already stays: a demo of an older version gets the newer examples."""
    shelves = {
        slug: Category.objects.get_or_create(
            program=program, slug=slug, defaults={"name": name, "name_id": name_id, "name_ms": name_ms, "position": number}
        )[0]
        for number, (slug, name, name_id, name_ms) in enumerate(CATEGORIES)
    }  # fmt: skip
    standard.prepare(program, at=at)
    known = set(Reward.objects.filter(program=program).values_list("slug", flat=True))
    tiers = {tier.slug: tier for tier in Tier.objects.filter(program=program)}
    stores = list(Store.objects.filter(program=program).exclude(code="web").order_by("pk"))
    today = local_day(at, program.time_zone)
    for position, described in enumerate(REWARDS + MORE, start=1):
        if described["slug"] in known:
            continue
        told = dict(described)
        days, colour = told.pop("offered_days", None), told.pop("colour", None)
        dates = told.pop("dates", ())
        prices, kept, steps = told.pop("prices", []), told.pop("stores", ()), told.pop("steps", ())
        if days:
            told["offered_from"], told["offered_until"] = (
                day_start(today + timedelta(days=n), program.time_zone) for n in days
            )
        told["minimum_tier"] = tiers.get(told.pop("minimum_tier", ""))
        told["segment"] = Segment.objects.filter(program=program, slug=told.pop("segment", "")).first()
        if gives := told.pop("tier", ""):
            told["tier"] = tiers[gives]
        told["category"] = shelves[told["category"]]
        for amount in ("unit_cost", "money"):
            told[amount] = Decimal(told.get(amount, "0"))
        if cause := told.pop("cause", ""):
            told["cause"] = add_cause(program, cause)
        if opens := told.pop("opens", ""):
            told["opens"] = Reward.objects.get(program=program, slug=opens)
        if file := told.pop("file", ()):
            told["file"] = downloads.keep(program, file[0], file[1].encode(), at=at)
        if colour:
            told["picture"] = pictures.keep(program, paint(colour), at=at)
        if pool := told.pop("pool", ""):
            told["pool"] = add_codes(program, pool, at=at)
        made = Reward.objects.create(program=program, wallet=wallet, position=position * 10, voucher_days=60, **told)
        RewardPrice.objects.bulk_create(RewardPrice(reward=made, tier=tiers[tier], cost=cost) for tier, cost in prices)
        DiscountStep.objects.bulk_create(
            DiscountStep(reward=made, least=Decimal(least), percent=Decimal(percent)) for least, percent in steps
        )
        StoreStock.objects.bulk_create(
            StoreStock(reward=made, store=store, stock=stock) for store, stock in zip(stores, kept, strict=False)
        )
        EventSession.objects.bulk_create(_dates(made, dates, today))


def _dates(reward: Reward, dates: Any, today: date) -> list[EventSession]:
    """The dates of an experience: days from today, when it begins, seats. Each takes two hours; booking ends a day before."""
    found = []
    for days, hour, seats in dates:
        since = datetime.combine(
            today + timedelta(days=days), time.fromisoformat(hour), ZoneInfo(reward.program.time_zone)
        )
        found.append(
            EventSession(
                reward=reward, starts_at=since, ends_at=since + timedelta(hours=2), place="Press room, 12 Harbour Street",
                capacity=seats, closes_hours=24,
            )
        )  # fmt: skip
    return found


def add_cause(program: Program, slug: str) -> Cause:
    """The music school that members give to."""
    return Cause.objects.create(
        program=program, slug=slug, goal=Decimal(500), name="Community music school", name_id="Sekolah musik komunitas",
        name_ms="Sekolah muzik komuniti", summary="Lessons with a teacher for children whose families cannot pay for them.",
        summary_id="Les bersama guru untuk anak-anak yang keluarganya tidak mampu membayarnya.",
        summary_ms="Kelas bersama guru untuk kanak-kanak yang keluarganya tidak mampu membayarnya.",
    )  # fmt: skip


def add_codes(program: Program, name: str, *, at: datetime) -> CodePool:
    """A partner's pool, filled from a file as staff would."""
    pool = CodePool.objects.create(program=program, name=name, partner=name, low_at=20)
    file = "code\n" + "\n".join(f"SENJA-{number * 7919 % 100_000:05}" for number in range(1, 241))
    looked = pools.look_through(pool, file.encode(), file_name="senja.csv", at=at, actor="job:load_demo")
    pools.take_in(looked, at=at, actor="job:load_demo")
    return pool


def paint(colour: tuple[int, int, int]) -> bytes:
    """A record on a coloured ground, painted here so that the demo needs no files."""
    picture = Image.new("RGB", (800, 600), colour)
    pen = ImageDraw.Draw(picture)
    for radius in range(250, 90, -10):
        shade = 22 if radius % 20 else 34
        pen.ellipse((400 - radius, 300 - radius, 400 + radius, 300 + radius), fill=(shade, shade, shade + 4))
    light = tuple(min(255, part + 90) for part in colour)
    pen.ellipse((315, 215, 485, 385), fill=light)
    pen.ellipse((390, 290, 410, 310), fill=colour)
    written = io.BytesIO()
    picture.save(written, "PNG")
    return written.getvalue()
