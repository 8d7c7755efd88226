"""Of each model MODELS_KEPT versions stay, besides all that ever were in use."""

from flows.upkeep_parts.job import Job
from pipeline.domain.upkeep import PartReport


async def models(job: Job) -> PartReport:
    """Remove old versions of all models, those of exchanges too."""
    registry, count = job.services.models, job.services.settings.models_kept
    gone: list[str] = []
    spared = 0
    for model_id in await registry.models():
        job.stop.check()
        versions = len(await registry.versions(model_id))
        names = await registry.removable(model_id, count)
        if not job.dry:
            names = await registry.keep_last(model_id, count, job.now)
        spared += max(versions - count, 0) - len(names)
        gone += [f"{model_id} {version}" for version in names]
    kept = {"in use now or before": spared} if spared > 0 else {}
    return PartReport(
        part="models", found=len(gone) + max(spared, 0), removed=len(gone), kept=kept,
        unit="versions", notes=tuple(gone),
    )  # fmt: skip
