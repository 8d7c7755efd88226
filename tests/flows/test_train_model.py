"""The story of a training: skipped, kept back, in use; begun again; two at once."""

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from flows import control, train_compute
from flows import train_deploy as deploy
from flows.cli_train import train_lines
from flows.recovery import recover
from flows.state import RunState
from flows.train_model import TRAIN_TASKS
from pipeline.domain.errors import BadRequestError, ModelRefusedError, StoreDownError
from pipeline.domain.report import DeliveryKind
from pipeline.domain.request import Actor, Channel, RunStatus
from pipeline.domain.train_report import TrainReport
from pipeline.domain.training import TrainingData, TrainRequest
from tests.kit.deliveries import owed
from tests.kit.stored_services import stored_services
from tests.kit.training import BEGIN, labelled

MODEL = "signal_classifier"
CHAT = Actor(channel=Channel.TELEGRAM, user_id=1, chat_id=5)
QUICK = "trees=20 folds=2 min_samples=400"


@pytest.fixture
async def services(sqlite_url, tmp_path):
    """Real labels, files and standings; runs in this process."""
    async with stored_services(tmp_path, sqlite_url) as made:
        yield made


async def teach(services, rows):
    await services.labels.put(rows, services.clock())


async def trained(services, words=QUICK, actor=CHAT):
    run = await control.launch_text(f"/train {words}", actor, services)
    return await finished(services, run.run_id)


async def finished(services, run_id):
    await services.launcher.wait(run_id)
    run = await services.runs.get(run_id)
    assert run.status is RunStatus.COMPLETED, run.error
    return TrainReport.model_validate(run.report)


async def champion(services):
    return (await services.models.standing(MODEL)).champion


async def test_too_few_rows_are_told_with_the_line_to_type(services):
    await teach(services, labelled(120))
    report = await trained(services)
    assert report.deployment_status == "skipped_insufficient_data"
    assert (report.training_data_size, report.missing_samples) == (120, 280)
    assert report.results_summary["label_command"].startswith("/label ")
    assert " EURUSD " in report.results_summary["label_command"]
    assert report.results_summary["label_command"] in " ".join(report.warnings)
    status = {task.task: task.status for task in report.tasks_completed}
    assert list(status) == list(TRAIN_TASKS)
    assert set(list(status.values())[1:-1]) == {"skipped"}
    assert report.new_version == "" and report.metrics["roc_auc"] is None
    assert await services.models.versions(MODEL) == []
    assert "280 are missing" in " ".join(train_lines(report, services.settings.home))


async def test_rows_of_other_features_don_t_count(services):
    await teach(
        services, labelled(300) + labelled(300, begin=BEGIN.replace(year=2023), version="old")
    )
    report = await trained(services)
    assert report.deployment_status == "skipped_insufficient_data"
    assert report.missing_samples == 100
    assert "300 with features of another version" in " ".join(report.warnings)


async def test_the_first_good_model_comes_into_use(services):
    await teach(services, labelled(1300))
    report = await trained(services)
    assert report.deployment_status == "deployed", report.card.verdict
    assert report.new_version == "v1.0"
    assert await champion(services) == "v1.0"
    assert [task.task for task in report.tasks_completed] == list(TRAIN_TASKS)
    assert report.metrics["roc_auc"] > 0.7
    assert set(report.metrics) >= {"roc_auc", "accuracy", "precision", "recall"}
    compared = report.comparison_with_previous
    assert (compared["previous_version"], compared["previous_auc"]) == (None, 0.5)
    assert compared["significant"] is True
    assert report.model_path == f"models/{MODEL}/v1.0"
    assert report.card.manifest.version == "v1.0"
    assert report.notification_sent
    kept = await services.models.get(MODEL, "v1.0")
    assert kept.manifest.run_id == report.run_id
    told = [d.kind for d in await owed(services.outbox)]
    assert DeliveryKind.REPORT in told and DeliveryKind.DOCUMENT in told
    again = await trained(services)  # the same rows: no better than itself
    assert again.deployment_status == "kept_previous"
    assert again.comparison_with_previous["previous_version"] == "v1.0"
    assert again.comparison_with_previous["significant"] is False
    assert any("v1.0" in line for line in train_lines(again, services.settings.home))
    assert [v.version for v in await services.models.versions(MODEL)] == ["v2.0", "v1.0"]
    assert await champion(services) == "v1.0"


