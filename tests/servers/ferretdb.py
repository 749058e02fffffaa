"""FerretDB, the second opinion on MongoDB's protocol, as a kind of its own."""

from mongodb import start_ferretdb as start  # noqa: F401  pylint: disable=unused-import
