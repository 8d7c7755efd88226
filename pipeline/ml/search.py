"""A search for better hyperparameters that sees nothing but the training windows."""

from collections.abc import Callable

import optuna

from pipeline.domain.training import Hyperparams


def search(given: Hyperparams, loss_of: Callable[[Hyperparams], float]) -> Hyperparams:
    """Return the hyperparameters with the smallest loss; the given ones if none is better.

    Parameters
    ----------
    given
        Where the search begins; `search_trials` and `seed` are its own.
    loss_of
        The loss on walk-forward windows inside the training rows, smaller is better.

    Notes
    -----
    Optuna's seeded tree-structured Parzen estimator, in memory: the same data and seed give the
    same choice. The best of many tries looks better than it is; the gate's window knows of none.
    """
    if not given.search_trials:
        return given
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=given.seed))
        study.enqueue_trial({name: getattr(given, name) for name in _SPACE}, skip_if_exists=True)
        study.optimize(
            lambda trial: loss_of(_suggested(trial, given)), n_trials=given.search_trials
        )
    finally:
        optuna.logging.set_verbosity(verbosity)
    return given.model_copy(update=study.best_params)


_SPACE = (
    "n_estimators", "max_depth", "learning_rate", "min_child_samples", "feature_fraction",
    "lambda_l2",
)  # fmt: skip


def _suggested(trial: optuna.Trial, given: Hyperparams) -> Hyperparams:
    """Return one point of the space, which always holds what was given."""
    least, most = min(25, given.n_estimators), max(300, given.n_estimators)
    return given.model_copy(
        update={
            "n_estimators": trial.suggest_int("n_estimators", least, most),
            "max_depth": trial.suggest_int("max_depth", 1, max(6, given.max_depth)),
            "learning_rate": trial.suggest_float(
                "learning_rate",
                min(0.01, given.learning_rate),
                max(0.2, given.learning_rate),
                log=True,
            ),
            "min_child_samples": trial.suggest_int(
                "min_child_samples",
                min(10, given.min_child_samples),
                max(100, given.min_child_samples),
            ),
            "feature_fraction": trial.suggest_float(
                "feature_fraction", min(0.4, given.feature_fraction), 1.0
            ),
            "lambda_l2": trial.suggest_float("lambda_l2", 0.0, max(50.0, given.lambda_l2)),
        }
    )
