// What faults struck, what nodes did and what clients asked, one above the other.

// Calls that pass the filters, as a mask that is made anew only when a filter changes.
const filter = { mask: new Uint8Array(calls.count), count: 0 };
const applyFilter = () => {
  const text = view.text.toLowerCase(), key = calls.keys.indexOf(view.key);
  filter.count = 0;
  for (let i = 0; i < calls.count; i++) {
    const passes = view.states[calls.state[i]]
      && (view.lane < 0 || calls.lane[i] === view.lane)
      && (view.kind < 0 || calls.kind[i] === view.kind)
      && (keys.length < 2 || key < 0 || calls.key[i] < 0 || calls.key[i] === key)
      && (!text || calls.words[i].toLowerCase().includes(text) || calls.names[calls.lane[i]].toLowerCase().includes(text));
    filter.mask[i] = passes ? 1 : 0;
    filter.count += filter.mask[i];
  }
  redraw();
};

const tipOfCall = i => `<b>${escaped(calls.words[i])}</b><br>${STATE[calls.state[i]]} after ${calls.open(i) ? "no answer ever" : lasting(calls.ended[i] - calls.began[i])}`
  + `<br><small>${moment(calls.began[i])} · op ${calls.index[i]} · process ${calls.process[i]} · ${escaped(calls.names[calls.lane[i]])}</small>`;
const tipOfFault = fault => `<b>${escaped(fault.words)}</b> ${escaped(fault.on.join(", "))}<br><small>${moment(fault.from)}${fault.to > fault.from ? " for " + lasting(fault.to - fault.from) : ""}</small>`;

// Faults in rows, so that no two that overlap share one.
const faultRows = (() => {
  const ends = [];
  return run.faults.map(fault => {
    const to = Math.max(fault.to, fault.from + T / 200);
    let row = ends.findIndex(end => end <= fault.from);
    if (row < 0) row = ends.push(0) - 1;
    ends[row] = to;
    return row;
  });
})();
const faultRowCount = Math.max(0, ...faultRows) + 1;

const drawFaults = (c, plot, drawing) => {
  drawTime(c, plot, false);
  label(c, `${run.faults.length} faults`, plot.height / 2);
  inPlot(c, plot, () => run.faults.forEach((fault, i) => {
    const left = plot.x(fault.from), right = Math.max(plot.x(fault.to), left + 3), top = 5 + faultRows[i] * 19;
    if (right < plot.left || left > plot.left + plot.width) return;
    c.fillStyle = CLASS_COLOUR[fault.class];
    c.beginPath(); c.roundRect(left, top, right - left, 15, Math.min(3, (right - left) / 2)); c.fill();
    const begin = Math.max(left, plot.left), words = clipText(c, `${fault.words} ${fault.on.join(" ")}`, right - begin - 10);
    c.fillStyle = "#fff";
    c.fillText(words, begin + 5, top + 8);
    drawing.hits.push({ box: [left, top, right - left, 15], tip: tipOfFault(fault), act: () => look(fault.from - (fault.to - fault.from) * 0.2 - 2e5, fault.to + (fault.to - fault.from) * 0.2 + 2e5) });
  }));
  drawMoments(c, plot, 0);
};

// One node's lane: who it thinks it is, whether it is in sync, and how far its log reaches.
const LANE = 78;
const shownNodes = () => run.nodes.map((_, node) => node).filter(node => view.node < 0 || view.node === node);
const trackOf = (key, node) => tracks.find(track => track.key === key && track.node === node);

const spanStyle = state => [colours.lead, colours.follow, colours.wait, colours.control][state] ?? colours.wait;

const drawSpans = (c, plot, drawing, spans, top, height) => {
  for (const span of spans) {
    if (span.to < plot.from || span.from > plot.to) continue;
    const left = Math.max(plot.x(span.from), plot.left), right = Math.min(plot.x(span.to), plot.left + plot.width);
    c.fillStyle = spanStyle(span.state);
    c.fillRect(left, top, Math.max(right - left, 1), height);
    c.fillStyle = span.state === 0 || span.state === 3 ? "#fff" : colours.ink;
    if (height > 10) c.fillText(clipText(c, span.label, right - left - 10), left + 5, top + height / 2 + 0.5);
    drawing.hits.push({ box: [left, top, right - left, height], tip: `<b>${escaped(span.label)}</b><br><small>${run.states[span.state]}, ${moment(span.from)} to ${moment(span.to)}</small>` });
  }
};

