import time

from pipeline.wandb.gauges import Gauges


def test_a_busy_process_uses_more_of_a_cpu_than_one_that_sleeps() -> None:
    gauges = Gauges()
    time.sleep(0.2)
    asleep = gauges.read()["cpu_percent"]
    until = time.process_time() + 0.05
    while time.process_time() < until:
        pass
    assert gauges.read()["cpu_percent"] > asleep
