"""Several processes as one Bytewax cluster; and two hosts, as far as a network goes."""

import signal
import socket
from contextlib import ExitStack, closing

import pytest

from perf.hosts import NoHostsError, two_hosts
from perf.real_redis import RedisServer, wait_until
from perf.service_process import Service, send, shop_items

END_S = 40.0


@pytest.fixture(scope="module")
def shop():
    return shop_items(END_S, 2)


@pytest.fixture
def hosts():
    try:
        with two_hosts() as made:
            yield made
    except NoHostsError as error:
        pytest.skip(str(error))


def free_ports(n):
    with ExitStack() as stack:
        opened = [stack.enter_context(closing(socket.create_server(("127.0.0.1", 0)))) for _ in range(n)]
        return [one.getsockname()[1] for one in opened]


def clustered(addresses):
    told = ", ".join(f'"{address}"' for address in addresses)
    return f"[cluster]\naddresses = [{told}]\n"


def watched_by_one(server, folder, shop):
    """What one process tells of the shop."""
    service = Service(server, folder / "one", shop[0], "one")
    with server.client() as redis:
        send(redis, "one", shop[1])
    service.start()
    service.wait_until_all_is_read()
    service.end()
    return sorted(service.alerts(END_S))


def test_a_cluster_of_two_processes_tells_the_alerts_of_one_also_after_it_lost_a_member(
    redis_server, shop, tmp_path
):
    wanted = watched_by_one(redis_server, tmp_path, shop)
    addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
    cluster = Service(
        redis_server, tmp_path / "two", shop[0], "two", clustered(addresses), batch=4, n_shards=2
    )
    with redis_server.client() as redis:
        send(redis, "two", shop[1])
    cluster.start_all()
    wait_until(lambda: cluster.n_checkpoints() == 2, 60.0)
    lost, left = cluster.processes
    lost.send_signal(signal.SIGKILL)
    lost.communicate(timeout=20.0)
    left.communicate(timeout=20.0)  # it cannot go on alone, and does not hang
    assert left.returncode != 0
    assert not cluster.has_read_all()

    cluster.start_all()
    cluster.wait_until_all_is_read()
    cluster.end_all()

    assert len(wanted) >= 2
    assert sorted(cluster.alerts(END_S)) == wanted


@pytest.mark.parametrize("as_cluster", [True, False])
def test_two_hosts_tell_the_alerts_of_one_also_after_their_network_was_cut(hosts, shop, tmp_path, as_cluster):
    within, addresses = hosts.within, hosts.addresses
    server = RedisServer(tmp_path, within[0], (addresses[0], 6390))
    server.start()
    site = clustered([f"{address}:2101" for address in addresses]) if as_cluster else ""
    service = Service(server, tmp_path / "two", shop[0], "two", site, batch=16, n_shards=2)
    try:
        wanted = watched_by_one(server, tmp_path, shop)
        path = service.folder / "site.toml"
        path.write_text(path.read_text().replace(server.url, f"redis://{addresses[0]}:6390/0"))
        with server.client() as redis:
            send(redis, "two", shop[1])
        for shard in range(2):
            service.start(shard=shard, within=within[shard])
        wait_until(lambda: service.n_checkpoints() == 2, 60.0)
        hosts.cable("down")
        wait_until(lambda: any("cannot" in line["message"] for line in service.log()), 30.0)
        hosts.cable("up")
        service.wait_until_all_is_read()
        service.end_all()
        told = sorted(service.alerts(END_S))
    finally:
        service.end_all(signal.SIGKILL)
        server.stop()

    assert len(wanted) >= 2
    assert told == wanted
