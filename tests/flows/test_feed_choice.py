"""Which market the settings name, and that opening services dials nobody."""

import platform

import pytest

from flows.adapters import make_feed
from flows.services import open_services
from flows.settings import Settings
from pipeline.domain.errors import FeedDownError
from storage.instruments import YamlInstruments
from tests.kit.mt5 import NOON, TOKEN, bridge, simulated
from tests.kit.servers import free_port


def settings(home, **chosen):
    return Settings(_env_file=None, scout_home=home, **chosen)


def test_by_default_there_is_none(tmp_path):
    assert make_feed(settings(tmp_path), YamlInstruments()) is None


@pytest.mark.skipif(platform.system() == "Windows", reason="there it may well work")
async def test_mt5_off_windows_names_the_setting_and_the_way_out(tmp_path):
    async with open_services(settings(tmp_path, feed="mt5")) as services:
        assert services.feed is not None
        with pytest.raises(FeedDownError, match=r"FEED=mt5 needs Windows.*FEED=bridge"):
            await services.feed.clock(NOON)


async def test_the_bridge_by_its_address_and_token(tmp_path):
    sim = simulated(days=1, history=0)
    with bridge(sim) as server:
        chosen = settings(
            tmp_path, feed="bridge", mt5_bridge_token=TOKEN, broker_zone="ny+7",
            mt5_bridge_address=f"127.0.0.1:{server.port}",
        )  # fmt: skip
        feed = make_feed(chosen, YamlInstruments())
        assert feed.name == "bridge"
        assert await feed.offers() == ("EURUSD", "GER40")
        got = await feed.bars("EURUSD", None, sim.now, limit=10)
        wanted = sim.truth["EURUSD"]
        assert (
            got["open_time"].tolist()
            == wanted[wanted["close_time"] <= sim.now]["open_time"].tolist()[-10:]
        )
        await feed.close()


async def test_a_bridge_that_is_down_doesn_t_hold_the_start(tmp_path):
    chosen = settings(
        tmp_path,
        feed="bridge",
        mt5_bridge_token=TOKEN,
        mt5_bridge_address=f"127.0.0.1:{free_port()}",
    )
    async with open_services(chosen) as services:
        with pytest.raises(FeedDownError, match="start it beside the terminal"):
            await services.feed.offers()
