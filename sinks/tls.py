"""TLS of the live server."""

from __future__ import annotations

import ssl

from engine.errors import ConfigError
from engine.site import AccessConfig


def server_context(access: AccessConfig) -> ssl.SSLContext | None:
    """Make what encrypts the live server's connections: TLS 1.2 or newer.

    Parameters
    ----------
    access : AccessConfig
        ``[access]``.

    Returns
    -------
    SSLContext or None
        None: no certificate is configured.

    Raises
    ------
    ConfigError
        As `load_certificate`.
    """
    if not access.tls_cert:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    load_certificate(context, access)
    return context


def load_certificate(context: ssl.SSLContext, access: AccessConfig) -> None:
    """Let a certificate hold for connections from now on.

    Parameters
    ----------
    context : SSLContext
        Whose; stays as it is if there is an error.
    access : AccessConfig
        ``tls_cert`` and ``tls_key``.

    Raises
    ------
    ConfigError
        One of the files cannot be read, is no PEM, or the key is another's or wants a password.
    """
    files = access.tls_cert, access.tls_key or access.tls_cert
    where = " and ".join(dict.fromkeys(files))
    try:
        for one in (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), context):  # half a change would be none
            one.load_cert_chain(*files, password=_none)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        why = error.strerror if type(error) is not ssl.SSLError and isinstance(error, OSError) else ""
        told = why or "wanted a certificate and its key without password, both PEM"
        raise ConfigError(f"{where}: TLS cannot be used: {told} - at `$.access.tls_cert`") from None


def _none() -> str:
    """Say no password; else OpenSSL asks at the terminal, of a service that has none."""
    return ""
