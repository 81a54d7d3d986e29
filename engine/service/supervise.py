"""`spindlewatch run`: a site's processes kept running, for months, until somebody asks them to end."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.config import Config
from engine.redis_link import without_password
from engine.service.children import Spec, module_command
from engine.service.http import StatusServer
from engine.service.logs import log_to_stderr
from engine.service.redis_check import check_redis
from engine.service.site_file import SiteFile
from engine.service.supervisor import Outcome, Supervisor

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says beyond the site's file.

    Parameters
    ----------
    port : int, optional
        Of the page; None = as configured.
    fresh : bool
        Forget what was learnt.
    log : {"json", "text"}, optional
        Format of the log; None = as configured.
    """

    port: int | None = None
    fresh: bool = False
    log: Literal["json", "text"] | None = None


def specs_of(config: Config, copy: Path, options: Options) -> list[Spec]:
    """What a site runs on this host: its shards and a gateway.

    Parameters
    ----------
    config : Config
        Of the site.
    copy : Path
        What the processes are to read.
    options : Options
        Of the command line.

    Returns
    -------
    list of Spec
        The gateway last.
    """
    cluster = config.cluster
    log = () if options.log is None else ("--log", options.log)
    port = () if options.port is None else ("--port", str(options.port))
    common = ("--config", str(copy), *log)
    specs = [
        Spec(
            f"shard-{index}",
            module_command("engine.service.shard", *common, "--shard", str(index)),
            at_first=("--fresh",) if options.fresh else (),
            together=bool(cluster.addresses),
        )
        for index in cluster.here or range(config.service.shards)
    ]
    gateway = module_command("engine.service.gateway", *common, *port)
    return [*specs, Spec("gateway", gateway, last=True)]


def supervise(
    path: Path,
    options: Options,
    specs: Callable[[Config, Path, Options], list[Spec]] = specs_of,
) -> Outcome:
    """Run a site's service until SIGTERM or SIGINT; SIGHUP reads its file again. Main thread only.

    Parameters
    ----------
    path : Path
        Site configuration; declares the spindles.
    options : Options
        Of the command line.
    specs : callable
        What to run.

    Returns
    -------
    Outcome
        How it ended; `Outcome.check` says whether well.

    Raises
    ------
    ConfigError, UsageError
        A configuration, password or port that cannot be used. A Redis that is away is no error.
    """
    with SiteFile(path) as site:
        config = site.config
        log_to_stderr(options.log or config.log.format, config.log.level, "supervisor")
        doubts = check_redis(config.redis)
        supervisor = Supervisor(site, specs(config, site.copy, options), doubts)
        with closing(StatusServer(config.service, supervisor.seen)) as status:
            told = len(config.spindles), without_password(config.redis.url), status.start().page_url
            _log.info("%d spindles from %s, status at %s", *told)
            return supervisor.run()
