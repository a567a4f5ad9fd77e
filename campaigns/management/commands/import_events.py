"""`manage.py import_events FILE --program P --map column=field`: the door of `campaigns.importing_events`."""

from campaigns.importing_events import FIELDS, EventImporter
from campaigns.management.importing import ImportCommand


class Command(ImportCommand):
    """Import events from a CSV file."""

    importer = EventImporter
    told = "{points} points"
    help = (
        "Import events from a CSV file. Fields: "
        + ", ".join(FIELDS)
        + ", and detail_NAME for the details of a kind. Columns named like a field need no --map. "
        "Name the customer or the member. Events that are there already are skipped."
    )
