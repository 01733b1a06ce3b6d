// The part of the run that is looked at, and the drawings that look at it together.
const GUTTER = 204, RIGHT = 30;
const view = { from: 0, to: T, text: "", key: keys[0] ?? "", node: -1, lane: -1, kind: -1, states: [true, true, true], chosen: -1, hover: -1 };
const drawings = [];
let colours = {}, wanted = false, frames = 0;

const readColours = () => {
  const style = getComputedStyle(document.documentElement);
  const names = ["page", "ink", "soft", "faint", "line", "grid", "card", "accent", "ok", "fail", "unknown", "wrong", "right", "lead", "follow", "wait", "control", "member", "end", "mark", "band"];
  colours = Object.fromEntries(names.map(name => [name, style.getPropertyValue("--" + name).trim()]));
  colours.state = [colours.ok, colours.fail, colours.unknown];
};

const redraw = () => {
  if (wanted) return;
  wanted = true;
  requestAnimationFrame(drawAll);
};

const drawAll = () => {
  wanted = false;
  frames += 1;
  for (const drawing of drawings) draw(drawing);
  const span = view.to - view.from;
  byId("range").textContent = `${seconds(view.from, span / 100)} to ${seconds(view.to, span / 100)}`;
  for (const listener of viewListeners) listener();
};
const viewListeners = [];

const draw = drawing => {
  const { canvas } = drawing, width = canvas.clientWidth, height = drawing.height(), ratio = devicePixelRatio || 1;
  if (!width) return;
  canvas.style.height = height + "px";
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const c = canvas.getContext("2d");
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.clearRect(0, 0, width, height);
  c.font = "12px " + getComputedStyle(document.body).fontFamily;
  c.textBaseline = "middle";
  const [from, to] = drawing.whole ? [0, T] : [view.from, view.to];
  const plot = { from, to, left: GUTTER, width: Math.max(width - GUTTER - RIGHT, 10), height };
  plot.x = at => GUTTER + (at - from) / (to - from) * plot.width;
  plot.at = x => from + (x - GUTTER) / plot.width * (to - from);
  drawing.plot = plot;
  drawing.hits = [];
  drawing.draw(c, plot, drawing);
};

// Adds a drawing below the others. `draw(c, plot, drawing)` may push rectangles with a tip to
// `drawing.hits`; `find(x, y)` looks for what is too small or too many for that.
const addDrawing = spec => {
  const box = document.createElement("section");
  box.className = "lane";
  box.id = "lane-" + spec.id;
  box.innerHTML = `<header><h2>${escaped(spec.title)}</h2><div class="legend">${spec.legend ?? ""}</div></header>`;
  const canvas = document.createElement("canvas");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", spec.title);
  box.append(canvas);
  byId("lanes").append(box);
  const drawing = { ...spec, canvas, box };
  drawings.push(drawing);
  listenTo(drawing);
  return drawing;
};

const swatch = (colour, words, style = "") => `<span><i class="${style}" style="background:${colour};border-color:${colour}"></i>${escaped(words)}</span>`;

// Moves the view, within the run and not closer than 20 µs.
const look = (from, to) => {
  const span = Math.min(Math.max(to - from, 20), T);
  view.from = Math.min(Math.max(from, 0), T - span);
  view.to = view.from + span;
  redraw();
};
const zoom = (factor, at = (view.from + view.to) / 2) => look(at - (at - view.from) * factor, at + (view.to - at) * factor);
const pan = share => look(view.from + share * (view.to - view.from), view.to + share * (view.to - view.from));
const lookAt = (at, span = Math.min(view.to - view.from, 2e6)) => look(at - span / 2, at + span / 2);

const listenTo = drawing => {
  const { canvas } = drawing;
  const place = event => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  canvas.addEventListener("wheel", event => {
    const [x] = place(event);
    if (x < GUTTER || !drawing.plot) return;
    event.preventDefault();
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) pan(event.deltaX / drawing.plot.width);
    else zoom(Math.exp(Math.max(-200, Math.min(200, event.deltaY)) / 400), drawing.plot.at(x));
  }, { passive: false });
  let drag = null;
  canvas.addEventListener("pointerdown", event => {
    const [x] = place(event);
    if (x < GUTTER || event.button) return;
    canvas.setPointerCapture(event.pointerId);
    drag = { x, moved: false, marks: drawing.whole || event.shiftKey, from: view.from, to: view.to };
  });
  canvas.addEventListener("pointermove", event => {
    const [x, y] = place(event);
    if (!drag) return showTip(drawing, x, y, event);
    drag.moved ||= Math.abs(x - drag.x) > 3;
    if (!drag.moved) return;
    hideTip();
    canvas.classList.add("dragging");
    if (drag.marks) {
      drawing.marked = [drag.x, x];
      redraw();
    } else {
      const by = (drag.x - x) / drawing.plot.width * (drag.to - drag.from);
      look(drag.from + by, drag.to + by);
    }
  });
  const finish = event => {
    if (!drag) return;
    const [x, y] = place(event), was = drag;
    drag = null;
    drawing.marked = null;
    canvas.classList.remove("dragging");
    if (was.moved && was.marks) {
      const [one, other] = [drawing.plot.at(was.x), drawing.plot.at(x)].sort((a, b) => a - b);
      look(one, other);
    } else if (!was.moved) {
      const found = hit(drawing, x, y);
      if (drawing.whole) lookAt(drawing.plot.at(x), view.to - view.from);
      else if (found?.act) found.act();
      else choose(found?.call ?? -1);
    }
    redraw();
  };
  canvas.addEventListener("pointerup", finish);
  canvas.addEventListener("pointercancel", () => { drag = null; drawing.marked = null; });
  canvas.addEventListener("pointerleave", hideTip);
  canvas.addEventListener("dblclick", event => zoom(0.4, drawing.plot.at(place(event)[0])));
};

