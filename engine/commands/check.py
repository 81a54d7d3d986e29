"""Configurations and recordings, before they are relied on."""

from __future__ import annotations

from pathlib import Path

import click

from engine.commands.options import PATH, config_option, json_option, print_json


@click.command()
@click.argument("path", type=PATH)
@config_option
@json_option
def check(path: Path, config_path: Path | None, as_json: bool) -> None:
    """Validate a configuration (a .toml file) or a recording (a folder).

    With --config, a recording is also asked which of the configured features it cannot give, and why.
    """
    from engine.config import load_config

    if path.is_dir():
        from replay.recording import Recording, validate

        lines = validate(path)
        if config_path is not None:
            from replay.coverage import missing_features

            lines += missing_features(Recording.open(path), load_config(config_path))
    else:
        from detectors.registry import check_detectors
        from operators.features import check_config

        config = load_config(path)
        check_config(config)
        check_detectors(config.detectors)
        lines = [f"{path}: valid configuration, hash {config.hash}"]
    if as_json:
        print_json({"path": str(path), "valid": True, "lines": lines})
    else:
        for line in lines:
            click.echo(line)
