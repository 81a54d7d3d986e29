// Every word of the report in English and Korean. Codes of the stream and numbers are written by the live page's words.

const REPORT_EN = {
  title: "Replay report", configuration: "Configuration", print: "Print", recordings: (n) => `${n} ${n === 1 ? "recording" : "recordings"}`,
  faultsFound: "Labelled faults found", ofAll: (n, all) => `${n} of ${all}`, allFound: "all found", nMissed: (n) => `${n} missed`,
  nEarly: (n) => `${n} of them alerted before they began`, noLabels: "nothing is labelled", falseAlerts: "False alerts", noFalse: "none", unjudged: (n) => `${n} more that labels do not judge`,
  perDay: (rate, low, high) => `${rate} per machine-day (95 %: ${low} to ${high})`, inLabelled: (text) => `in ${text} with complete labels`,
  notJudged: "labels are not complete: nobody can say", delay: "Delay, onset to alert", median: "median", longest: (text) => `longest ${text}`,
  rightName: "Called by the right name", nothingFound: "no fault found", look: "What to look at", nothingToLook: "Nothing to look at: every labelled fault was found, and no alert was false.",
  missed: "Missed", false_: "False", early: "Alerted before it began", mainly: "mainly", at: "at", times: (n) => `${n} ×`, more: (n) => `and ${n} more kinds`,
  timeline: "Timeline", timelineNote: "Drag across a stretch to look closer, double-click for the whole. Scores above 4 are drawn at 4.",
  notAtHand: "The recording was not given: no labels, contexts or signals, and time 0 is the first score.",
  score: "Score", scoreAxis: "score (1 = limit)", timeAxis: "time from start of recording [s]", timeAxisMin: "time from start of recording [min]", timeAxisH: "time from start of recording [h]",
  cutting: "cutting", tool: "tool", section: "section", learning: "learning", labels: "labels", alerts: "alerts",
  whole: "Whole", closer: "Closer", wider: "Wider", earlier: "Earlier", later: "Later",
  alertsHead: "Alerts", all: "All", truth_true: "explained by a label", truth_false: "false", truth_unlabelled: "not judged",
  onset: "onset", fault: "fault", where: "recording", basis: "found by", lasted: "lasted", open: "still open", noAlerts: "No alert.", listed: (n, all) => `The first ${n} of ${all} alerts are listed.`,
  pictured: (n, all) => `${n} of ${all} alerts carry signals: false ones first, then those that labels explain.`,
  noPicture: "No signals are kept for this alert.", firstChannels: (n, all) => `The first ${n} of ${all} channels.`,
  waveform: "Waveform", spectrum: "Spectrum", envelope: "Envelope spectrum", secondsAxis: "time from onset [s]", hertzAxis: "frequency [Hz]",
  rmsAxis: (hz, unit) => `RMS in ${hz} Hz${unit ? ` [${unit}]` : ""}`, depthAxis: "depth of modulation [–]", opening: "opened", now: "onset to opening", calm: (text) => `healthy, same cut, ${text} before`,
  noCalm: "no healthy stretch of the same cut before", noSpectrum: "Too few samples for a spectrum.", band: (low, high, k) => `demodulated ${low} to ${high} Hz, kurtosis ${k}`,
  noGeometry: "bearing geometry not declared: no lines marked", noSpeed: "speed unknown: no lines marked", rotation: "f", tooth: "z·f",
  feature: "feature", value: "value", normal: "normal", share: "share", range: "against normal", advice: "Check",
  detail: "detail", certainty: "certainty", regime: "regime",
  faultsHead: "Labelled faults", outcome: "outcome", foundBy: "found by", start: "start", length: "length", found: "found", note: "note", untilEnd: "until the end",
  delayHead: "Delays", delayAxis: "delay, onset to alert, stream time [s]", countAxis: "faults [count]", foundOnly: "of the faults found only",
  benchHead: "Injected faults: found by severity", severityAxis: "severity (1 = moderate)", detectedAxis: "detected [%]", benchNote: "Bars: 95 % interval. Configuration", trials: "trials",
  kpiHead: "What the replay was worth", figure: "figure", interval: "95 % interval", basisOf: "basis",
  kpiTools: "Tool changes recommended in time", kpiStops: "Stops avoided", kpiCaused: "Stops caused", kpiDelay: "Alert latency, median (p90), stream time", kpiFalse: "False alerts per machine-day", ofDamaging: (n) => `of ${n} damaging faults`, lives: (n) => `${n} labelled tool lives`, days: (text) => `${text} machine-days`, faults: (n) => `${n} faults`,
  evaluationHead: "Evaluation against the labels", overall: "overall", byClass: "by fault class", byTier: "by tier", recall: "found", precision: "alerts that are true", falsePerHour: "false per normal hour", delayMedian: "delay median (p90)", rightClass: "right class", nab: "NAB standard", group: "group",
  rangeHead: "Rows and ranges", evaluationNote: "In brackets: 95 % intervals. – = cannot be said. Nothing is point-adjusted.",
  configHead: "Configuration and versions", key: "key", here: "here", default_: "default", allDefault: "All keys have their default values.", configUnknown: "Not the default configuration, and not given with --config: which keys differ cannot be said.",
  to: "to", none: "–", unspecific: "class not labelled",
};

