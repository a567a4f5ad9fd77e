"""`manage.py import_purchases FILE --program P --map column=field`: the door of `campaigns.importing`."""

from campaigns.importing import FIELDS, PurchaseImporter
from campaigns.management.importing import ImportCommand


class Command(ImportCommand):
    """Import purchases from a CSV file."""

    importer = PurchaseImporter
    told = "{points} points, {new_members} new members"
    help = (
        "Import purchases from a CSV file. Fields: "
        + ", ".join(FIELDS)
        + ". Columns named like a field need no --map. "
        "A day without a time counts as midday in the program clock. Receipts that are there already are skipped."
    )
