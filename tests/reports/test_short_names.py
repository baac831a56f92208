"""Names of data sets in little room still tell each other apart."""

from harness_reports.short_names import short_names


def test_what_all_begin_with_is_left_out():
    names = [f"shifted_folder:path=data/{name}" for name in ("imagenet-a", "imagenet-r", "sketch")]
    assert short_names(names, 24) == ["imagenet-a", "imagenet-r", "sketch"]
    assert short_names(["lenet", "resnet"], 24) == ["lenet", "resnet"]
    assert short_names([], 24) == []


def test_long_ones_lose_their_middle():
    names = ["cifar10_c:path=data/CIFAR-10-C", "cifar10_1:path=data/CIFAR-10.1"]
    assert short_names(names, 20) == ["cifar10_c…CIFAR-10-C", "cifar10_1…CIFAR-10.1"]
    assert short_names(["shifted_folder:path=data/imagenet-a"], 20) == ["shifted_f…imagenet-a"]


def test_those_that_would_be_alike_have_numbers():
    names = [f"npz:path=a{'x' * 40}{letter}{'y' * 40}" for letter in "bc"]
    first, second = short_names(names, 12)
    assert first == f"1 axxxx…{'y' * 6}" and second == f"2 axxxx…{'y' * 6}"
