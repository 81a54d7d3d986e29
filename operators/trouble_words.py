"""The figures of sensor trouble in words: what was got and what was wanted, in English and Korean."""

from __future__ import annotations

from engine.records import Said


def unknown_group(got: str, known: str) -> Said:
    """A block of a sensor group that was not declared."""
    return Said(
        f"got a block of group {got!r}, wanted one of: {known}",
        f"선언되지 않은 센서 그룹 {got!r}, 선언된 그룹: {known}",
    )


def wrong_shape(shape: tuple[int, ...], n_channels: int) -> Said:
    """A block whose array does not fit its group."""
    return Said(
        f"got a block of shape {shape}, wanted ({n_channels} channels, 1 or more samples)",
        f"블록 형태 {shape}, 필요한 형태는 (채널 {n_channels}개, 샘플 1개 이상)",
    )


def wrong_rate(got_hz: float, wanted_hz: float) -> Said:
    """Blocks that state another rate than declared."""
    return Said(
        f"got samples at {got_hz:g} Hz, wanted {wanted_hz:g} Hz",
        f"{got_hz:g} Hz 수신, 선언값 {wanted_hz:g} Hz",
    )


def silent(seconds: float, rate_hz: float) -> Said:
    """A waveform group that delivers nothing."""
    return Said(
        f"nothing received for {seconds:g} s, wanted {rate_hz:g} Hz",
        f"{seconds:g}초 동안 수신 없음, 정상은 {rate_hz:g} Hz",
    )


def no_value(seconds: float, period_s: float) -> Said:
    """A scalar group that pauses too long."""
    return Said(
        f"no value for {seconds:g} s, wanted one every {period_s:g} s",
        f"{seconds:g}초 동안 값 없음, 정상은 {period_s:g}초마다",
    )


def gap(seconds: float, period_s: float) -> Said:
    """Samples are missing between two blocks."""
    return Said(
        f"next sample due after {period_s:.2g} s came after {seconds:.3f} s",
        f"다음 샘플이 {period_s:.2g}초가 아니라 {seconds:.3f}초 뒤에 도착",
    )


def missed_burst(periods: float) -> Said:
    """A duty-cycled sensor missed a burst."""
    return Said(
        f"the last burst began {periods:.1f} periods ago", f"마지막 측정이 {periods:.1f}주기 전에 시작"
    )


def short_burst(n_samples: int, wanted: int) -> Said:
    """A burst with samples missing."""
    return Said(
        f"a burst held {n_samples} samples, wanted {wanted}",
        f"한 번 측정한 샘플 {n_samples}개, 정상 {wanted}개",
    )


def many_gaps(n_gaps: int, seconds: float, fraction: float) -> Said:
    """Small gaps that add up."""
    return Said(
        f"{n_gaps} gaps in {seconds:.1f} s: {100 * fraction:.0f} % of the samples are missing",
        f"{seconds:.1f}초 동안 {n_gaps}회 끊김: 샘플의 {100 * fraction:.0f} % 누락",
    )


def set_back(seconds: float) -> Said:
    """A clock that went back."""
    return Said(
        f"time stamps went back by {seconds:.3f} s and stayed there",
        f"시각이 {seconds:.3f}초 뒤로 간 채 계속됨",
    )


def known_already(n_dropped: int, n_block: int, seconds: float) -> Said:
    """Samples older than what was analysed."""
    return Said(
        f"{n_dropped} of {n_block} samples lie before {seconds:.3f} s already analysed",
        f"샘플 {n_block}개 중 {n_dropped}개가 이미 분석한 {seconds:.3f}초 이전의 것",
    )


def late_context(seconds: float) -> Said:
    """A context older than the one that holds already."""
    return Said(
        f"a context that is {seconds:.3f} s older than the latest one",
        f"이미 적용된 최신 가공 정보보다 {seconds:.3f}초 오래된 정보",
    )


def not_finite(channel: str, n_bad: int, n_hop: int) -> Said:
    """NaN or infinite samples of a waveform."""
    return Said(
        f"{channel}: {n_bad} of {n_hop} samples are NaN or infinite",
        f"{channel}: 샘플 {n_hop}개 중 {n_bad}개가 NaN 또는 무한대",
    )


def not_finite_run(channel: str, n_values: int) -> Said:
    """NaN or infinite values of a scalar."""
    return Said(
        f"{channel}: {n_values} values in a row are NaN or infinite",
        f"{channel}: 연속 {n_values}개 값이 NaN 또는 무한대",
    )


def flat(channel: str, seconds: float) -> Said:
    """A waveform channel that does not move."""
    return Said(
        f"{channel}: repeats one value for {seconds:.2f} s", f"{channel}: {seconds:.2f}초 동안 같은 값 반복"
    )


def flat_run(channel: str, n_values: int) -> Said:
    """A scalar channel that does not move."""
    return Said(f"{channel}: repeats one value {n_values} times", f"{channel}: 같은 값 {n_values}회 반복")


def clipped(channel: str, n_limit: int, n_hop: int) -> Said:
    """Samples at the converter's limit."""
    return Said(
        f"{channel}: {n_limit} of {n_hop} samples at the converter's limit",
        f"{channel}: 샘플 {n_hop}개 중 {n_limit}개가 변환기 한계값",
    )
