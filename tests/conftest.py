"""Fixtures that all tests share."""

from tests.databases import database_url as database_url
from tests.databases import databases as databases
from tests.databases import db as db
from tests.databases import empty_database_url as empty_database_url
from tests.databases import postgres_server as postgres_server
