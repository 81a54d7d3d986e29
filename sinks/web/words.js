// Every word on the page, in English and Korean, and how numbers and times are written.

const EN = {
  spindles: "Spindles", alerts: "Alerts", closed: "Recently closed", waveform: "Waveform",
  noSpindles: "Waiting for the first spindle.", noAlerts: "No open alerts.",
  noWaveform: "This spindle has no waveform sensor.", waitWaveform: "Waiting for samples …",
  chooseSpindle: "Choose a spindle to see its signal.",
  ok: "Calm", learning: "Learning", sensor: "Check sensor", sensorShort: "Sensor", alerting: "Alert", none: "No data yet",
  allCalm: "All spindles calm", someAlert: (n, all) => `${n} of ${all} spindles: alert`,
  someSensor: (n, all) => `${n} of ${all} spindles: check sensor`,
  someLearning: (n, all) => `${n} of ${all} spindles still learning`, nothing: "No spindle data yet",
  live: "Live", connecting: "Connecting …", waiting: (s) => `Reconnecting in ${s} s`, refused: "Refused",
  lag: (text) => `${text} behind`, recorded: (text) => `recorded ${text}`,
  staleLink: (text) => `No connection for ${text}: what you see is old.`,
  staleData: (text) => `No data from the spindles for ${text}: what you see is old.`,
  stopped: (why) => `The server refuses this page: ${why}. Reload to try again.`,
  tokenWanted: "This page needs a token.", tokenAsk: "Token", tokenGive: "Show", signOut: "Forget token",
  tokenHow: "Whoever runs spindlewatch here makes one for you. It is kept for this tab only.",
  tokenRefused: "That token does not hold (any more).",
  notEncrypted: "NOT ENCRYPTED: others on the network can read the token on its way.",
  noData: (text) => `no data for ${text}`, score: "Score", limit: "limit 1.0",
  learned: (n, all) => `${n} of ${all}`, cuts: (n, all) => `limits along the cut: ${n} of ${all} cuts`, noRegime: "cut unknown",
  cutting: "cutting", idle: "not cutting", since: "for", lasted: "lasted",
  feature: "feature", value: "now", normal: "normal", share: "share",
  check: "Check", watched: "Watched", notWatched: "Not watched now", nothingWatched: "no fault class",
  history: (worst) => `scores of the last 60 s, highest ${worst}`, before: "seconds, 0 = now",
  figures: (f) => `${f.open} open · ${f.closed} recently closed · ${f.rate} scores/s · alert no. ${f.seq} · journal ${f.epoch}`,
};

const KO = {
  spindles: "스핀들", alerts: "알림", closed: "최근 종료", waveform: "파형",
  noSpindles: "스핀들 데이터를 기다리는 중입니다.", noAlerts: "발생 중인 알림이 없습니다.",
  noWaveform: "이 스핀들에는 파형 센서가 없습니다.", waitWaveform: "신호를 기다리는 중 …",
  chooseSpindle: "신호를 보려면 스핀들을 선택하세요.",
  ok: "정상", learning: "학습 중", sensor: "센서 이상", sensorShort: "센서", alerting: "알림", none: "데이터 없음",
  allCalm: "모든 스핀들 정상", someAlert: (n, all) => `스핀들 ${all}대 중 ${n}대 알림`,
  someSensor: (n, all) => `스핀들 ${all}대 중 ${n}대 센서 이상`,
  someLearning: (n, all) => `스핀들 ${all}대 중 ${n}대 학습 중`, nothing: "아직 데이터가 없습니다",
  live: "실시간", connecting: "연결 중 …", waiting: (s) => `${s}초 후 재연결`, refused: "거부됨",
  lag: (text) => `${text} 지연`, recorded: (text) => `${text} 기록`,
  staleLink: (text) => `${text} 동안 연결 끊김: 화면은 이전 상태입니다.`,
  staleData: (text) => `${text} 동안 스핀들 데이터 없음: 화면은 이전 상태입니다.`,
  stopped: (why) => `서버가 연결을 거부했습니다: ${why}. 새로 고침하여 다시 시도하세요.`,
  tokenWanted: "이 화면을 보려면 토큰이 필요합니다.", tokenAsk: "토큰", tokenGive: "보기", signOut: "토큰 지우기",
  tokenHow: "토큰은 이곳의 spindlewatch 관리자가 발급합니다. 이 탭에만 보관됩니다.",
  tokenRefused: "유효하지 않거나 만료된 토큰입니다.",
  notEncrypted: "암호화되지 않음: 네트워크의 다른 사람이 토큰을 읽을 수 있습니다.",
  noData: (text) => `${text} 동안 데이터 없음`, score: "점수", limit: "한계 1.0",
  learned: (n, all) => `${n} / ${all}`, cuts: (n, all) => `구간 한계 학습: 가공 ${n} / ${all}회`, noRegime: "가공 조건 미확인",
  cutting: "절삭", idle: "비절삭", since: "지속", lasted: "지속",
  feature: "특징", value: "현재", normal: "정상 범위", share: "비중",
  check: "점검", watched: "감시 중", notWatched: "현재 감시하지 않음", nothingWatched: "고장 유형 없음",
  history: (worst) => `최근 60초 점수, 최고 ${worst}`, before: "초 (0 = 현재)",
  figures: (f) => `진행 ${f.open}건 · 최근 종료 ${f.closed}건 · 초당 점수 ${f.rate}개 · 알림 번호 ${f.seq} · 저널 ${f.epoch}`,
};

