"""Scoring on Spark: the same file, the same result, on data in several partitions.

Runs in an environment of its own (the extra `spark`), since Databricks has no other pyspark.
"""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient
from pyspark.sql import SparkSession

ROOT = Path(__file__).resolve().parents[2]
PROJECTS = ROOT / "projects"
SCORE = PROJECTS / "ExampleScoringProject" / "score.py"
ADDED = ["prediction", "model_name", "model_version"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spark")


@pytest.fixture(scope="module")
def environ(folder: Path, java_home: dict[str, str]) -> dict[str, str]:
    """An environment for processes that track in SQLite, and for Spark."""
    spark = {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable, **java_home}
    return {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db", **spark}


@pytest.fixture(scope="module")
def model(folder: Path, environ: dict[str, str]) -> str:
    train = PROJECTS / "ExampleTrainingProject" / "train.py"
    command = [sys.executable, str(train), "--epochs", "10", "--model-name", "tumours"]
    subprocess.run(command, cwd=folder, env=environ, check=True)
    return "tumours"


@pytest.fixture(scope="module")
def by_pandas(folder: Path, environ: dict[str, str], model: str) -> pd.DataFrame:
    output = folder / "pandas.parquet"
    command = [sys.executable, str(SCORE), "--model-name", model, "--output", str(output)]
    subprocess.run(command, cwd=folder, env=environ, check=True)
    return pd.read_parquet(output)


@pytest.fixture(scope="module")
def spark(folder: Path, environ: dict[str, str]) -> Iterator[SparkSession]:
    kept = dict(os.environ)
    os.environ.update(environ)
    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    session = builder.config("spark.sql.warehouse.dir", str(folder / "warehouse")).getOrCreate()
    yield session
    session.stop()
    os.environ.clear()
    os.environ.update(kept)


@pytest.fixture
def score(folder: Path, environ, model: str, monkeypatch: pytest.MonkeyPatch):
    """Run the scoring file in this process, where the Spark session is."""

    def run(*arguments: str) -> None:
        for name in ("MLFLOW_TRACKING_URI", "SPARK_LOCAL_IP"):
            monkeypatch.setenv(name, environ[name])
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["score.py", "--model-name", model, *arguments])
        runpy.run_path(str(SCORE), run_name="__main__")

    return run


def same(found: pd.DataFrame, expected: pd.DataFrame) -> bool:
    ours, theirs = (
        frame.sort_values("sample").reset_index(drop=True)[["sample", *ADDED]]
        for frame in (found, expected)
    )
    return ours.equals(theirs)


def test_several_partitions_give_the_same_predictions(
    spark: SparkSession, score, by_pandas: pd.DataFrame, folder: Path
) -> None:
    source, target = folder / "samples.parquet", folder / "scored.parquet"
    samples = by_pandas.drop(columns=[*ADDED, "scored_at"])
    spark.createDataFrame(samples).repartition(4).write.parquet(str(source))
    score("--input", str(source), "--output", str(target))
    scored = spark.read.parquet(str(target))
    assert scored.rdd.getNumPartitions() > 1
    assert same(scored.toPandas(), by_pandas)


def test_tables_are_read_and_written(spark: SparkSession, score, by_pandas: pd.DataFrame) -> None:
    spark.createDataFrame(by_pandas.drop(columns=[*ADDED, "scored_at"])).write.saveAsTable(
        "samples"
    )
    score("--input", "samples", "--output", "scored")
    assert same(spark.table("scored").toPandas(), by_pandas)


def test_without_input_and_output_the_artifact_is_the_same(
    spark: SparkSession, score, by_pandas: pd.DataFrame, environ, capsys
) -> None:
    score()
    assert re.search(r"^model tumours version 1$", capsys.readouterr().out, re.MULTILINE)
    client = MlflowClient(environ["MLFLOW_TRACKING_URI"])
    run = client.search_runs(["0"], "params.scored_by = 'Spark'", max_results=1)[0]
    file = client.download_artifacts(run.info.run_id, "predictions.csv")
    found = pd.read_csv(file, dtype={"model_version": str})
    assert same(found, by_pandas)
    assert run.data.metrics["scored_rows"] == len(by_pandas)


def test_the_driver_file_leaves_the_session_to_the_project(
    spark: SparkSession, environ, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("entry_point.py", "driver_output.py"):
        (tmp_path / name).write_text((ROOT / "mlops_core" / "runs" / name).read_text("utf-8"))
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "count.py").write_text(
        "from pyspark.sql import SparkSession\n"
        "rows = SparkSession.getActiveSession().range(100).repartition(4)\n"
        "print('rows', rows.count(), 'in', rows.rdd.getNumPartitions())\n"
    )
    client = MlflowClient(environ["MLFLOW_TRACKING_URI"])
    run = client.create_run("0")
    arguments = ["--project", str(tmp_path / "project"), "--source", "p", "--run-id"]
    arguments += [run.info.run_id, "--experiment-id", "0", "--tracking-uri"]
    arguments += [environ["MLFLOW_TRACKING_URI"], "--python", "count.py"]
    kept = dict(os.environ)
    monkeypatch.setattr(sys, "argv", ["entry_point.py", *arguments])
    try:
        runpy.run_path(str(tmp_path / "entry_point.py"), run_name="__main__")
    finally:
        os.environ.clear()
        os.environ.update(kept)
    assert client.get_run(run.info.run_id).info.status == "FINISHED"
    text = client.download_artifacts(run.info.run_id, "output.txt")
    assert "rows 100 in 4" in Path(text).read_text()
    assert SparkSession.getActiveSession() is not None