async def test_noise_is_kept_aside_with_each_condition_s_figures(services):
    await teach(services, labelled(1300, strength=0.0))
    report = await trained(services)
    assert report.deployment_status == "kept_previous"
    assert report.new_version == "v1.0"  # kept: people may look at it and promote it by hand
    assert await champion(services) == ""
    lines = " ".join(train_lines(report, services.settings.home))
    assert "No model is in use" in lines
    for condition in report.card.verdict.conditions:
        assert condition.words in lines


def crashing(services, port, method, *, after):
    """Return services whose port does its work, or nothing, and then fails once."""
    real = getattr(services, port)
    failed = []

    class Failing:
        def __getattr__(self, name):
            return getattr(real, name) if name != method else self._call

        async def _call(self, *args, **kwargs):
            if failed:
                return await getattr(real, method)(*args, **kwargs)
            failed.append(1)
            if after:
                await getattr(real, method)(*args, **kwargs)
            raise StoreDownError("the power went")

    return replace(services, **{port: Failing()})


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("port", "method"), [
    ("labels", "select"), ("labels", "count"), ("models", "standing"), ("models", "versions"),
    ("models", "next_version"), ("models", "put"), ("models", "change"), ("models", "keep_last"),
])  # fmt: skip
async def test_a_store_that_fails_once_makes_no_second_version(services, port, method, after):
    """The task is tried again by itself."""
    await teach(services, labelled(1300))
    report = await trained(crashing(services, port, method, after=after))
    assert report.deployment_status == "deployed"
    versions = await services.models.versions(MODEL)
    assert len(versions) == 1
    assert await champion(services) == versions[0].version == report.new_version
    assert len(await services.models.history(MODEL)) == 1


class DeadError(BaseException):
    """The process is gone: nobody catches this."""


