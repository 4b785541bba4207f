"""Score samples with a registered model, and keep the predictions.

Without an input, it scores the samples that the training project held out: the model has never
seen them. Where a Spark session exists, Spark scores, so that the same file takes a table of any
size; elsewhere pandas does. Each prediction says which version made it, and when.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import mlflow
import mlflow.pyfunc
import pandas as pd
from mlflow.models import get_model_info
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

HELD_OUT = 0.2
SPLIT_SEED = 20
TRUTH = "benign"


def load_held_out() -> pd.DataFrame:
    """The samples that training held out, with what they really are."""
    samples = load_breast_cancer(as_frame=True).frame.rename(columns={"target": TRUTH})
    samples[TRUTH] = samples[TRUTH] == 1
    # Neither Delta nor old readers of Parquet take spaces.
    samples.columns = samples.columns.str.replace(" ", "_")
    _, held_out = train_test_split(
        samples, test_size=HELD_OUT, random_state=SPLIT_SEED, stratify=samples[TRUTH]
    )
    return held_out.rename_axis("sample").reset_index()


def newest_version(name: str) -> str:
    """The number of the newest version of the registered model ``name``."""
    versions = mlflow.MlflowClient().search_model_versions(f"name='{name}'")
    if not versions:
        raise SystemExit(f"there is no model {name}: train it first")
    return str(max(int(version.version) for version in versions))


def feature_names(uri: str) -> list[str]:
    """The columns that the model was trained on, from its signature."""
    return get_model_info(uri).signature.inputs.input_names()


def spark_session() -> SparkSession | None:
    """The Spark session of this process, or on Databricks the cluster's; None without Spark."""
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        return None
    if "DATABRICKS_RUNTIME_VERSION" in os.environ:
        return SparkSession.builder.getOrCreate()
    return SparkSession.getActiveSession()


class PandasScorer:
    """Scores in memory; reads and writes CSV and Parquet files."""

    def read(self, name: str) -> pd.DataFrame:
        """The samples in the file ``name``, or the held-out ones if it is empty."""
        if not name:
            return load_held_out()
        if name.endswith(".csv"):
            return pd.read_csv(name)
        if "/" not in name and not name.endswith(".parquet"):
            raise SystemExit(f"{name} is a table, and there is no Spark session to read it")
        return pd.read_parquet(name)

    def score(self, samples: pd.DataFrame, uri: str, stamp: dict[str, str]) -> pd.DataFrame:
        """``samples`` with the columns prediction, model_name, model_version and scored_at."""
        model = mlflow.pyfunc.load_model(uri)
        return samples.assign(prediction=model.predict(samples[feature_names(uri)]), **stamp)

    def count(self, scored: pd.DataFrame) -> tuple[int, int, int | None]:
        """How many rows, how many predicted to be benign, and how many correct if that is known."""
        is_known = TRUTH in scored
        correct = int((scored["prediction"] == scored[TRUTH]).sum()) if is_known else None
        return len(scored), int(scored["prediction"].sum()), correct

    def write(self, scored: pd.DataFrame, name: str) -> None:
        """Write a CSV file, or else a Parquet one."""
        if name.endswith(".csv"):
            scored.to_csv(name, index=False)
        else:
            scored.to_parquet(name, index=False)

    def to_pandas(self, scored: pd.DataFrame) -> pd.DataFrame:
        """The predictions themselves."""
        return scored


class SparkScorer:
    """Scores on the cluster; reads and writes tables and CSV, Parquet or Delta folders."""

    def __init__(self, spark: SparkSession) -> None:
        self._spark = spark

    def read(self, name: str) -> DataFrame:
        """The samples in the table or folder ``name``, or the held-out ones if it is empty."""
        if not name:
            return self._spark.createDataFrame(load_held_out())
        kind = file_format(name)
        if kind is None:
            return self._spark.table(name)
        options = {"header": True, "inferSchema": True} if kind == "csv" else {}
        return self._spark.read.format(kind).options(**options).load(name)

    def score(self, samples: DataFrame, uri: str, stamp: dict[str, str]) -> DataFrame:
        """``samples`` with the columns prediction, model_name, model_version and scored_at."""
        from pyspark.sql.functions import lit, struct

        predict = mlflow.pyfunc.spark_udf(
            self._spark, uri, result_type="boolean", env_manager="local"
        )
        scored = samples.withColumn("prediction", predict(struct(*feature_names(uri))))
        for name, value in stamp.items():
            scored = scored.withColumn(name, lit(value))
        return scored.cache()

    def count(self, scored: DataFrame) -> tuple[int, int, int | None]:
        """How many rows, how many predicted to be benign, and how many correct if that is known."""
        benign = scored.filter("prediction").count()
        is_known = TRUTH in scored.columns
        correct = scored.filter(f"prediction = {TRUTH}").count() if is_known else None
        return scored.count(), benign, correct

    def write(self, scored: DataFrame, name: str) -> None:
        """Replace the table or folder ``name``."""
        kind = file_format(name)
        if kind is None:
            scored.write.mode("overwrite").saveAsTable(name)
        else:
            options = {"header": True} if kind == "csv" else {}
            scored.write.mode("overwrite").format(kind).options(**options).save(name)

    def to_pandas(self, scored: DataFrame) -> pd.DataFrame:
        """The predictions, brought to the driver."""
        return scored.toPandas()


def file_format(name: str) -> str | None:
    """What Spark calls the format of the folder ``name``; None if that is a table."""
    for kind in ("csv", "parquet"):
        if name.rstrip("/").endswith(f".{kind}"):
            return kind
    return "delta" if "/" in name else None


def log_predictions(scored: pd.DataFrame) -> None:
    """Keep the predictions with the run, as an artifact."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "predictions.csv")
        scored.to_csv(file, index=False)
        mlflow.log_artifact(str(file))


def main() -> None:
    """Load the model, score, and keep the predictions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model-name", required=True)
    parser.add_argument("--model-version", default="latest", help="a number, or latest")
    parser.add_argument("--input", default="", help="table or path; default: held-out samples")
    parser.add_argument("--output", default="", help="table or path; default: an artifact")
    options = parser.parse_args()

    name, version = options.model_name, options.model_version
    if version == "latest":
        version = newest_version(name)
    spark = spark_session()
    scorer = SparkScorer(spark) if spark else PandasScorer()
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    stamp = {"model_name": name, "model_version": version, "scored_at": now}
    with mlflow.start_run():
        mlflow.log_params({"model_name": name, "model_version": version})
        mlflow.log_param("scored_by", "Spark" if spark else "pandas")
        scored = scorer.score(scorer.read(options.input), f"models:/{name}/{version}", stamp)
        rows, benign, correct = scorer.count(scored)
        mlflow.log_metrics({"scored_rows": rows, "predicted_benign": benign})
        if correct is not None and rows:
            mlflow.log_metric("accuracy", correct / rows)
        if options.output:
            scorer.write(scored, options.output)
        else:
            log_predictions(scorer.to_pandas(scored))
        print(f"model {name} version {version}")
        place = options.output or "the run's artifact predictions.csv"
        print(f"scored {rows} samples; the predictions are in {place}")


if __name__ == "__main__":
    main()