const valueAt = (line, at) => {
  const next = firstFrom(line.at, at + 0.5);
  return next ? line.value[next - 1] : null;
};

// A staircase; of the steps within one pixel only the extremes are drawn.
const drawLine = (c, plot, line, y, colour, dash) => {
  const begin = Math.max(firstFrom(line.at, plot.from) - 1, 0), end = Math.min(firstFrom(line.at, plot.to) + 1, line.at.length);
  if (begin >= end) return;
  c.strokeStyle = colour;
  c.lineWidth = 1.6;
  c.setLineDash(dash);
  c.beginPath();
  let last = y(line.value[begin]), column = -Infinity;
  c.moveTo(Math.max(plot.x(line.at[begin]), plot.left), last);
  for (let i = begin + 1; i < end; i++) {
    const x = plot.x(line.at[i]), here = y(line.value[i]);
    if (x - column < 0.7 && Math.abs(here - last) < 0.7) continue;
    c.lineTo(x, last);
    c.lineTo(x, here);
    last = here;
    column = x;
  }
  c.lineTo(plot.left + plot.width, y(line.value[end - 1]));
  c.stroke();
  c.setLineDash([]);
};

const drawMembership = (c, plot, node, top) => {
  const group = run.groups.find(group => group.key === view.key);
  if (!group) return;
  group.changes.forEach(([at, members], i) => {
    const until = group.changes[i + 1]?.[0] ?? T;
    if (until < plot.from || at > plot.to) return;
    const left = Math.max(plot.x(at), plot.left), right = Math.min(plot.x(until), plot.left + plot.width);
    if (members.includes(node)) { c.fillStyle = colours.member; c.fillRect(left, top, right - left, 4); }
    else { c.fillStyle = colours.grid; c.fillRect(left, top, right - left, 4); }
  });
};

const drawNodes = (c, plot, drawing) => {
  drawTime(c, plot);
  const shown = shownNodes(), lines = shown.flatMap(node => trackOf(view.key, node)?.lines ?? []);
  let low = Infinity, high = -Infinity;
  for (const line of lines) {
    const begin = Math.max(firstFrom(line.at, plot.from) - 1, 0), end = firstFrom(line.at, plot.to);
    for (let i = begin; i < end; i++) { low = Math.min(low, line.value[i]); high = Math.max(high, line.value[i]); }
  }
  if (!(high > low)) { low = Number.isFinite(low) ? low : 0; high = low + 1; }
  shown.forEach((node, row) => {
    const top = row * LANE + 4, track = trackOf(view.key, node), reign = trackOf("controllers", node);
    label(c, run.nodes[node], top + 12, view.key);
    const y = value => top + LANE - 12 - (value - low) / (high - low) * (LANE - 40);
    c.font = "10.5px " + getComputedStyle(document.body).fontFamily;
    c.textAlign = "right"; c.fillStyle = colours.faint;
    c.fillText(grouped(high), GUTTER - 6, y(high)); c.fillText(grouped(low), GUTTER - 6, y(low));
    c.textAlign = "left"; c.font = "12px " + getComputedStyle(document.body).fontFamily;
    inPlot(c, plot, () => {
      shade(c, plot, top, LANE - 8, fault => fault.on.some(on => on.split(/[ ,+]/).includes(run.nodes[node])), 0.2);
      if (reign) drawSpans(c, plot, drawing, reign.spans, top, 3);
      if (track) {
        drawSpans(c, plot, drawing, track.spans, top + 4, 15);
        drawMembership(c, plot, node, top + 20);
        drawLine(c, plot, track.lines[0], y, colours.end, []);
        if (track.lines[1]) drawLine(c, plot, track.lines[1], y, colours.mark, [4, 2]);
      }
    });
    c.strokeStyle = colours.grid; c.lineWidth = 1;
    c.beginPath(); c.moveTo(0, top + LANE - 3.5); c.lineTo(plot.left + plot.width, top + LANE - 3.5); c.stroke();
  });
  drawMoments(c, plot);
};

