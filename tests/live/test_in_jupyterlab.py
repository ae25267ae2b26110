"""The trainer as a widget in a real JupyterLab, and what Python reads from it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import nbformat
import numpy as np
import pytest
from browsing import chromium, find_chromium
from playwright.sync_api import Page, TimeoutError

import scbtools as scb

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.browser

STEPS, SEED = 60, 3
CELLS = [
    f"""import json, numpy as np, scbtools as scb
from live import Trainer
task = scb.SCBTask.random(vocab_size=3, seq_len=60, sparsity=2, seed=0)
trainer = Trainer(task, seed={SEED})
trainer""",
    f"trainer.run_to({STEPS})",
    """print("read", json.dump({
    "steps": trainer.steps, "state": trainer.state, "B": trainer.B,
    "python": trainer.data["python"], "A": trainer.params.A.tolist(),
    "history": {name: list(map(float, column)) for name, column in trainer.history.items()},
}, open("read.json", "w")))
trainer.B = 8""",
]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[str]:
    if not find_chromium():
        reason = "Chromium is not installed"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    nbformat.write(notebook, tmp_path / "try.ipynb")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = tmp_path / "home"
    home.mkdir()
    environment = os.environ | {
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'book'}",
        "HOME": str(home),
        "JUPYTER_NO_CONFIG": "1",
    }
    options = [
        "--no-browser",
        "--allow-root",
        f"--port={port}",
        "--IdentityProvider.token=",
        "--LabApp.news_url=",
    ]
    with (tmp_path / "lab.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options],
            cwd=tmp_path,
            env=environment,
            stdout=log,
            stderr=log,
        )
        try:
            base = f"http://127.0.0.1:{port}"
            for _ in range(600):
                try:
                    urllib.request.urlopen(f"{base}/api", timeout=5).close()
                    break
                except OSError:
                    time.sleep(0.1)
            yield f"{base}/lab/tree/try.ipynb"
        finally:
            server.terminate()
            server.wait(20)


def run_cell(page: Page) -> None:
    """Run the cell at hand and go on to the next."""
    page.keyboard.press("Shift+Enter")


def test_the_trainer_in_jupyterlab(lab: str, tmp_path: Path) -> None:
    """It trains there, Python reads history and parameters, and a trait moves its control."""
    with chromium() as browser:
        page = browser.new_page(reduced_motion="reduce", viewport={"width": 1366, "height": 900})
        page.set_default_timeout(90_000)
        page.goto(lab)
        first = page.locator(".jp-Notebook .cm-content").first
        first.wait_for()
        page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]')
        for _ in range(10):  # a notebook that has just opened may lose what it is told
            first.click()
            run_cell(page)
            with contextlib.suppress(TimeoutError):
                page.wait_for_selector(".live-on", timeout=20_000)
                break
        page.keyboard.press("Escape")
        run_cell(page)
        page.wait_for_selector(f'.live-on[data-steps="{STEPS}"]')
        page.wait_for_timeout(500)
        run_cell(page)
        page.get_by_text("read None").wait_for()
        page.wait_for_function("document.querySelector('.live-on').live.state.B === 8")
    read = json.loads((tmp_path / "read.json").read_text("utf8"))
    assert read["steps"] == STEPS
    assert read["B"] == read["state"]["B"]
    task = scb.SCBTask.random(vocab_size=3, seq_len=60, sparsity=2, seed=0)
    assert np.array(read["A"]).shape == (task.seq_len, task.vocab_size)
    positions, B, eta = task.sparse_attention.positions, read["state"]["B"], read["state"]["eta"]
    assert positions.shape == (3, 2)
    boost = scb.recipes.three_stage(task, B, eta, read["state"]["l1"], reflect=False)[0]
    run = scb.train(task, dataclasses.replace(boost, steps=STEPS), seed=SEED, record_every=1)
    assert read["A"] == run.params.A.tolist()
    for name, column in read["history"].items():
        np.testing.assert_allclose(column, run.history[name], rtol=1e-12, err_msg=name)
