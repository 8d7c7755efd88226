"""A kept model put to use: from a signal's features to p_success, and why."""

from collections.abc import Mapping

import lightgbm
import numpy as np

from pipeline.domain.errors import ModelRefusedError
from pipeline.domain.model import ModelManifest
from pipeline.ml.boosting import raw_contributions, raw_scores, read_trees, text_hash
from pipeline.ml.calibration import calibrated
from pipeline.ml.dataset import vector

_SAME = 1e-9
_FLOAT = "float64"


class Scorer:
    """Scores signals with one version of a model. Build it with `Scorer.of`."""

    def __init__(self, manifest: ModelManifest, trees: lightgbm.Booster) -> None:
        self.manifest = manifest
        self._trees = trees

    @classmethod
    def of(cls, manifest: ModelManifest, trees: str) -> "Scorer":
        """Return the scorer of a kept model after everything about it was found to be right.

        Parameters
        ----------
        manifest
            With the SHA-256 of the trees' text.
        trees
            The text; it is read only if its hash is right, as a corrupt one ends the process.

        Raises
        ------
        ModelRefusedError
            The trees are damaged, foreign, of another schema, or no longer give the scores that
            they gave when they were grown; the text says which.
        """
        if text_hash(trees) != manifest.sha256:
            raise _refused(manifest, "its trees are not those that were kept (wrong SHA-256)")
        if manifest.algorithm != "lightgbm":
            raise _refused(manifest, f"its algorithm is {manifest.algorithm!r}, not 'lightgbm'")
        if manifest.dtypes != (_FLOAT,) * len(manifest.features):
            raise _refused(manifest, "its features are not all float64")
        scorer = cls(manifest, read_trees(trees))
        names = tuple(scorer._trees.feature_name())
        if names != manifest.features:
            raise _refused(manifest, "its trees have other features, or in another order")
        scorer._check_golden_rows()
        return scorer

    def score(self, features: Mapping[str, float | None]) -> float:
        """Return p_success, 0–1: how likely the target comes before the stop.

        Raises
        ------
        ModelRefusedError
            A feature of the model is missing: the vector is of another version.
        """
        return float(self.scores(self._row(features))[0])

    def scores(self, x: np.ndarray) -> np.ndarray:
        """Return p_success of each row; columns in the order of the manifest's features."""
        return calibrated(self.manifest.calibrator, raw_scores(self._trees, x))

    def contributions(self, features: Mapping[str, float | None]) -> dict[str, float]:
        """Return what each feature adds to the score's log-odds, in the manifest's order.

        With `base` they add up to the log-odds of the score.

        Raises
        ------
        ModelRefusedError
            As `score`.
        """
        added = self.contribution_rows(self._row(features))[0]
        return dict(zip(self.manifest.features, added.tolist(), strict=True))

    def contribution_rows(self, x: np.ndarray) -> np.ndarray:
        """Return (rows, features): what each adds to the calibrated log-odds."""
        return -self.manifest.calibrator.a * raw_contributions(self._trees, x)[:, :-1]

    @property
    def base(self) -> float:
        """The log-odds before any feature has its say."""
        empty = np.full((1, len(self.manifest.features)), np.nan)
        expected = float(raw_contributions(self._trees, empty)[0, -1])
        return -(self.manifest.calibrator.a * expected + self.manifest.calibrator.b)

    def _row(self, features: Mapping[str, float | None]) -> np.ndarray:
        try:
            return vector(features, self.manifest.features)[None, :]
        except KeyError as missing:
            raise _refused(
                self.manifest,
                f"the signal has no feature {missing}: it is of another feature version than "
                f"{self.manifest.feature_version}",
            ) from missing

    def _check_golden_rows(self) -> None:
        if not self.manifest.golden:
            raise _refused(self.manifest, "it has no golden rows to be checked with")
        wanted = np.array([(row.raw, row.score) for row in self.manifest.golden])
        x = np.array([row.features for row in self.manifest.golden], dtype=np.float64)
        if x.shape[1:] != (len(self.manifest.features),):
            raise _refused(self.manifest, "its golden rows have another number of features")
        found = np.column_stack([raw_scores(self._trees, x), self.scores(x)])
        if not np.allclose(found, wanted, rtol=0, atol=_SAME):
            raise _refused(self.manifest, "it no longer gives the scores it was kept with")


def _refused(manifest: ModelManifest, why: str) -> ModelRefusedError:
    return ModelRefusedError(
        f"model {manifest.model_id} {manifest.version} is refused: {why}",
        model_id=manifest.model_id,
        version=manifest.version,
    )
