from engine import redis_keys
from engine.config import load_config
from replay.feed import feed_simulated


def test_a_shop_is_fed_into_a_redis_that_wants_a_password_and_its_site_says_where_it_stands(
    redis_server, tmp_path
):
    (tmp_path / "password").write_text("hush\n")
    with redis_server.client() as redis:
        redis.config_set("requirepass", "hush")
    site = tmp_path / "redis.toml"
    site.write_text(f'[redis]\nurl = "{redis_server.url}"\npassword_file = "{tmp_path}/password"\n')
    result = feed_simulated(
        n_spindles=1, seed=1, duration_s=0.3, site=tmp_path / "site.toml", config_path=site
    )

    written = load_config(tmp_path / "site.toml")
    assert written.redis == load_config(site).redis
    assert "hush" not in (tmp_path / "site.toml").read_text()
    with redis_server.client() as redis:
        redis.execute_command("AUTH", "hush")
        stream = redis_keys.stream_in("spindlewatch", written.spindles[0].name)
        assert redis.xlen(stream) == result.n_sent > 0
