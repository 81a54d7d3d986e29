"""A supervisor in a process of its own, over `fake_child`ren: ``supervised.py SITE EVENTS NAME[:OPTION]...``."""

import json
import sys
from pathlib import Path

from engine.service.children import Spec, module_command
from engine.service.supervise import Options, supervise


def main() -> None:
    site, events, *names = sys.argv[1:]
    options = Options(fresh="fresh" in names)

    def specs(config, copy, options):
        found = []
        for name, *words in (one.split(":") for one in names if one != "fresh"):
            flags = [f"--{word}" for word in words if word in ("stubborn", "refuse", "unready")]
            flags += [f"--{word}" for word in words if word.startswith("most=")]
            own = ["--name", name, "--events", events, "--config", str(copy), *flags]
            first = ("--fresh",) if options.fresh else ()
            command = module_command("fake_child", *own)
            found.append(Spec(name, command, first, together="together" in words, last="last" in words))
        return found

    outcome = supervise(Path(site), options, specs)
    print(json.dumps({"refused": outcome.refused, **outcome.as_dict()}))


if __name__ == "__main__":
    main()
