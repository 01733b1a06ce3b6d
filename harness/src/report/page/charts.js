// How much was done, and how long it took.
const binned = (from, to, count) => {
  const bins = Array.from({ length: count }, () => ({ states: [0, 0, 0], took: [] })), width = (to - from) / count;
  const begin = firstFrom(calls.began, from), end = firstFrom(calls.began, to);
  for (let i = begin; i < end; i++) {
    if (!filter.mask[i]) continue;
    const bin = bins[Math.min(Math.floor((calls.began[i] - from) / width), count - 1)];
    bin.states[calls.state[i]] += 1;
    if (calls.state[i] === 0 && calls.ended[i] > calls.began[i] && (view.kind >= 0 || calls.kinds[calls.kind[i]] === "send")) bin.took.push(calls.ended[i] - calls.began[i]);
  }
  return { bins, width };
};

const drawThroughput = (c, plot, drawing) => {
  drawTime(c, plot);
  const foot = 20, tall = plot.height - foot - 8;
  const { bins, width } = binned(plot.from, plot.to, Math.max(Math.floor(plot.width / 5), 1));
  const rate = bin => (bin.states[0] + bin.states[1] + bin.states[2]) / (width / 1e6);
  const most = Math.max(...bins.map(rate), 1e-9), step = niceStep(most, drawing.whole ? 1.5 : 3), top = Math.max(most, step);
  const y = value => plot.height - foot - value / top * tall;
  inPlot(c, plot, () => shade(c, plot, 0, plot.height - foot));
  c.textAlign = "right";
  for (let value = 0; value <= top; value += step) {
    c.strokeStyle = colours.grid; c.lineWidth = 1;
    c.beginPath(); c.moveTo(plot.left, Math.round(y(value)) + 0.5); c.lineTo(plot.left + plot.width, Math.round(y(value)) + 0.5); c.stroke();
    c.fillStyle = colours.faint;
    if (value > 0) c.fillText(`${grouped(value)}/s`, GUTTER - 6, y(value));
  }
  c.textAlign = "left";
  label(c, drawing.whole ? "whole run" : "calls begun", plot.height / 2 - foot / 2);
  inPlot(c, plot, () => bins.forEach((bin, b) => {
    let base = 0;
    const left = plot.x(plot.from + b * width), right = plot.x(plot.from + (b + 1) * width);
    bin.states.forEach((count, state) => {
      if (!count) return;
      const value = count / (width / 1e6);
      c.fillStyle = colours.state[state];
      c.fillRect(left, y(base + value), Math.max(right - left - 0.6, 0.8), y(base) - y(base + value));
      base += value;
    });
    if (base && !drawing.whole) drawing.hits.push({ box: [left + 2, 0, Math.max(right - left - 4, 0), plot.height], tip: `<b>${grouped(base)} calls/s</b><br>${bin.states.map((count, state) => count ? `${count} ${STATE[state]}` : "").filter(Boolean).join(", ")}<br><small>${moment(Math.round(plot.from + b * width))} and ${lasting(Math.round(width))} on</small>` });
  }));
  if (drawing.whole) {
    c.fillStyle = colours.accent; c.globalAlpha = 0.12;
    c.fillRect(plot.x(view.from), 0, Math.max(plot.x(view.to) - plot.x(view.from), 2), plot.height - foot);
    c.globalAlpha = 1; c.strokeStyle = colours.accent; c.lineWidth = 1.5;
    c.strokeRect(plot.x(view.from), 1, Math.max(plot.x(view.to) - plot.x(view.from), 2), plot.height - foot - 2);
  }
  drawMoments(c, plot, foot);
  drawMark(c, plot, drawing);
};

const drawMark = (c, plot, drawing) => {
  if (!drawing.marked) return;
  const [one, other] = drawing.marked;
  c.fillStyle = colours.accent; c.globalAlpha = 0.25;
  c.fillRect(Math.min(one, other), 0, Math.abs(other - one), plot.height);
  c.globalAlpha = 1;
};

const drawLatency = (c, plot, drawing) => {
  drawTime(c, plot);
  inPlot(c, plot, () => shade(c, plot, 0, plot.height - 20));
  label(c, view.kind >= 0 ? calls.kinds[view.kind] : "sends", plot.height / 2 - 10);
  const { bins, width } = binned(plot.from, plot.to, Math.max(Math.floor(plot.width / 6), 1));
  const points = bins.map((bin, b) => {
    if (!bin.took.length) return null;
    bin.took.sort((x, y) => x - y);
    const at = share => bin.took[Math.min(Math.floor(share * bin.took.length), bin.took.length - 1)];
    return { x: plot.x(plot.from + (b + 0.5) * width), half: at(0.5), most: at(0.99), max: at(1), count: bin.took.length, b };
  });
  const low = 3, high = Math.max(5, ...points.map(p => p ? Math.log10(Math.max(p.max, 1)) + 0.1 : 0));
  const y = took => plot.height - 24 - (Math.log10(Math.max(took, 1000)) - low) / (high - low) * (plot.height - 36);
  c.textAlign = "right";
  for (let power = low; power <= high; power++) {
    const at = Math.round(y(10 ** power)) + 0.5;
    c.strokeStyle = colours.grid; c.lineWidth = 1;
    c.beginPath(); c.moveTo(plot.left, at); c.lineTo(plot.left + plot.width, at); c.stroke();
    c.fillStyle = colours.faint;
    c.fillText(power < 6 ? `${10 ** (power - 3)} ms` : `${10 ** (power - 6)} s`, GUTTER - 6, at);
  }
  c.textAlign = "left";
  inPlot(c, plot, () => {
    for (const [pick, colour, size] of [["max", colours.faint, 2], ["most", colours.fail, 2.6], ["half", colours.ok, 2.6]]) {
      c.fillStyle = colour;
      for (const point of points) if (point) { c.beginPath(); c.arc(point.x, y(point[pick]), size, 0, 7); c.fill(); }
    }
    for (const point of points) {
      if (!point) continue;
      drawing.hits.push({ box: [point.x - 1, 0, 2, plot.height - 20], tip: `<b>half within ${lasting(point.half)}</b><br>99 % within ${lasting(point.most)}, the longest ${lasting(point.max)}<br><small>${point.count} calls from ${moment(Math.round(plot.from + point.b * width))} on</small>` });
    }
  });
  drawMoments(c, plot);
  drawMark(c, plot, drawing);
};
