// Who told whom what: time runs to the right, everybody has a line, a message goes from one to the
// other. Too many for one drawing are drawn as how many there were.
const MESSAGES_MAX = 1500, PARTY = 38;

const shownParties = () => {
  const used = new Set();
  for (let i = 0; i < messages.count; i++) { used.add(messages.from[i]); used.add(messages.to[i]); }
  const all = messages.parties.map((_, party) => party).filter(party => used.has(party));
  const rank = party => { const node = run.nodes.indexOf(messages.parties[party]); return node < 0 ? run.nodes.length : node; };
  return all.sort((a, b) => rank(a) - rank(b) || messages.parties[a].localeCompare(messages.parties[b], "en", { numeric: true }));
};
const parties = shownParties();
const partyRow = new Map(parties.map((party, row) => [party, row]));
const kindColour = messages.kinds.map(kind => {
  const known = [["Produce", 1], ["Fetch", 0], ["Quorum", 6], ["AlterPartition", 5], ["Metadata", 2], ["Heartbeat", 7], ["ListOffsets", 4], ["OffsetForLeaderEpoch", 3]];
  return PALETTE[known.find(([word]) => kind.startsWith(word) || kind.includes(word))?.[1] ?? 7];
});

const messagePasses = i => {
  const text = view.text.toLowerCase();
  const touches = view.node < 0 || [messages.from[i], messages.to[i]].some(party => messages.parties[party] === run.nodes[view.node]);
  return touches && (!text || messages.kinds[messages.kind[i]].toLowerCase().includes(text) || messages.parties[messages.from[i]].includes(text) || messages.parties[messages.to[i]].includes(text));
};
const messagesIn = (from, to) => {
  const found = [], begin = firstFrom(messages.sent, from - Math.min(messages.late, 5e6)), end = firstFrom(messages.sent, to);
  for (let i = begin; i < end; i++) {
    if ((messages.read[i] < 0 ? messages.sent[i] : messages.read[i]) >= from && messagePasses(i)) found.push(i);
  }
  return found;
};

const drawMessages = (c, plot, drawing) => {
  drawTime(c, plot);
  const y = party => 20 + partyRow.get(party) * PARTY;
  parties.forEach(party => {
    label(c, messages.parties[party], y(party));
    c.strokeStyle = colours.line; c.lineWidth = 1;
    c.beginPath(); c.moveTo(plot.left, y(party) + 0.5); c.lineTo(plot.left + plot.width, y(party) + 0.5); c.stroke();
  });
  const found = messagesIn(plot.from, plot.to);
  drawing.found = found.length <= MESSAGES_MAX ? found : [];
  inPlot(c, plot, () => {
    const [since, until] = messages.window;
    c.fillStyle = colours.grid; c.globalAlpha = 0.7;
    if (plot.from < since) c.fillRect(plot.left, 0, plot.x(since) - plot.left, plot.height - 20);
    if (plot.to > until) c.fillRect(Math.max(plot.x(until), plot.left), 0, plot.left + plot.width, plot.height - 20);
    c.globalAlpha = 1;
    for (const fault of run.faults) {
      for (const party of parties) if (fault.on.some(on => on.split(/[ ,+]/).includes(messages.parties[party]))) shade(c, plot, y(party) - 8, 17, f => f === fault, 0.25);
    }
    if (found.length > MESSAGES_MAX) {
      drawDensity(c, plot, found, y);
      const words = `${grouped(found.length)} messages in view; zoom in to see each`;
      const wide = c.measureText(words).width, middle = plot.left + plot.width / 2;
      c.fillStyle = colours.card; c.beginPath(); c.roundRect(middle - wide / 2 - 12, plot.height - 43, wide + 24, 20, 10); c.fill();
      c.strokeStyle = colours.line; c.stroke();
      c.fillStyle = colours.soft; c.textAlign = "center"; c.fillText(words, middle, plot.height - 32.5); c.textAlign = "left";
      return;
    }
    for (const i of found) drawMessage(c, plot, i, y);
    if (drawing.hot >= 0) drawMessage(c, plot, drawing.hot, y, true);
  });
  drawMoments(c, plot);
  drawMark(c, plot, drawing);
};

