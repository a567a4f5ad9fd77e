"""`manage.py import_refunds FILE --program P --map column=field`: the door of `campaigns.importing_refunds`."""

from campaigns.importing_refunds import FIELDS, RefundImporter
from campaigns.management.importing import ImportCommand


class Command(ImportCommand):
    """Import refunds from a CSV file."""

    importer = RefundImporter
    told = "{points} points taken back, {waiting} wait for their purchase"
    help = (
        "Import refunds from a CSV file. Fields: "
        + ", ".join(FIELDS)
        + ". Columns named like a field need no --map. --source is that of the purchases. "
        "Refunds that are there already are skipped; one without its purchase waits for it."
    )
