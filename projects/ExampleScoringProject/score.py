"""Score samples with a registered model, and keep the predictions with the run.

Scored are the samples that the training project held out, so the model has never seen them.
Each prediction says which version made it, and when.
"""

import argparse
import tempfile
from datetime import datetime, timezone
from pathlib import Path

import mlflow
import mlflow.pyfunc
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

HELD_OUT = 0.2
SPLIT_SEED = 20


def load_samples() -> tuple[pd.DataFrame, pd.Series]:
    """The samples that training held out, and what they really are."""
    samples = load_breast_cancer(as_frame=True).frame
    _, held_out = train_test_split(
        samples, test_size=HELD_OUT, random_state=SPLIT_SEED, stratify=samples["target"]
    )
    return held_out.drop(columns="target"), held_out["target"] == 1


def newest_version(name: str) -> str:
    """The number of the newest version of the registered model ``name``."""
    versions = mlflow.MlflowClient().search_model_versions(f"name='{name}'")
    if not versions:
        raise SystemExit(f"there is no model {name}: train it first")
    return str(max(int(version.version) for version in versions))


def main() -> None:
    """Load the model, score, and log the predictions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model-name", required=True)
    parser.add_argument("--model-version", default="latest", help="a number, or latest")
    options = parser.parse_args()

    name, version = options.model_name, options.model_version
    if version == "latest":
        version = newest_version(name)
    features, truth = load_samples()
    with mlflow.start_run():
        mlflow.log_params({"model_name": name, "model_version": version})
        model = mlflow.pyfunc.load_model(f"models:/{name}/{version}")
        scored = features.assign(
            prediction=model.predict(features),
            model_name=name,
            model_version=version,
            scored_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        )
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "predictions.csv")
            scored.to_csv(file, index_label="sample")
            mlflow.log_artifact(str(file))
        mlflow.log_metrics(
            {
                "scored_rows": len(scored),
                "predicted_benign": int(scored["prediction"].sum()),
                "accuracy": float((scored["prediction"] == truth).mean()),
            }
        )
        print(f"model {name} version {version}")
        print(f"scored {len(scored)} samples; the predictions are the run's predictions.csv")


if __name__ == "__main__":
    main()