const REPORT_KO = {
  title: "재생 보고서", configuration: "설정", print: "인쇄", recordings: (n) => `기록 ${n}건`,
  faultsFound: "라벨된 고장 검출", ofAll: (n, all) => `${all}건 중 ${n}건`, allFound: "모두 검출", nMissed: (n) => `미검출 ${n}건`,
  nEarly: (n) => `그중 ${n}건은 발생 전에 이미 알림`, noLabels: "라벨 없음", falseAlerts: "오경보", noFalse: "없음", unjudged: (n) => `라벨로 판단할 수 없는 알림 ${n}건 별도`,
  perDay: (rate, low, high) => `기계·일당 ${rate}건 (95 %: ${low} ~ ${high})`, inLabelled: (text) => `라벨이 완전한 ${text} 동안`,
  notJudged: "라벨이 완전하지 않아 판단할 수 없음", delay: "발생부터 알림까지 지연", median: "중앙값", longest: (text) => `최대 ${text}`,
  rightName: "올바른 유형으로 분류", nothingFound: "검출된 고장 없음", look: "확인할 항목", nothingToLook: "확인할 항목 없음: 라벨된 고장을 모두 검출했고 오경보가 없습니다.",
  missed: "미검출", false_: "오경보", early: "발생 전에 이미 알림", mainly: "주요 원인", at: "위치", times: (n) => `${n}건`, more: (n) => `외 ${n}종`,
  timeline: "시간 축", timelineNote: "구간을 끌어 확대하고 두 번 눌러 전체를 봅니다. 4를 넘는 점수는 4에 그립니다.",
  notAtHand: "기록이 제공되지 않아 라벨, 가공 조건, 신호가 없으며 시간 0은 첫 점수입니다.",
  score: "점수", scoreAxis: "점수 (1 = 한계)", timeAxis: "기록 시작 후 시간 [s]", timeAxisMin: "기록 시작 후 시간 [min]", timeAxisH: "기록 시작 후 시간 [h]",
  cutting: "절삭", tool: "공구", section: "구간", learning: "학습", labels: "라벨", alerts: "알림",
  whole: "전체", closer: "확대", wider: "축소", earlier: "이전", later: "이후",
  alertsHead: "알림", all: "전체", truth_true: "라벨로 설명됨", truth_false: "오경보", truth_unlabelled: "판단 불가",
  onset: "발생", fault: "고장", where: "기록", basis: "근거", lasted: "지속", open: "진행 중", noAlerts: "알림이 없습니다.", listed: (n, all) => `알림 ${all}건 중 처음 ${n}건을 표시합니다.`,
  pictured: (n, all) => `알림 ${all}건 중 ${n}건에 신호가 있습니다: 오경보, 라벨로 설명된 알림 순.`,
  noPicture: "이 알림의 신호는 포함되지 않았습니다.", firstChannels: (n, all) => `채널 ${all}개 중 처음 ${n}개.`,
  waveform: "파형", spectrum: "스펙트럼", envelope: "포락선 스펙트럼", secondsAxis: "발생 기준 시간 [s]", hertzAxis: "주파수 [Hz]",
  rmsAxis: (hz, unit) => `${hz} Hz당 RMS${unit ? ` [${unit}]` : ""}`, depthAxis: "변조 깊이 [–]", opening: "알림", now: "발생부터 알림까지", calm: (text) => `정상, 같은 가공 조건, ${text} 전`,
  noCalm: "이전에 같은 가공 조건의 정상 구간 없음", noSpectrum: "스펙트럼을 구하기에 데이터가 부족합니다.", band: (low, high, k) => `복조 대역 ${low} ~ ${high} Hz, 첨도 ${k}`,
  noGeometry: "베어링 치수 정보 없음: 선을 표시하지 않음", noSpeed: "회전수 정보 없음: 선을 표시하지 않음", rotation: "f", tooth: "z·f",
  feature: "특징", value: "값", normal: "정상 범위", share: "비중", range: "정상 대비", advice: "점검",
  detail: "세부", certainty: "확실도", regime: "가공 조건",
  faultsHead: "라벨된 고장", outcome: "결과", foundBy: "검출 알림", start: "시작", length: "길이", found: "검출", note: "메모", untilEnd: "끝까지",
  delayHead: "지연 분포", delayAxis: "발생부터 알림까지 지연, 스트림 시간 [s]", countAxis: "고장 수 [건]", foundOnly: "검출된 고장만",
  benchHead: "주입 고장: 심각도별 검출률", severityAxis: "심각도 (1 = 보통)", detectedAxis: "검출률 [%]", benchNote: "막대: 95 % 구간. 설정", trials: "시험 수",
  kpiHead: "재생의 가치", figure: "지표", interval: "95 % 구간", basisOf: "기준",
  kpiTools: "제때 권고된 공구 교환", kpiStops: "방지한 정지", kpiCaused: "유발한 정지", kpiDelay: "알림 지연, 중앙값 (p90), 스트림 시간", kpiFalse: "기계·일당 오경보", ofDamaging: (n) => `손상 고장 ${n}건 중`, lives: (n) => `라벨된 공구 수명 ${n}건`, days: (text) => `${text} 기계·일`, faults: (n) => `고장 ${n}건`,
  evaluationHead: "라벨 기준 평가", overall: "전체", byClass: "고장 유형별", byTier: "단계별", recall: "검출", precision: "참인 알림", falsePerHour: "정상 시간당 오경보", delayMedian: "지연 중앙값 (p90)", rightClass: "올바른 유형", nab: "NAB 표준", group: "구분",
  rangeHead: "행과 구간", evaluationNote: "괄호: 95 % 구간. – = 판단할 수 없음. 점 보정은 하지 않습니다.",
  configHead: "설정과 버전", key: "키", here: "사용 값", default_: "기본값", allDefault: "모든 키가 기본값입니다.", configUnknown: "기본 설정이 아니며 --config로 제공되지 않아 바뀐 키를 알 수 없습니다.",
  to: "~", none: "–", unspecific: "유형 미지정",
};

const told = (key) => (language === "ko" ? REPORT_KO : REPORT_EN)[key];

// Labels may name what the stream has no code for; those stand as they are written, but for their underscores.
const faultName = (name) => (name === "unspecific" ? told("unspecific") : code(name) === name ? name.replaceAll("_", " ") : code(name));
const delayText = (seconds) => (seconds < 1 ? `${figure(seconds, 2)}${language === "ko" ? "초" : " s"}` : duration(seconds));
const percent = (share) => (typeof share === "number" ? `${figure(100 * share)} %` : "–");
const between = (pair, text) => (Array.isArray(pair) && pair.some((one) => typeof one === "number") ? ` (${text(pair[0])} ${told("to")} ${text(pair[1])})` : "");

// 0:01:23.4 from the start of the recording.
function clock(seconds) {
  const tenths = Math.round(seconds * 10), s = Math.floor(Math.abs(tenths) / 10);
  return `${tenths < 0 ? "−" : ""}${Math.floor(s / 3600)}:${two(Math.floor((s % 3600) / 60))}:${two(s % 60)}.${Math.abs(tenths) % 10}`;
}
