from decimal import Decimal
from typing import Any

from django.db import migrations

AT_ONCE = 2_000


def laid_over(total: int, weights: list[int]) -> list[int]:
    """Cents laid over what the lines still have, by largest remainder."""
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    parts = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(parts)), key=lambda index: (-(total * weights[index] % whole), index))
    for index in by_remainder[: total - sum(parts)]:
        parts[index] += 1
    return parts


def keep_by_line(apps: Any, _editor: Any) -> None:
    """What came back of purchases with lines, before lines kept it themselves."""
    line_of, refund_of = apps.get_model("members", "PurchaseLine"), apps.get_model("members", "Refund")
    returned = apps.get_model("members", "Purchase").objects.filter(refunded__gt=0)
    changed = []
    for purchase in returned.iterator(chunk_size=AT_ONCE):
        lines = list(line_of.objects.filter(purchase=purchase).order_by("number"))
        if not lines:
            continue
        back, by_amount = dict.fromkeys((line.number for line in lines), 0), 0
        for refund in refund_of.objects.filter(purchase=purchase, status="applied"):
            for one in refund.lines:
                back[one["line"]] += int(Decimal(one["amount"]) * 100)
            by_amount += 0 if refund.lines else int(refund.amount * 100)
        left = [int(line.amount * 100) - back[line.number] for line in lines]
        besides = int(purchase.total * 100) - sum(int(line.amount * 100) for line in lines)
        for line, share in zip(lines, laid_over(by_amount, [*left, besides]), strict=False):
            line.refunded = Decimal(back[line.number] + share).scaleb(-2)
            changed.append(line)
        if len(changed) >= AT_ONCE:
            line_of.objects.bulk_update(changed, ["refunded"])
            changed = []
    line_of.objects.bulk_update(changed, ["refunded"], batch_size=AT_ONCE)


class Migration(migrations.Migration):
    dependencies = [("members", "0014_what_came_back_of_each_line")]

    operations = [migrations.RunPython(keep_by_line, migrations.RunPython.noop)]
