"""An installation at work: everything that a backup must carry, changed all the time."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from flows.services import Services
from flows.settings import Settings
from pipeline.domain.bars import bar_frame
from pipeline.domain.deployment import DeploymentEntry, DeploymentSpec
from pipeline.domain.live import AlertFor
from pipeline.domain.market import Timeframe
from pipeline.domain.report import DeliveryKind
from pipeline.domain.request import (
    Actor,
    AuditEvent,
    BacktestRequest,
    Channel,
    RunStatus,
    TaskRecord,
)
from pipeline.domain.schedule import Schedule
from pipeline.domain.training import Hyperparams
from pipeline.ml.training import Naming, train
from storage.model_ports import StoredModel
from tests.kit.labelled import dataset
from tests.kit.live_signals import CLOSE, hand_made

ANNA = Actor(channel=Channel.TELEGRAM, user_id=1, chat_id=5, name="Anna")
COOLDOWN = timedelta(minutes=15)
APART = timedelta(minutes=20)
BEGAN = datetime(2025, 3, 3, tzinfo=UTC)
DATA = dataset(n=500, features=4, signal=1.0)
FEW = Hyperparams(n_estimators=8, max_depth=2, cross_validation_folds=3)
MODEL = "signal_classifier"
REQUEST = BacktestRequest(
    symbol="EURUSD", timeframe=Timeframe.M1, start=BEGAN.date(), end=BEGAN.date(),
    setup_id="Every_engulfing_v1",
).model_dump(mode="json")  # fmt: skip
ENGULFING = Path(__file__).parent / "every_engulfing_bar.yaml"


def drill_settings(home: Path, url: str | None, redis_url: str, backups: Path) -> Settings:
    told = {"database_url": url} if url else {}
    return Settings(
        _env_file=None, scout_home=home, use_prefect=False, redis_url=redis_url,
        backup_dir=backups, **told,
    )  # fmt: skip


def grown(version: str, seed: int) -> StoredModel:
    found = train(DATA, FEW, None, np.random.default_rng(seed), BEGAN, Naming(version=version))
    return StoredModel(found.manifest, found.trees)


def minutes(first: int, count: int) -> pd.DataFrame:
    """Return bars of these minutes after the beginning, the same at each call."""
    n = first + np.arange(count)
    times = pd.DatetimeIndex(
        (int(BEGAN.timestamp()) + 60 * n).astype("datetime64[s]"), tz="UTC"
    )  # fmt: skip
    close = 1.1 + 1e-5 * (n % 700)
    prices = np.column_stack([close, close + 1e-5, close - 1e-5, close])
    return bar_frame(times, Timeframe.M1, prices)


@dataclass
class Work:
    """What was done, each written down once the product had said that it is done."""

    services: Services
    models: list[StoredModel]
    runs: list[str] = field(default_factory=list)
    signals: list[str] = field(default_factory=list)
    sent: set[int] = field(default_factory=set)
    bars: int = 0
    champions: list[str] = field(default_factory=list)
    setups: list[str] = field(default_factory=list)
    edits: int = 0
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def begin(self) -> None:
        """Do one of each, and what doesn't change under way."""
        s, now = self.services, self.services.clock()
        await s.chats.set_role(1, "owner", now)
        await s.schedules.put(
            Schedule(
                name="nightly", flow_name="backtest_flow", cron="30 22 * * mon-fri",
                payload={"text": "/backtest Frank_raid_v1 EURUSD last 30d"}, actor=ANNA,
                created_at=now,
            ),
            now,
        )  # fmt: skip
        spec = DeploymentSpec(
            name="nightly_prod", flow="flows.backtest_flow", work_pool="local_pool"
        )
        await s.deployments.put(
            DeploymentEntry(
                deployment_id="d1", name=spec.name, flow_name="backtest_flow", version="abc",
                work_pool="local_pool", spec=spec, applied_at=now, tags=("nightly",),
            )
        )  # fmt: skip
        (s.settings.home / "instruments.yaml").write_text("[]\n")
        (s.settings.home / "news.csv").write_text("time,currency,impact,title\n")
        for each in self.deeds():
            await each(0)

    def much(self) -> bool:
        """Whether there is enough of everything to lose."""
        made = len(self.champions), self.edits, len(self.runs) - 2, len(self.signals) - 2
        return min(made) > 1 and bool(self.sent) and self.bars > 100

    def deeds(self):
        return (self.run, self.signal, self.drain, self.merge, self.promote, self.author)

    async def go_on(self) -> None:
        """Do all of it again and again, at the same time, until told to stop."""

        async def again(deed, pause):
            n = 1
            while not self.stop.is_set():
                await deed(n)
                n += 1
                await asyncio.sleep(pause)

        pauses = (0, 0, 0, 0.01, 0.05, 0.05)
        await asyncio.gather(*map(again, self.deeds(), pauses))

    async def run(self, n: int) -> None:
        """A run with files; every third stays queued with a task's output kept."""
        s, now = self.services, self.services.clock()
        run = await s.runs.create("bt", "backtest_flow", REQUEST, ANNA, now)
        await s.audit.append(
            AuditEvent(
                at=now, actor=ANNA, action="backtest", verdict="accepted", run_id=run.run_id
            )
        )
        kept = TaskRecord(task="data_ingest", status="success")
        s.state.of_run(run.run_id).keep("data_ingest", kept)
        s.state.of_run(run.run_id).keep_frame("bars", minutes(n, 5))
        for name in ("report.json", "trades.csv"):
            await s.archive.put(
                f"results/{run.run_id}_{name}", f"{run.run_id} {name} {n}".encode() * 50,
                run_id=run.run_id, role=name, media_type="text/plain",
            )  # fmt: skip
        await s.runs.record_task(run.run_id, kept, now)
        if n % 3:
            await s.runs.finish(run.run_id, RunStatus.CANCELLED, now)
        self.runs.append(run.run_id)

    async def signal(self, n: int) -> None:
        """A signal, its cooldown and its alerts."""
        draft = hand_made(CLOSE + n * APART)
        alerts = [AlertFor(chat_id=1), AlertFor(chat_id=2)]
        kept = await self.services.signals.admit(
            draft, alerts, cooldown=COOLDOWN, now=self.services.clock()
        )
        assert kept.record.decision.decision.value == "approved"
        self.signals.append(kept.record.signal_id)
        await self.services.outbox.put(
            9, DeliveryKind.NOTICE, {"n": n}, dedupe_key=f"notice {n}", now=self.services.clock()
        )

    async def drain(self, n: int) -> None:
        """A part of what is owed is sent."""
        s = self.services
        for each in await s.outbox.claim(s.clock(), lease=timedelta(minutes=1), limit=1):
            await s.outbox.ack(each.id, s.clock(), [n + 1])
            self.sent.add(each.id)

    async def merge(self, n: int) -> None:
        """Minutes on end."""
        s = self.services
        bars = minutes(100 * n, 100)
        await s.bars.merge("EURUSD", Timeframe.M1, bars, source="drill", now=s.clock())
        self.bars = 100 * (n + 1)

    async def promote(self, n: int) -> None:
        """A next version of the model, put to use."""
        s, version = self.services, f"v{n + 1}.0"
        if n >= len(self.models):
            return
        await s.models.put(self.models[n], None, s.clock())
        before = await s.models.standing(MODEL)
        after = before.model_copy(
            update={"champion": version, "previous": before.champion, "changed_at": s.clock()}
        )
        assert await s.models.change(after, before)
        self.champions.append(version)

    async def author(self, n: int) -> None:
        """A setup of one's own, then changed."""
        text = ENGULFING.read_text().replace("buffer_atr: 10", f"buffer_atr: {10 + n % 7}")
        if n == 0:
            await self.services.setups.add(text, self.services.clock())
        else:
            file = next((self.services.settings.home / "rules").glob("*.yaml"))
            aside = file.with_suffix(".new")
            aside.write_text(f"{text}\n# {n}\n")
            aside.replace(file)
            await self.services.setups.sync(self.services.clock())
            self.edits = n
        self.setups = [
            file.stem for file in (self.services.settings.home / "rules").glob("*.yaml")
        ]