// Codes of the stream; a code that is not here is shown as it came.
const CODES = new Map([
  ["collision", ["Collision", "충돌"]], ["tool_breakage", ["Tool breakage", "공구 파손"]],
  ["missing_tool", ["Missing tool or material", "공구 또는 소재 없음"]], ["chatter", ["Chatter", "채터"]],
  ["bearing", ["Bearing damage", "베어링 손상"]], ["imbalance", ["Imbalance", "불평형"]],
  ["tool_wear", ["Worn tool", "공구 마모"]], ["process", ["Unusual cutting behaviour", "평소와 다른 가공 상태"]],
  ["absolute", ["fixed limit", "설정 한계"]], ["dynamic", ["change without teach-in", "학습 없이 감지된 변화"]],
  ["rpm unknown", ["rpm unknown", "회전수 정보 없음"]], ["tooth count unknown", ["tooth count unknown", "날 수 정보 없음"]],
  ["bearing geometry unknown", ["bearing geometry unknown", "베어링 치수 정보 없음"]],
  ["rate too low", ["rate too low", "샘플링 속도 부족"]], ["lines not resolved", ["lines not resolved", "주파수 분해능 부족"]],
  ["unit is no acceleration", ["unit is no acceleration", "가속도 단위가 아님"]],
  ["no suitable channel", ["no suitable channel", "적합한 채널 없음"]], ["not cutting", ["not cutting", "가공 중이 아님"]],
  ["cutting unknown", ["cutting unknown", "가공 여부 알 수 없음"]], ["learning", ["learning", "학습 중"]],
  ["no usable samples", ["no usable samples", "사용할 수 있는 데이터 없음"]],
  ["regime changing", ["cut changing", "가공 조건 변경 중"]],
  ["spindle stands still", ["spindle stands still", "스핀들 정지"]],
  ["learned", ["learned normal", "학습된 정상"]], ["cutting", [EN.cutting, KO.cutting]], ["idle", [EN.idle, KO.idle]],
  ["sensor", ["Sensor trouble", "센서 이상"]], ["gap", ["missing samples", "데이터 누락"]],
  ["overlap", ["repeated samples", "데이터 중복"]], ["late", ["late samples", "지연 도착"]],
  ["clock_jump", ["clock jumped", "센서 시각 변경"]], ["rate_loss", ["wrong rate", "샘플링 속도 이상"]],
  ["silent", ["no signal", "신호 없음"]], ["nan", ["invalid values", "유효하지 않은 값"]],
  ["clipped", ["clipped", "클리핑"]], ["flat_line", ["signal stuck", "신호 고정"]],
  ["wrong_shape", ["wrong block format", "블록 형식 오류"]],
]);

const KEPT = "spindlewatch.language";
export let language = kept() ?? (navigator.language.toLowerCase().startsWith("ko") ? "ko" : "en");

function kept() {
  try {
    const found = localStorage.getItem(KEPT);
    return found === "ko" || found === "en" ? found : null;
  } catch { return null; } // storage may be forbidden; the page works without
}

export function speak(chosen) {
  language = chosen;
  try { localStorage.setItem(KEPT, chosen); } catch { /* not remembered then */ }
}

export const word = (key) => (language === "ko" ? KO : EN)[key];
export const code = (name) => CODES.get(name)?.[language === "ko" ? 1 : 0] ?? String(name);

// Three significant digits; what is not a number cannot be said.
export function figure(value, digits = 3) {
  if (typeof value !== "number" || !Number.isFinite(value)) return "–";
  return String(Number(value.toPrecision(digits)));
}

export const scoreText = (value) => (typeof value !== "number" ? "–" : value < 10 ? value.toFixed(2) : value.toFixed(0));

export function duration(seconds) {
  const [h, min, s] = language === "ko" ? ["시간", "분", "초"] : [" h", " min", " s"];
  if (seconds < 9.95) return `${Math.max(0, seconds).toFixed(1)}${s}`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}${s}`;
  if (whole < 3600) return `${Math.floor(whole / 60)}${min} ${String(whole % 60).padStart(2, "0")}${s}`;
  return `${Math.floor(whole / 3600)}${h} ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")}${min}`;
}

const two = (n) => String(n).padStart(2, "0");

// Local time; the date is added where it is not the day of `nowNs`.
export function moment(tNs, nowNs) {
  const t = new Date(tNs / 1e6), now = new Date(nowNs / 1e6);
  const time = `${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())}`;
  if (t.toDateString() === now.toDateString()) return time;
  return `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())} ${time}`;
}

export function regimeText(label) {
  if (!label || label === "-") return word("noRegime");
  const parts = label.split("/");
  const last = parts.pop();
  return [...parts, last === "cutting" || last === "idle" ? code(last) : last].filter((part) => part !== "-").join(" · ");
}
