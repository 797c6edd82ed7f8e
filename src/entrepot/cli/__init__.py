"""The commands: `entrepot serve`, `entrepot key create` …; one file a noun."""

from entrepot.cli.main import main as main
