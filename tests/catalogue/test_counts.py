"""What sentences are made of."""

from harness.catalogue.counts import apart, counted, headed, list_some, printable, size_words


def test_only_one_is_singular():
    words = [counted(count, "figure") for count in (0, 1, 2, 30_000)]
    assert words == ["0 figures", "1 figure", "2 figures", "30,000 figures"]
    assert [counted(n, "row has", "rows have") for n in (1, 2)] == ["1 row has", "2 rows have"]
    assert counted(2, "class", "classes") == "2 classes"


def test_of_a_long_list_the_first_are_named_and_the_rest_counted():
    words = [f"w{place}" for place in range(2_007)]
    assert list_some(words[:3]) == "w0, w1, w2"
    assert list_some(words[:5]) == "w0, w1, w2, w3, w4"
    assert list_some(words[:6]) == "w0, w1, w2, w3, w4 and 1 more"
    assert list_some(words, most=1) == "w0 and 2,006 more"


def test_numbers_that_differ_are_written_so_that_they_do():
    def write(value, more):
        return f"{value:.{1 + more}f}"

    assert apart(0.5, 0.7, write) == ("0.5", "0.7")
    assert apart(0.512, 0.514, write) == ("0.512", "0.514")
    assert apart(0.5, 0.5, write) == ("0.5", "0.5")


def test_signs_that_steer_a_terminal_are_written_out():
    assert printable("a\x1b[2J\nb") == "a\\x1b[2J\nb"
    assert printable("a\nb", kept="") == "a\\nb"


def test_sizes_have_three_digits():
    sizes = (1, 999, 1000, 150_528, 999_600, 7_526_400_000, 5.6e11, 1.5e15)
    words = [size_words(size) for size in sizes]
    assert words == [
        "1 byte",
        "999 bytes",
        "1 kB",
        "151 kB",
        "1 MB",
        "7.53 GB",
        "560 GB",
        "1.5e+03 TB",
    ]


def test_a_title_begins_with_a_capital_letter_unless_its_first_word_has_one() -> None:
    assert [headed(one) for one in ("accuracy of a", "mIoU under shift", "p99 latency", "")] == [
        "Accuracy of a",
        "mIoU under shift",
        "P99 latency",
        "",
    ]
