"""Database triggers that keep frozen versions frozen, for SQLite and PostgreSQL (ADR 0040).

The migrations install them. A migration that rebuilds one of these tables on SQLite loses its triggers and has to call
`install` again; a test asks the database after all migrations.
"""

from __future__ import annotations

from django.db.backends.base.schema import BaseDatabaseSchemaEditor

VERSION = "datasets_datasetversion"
ITEM = "datasets_datasetitem"
PATIENT = "datasets_patientsplit"


def install(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Create the triggers (a `RunPython` operation)."""
    for statement in _statements(schema_editor.connection.vendor):
        schema_editor.execute(statement)


def remove(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Drop the triggers (the reverse of `install`)."""
    postgres = schema_editor.connection.vendor == "postgresql"
    for name, table, _, _ in _guards():
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {name}{f' ON {table}' if postgres else ''}")
        if postgres:
            schema_editor.execute(f"DROP FUNCTION IF EXISTS {name}()")


def _guards() -> list[tuple[str, str, str, str]]:
    """Return (trigger, table, event, condition under which the change is refused)."""

    def owner_is_frozen(row: str) -> str:
        owner = f"SELECT status FROM {VERSION} WHERE id = {row}.version_id"
        return f"({owner}) = 'FROZEN'"

    return [
        ("datasets_version_no_update", VERSION, "UPDATE", "OLD.status = 'FROZEN'"),
        ("datasets_version_no_delete", VERSION, "DELETE", "OLD.status = 'FROZEN'"),
        ("datasets_item_no_insert", ITEM, "INSERT", owner_is_frozen("NEW")),
        ("datasets_item_no_update", ITEM, "UPDATE", f"{owner_is_frozen('OLD')} OR {owner_is_frozen('NEW')}"),
        ("datasets_item_no_delete", ITEM, "DELETE", owner_is_frozen("OLD")),
        (
            "datasets_patient_stays",
            PATIENT,
            "UPDATE",
            "OLD.split <> NEW.split OR OLD.patient_key <> NEW.patient_key OR OLD.campaign_id <> NEW.campaign_id",
        ),
    ]


def _statements(vendor: str) -> list[str]:
    """Return the statements of one kind of database."""
    if vendor == "sqlite":
        return [
            f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW WHEN {condition} "
            f"BEGIN SELECT RAISE(ABORT, '{_message(name)}'); END"
            for name, table, event, condition in _guards()
        ]
    if vendor != "postgresql":
        raise NotImplementedError(f"CineLoop has no triggers for {vendor}; use SQLite or PostgreSQL")
    # PostgreSQL allows no subquery in WHEN, so each trigger has its own function with the conditions inside.
    statements = []
    for name, table, event, condition in _guards():
        statements += [
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF {condition} THEN RAISE EXCEPTION '{_message(name)}' USING ERRCODE = 'integrity_constraint_violation'; "
            f"END IF; RETURN {'OLD' if event == 'DELETE' else 'NEW'}; END $$",
            f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()",
        ]
    return statements


def _message(name: str) -> str:
    return "a patient stays on its side of the split" if name.endswith("stays") else "a dataset version is frozen"
