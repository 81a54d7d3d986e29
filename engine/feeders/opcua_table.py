"""What a site says about its OPC UA servers: ``[feeds.opcua]``.

::

    [[feeds.opcua.servers]]
    url = "opc.tcp://192.168.1.30:4840"
    spindle = "M1"
    security = "sign_and_encrypt"
    certificate = "/etc/spindlewatch/opcua.der"
    private_key = "/etc/spindlewatch/opcua.pem"
    server_certificate = "/etc/spindlewatch/mill.der"
    values = { "ns=2;s=Spindle.Load" = "spindle_load", "ns=2;s=Tool" = { context = "tool" } }
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from engine.feeders.settings import Values
from engine.site import Positive, Table

Stamp = Literal["end", "begin", "arrival"]


class ServerTable(Table, frozen=True):
    """One entry of ``[[feeds.opcua.servers]]``.

    Parameters
    ----------
    url : str
        ``opc.tcp://host:port/path``, without a user.
    spindle : str
        The declared spindle that the values belong to.
    values : dict
        Node id, as ``ns=2;s=Spindle.Load`` or, where a server may number its namespaces anew,
        ``nsu=urn:maker:machine;s=Spindle.Load`` -> channel or field of the context. A node that holds an array
        becomes a channel of a waveform group, at the declared rate.
    interval_s : float
        How often the server sends what changed.
    sampling_s : float
        How often the server looks; 0 = as often as it sends.
    queue : int
        Values of one node that the server keeps between two sendings.
    array_stamp : {"end", "begin", "arrival"}
        What an array's source time stamp is: when its last number was over, when its first began, or nothing.
    timeout_s : float
        For every answer.
    username, password_file : str
        The password is the file's first line. Without encryption asyncua sends it encrypted only if the server asks
        for that.
    security : {"none", "sign", "sign_and_encrypt"}
        Of messages.
    policy : str
        Of signatures and encryption.
    certificate, private_key : str
        This client's, DER or PEM. The certificate names the URI of this application:
        ``urn:spindlewatch:feeder``.
    server_certificate : str
        The only one that is trusted. Needed with security, for whom one does not know one cannot trust.
    """

    url: str
    spindle: str
    values: Annotated[Values, Meta(min_length=1, max_length=1000)]
    interval_s: Annotated[float, Meta(ge=0.01, le=60)] = 0.1
    sampling_s: Annotated[float, Meta(ge=0, le=60)] = 0.0
    queue: Annotated[int, Meta(ge=1, le=10_000)] = 100
    array_stamp: Stamp = "end"
    timeout_s: Positive = 4.0
    username: str = ""
    password_file: str = ""
    security: Literal["none", "sign", "sign_and_encrypt"] = "none"
    policy: Literal["Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"] = "Basic256Sha256"
    certificate: str = ""
    private_key: str = ""
    server_certificate: str = ""


class OpcuaTable(Table, frozen=True):
    """``[feeds.opcua]``."""

    servers: Annotated[tuple[ServerTable, ...], Meta(min_length=1, max_length=100)]
