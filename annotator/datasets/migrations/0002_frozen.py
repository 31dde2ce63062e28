"""Keep frozen versions frozen in the database itself (ADR 0040)."""

from django.db import migrations

from annotator.datasets.triggers import install, remove


class Migration(migrations.Migration):
    dependencies = [("datasets", "0001_initial")]

    operations = [migrations.RunPython(install, remove, elidable=False)]
