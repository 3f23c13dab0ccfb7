"""Keeps a trained model whose job failed afterwards: its budget stays spent."""

from __future__ import annotations

import logging
import secrets
from pathlib import Path

from synthkit.errors import InputError, PublishError
from synthkit.home import data_folder
from synthkit.pipeline.model import Model


def keep(model: Model) -> Path | None:
    """Saves a model in the user's data folder; returns its path, or None if that failed too."""
    try:
        folder = data_folder() / "rescued"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{secrets.token_hex(4)}.safetensors"
        model.save(path)
    except (OSError, PublishError, InputError):
        return None
    return path


def rescued(model: Model, error: PublishError) -> PublishError:
    """Keeps the model that a failed write would lose, and says in the error's hint where."""
    path = keep(model)
    if path is None:
        lost = "The trained model could not be kept either; its budget is spent."
        return PublishError(error.message, hint=f"{error.hint} {lost}")
    kept = f"The trained model was kept at {path}: `synthkit sample` draws from it without "
    return PublishError(error.message, hint=f"{error.hint} {kept}spending again.")


def keep_after_fault(model: Model) -> None:
    """Keeps the model when the job stops for any other reason, and warns where it is."""
    path = keep(model)
    if path is not None:
        logging.getLogger("synthkit").warning("The trained model was kept at %s.", path)
