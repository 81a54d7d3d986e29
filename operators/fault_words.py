"""What fault classes are called, what a machinist checks first, and how sure an alert is: English and Korean."""

from __future__ import annotations

from engine.records import Said
from engine.verdicts import FaultClass, Why

_NAMES = {
    FaultClass.COLLISION: Said("Collision", "충돌"),
    FaultClass.TOOL_BREAKAGE: Said("Tool breakage", "공구 파손"),
    FaultClass.MISSING_TOOL: Said("Missing tool or material", "공구 또는 소재 없음"),
    FaultClass.CHATTER: Said("Chatter", "채터"),
    FaultClass.BEARING: Said("Bearing damage", "베어링 손상"),
    FaultClass.IMBALANCE: Said("Imbalance", "불평형"),
    FaultClass.TOOL_WEAR: Said("Worn tool", "공구 마모"),
    FaultClass.PROCESS: Said("Unusual cutting behaviour", "평소와 다른 가공 상태"),
    FaultClass.SENSOR: Said("Sensor trouble", "센서 이상"),
}
_ADVICE = {
    FaultClass.COLLISION: Said(
        "Stop. Look at tool, holder and workpiece; check run-out and zero points before going on.",
        "정지하십시오. 공구, 홀더, 공작물을 확인하고, 재가동 전에 런아웃과 원점을 점검하십시오.",
    ),
    FaultClass.TOOL_BREAKAGE: Said(
        "Stop after the cut. Look at every cutting edge; look for a broken edge in the part.",
        "가공 후 정지하고 모든 절삭날을 확인하십시오. 파손된 날이 공작물에 남았는지도 확인하십시오.",
    ),
    FaultClass.MISSING_TOOL: Said(
        "Is the right tool in the spindle, whole and at its length? Is the stock clamped and of the right size?",
        "스핀들에 올바른 공구가 온전한 상태와 길이로 장착되었는지, 소재가 맞게 고정되었는지 확인하십시오.",
    ),
    FaultClass.CHATTER: Said(
        "Change the speed by some 5 to 10 %, or take less depth; check clamping and tool overhang.",
        "회전수를 5~10 % 바꾸거나 절삭 깊이를 줄이고, 고정 상태와 공구 돌출 길이를 점검하십시오.",
    ),
    FaultClass.BEARING: Said(
        "No hurry, but plan it: run the spindle in air, feel and listen, check its temperature; call service.",
        "급하지 않으나 계획하십시오: 공회전으로 소음, 진동, 온도를 확인하고 서비스를 요청하십시오.",
    ),
    FaultClass.IMBALANCE: Said(
        "Is the holder clean and seated? Balance tool and holder, or run slower; check with another tool.",
        "홀더의 청결과 장착 상태를 확인하십시오. 밸런스를 맞추거나 회전수를 낮추고 다른 공구로 비교하십시오.",
    ),
    FaultClass.TOOL_WEAR: Said(
        "Change the cutting edge before the next part; measure its wear land to confirm the limit.",
        "다음 공작물 전에 절삭날을 교체하고, 마모 폭을 측정하여 한계를 확인하십시오.",
    ),
    FaultClass.PROCESS: Said(
        "Look at the cut: chips, coolant, clamping, stock. If all is well, nothing need be done.",
        "가공 상태를 확인하십시오: 칩, 절삭유, 고정, 소재. 모두 정상이면 조치가 필요 없습니다.",
    ),
    FaultClass.SENSOR: Said(
        "Check the sensor, its cable, its mounting and its power; nothing is watched until it is well.",
        "센서, 케이블, 부착 상태, 전원을 점검하십시오. 복구될 때까지 감시되지 않습니다.",
    ),
}
_DETAILS = {
    "outer_race": Said("outer race", "외륜"),
    "inner_race": Said("inner race", "내륜"),
    "rolling_element": Said("rolling element", "전동체"),
    "cage": Said("cage", "케이지"),
    "element_not_identifiable": Said("element not identifiable", "손상 부위 식별 불가"),
    "several_tools": Said("with several tools", "여러 공구에서"),
    "change_recommended": Said("change recommended", "교체 권장"),
}
_REASONS_WHY = {
    Why.RPM: "회전수 정보 없음",
    Why.TEETH: "날 수 정보 없음",
    Why.GEOMETRY: "베어링 치수 정보 없음",
    Why.RATE: "샘플링 속도 부족",
    Why.RESOLUTION: "주파수 분해능 부족",
    Why.UNIT: "가속도 단위가 아님",
    Why.CHANNEL: "적합한 채널 없음",
    Why.NOT_CUTTING: "가공 중이 아님",
    Why.CUTTING: "가공 중",
    Why.CONTEXT: "가공 여부 알 수 없음",
    Why.LEARNING: "학습 중",
    Why.SAMPLES: "사용할 수 있는 데이터 없음",
    Why.UNSTEADY: "가공 조건 변경 중",
    Why.STANDS: "스핀들 정지",
}
_SURE = (
    (0.8, Said("Unmistakable", "확실")),
    (0.6, Said("Likely", "가능성 높음")),
    (0.0, Said("Possible", "의심")),
)


def name_of(fault: FaultClass) -> Said:
    """What a fault class is called."""
    return _NAMES[fault]


def advise(fault: FaultClass) -> Said:
    """What a machinist would check first."""
    return _ADVICE[fault]


def phrase(detail: str) -> Said | None:
    """A finding's detail in words.

    Parameters
    ----------
    detail : str
        Of a `engine.verdicts.Finding`.

    Returns
    -------
    Said or None
        As it is, if it is no known word; None for a name such as a detector's, which only files want, and if there
        is none.
    """
    if detail in _DETAILS:
        return _DETAILS[detail]
    return Said(detail, detail) if " " in detail else None


def how_sure(certainty: float) -> Said:
    """How sure a finding is, in a word.

    Parameters
    ----------
    certainty : float
        0 to 1.

    Returns
    -------
    Said
        English and Korean.
    """
    return next(said for least, said in _SURE if certainty >= least)


def say_why(why: str) -> Said:
    """Why a fault class is not being watched.

    Parameters
    ----------
    why : str
        A value of `engine.verdicts.Why`.

    Returns
    -------
    Said
        English and Korean.
    """
    return Said(why, _REASONS_WHY[Why(why)])