const findInNodes = function (x, y) {
  if (x < GUTTER || !this.plot) return null;
  const row = Math.floor((y - 4) / LANE), node = shownNodes()[row], inside = (y - 4) % LANE;
  if (node === undefined || inside < 20) return null;
  const at = this.plot.at(x), track = trackOf(view.key, node), group = run.groups.find(group => group.key === view.key);
  const members = group?.changes.findLast(([since]) => since <= at)?.[1] ?? [];
  const values = (track?.lines ?? []).map(line => `${escaped(line.name)} ${valueAt(line, at) ?? "none"}`);
  const struck = run.faults.filter(fault => fault.from <= at && fault.to >= at && fault.on.some(on => on.split(/[ ,+]/).includes(run.nodes[node])));
  return { tip: `<b>${escaped(run.nodes[node])}</b> at ${moment(Math.round(at))}<br>${values.join("<br>")}<br>in sync: ${members.map(m => escaped(run.nodes[m])).join(", ") || "nobody"}`
    + struck.map(fault => `<br><small>fault: ${escaped(fault.words)}</small>`).join("") };
};

// Clients: one row each. Several calls in one pixel are drawn as one, the gravest colour on top.
const ROW = 20;
const shownLanes = () => calls.names.map((_, lane) => lane).filter(lane => view.lane < 0 || view.lane === lane);

const callsIn = (lane, from, to, see) => {
  const list = calls.lanes[lane];
  for (let p = firstFrom(calls.reach[lane], from); p < list.length; p++) {
    const i = list[p];
    if (calls.began[i] > to) return;
    if (calls.ended[i] >= from) see(i);
  }
};

const drawClients = (c, plot) => {
  drawTime(c, plot);
  shownLanes().forEach((lane, row) => {
    const top = row * ROW + 3;
    label(c, calls.names[lane], top + 8);
    inPlot(c, plot, () => {
      if (row === 0) shade(c, plot, 0, plot.height - 20);
      const reached = [-1, -1, -1];
      const bars = [[], [], []];
      callsIn(lane, plot.from, plot.to, i => {
        if (!filter.mask[i]) return;
        const left = plot.x(calls.began[i]), right = Math.max(plot.x(calls.ended[i]), left + 1), state = calls.state[i];
        if (right < reached[state] + 0.5) return;
        const last = bars[state].at(-1);
        if (last && left <= last[1] + 0.4) last[1] = Math.max(last[1], right - (right - left > 5 ? 1 : 0));
        else bars[state].push([Math.max(left, plot.left), right - (right - left > 5 ? 1 : 0)]);
        reached[state] = right;
      });
      // How it ended shows in the height, too: what failed is low, what is unknown hangs.
      [[0, 0, 15], [1, 8, 7], [2, 0, 7]].forEach(([state, down, height]) => {
        c.fillStyle = colours.state[state];
        c.beginPath();
        for (const [left, right] of bars[state]) c.rect(left, top + down, Math.max(Math.min(right, plot.left + plot.width) - left, 1), height);
        c.fill();
      });
      for (const [i, colour] of [...[...proofs].map(i => [i, colours.wrong]), [view.hover, colours.ink], [view.chosen, colours.accent]]) {
        if (i < 0 || calls.lane[i] !== lane || calls.ended[i] < plot.from || calls.began[i] > plot.to) continue;
        const left = Math.max(plot.x(calls.began[i]), plot.left), right = Math.min(Math.max(plot.x(calls.ended[i]), left + 3), plot.left + plot.width);
        c.strokeStyle = colour; c.lineWidth = 2;
        c.strokeRect(left - 1, top - 1, right - left + 2, 17);
      }
    });
  });
  drawMoments(c, plot);
};

const findInClients = function (x, y) {
  if (x < GUTTER || !this.plot) return null;
  const lane = shownLanes()[Math.floor((y - 1) / ROW)];
  if (lane === undefined) return null;
  const at = this.plot.at(x), slack = (this.plot.to - this.plot.from) / this.plot.width * 3;
  let best = -1, distance = Infinity;
  callsIn(lane, at - slack, at + slack, i => {
    if (!filter.mask[i]) return;
    const away = Math.max(calls.began[i] - at, at - calls.ended[i], 0) - calls.state[i] * slack / 10 - (proofs.has(i) ? slack : 0);
    if (away <= distance) { best = i; distance = away; }
  });
  return best < 0 ? null : { call: best, tip: tipOfCall(best) };
};
