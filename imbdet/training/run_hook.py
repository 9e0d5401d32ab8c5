"""The base of hooks that stay attached to the detector for a whole run, and act while it predicts."""

from mmengine.runner import Runner

from imbdet.training.detector_hook import DetectorHook


class RunHook(DetectorHook):
    """Attach to the detector before a training, validation or test, and let go when it has ended.

    Unlike a :class:`DetectorHook`, which is attached in trainings alone, it is there in the validations of a training and in
    tests.
    """

    def before_run(self, runner: Runner) -> None:
        """Attach to the detector.

        Args:
            runner: The runner, before training, validation or test.
        """
        self.attach_to(runner)

    def before_train(self, runner: Runner) -> None:
        """Stay attached: the hook acts in validations of the training."""

    def after_train(self, runner: Runner) -> None:
        """Stay attached until the run ends."""

    def after_run(self, runner: Runner) -> None:
        """Let go.

        Args:
            runner: The runner.
        """
        self.let_go()
