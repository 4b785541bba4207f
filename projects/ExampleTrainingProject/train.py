"""Train a classifier that tells malignant from benign breast tumours, and register it.

The data are the 569 samples of the Wisconsin Diagnostic Breast Cancer set, which ships with
scikit-learn. A fifth of them, always the same, is held out: the scoring project scores it.
"""

import argparse
import importlib.metadata

import matplotlib
import mlflow
import mlflow.sklearn
import pandas as pd
from mlflow.models import infer_signature
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

TARGET = "benign"
HELD_OUT = 0.2
SPLIT_SEED = 20


def load_split() -> tuple[pd.DataFrame, pd.DataFrame]:
    """The samples to learn from, and those held out; the same in every run and in scoring."""
    samples = load_breast_cancer(as_frame=True).frame.rename(columns={"target": TARGET})
    samples[TARGET] = samples[TARGET] == 1
    # Neither Delta nor old readers of Parquet take spaces.
    samples.columns = samples.columns.str.replace(" ", "_")
    train, held_out = train_test_split(
        samples, test_size=HELD_OUT, random_state=SPLIT_SEED, stratify=samples[TARGET]
    )
    return train, held_out


def fit(train: pd.DataFrame, epochs: int, penalty: float) -> Pipeline:
    """A logistic regression fitted to ``train`` in epochs; its loss is logged as it falls."""
    features, target = train.drop(columns=TARGET), train[TARGET]
    model = make_pipeline(
        StandardScaler(),
        SGDClassifier(
            loss="log_loss", alpha=penalty, learning_rate="constant", eta0=0.001, random_state=0
        ),
    )
    scaler, classifier = model
    scaled = scaler.fit_transform(features)
    for epoch in range(1, epochs + 1):
        classifier.partial_fit(scaled, target, classes=[False, True])
        if epoch % 10 == 0 or epoch == epochs:
            loss = log_loss(target, classifier.predict_proba(scaled))
            mlflow.log_metric("loss", loss, step=epoch)
            print(f"epoch {epoch}: loss {loss:.4f}")
    return model


def log_model(model: Pipeline, train: pd.DataFrame, name: str) -> str:
    """Log ``model`` to the run, register it if it has a ``name``, and give its URI."""
    features = train.drop(columns=TARGET)
    packages = ("scikit-learn", "pandas", "numpy")
    logged = mlflow.sklearn.log_model(
        model,
        name="model",
        signature=infer_signature(features, model.predict(features)),
        input_example=features.head(3),
        # Given, not inferred: MLflow would take ten seconds to find out.
        pip_requirements=[f"{name}=={importlib.metadata.version(name)}" for name in packages],
        registered_model_name=name or None,
    )
    if name:
        print(f"model {name} version {logged.registered_model_version}")
    return logged.model_uri


def main() -> None:
    """Fit, log, register and evaluate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--penalty", type=float, default=0.001)
    parser.add_argument("--model-name", default="", help="register the model under this name")
    options = parser.parse_args()

    matplotlib.use("agg")
    train, held_out = load_split()
    with mlflow.start_run():
        mlflow.log_params({"epochs": options.epochs, "penalty": options.penalty})
        mlflow.log_params({"train_rows": len(train), "held_out_rows": len(held_out)})
        model = fit(train, options.epochs, options.penalty)
        uri = log_model(model, train, options.model_name)
        result = mlflow.models.evaluate(
            uri,
            held_out,
            targets=TARGET,
            model_type="classifier",
            evaluator_config={"log_model_explainability": False},
        )
        print(
            f"accuracy {result.metrics['accuracy_score']:.3f} on {len(held_out)} held-out samples"
        )


if __name__ == "__main__":
    main()
