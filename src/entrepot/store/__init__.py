"""Where is it kept? Tables, migrations, secrets; SQLite or PostgreSQL."""
