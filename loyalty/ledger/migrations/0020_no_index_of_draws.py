from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("ledger", "0019_draws_on_the_account")]

    operations = [migrations.RemoveIndex("entry", "entry_draw_by_account")]
