"""The samples that the projects learn from, for the notebooks beside this module."""

from __future__ import annotations

import pandas as pd
from sklearn.datasets import load_breast_cancer

DIAGNOSES = {0: "malignant", 1: "benign"}


def load_samples() -> pd.DataFrame:
    """One row for each of the 569 tumours: thirty measures of its cells, and the diagnosis."""
    bunch = load_breast_cancer(as_frame=True)
    return bunch.data.assign(diagnosis=bunch.target.map(DIAGNOSES))


def separation(samples: pd.DataFrame) -> pd.Series:
    """How far apart the two diagnoses lie in each measure, in standard deviations, widest first."""
    means = samples.groupby("diagnosis").mean()
    spread = samples.drop(columns="diagnosis").std()
    distance = (means.loc["malignant"] - means.loc["benign"]).abs() / spread
    return distance.sort_values(ascending=False).rename("separation")
