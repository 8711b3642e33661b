"""Settings, and what is said about the ones that do not do."""

import pytest
from pianogenie_train import config
from pianogenie_train.config import Config

from pianogenie.errors import UserError


def test_the_paper_is_what_its_authors_set():
    paper = config.named("paper")
    assert (paper.num_buttons, paper.rnn_dim, paper.rnn_layers, paper.window) == (8, 128, 2, 128)
    assert (paper.batch_size, paper.lr, paper.transpose_max, paper.stretch_max) == (32, 3e-4, 6, 0.05)


def test_settings_are_given_as_text_or_numbers():
    changed = Config().but(lr="3e-3", steps="10", schedule="cosine", num_buttons=4)
    assert (changed.lr, changed.steps, changed.schedule, changed.num_buttons) == (3e-3, 10, "cosine", 4)


@pytest.mark.parametrize(
    "setting",
    [
        "colour=red",
        "steps=ten",
        "steps=1.5",
        "lr=nan",
        "lr=0",
        "num_buttons=1",
        "schedule=linear",
        "window=1",
        "stretch_max=1",
        "seed=-1",
        "hand_share=1.5",
        "optimiser=muon",
        "optimiser=sgd",
        "dropout=1",
        "dropout=0.1",
        "memories=3",
        "memories=-1",
        "memories=65",
        "tune_share=0.25",
        "hand_share=1",
        "hand_share=0.99",
        "seed=9223372036854775808",
        "window=65537",
        "batch_size=65537",
        "transpose_max=88",
        "tune_share=1e9",
        "lr=1e300",
        "validate_every=99999999999999999999",
    ],
)
def test_what_does_not_do_is_told_by_name(setting):
    name = setting.split("=")[0]
    with pytest.raises(UserError, match=name):
        Config().but(**config.parse_settings([setting]))


def test_what_a_network_does_not_hear_is_told_to_whoever_asks_for_it():
    genie, paper = config.named("genie"), config.named("paper")
    for base, given in ((genie, {"contour": "paper"}), (genie, {"margin_weight": "2"}), (paper, {"tune_weight": "1"})):
        (name,) = given
        with pytest.raises(UserError, match=f"{name} means nothing to the network {base.network}; leave it out"):
            base.asked_for(given)
        assert str(getattr(base.but(**given), name)) in (*given.values(), f"{given[name]}.0"), "files may say it"
    assert genie.asked_for({"contour": "none", "lr": "1e-3"}) == genie.but(lr=1e-3), "it is no change"
    assert paper.asked_for({"margin_weight": "2"}).margin_weight == 2


@pytest.mark.parametrize(
    ("base", "setting", "said"),
    [
        ("paper", "code_dim=32", "means nothing but to a bottleneck vector"),
        ("genie", "commitment_weight=1", "means nothing but to a bottleneck vector"),
        ("paper-vq", "margin_weight=2", "means nothing but to a bottleneck integer"),
        ("paper-lm", "num_buttons=4", "means nothing where there are no buttons"),
        ("paper-lm", "encoder_dim=64", "means nothing where there are no buttons"),
        ("paper-no-contour", "contour_weight=2", "means nothing without a contour"),
    ],
)
def test_what_a_row_of_the_table_does_not_hear_is_told(base, setting, said):
    with pytest.raises(UserError, match=f"{setting.split('=')[0]} {said}; leave it out"):
        config.named(base).asked_for(config.parse_settings([setting]))


def test_what_is_asked_for_beside_what_gives_it_a_meaning():
    genie, vector = config.named("genie"), {"bottleneck": "vector", "contour": "none", "code_dim": "32"}
    assert config.named("paper").asked_for(vector).code_dim == 32
    assert genie.asked_for({"tune_weight": "0.2"}).tune_weight == 0.2
    with pytest.raises(UserError, match="tune_weight means nothing without a tune_share"):
        genie.asked_for({"tune_weight": "0.2", "tune_share": "0"})


def test_hands_alone_teach_a_network_that_has_no_encoder():
    assert config.named("genie").but(hand_share=1).hand_share == 1


def test_a_setting_without_a_value_and_an_unknown_name():
    with pytest.raises(UserError, match="name=value"):
        config.parse_settings(["steps"])
    with pytest.raises(UserError, match="paper"):
        config.named("papre")


def test_the_rate_rises_and_falls():
    run = Config(lr=1.0, warmup_steps=4, schedule="cosine")
    assert [run.rate(step, 0.0) for step in range(5)] == [0.25, 0.5, 0.75, 1, 1]
    assert run.rate(100, 0.5) == pytest.approx(0.5)
    assert run.rate(100, 1.0) == pytest.approx(0)
    assert Config(lr=1.0).rate(100, 0.9) == 1
