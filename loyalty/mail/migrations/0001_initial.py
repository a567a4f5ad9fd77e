# The first shape of these tables.

from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Message',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('recipient', models.CharField(max_length=64, verbose_name='recipient')),
                ('address', models.EmailField(max_length=254, verbose_name='address')),
                ('language', models.CharField(choices=[('en', 'English'), ('id', 'Bahasa Indonesia'), ('ms', 'Bahasa Melayu')], default='en', max_length=5, verbose_name='language')),
                ('kind', models.CharField(max_length=40, verbose_name='kind')),
                ('subject', models.CharField(max_length=80, verbose_name='about')),
                ('period', models.CharField(blank=True, max_length=40, verbose_name='period')),
                ('context', models.JSONField(default=dict, verbose_name='values')),
                ('status', models.CharField(choices=[('queued', 'waiting'), ('sending', 'being sent'), ('sent', 'handed to the mail system'), ('failed', 'refused'), ('uncertain', 'uncertain')], default='queued', max_length=10, verbose_name='status')),
                ('queued_at', models.DateTimeField(verbose_name='queued at')),
                ('due_at', models.DateTimeField(verbose_name='due at')),
                ('claimed_at', models.DateTimeField(blank=True, null=True, verbose_name='claimed at')),
                ('sent_at', models.DateTimeField(blank=True, null=True, verbose_name='sent at')),
                ('attempts', models.PositiveSmallIntegerField(default=0, verbose_name='attempts')),
                ('error', models.CharField(blank=True, max_length=300, verbose_name='last error')),
                ('resent_at', models.DateTimeField(blank=True, null=True, verbose_name='sent again at')),
                ('resent_by', models.CharField(blank=True, default='', max_length=64, verbose_name='sent again by')),
            ],
            options={
                'verbose_name': 'letter',
                'verbose_name_plural': 'letters',
                'ordering': ['-id'],
                'indexes': [models.Index(condition=models.Q(('status', 'queued')), fields=['due_at', 'id'], name='letter_waiting'), models.Index(condition=models.Q(('status', 'sending')), fields=['claimed_at'], name='letter_being_sent'), models.Index(fields=['status', '-id'], name='letter_by_status')],
                'constraints': [models.UniqueConstraint(fields=('recipient', 'kind', 'subject', 'period'), name='letter_once_per_cause')],
            },
        ),
    ]
