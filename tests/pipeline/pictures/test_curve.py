from pathlib import Path

from PIL import Image

from pipeline.pictures import curve


def test_a_picture_of_both_losses(tmp_path: Path) -> None:
    history = [{"step": step, "loss": 5.0 / step} for step in range(1, 50)]
    curve.draw(history, "a bot", 1, tmp_path / "plain.png")
    curve.draw([*history, {"step": 49, "epoch": 1, "validation_loss": 2.0}], "a bot", 1, tmp_path / "both.png")
    with Image.open(tmp_path / "plain.png") as plain, Image.open(tmp_path / "both.png") as both:
        assert plain.size == both.size == (770, 440)
        assert plain.tobytes() != both.tobytes()


def test_a_run_of_one_step_has_a_picture_too(tmp_path: Path) -> None:
    curve.draw([{"step": 1, "loss": 1.0}], "a bot", 1, tmp_path / "one.png")
    assert (tmp_path / "one.png").stat().st_size > 1000