const hit = (drawing, x, y) => {
  const found = drawing.find?.(x, y);
  if (found) return found;
  for (let i = drawing.hits.length - 1; i >= 0; i--) {
    const { box: [left, top, width, height], ...rest } = drawing.hits[i];
    if (x >= left - 2 && x <= left + width + 2 && y >= top && y <= top + height) return rest;
  }
  return null;
};

const showTip = (drawing, x, y, event) => {
  if (!drawing.plot) return;
  const found = hit(drawing, x, y), tip = byId("tip");
  const hover = found?.call ?? -1;
  if (hover !== view.hover) { view.hover = hover; redraw(); }
  if (!found?.tip) return hideTip();
  tip.innerHTML = found.tip;
  tip.hidden = false;
  const left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
  const below = event.clientY + 18, fits = below + tip.offsetHeight < innerHeight - 8;
  tip.style.left = Math.max(left, 8) + "px";
  tip.style.top = (fits ? below : event.clientY - tip.offsetHeight - 12) + "px";
};
const hideTip = () => {
  byId("tip").hidden = true;
  if (view.hover >= 0) { view.hover = -1; redraw(); }
};

const choose = call => {
  view.chosen = view.chosen === call ? -1 : call;
  redraw();
};
const showCall = call => {
  view.chosen = call;
  const span = Math.max((calls.ended[call] - calls.began[call]) * 3, 400e3);
  lookAt((calls.began[call] + calls.ended[call]) / 2, Math.min(span, T));
};

// The lines of time, and what stands across every drawing.
const drawTime = (c, plot, bottom = true) => {
  const step = niceStep(plot.to - plot.from, plot.width / 110), end = plot.height - (bottom ? 20 : 0);
  c.lineWidth = 1;
  c.textAlign = "center";
  for (let at = Math.ceil(plot.from / step) * step; at <= plot.to; at += step) {
    const x = Math.round(plot.x(at)) + 0.5;
    c.strokeStyle = colours.grid;
    c.beginPath(); c.moveTo(x, 0); c.lineTo(x, end); c.stroke();
    if (bottom) { c.fillStyle = colours.soft; c.fillText(seconds(at, step), x, plot.height - 9); }
  }
  c.textAlign = "left";
};

const shade = (c, plot, top, height, concerns = () => true, strength = 0.09) => {
  for (const fault of run.faults) {
    if (fault.to < plot.from || fault.from > plot.to || !concerns(fault)) continue;
    const left = Math.max(plot.x(fault.from), plot.left), right = Math.min(plot.x(fault.to), plot.left + plot.width);
    c.fillStyle = `rgba(${colours.band}, ${strength})`;
    c.fillRect(left, top, Math.max(right - left, 1), height);
  }
};

const drawMoments = (c, plot, bottom = 20) => {
  const line = (at, colour, dash) => {
    if (at < plot.from || at > plot.to) return;
    const x = Math.round(plot.x(at)) + 0.5;
    c.strokeStyle = colour;
    c.lineWidth = 1.5;
    c.setLineDash(dash);
    c.beginPath(); c.moveTo(x, 0); c.lineTo(x, plot.height - bottom); c.stroke();
    c.setLineDash([]);
  };
  for (const finding of run.findings) if (finding.at !== null) line(finding.at, colours.wrong, []);
  if (view.chosen >= 0) {
    line(calls.began[view.chosen], colours.accent, [4, 3]);
    line(calls.ended[view.chosen], colours.accent, [4, 3]);
  }
};

const inPlot = (c, plot, paint) => {
  c.save();
  c.beginPath();
  c.rect(plot.left, 0, plot.width, plot.height);
  c.clip();
  paint();
  c.restore();
};

const clipText = (c, text, room) => {
  if (room < 14) return "";
  if (c.measureText(text).width <= room) return text;
  let low = 0, high = text.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (c.measureText(text.slice(0, middle) + "…").width <= room) low = middle; else high = middle - 1;
  }
  return low > 1 ? text.slice(0, low) + "…" : "";
};

const label = (c, text, y, soft = "") => {
  c.textAlign = "left";
  c.fillStyle = colours.ink;
  c.fillText(clipText(c, text, GUTTER - 22), 14, y);
  if (soft) { c.fillStyle = colours.soft; c.fillText(clipText(c, soft, GUTTER - 22), 14, y + 15); }
};
