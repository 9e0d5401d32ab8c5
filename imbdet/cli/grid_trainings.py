"""Execution of trainings as parallel ``python -m imbdet train`` processes."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed

from imbdet.cli.grid_jobs import Job
from imbdet.cli.training_results import read_training
from imbdet.files import atomic_write
from imbdet.reports.grid.grid_results import write_results

TRAIN = (sys.executable, '-m', 'imbdet', 'train')
COUNT_BOXES = 'default_hooks.shown_boxes.type=imbdet.reports.grid.shown_boxes_hook.ShownBoxesHook'
LAUNCHER_VARIABLES = ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'LOCAL_WORLD_SIZE', 'GROUP_RANK', 'MASTER_ADDR', 'MASTER_PORT')


def environment(slot: int, jobs: int) -> dict[str, str]:
    """Return the environment of a training: one GPU if there are several, else a part of the CPU cores."""
    import torch

    environment = {key: value for key, value in os.environ.items() if key not in LAUNCHER_VARIABLES}
    visible = os.environ.get('CUDA_VISIBLE_DEVICES', ','.join(map(str, range(torch.cuda.device_count())))).split(',')
    if len(visible) > 1:
        environment['CUDA_VISIBLE_DEVICES'] = visible[slot % len(visible)]
    environment.setdefault('OMP_NUM_THREADS', str(max(len(os.sched_getaffinity(0)) // jobs, 1)))
    return environment


class Trainings:
    """Runs trainings as parallel processes, and terminates them when this process is stopped."""

    def __init__(self, at_a_time: int, first_slot: int) -> None:
        self.at_a_time = at_a_time
        self._slots = list(range(first_slot, first_slot + at_a_time))
        self._running: set[subprocess.Popen] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def run(self, jobs: list[Job]) -> Iterator[tuple[Job, int]]:
        """Run all trainings; yield each with its exit code when it has ended and its results are written."""
        with ThreadPoolExecutor(self.at_a_time) as pool:
            try:
                futures = {pool.submit(self._train, job): job for job in jobs}
                for future in as_completed(futures):
                    yield futures[future], future.result()
            except BaseException:
                self._stop()
                pool.shutdown(cancel_futures=True)
                raise

    def _train(self, job: Job) -> int:
        with self._lock:
            if self._stopped:
                return -1
            slot = self._slots.pop()
            with atomic_write(job.folder / 'fingerprint.txt') as file:
                file.write_text(job.fingerprint)
            resume = ['--resume'] if (job.folder / 'last_checkpoint').is_file() else []
            with (job.folder / 'train.out').open('a') as output:
                process = subprocess.Popen(
                    [*TRAIN, job.config, '--work-dir', job.folder, *resume, '--cfg-options', *job.options,
                     f'randomness.seed={job.seed}', COUNT_BOXES], stdout=output, stderr=subprocess.STDOUT,
                    env=environment(slot, self.at_a_time))
            self._running.add(process)
        code = process.wait()
        with self._lock:
            self._running.discard(process)
            self._slots.append(slot)
        if code == 0:
            write_results(job.folder / 'training.json', [read_training(job)])
        return code

    def _stop(self) -> None:
        with self._lock:
            self._stopped = True
            for process in self._running:
                process.terminate()
