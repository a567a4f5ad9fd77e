# The first shape of these tables.

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('ledger', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Campaign',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80, verbose_name='name')),
                ('name_id', models.CharField(blank=True, max_length=80, verbose_name='name in Indonesian')),
                ('name_ms', models.CharField(blank=True, max_length=80, verbose_name='name in Malay')),
                ('slug', models.SlugField(verbose_name='short name')),
                ('summary', models.CharField(blank=True, max_length=200, verbose_name='what members read')),
                ('summary_id', models.CharField(blank=True, max_length=200, verbose_name='what members read, in Indonesian')),
                ('summary_ms', models.CharField(blank=True, max_length=200, verbose_name='what members read, in Malay')),
                ('since', models.DateTimeField(verbose_name='starts at')),
                ('until', models.DateTimeField(verbose_name='ends before')),
                ('status', models.CharField(choices=[('draft', 'draft'), ('live', 'live'), ('paused', 'paused')], default='draft', max_length=8, verbose_name='status')),
                ('program', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='campaigns', to='ledger.program', verbose_name='program')),
            ],
            options={
                'verbose_name': 'campaign',
                'verbose_name_plural': 'campaigns',
                'ordering': ['-since', '-id'],
            },
        ),
        migrations.CreateModel(
            name='Rule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80, verbose_name='name')),
                ('name_id', models.CharField(blank=True, max_length=80, verbose_name='name in Indonesian')),
                ('name_ms', models.CharField(blank=True, max_length=80, verbose_name='name in Malay')),
                ('slug', models.SlugField(verbose_name='short name')),
                ('is_active', models.BooleanField(default=True, verbose_name='counts')),
                ('campaign', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='rules', to='campaigns.campaign', verbose_name='campaign')),
                ('program', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='rules', to='ledger.program', verbose_name='program')),
            ],
            options={
                'verbose_name': 'earning rule',
                'verbose_name_plural': 'earning rules',
                'ordering': ['program_id', 'id'],
            },
        ),
        migrations.CreateModel(
            name='RuleVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField(verbose_name='version')),
                ('definition', models.JSONField(verbose_name='definition')),
                ('since', models.DateTimeField(verbose_name='since')),
                ('created_at', models.DateTimeField(verbose_name='created at')),
                ('created_by', models.CharField(max_length=64, verbose_name='created by')),
                ('rule', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='campaigns.rule', verbose_name='rule')),
            ],
            options={
                'verbose_name': 'rule version',
                'verbose_name_plural': 'rule versions',
                'ordering': ['rule_id', '-number'],
            },
        ),
        migrations.AddConstraint(
            model_name='campaign',
            constraint=models.UniqueConstraint(fields=('program', 'slug'), name='campaign_slug_once_per_program'),
        ),
        migrations.AddConstraint(
            model_name='campaign',
            constraint=models.CheckConstraint(condition=models.Q(('since__lt', models.F('until'))), name='campaign_ends_after_it_began'),
        ),
        migrations.AddConstraint(
            model_name='rule',
            constraint=models.UniqueConstraint(fields=('program', 'slug'), name='rule_slug_once_per_program'),
        ),
        migrations.AddConstraint(
            model_name='ruleversion',
            constraint=models.UniqueConstraint(fields=('rule', 'number'), name='version_number_once_per_rule'),
        ),
        migrations.AddConstraint(
            model_name='ruleversion',
            constraint=models.CheckConstraint(condition=models.Q(('number__gt', 0)), name='rule_version_positive'),
        ),
    ]
