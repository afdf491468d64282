"""Runs the Airbyte source of `airbyte.yaml`: `read --config F --catalog F --state F`."""

import sys
from pathlib import Path

from airbyte_cdk.entrypoint import AirbyteEntrypoint, launch
from airbyte_cdk.sources.declarative.yaml_declarative_source import YamlDeclarativeSource

given = AirbyteEntrypoint.parse_args(sys.argv[1:])
source = YamlDeclarativeSource(
    path_to_yaml=str(Path(__file__).with_name("airbyte.yaml")),
    catalog=YamlDeclarativeSource.read_catalog(given.catalog),
    config=YamlDeclarativeSource.read_config(given.config),
    state=YamlDeclarativeSource.read_state(given.state) if given.state else [],
)
launch(source, sys.argv[1:])
