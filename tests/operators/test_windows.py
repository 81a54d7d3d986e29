import numpy as np
from shop import LOAD, SPINDLES, T0, VIB, block, noise

from engine.config import load_config
from engine.records import CheckedBlock, Context, Regime
from operators.kernels.time_domain import N_PARTIALS
from operators.windows import WindowSlide

CONFIG = load_config()
HOP_NS = 100_000_000


def checked(group, samples, first=0, contiguous=True, settled_ns=T0 - 1, learnable=True):
    partials = np.full((samples.shape[0], N_PARTIALS), float(first))
    return CheckedBlock(
        block(group, samples, first),
        partials,
        Context("M1", T0),
        Regime(),
        settled_ns,
        contiguous,
        True,
        learnable,
    )


def samples_of(window):
    return np.concatenate(window.hops, axis=1)


def hops(samples, **changes):
    n = samples.shape[1] // 100
    return [checked(VIB, samples[:, 100 * i : 100 * (i + 1)], 100 * i, i > 0, **changes) for i in range(n)]


def slide(items, long=False):
    return [window for window in WindowSlide(SPINDLES, CONFIG).process(items) if window.long == long]


def test_a_window_comes_with_every_hop_once_the_first_is_full():
    samples = noise(VIB, 1.0)

    windows = slide(hops(samples))

    assert len(windows) == 9
    for i, window in enumerate(windows):
        assert samples_of(window).tobytes() == samples[:, 100 * i : 100 * i + 200].tobytes()
        assert [sums[0, 0] for sums in window.partials] == [100 * i, 100 * i + 100]
        assert window.t_ns == T0 + (i + 2) * HOP_NS
        assert window.onset_ns == T0 + (i + 1) * HOP_NS


def test_no_window_spans_a_gap():
    items = hops(noise(VIB, 1.0))
    items[5] = checked(VIB, items[5].block.samples, 700, contiguous=False)
    items[6:] = [checked(VIB, item.block.samples, 800 + 100 * i) for i, item in enumerate(items[6:])]

    windows = slide(items)

    assert len(windows) == 4 + 4
    assert (
        samples_of(windows[4]).tobytes()
        == np.concatenate([i.block.samples for i in items[5:7]], axis=1).tobytes()
    )


def test_a_window_that_began_before_the_regime_had_settled_is_not_steady():
    settled_ns = T0 + 3 * HOP_NS

    windows = slide(hops(noise(VIB, 1.0), settled_ns=settled_ns))

    assert [window.steady for window in windows] == [
        window.t_ns - 2 * HOP_NS >= settled_ns for window in windows
    ]


def test_windows_do_not_change_after_they_were_made():
    slider = WindowSlide(SPINDLES, CONFIG)
    (first,) = slider.process(hops(noise(VIB, 0.2)))
    before = samples_of(first)

    slider.process([checked(VIB, noise(VIB, 0.1, seed=2), 200)])

    assert samples_of(first).tobytes() == before.tobytes()


def test_a_scalar_window_comes_with_every_sample_and_grows_to_its_history():
    samples = noise(LOAD, 20.0)
    items = [checked(LOAD, samples[:, i : i + 1], i, i > 0) for i in range(samples.shape[1])]

    windows = slide(items)

    n_history = CONFIG.scalar.n_history
    assert [window.hops[0].shape[1] for window in windows[: n_history + 2]] == [*range(1, n_history + 1)] + [
        n_history
    ] * 2
    assert all(window.hops[0][0, -1] == samples[0, i] for i, window in enumerate(windows))
    assert windows[3].t_ns == items[3].block.t_ns


def test_saved_and_restored_in_mid_stream_it_goes_on_as_if_nothing_had_happened():
    items = hops(noise(VIB, 1.0))
    whole = WindowSlide(SPINDLES, CONFIG).process(items)

    first, second = WindowSlide(SPINDLES, CONFIG), WindowSlide(SPINDLES, CONFIG)
    out = first.process(items[:4])
    second.restore(first.save())
    out += second.process(items[4:])

    assert [samples_of(w).tobytes() for w in out] == [samples_of(w).tobytes() for w in whole]


def test_a_long_window_comes_just_before_the_short_one_that_ends_with_it():
    items = hops(noise(VIB, 1.0))

    windows = WindowSlide(SPINDLES, CONFIG).process(items)

    long = [i for i, window in enumerate(windows) if window.long]
    assert len(long) == 6
    for i in long:
        assert len(windows[i].hops) == 5
        assert not windows[i + 1].long
        assert windows[i].t_ns == windows[i + 1].t_ns
        assert windows[i].hops[-2:] == windows[i + 1].hops


def test_no_long_window_spans_a_gap():
    items = hops(noise(VIB, 1.0))
    items[5] = checked(VIB, items[5].block.samples, 700, contiguous=False)
    items[6:] = [checked(VIB, item.block.samples, 800 + 100 * i) for i, item in enumerate(items[6:])]

    assert [window.t_ns for window in slide(items, long=True)] == [T0 + 5 * HOP_NS, T0 + 12 * HOP_NS]
