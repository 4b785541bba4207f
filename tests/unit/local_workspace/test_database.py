import threading

import pytest

from mlops_core.errors import MlopsError
from mlops_core.local_workspace.database import Database

STEPS = ("CREATE TABLE t (x INTEGER);", "ALTER TABLE t ADD COLUMN y TEXT DEFAULT 'new'")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "workspace.db"


def test_each_part_is_brought_to_its_version(path):
    old = Database(path)
    old.install("t", STEPS[:1])
    old.execute("INSERT INTO t VALUES (1)")
    old.close()
    new = Database(path)
    for _ in range(2):
        new.install("t", STEPS)
    assert [tuple(row) for row in new.execute("SELECT * FROM t")] == [(1, "new")]


def test_tables_of_a_newer_program_are_refused(path):
    database = Database(path)
    database.install("t", STEPS)
    with pytest.raises(MlopsError, match="written by a newer mlops_core"):
        database.install("t", STEPS[:1])


def test_a_transaction_is_undone_as_a_whole(path):
    database = Database(path)
    database.install("t", STEPS)
    with pytest.raises(ZeroDivisionError), database.transaction():
        with database.transaction():
            database.execute("INSERT INTO t VALUES (1, '')")
        raise ZeroDivisionError
    assert database.execute("SELECT * FROM t") == []
    with database.transaction():
        database.execute("INSERT INTO t VALUES (2, '')")
    assert len(database.execute("SELECT * FROM t")) == 1


def test_threads_take_turns(path):
    database = Database(path)
    database.install("t", STEPS)

    def add():
        for _ in range(20):
            with database.transaction():
                (row,) = database.execute("SELECT count(*) AS n FROM t")
                database.execute("INSERT INTO t VALUES (?, '')", row["n"])

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [row["x"] for row in database.execute("SELECT x FROM t ORDER BY x")] == list(range(80))


def test_facts(path):
    database = Database(path)
    assert database.fact("a", "none") == "none"
    database.remember("a", "1")
    database.remember("a", "2")
    assert database.fact("a") == "2"
