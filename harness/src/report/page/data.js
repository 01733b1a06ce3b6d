// What the page shows, unpacked, and words for it. Times are microseconds.
const byId = id => document.getElementById(id);
const run = JSON.parse(byId("run").textContent);
const T = Math.max(run.lasted, 1);
const STATE = ["ok", "failed", "unknown"];
const CLASSES = ["crash", "power cut", "pause", "partition", "slow link", "clock", "disk", "asked for"];
// Okabe and Ito's colours, which people who see colours differently can tell apart.
const PALETTE = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#7a6fb3", "#8c7a2b"];
const CLASS_COLOUR = ["#d55e00", "#b0305c", "#7a6fb3", "#0072b2", "#56b4e9", "#8c7a2b", "#009e73", "#808890"];

const summed = deltas => {
  const sums = new Float64Array(deltas.length);
  let at = 0;
  for (let i = 0; i < deltas.length; i++) sums[i] = at += deltas[i];
  return sums;
};

const calls = (() => {
  const raw = run.calls, count = raw.began.length;
  const began = summed(raw.began), ended = new Float64Array(count);
  for (let i = 0; i < count; i++) ended[i] = raw.took[i] < 0 ? T : began[i] + raw.took[i];
  const lanes = raw.lanes.map(() => []);
  for (let i = 0; i < count; i++) lanes[raw.lane[i]].push(i);
  // Per lane, the latest end so far: where to begin when only a part is looked at.
  const reach = lanes.map(lane => {
    let latest = 0;
    return Float64Array.from(lane, i => latest = Math.max(latest, ended[i]));
  });
  const byIndex = new Map();
  for (let i = 0; i < count; i++) {
    byIndex.set(raw.index[i], i);
    if (raw.end_index[i] >= 0) byIndex.set(raw.end_index[i], i);
  }
  return {
    count, began, ended, lanes, reach, byIndex, names: raw.lanes, kinds: raw.kinds, keys: raw.keys,
    state: raw.state, lane: raw.lane, kind: raw.kind, key: raw.key, process: raw.process,
    index: raw.index, words: raw.words, open: i => raw.took[i] < 0,
  };
})();

const tracks = run.tracks.map(track => ({
  ...track,
  lines: track.lines.map(({ name, steps }) => {
    const at = new Float64Array(steps.length / 2), value = new Float64Array(steps.length / 2);
    for (let i = 0, t = 0, v = 0; i < at.length; i++) {
      at[i] = t += steps[2 * i];
      value[i] = v += steps[2 * i + 1];
    }
    return { name, at, value };
  }),
}));

const messages = (() => {
  const raw = run.messages, sent = summed(raw.sent), count = sent.length;
  const read = new Float64Array(count);
  for (let i = 0; i < count; i++) read[i] = raw.took[i] < 0 ? -1 : sent[i] + raw.took[i];
  const late = raw.took.reduce((most, took) => Math.max(most, took), 0);
  return { ...raw, sent, read, count, late };
})();

const keys = [...new Set([...run.logs.map(log => log.key), ...calls.keys])];
const proofs = new Set(run.findings.flatMap(f => f.operations).map(index => calls.byIndex.get(index)).filter(i => i !== undefined));

// The first position whose value is not below `wanted`.
const firstFrom = (sorted, wanted) => {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < wanted) low = middle + 1; else high = middle;
  }
  return low;
};

const seconds = (at, unit = 1e6) => {
  const digits = unit >= 1e6 ? 0 : unit >= 1e5 ? 1 : unit >= 1e4 ? 2 : unit >= 1e3 ? 3 : 6;
  return (at / 1e6).toFixed(digits) + " s";
};
const moment = at => (at / 1e6).toFixed(at % 1000 ? 6 : 3) + " s";
const lasting = time => time < 1000 ? time + " µs" : time < 1e6 ? (time / 1e3).toFixed(time < 1e4 ? 2 : 1) + " ms" : (time / 1e6).toFixed(2) + " s";
const grouped = number => Math.round(number).toLocaleString("en").replaceAll(",", "\u2009");
const escaped = text => String(text).replace(/[&<>"]/g, c => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
const epochColour = epoch => PALETTE[((epoch % PALETTE.length) + PALETTE.length) % PALETTE.length];

// 1, 2 or 5 times a power of ten, so that about `count` of them fill `span`.
const niceStep = (span, count) => {
  const raw = Math.max(span, 1e-9) / Math.max(count, 1), power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].map(f => f * power).find(step => step >= raw);
};
