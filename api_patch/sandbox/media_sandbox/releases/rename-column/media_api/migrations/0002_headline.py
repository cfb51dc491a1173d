"""Renames a column that the old release selects."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("media_api", "0001_initial")]
    operations = [migrations.RenameField(model, "title", "headline") for model in ("image", "audio")]