const drawMessage = (c, plot, i, y, hot = false) => {
  const from = [plot.x(messages.sent[i]), y(messages.from[i])], lost = messages.read[i] < 0;
  let to = [plot.x(lost ? messages.sent[i] : messages.read[i]), y(messages.to[i])];
  if (lost) to = [from[0] + 5, from[1] + Math.sign(to[1] - from[1]) * 11];
  c.strokeStyle = c.fillStyle = lost ? colours.wrong : kindColour[messages.kind[i]];
  c.globalAlpha = hot || lost ? 1 : 0.75;
  c.lineWidth = hot ? 2.5 : 1.1;
  c.beginPath(); c.moveTo(...from); c.lineTo(...to); c.stroke();
  if (lost) {
    c.beginPath(); c.moveTo(to[0] - 3, to[1] - 3); c.lineTo(to[0] + 3, to[1] + 3); c.moveTo(to[0] + 3, to[1] - 3); c.lineTo(to[0] - 3, to[1] + 3); c.stroke();
  } else {
    const angle = Math.atan2(to[1] - from[1], to[0] - from[0]);
    c.beginPath(); c.moveTo(...to);
    c.lineTo(to[0] - 6 * Math.cos(angle - 0.4), to[1] - 6 * Math.sin(angle - 0.4));
    c.lineTo(to[0] - 6 * Math.cos(angle + 0.4), to[1] - 6 * Math.sin(angle + 0.4));
    c.fill();
  }
  c.globalAlpha = 1;
};

const drawDensity = (c, plot, found, y) => {
  const columns = Math.max(Math.floor(plot.width / 4), 1);
  const counts = new Map(parties.map(party => [party, new Uint32Array(columns)]));
  let most = 1;
  for (const i of found) {
    const column = Math.floor((plot.x(messages.sent[i]) - plot.left) / plot.width * columns);
    if (column >= 0 && column < columns) most = Math.max(most, ++counts.get(messages.from[i])[column]);
  }
  c.fillStyle = colours.ok;
  for (const party of parties) counts.get(party).forEach((count, column) => {
    if (!count) return;
    const tall = 3 + count / most * (PARTY / 2 - 5);
    c.fillRect(plot.left + column * plot.width / columns, y(party) - tall, plot.width / columns - 0.5, tall);
  });
};

const findMessage = function (x, y) {
  if (x < GUTTER || !this.found) return null;
  let best = -1, distance = 6;
  for (const i of this.found) {
    const lost = messages.read[i] < 0, a = [this.plot.x(messages.sent[i]), 20 + partyRow.get(messages.from[i]) * PARTY];
    let b = [this.plot.x(lost ? messages.sent[i] : messages.read[i]), 20 + partyRow.get(messages.to[i]) * PARTY];
    if (lost) b = [a[0] + 5, a[1] + Math.sign(b[1] - a[1]) * 11];
    const [dx, dy] = [b[0] - a[0], b[1] - a[1]], along = Math.max(0, Math.min(1, ((x - a[0]) * dx + (y - a[1]) * dy) / (dx * dx + dy * dy || 1)));
    const away = Math.hypot(a[0] + along * dx - x, a[1] + along * dy - y);
    if (away < distance) { best = i; distance = away; }
  }
  if (this.hot !== best) { this.hot = best; redraw(); }
  if (best < 0) return null;
  const took = messages.read[best] < 0 ? "never read" : `read after ${lasting(messages.read[best] - messages.sent[best])}`;
  return { tip: `<b>${escaped(messages.kinds[messages.kind[best]])}</b><br>${escaped(messages.parties[messages.from[best]])} to ${escaped(messages.parties[messages.to[best]])}, ${grouped(messages.bytes[best])} bytes, ${took}<br><small>${moment(messages.sent[best])}</small>` };
};
