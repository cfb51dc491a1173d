"""A NOT NULL column: Django fills the rows that exist, and then drops the default."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("media_api", "0001_initial")]
    operations = [
        migrations.AddField("oauth2registration", "terms_version", models.CharField(max_length=20, default="2024-01")),
    ]