@pytest.mark.parametrize("noted", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("task", TRAIN_TASKS)
async def test_a_training_that_dies_continues_where_it_was(services, task, noted, monkeypatch):
    """The process dies when a task's work is done, before it is noted or just after."""
    await teach(services, labelled(1300))
    calls = counted(monkeypatch)
    deaths = dying(monkeypatch, services, task, noted=noted)
    run = await control.launch_text(f"/train {QUICK}", CHAT, services)
    with pytest.raises(DeadError):
        await services.launcher.wait(run.run_id)
    assert (await services.runs.get(run.run_id)).status is RunStatus.RUNNING
    await teach(services, labelled(200, begin=BEGIN.replace(year=2020)))
    assert await recover(services) == [run.run_id]
    report = await finished(services, run.run_id)
    assert deaths == [task]
    first_lost = task == "data_collection" and not noted
    assert report.training_data_size == (1500 if first_lost else 1300)
    assert report.deployment_status == "deployed"
    versions = await services.models.versions(MODEL)
    assert [v.run_id for v in versions] == [run.run_id]
    assert await champion(services) == versions[0].version == report.new_version
    assert len(await services.models.history(MODEL)) == 1
    assert max(calls.values()) == 1 + (not noted and task in TRAIN_TASKS[1:5])


def counted(monkeypatch):
    """Count the calls of what is computed."""
    calls = Counter()

    def patched(name):
        real = getattr(train_compute, name)

        def call(*args):
            calls[name] += 1
            return real(*args)

        monkeypatch.setattr(train_compute, name, call)

    for name in ("prepare", "windows", "grow", "judge"):
        patched(name)
    return calls


def dying(monkeypatch, services, task, *, noted):
    """Let the process die once around the note of a task; the last one has none but its record."""
    deaths = []
    keep, record = RunState.keep, services.runs.record_task

    def keeping(state, name, output):
        if name != task or deaths:
            keep(state, name, output)
            return
        deaths.append(name)
        if noted:
            keep(state, name, output)
        raise DeadError

    async def recording(run_id, noting, now, claim=None):
        if task == noting.task == "notification" and noting.status == "success" and not deaths:
            deaths.append(task)
            if noted:
                await record(run_id, noting, now, claim)
            raise DeadError
        await record(run_id, noting, now, claim)

    monkeypatch.setattr(RunState, "keep", keeping)
    monkeypatch.setattr(services.runs, "record_task", recording)
    return deaths


async def test_of_two_trainings_at_once_one_comes_into_use(services, monkeypatch):
    """Both are judged against none; the second to end finds the first one's model in use."""
    await teach(services, labelled(1300))
    both = asyncio.Barrier(2)
    real = deploy.keep_version

    async def together(of, kept_by):
        kept = await real(of, kept_by)
        await both.wait()
        return kept

    monkeypatch.setattr(deploy, "keep_version", together)
    reports = await asyncio.gather(trained(services), trained(services))
    assert sorted(r.deployment_status for r in reports) == ["deployed", "kept_previous"]
    assert sorted(r.new_version for r in reports) == ["v1.0", "v2.0"]
    won, lost = sorted(reports, key=lambda r: r.deployment_status)
    assert await champion(services) == won.new_version
    assert f"{won.new_version} came into use" in " ".join(lost.warnings)
    assert len(await services.models.history(MODEL)) == 1


async def test_another_change_meanwhile_hinders_no_deployment(services, monkeypatch):
    await teach(services, labelled(1300))
    real, switched = services.models.change, []

    async def change(standing, expected):
        if not switched:
            switched.append(1)
            assert await real(
                expected.model_copy(update={"changed_at": services.clock()}), expected
            )
        return await real(standing, expected)

    monkeypatch.setattr(services.models, "change", change)
    assert (await trained(services)).deployment_status == "deployed"
    assert [s.champion for s in await services.models.history(MODEL)] == ["v1.0", ""]


async def test_a_damaged_champion_is_no_rival_and_no_way_back(services, monkeypatch):
    await teach(services, labelled(1300))
    await trained(services)
    real = services.models.get

    async def get(model_id, version):
        if version == "v1.0":
            raise ModelRefusedError(f"{model_id} {version} is damaged: its files were changed")
        return await real(model_id, version)

    monkeypatch.setattr(services.models, "get", get)
    report = await trained(services)
    assert report.deployment_status == "deployed"
    assert report.comparison_with_previous["previous_version"] is None
    assert "damaged" in report.warnings[0] and "as if none were in use" in report.warnings[0]
    standing = await services.models.standing(MODEL)
    assert (standing.champion, standing.previous) == ("v2.0", "")


async def test_old_versions_go_and_those_that_were_in_use_stay(sqlite_url, tmp_path):
    async with stored_services(tmp_path, sqlite_url, models_kept=2) as services:
        await teach(services, labelled(1300))
        for _ in range(4):
            report = await trained(services)
        kept = [v.version for v in await services.models.versions(MODEL)]
        assert kept == ["v4.0", "v3.0", "v1.0"]
        assert report.results_summary["removed_versions"] == ["v2.0"]


async def test_what_cant_be_trained_starts_nothing(services):
    query = "SELECT * FROM labeled_trades WHERE label IS NOT NULL; DROP TABLE runs"
    request = TrainRequest(training_data=TrainingData(query=query))
    with pytest.raises(BadRequestError, match="more than conditions"):
        await control.launch(request, CHAT, services)
    assert await services.runs.newest() == []
    refused = (await services.audit.newest())[0]
    assert (refused.action, refused.verdict) == ("train", "refused")


async def test_a_query_selects_the_rows(services):
    await teach(services, labelled(400))
    query = "SELECT * FROM labeled_trades WHERE label IS NOT NULL AND setup_id = 'IB_raid_v1'"
    request = TrainRequest(training_data=TrainingData(query=query))
    run = await control.launch(request, CHAT, services)
    report = await finished(services, run.run_id)
    assert report.training_data_size == 200
    assert report.request["training_data"]["setups"] == ["IB_raid_v1"]
    assert "/label IB_raid_v1 " in report.results_summary["label_command"]
