"""A nullable column: the old release does not notice."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("media_api", "0001_initial")]
    operations = [
        migrations.AddField(model, "alt_text", models.CharField(max_length=300, null=True)) for model in ("image", "audio")
    ]
