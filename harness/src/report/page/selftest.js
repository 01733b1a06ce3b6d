// With `#selftest` behind its address the page tries itself out, and says in the document what came
// of it: for a browser that nobody looks at.
const selfTest = () => {
  const wrong = [];
  const must = (what, holds) => { if (!holds) wrong.push(what); };
  const pixels = (drawing, left, top, width, height) => {
    const copy = document.createElement("canvas");
    [copy.width, copy.height] = [width, height];
    const c = copy.getContext("2d", { willReadFrequently: true });
    c.drawImage(drawing.canvas, -left, -top);
    return c.getImageData(0, 0, width, height).data;
  };
  const painted = drawing => {
    const { width, height } = drawing.canvas;
    if (!width || !height) return 0;
    const left = Math.round(GUTTER * (devicePixelRatio || 1)), data = pixels(drawing, left, 0, width - left, height);
    const seen = new Set();
    for (let i = 0; i < data.length; i += 4) if (data[i + 3]) seen.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
    return seen.size;
  };
  const drawingOf = id => drawings.find(drawing => drawing.id === id);
  const wheel = (drawing, delta) => {
    const box = drawing.canvas.getBoundingClientRect();
    drawing.canvas.dispatchEvent(new WheelEvent("wheel", { deltaY: delta, clientX: box.left + GUTTER + 200, clientY: box.top + 10, cancelable: true }));
  };
  const press = key => document.dispatchEvent(new KeyboardEvent("keydown", { key }));

  must("the verdict is shown", byId("verdict").textContent === run.report.verdict);
  must("the command is shown", byId("repeat").textContent === run.report.repeat);
  must("every finding is shown", document.querySelectorAll(".finding").length === run.findings.length);
  for (const drawing of drawings) must(`${drawing.id} is drawn`, painted(drawing) > 2);

  const clients = drawingOf("clients");
  look(0, T); drawAll();
  wheel(clients, -200);
  wheel(clients, -200);
  must("the wheel zooms in", view.to - view.from < T * 0.6);
  const before = view.from;
  press("ArrowRight");
  must("an arrow moves the view", view.from > before);
  press("0");
  must("0 shows the whole run", view.from === 0 && view.to === T);

  view.text = "no call has such words"; applyFilter();
  must("a text that nobody said filters everything", filter.count === 0);
  fillList();
  must("the list is empty then", !document.querySelector("#list tr[data-call]"));
  view.text = ""; byId("states").querySelector("button").click();
  const failed = calls.state.filter(state => state !== 0).length;
  must("the outcome filters", filter.count === failed || keys.length > 1);
  byId("states").querySelector("button").click();
  press("Escape");
  must("nothing is filtered again", filter.count === calls.count || keys.length > 1);

  if (run.focus !== null) {
    press("f"); drawAll();
    must("f leads to the mistake", view.from <= run.focus && run.focus <= view.to);
    const x = Math.round(clients.plot.x(run.focus) * (devicePixelRatio || 1));
    const data = pixels(clients, x - 2, 2, 5, 4);
    const [r, g, b] = [1, 3, 5].map(i => parseInt(colours.wrong.slice(i, i + 2), 16));
    let found = false;
    for (let i = 0; i < data.length; i += 4) found ||= Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b) < 90;
    must("the mistake is marked", found);
  }
  for (const call of proofs) { showCall(call); must("a proof is in view", view.from <= calls.began[call] && calls.began[call] <= view.to); }

  const since = performance.now();
  for (let i = 0; i < 10; i++) { look(0, T * (1 - i / 20)); drawAll(); }
  const each = (performance.now() - since) / 10;
  must(`a picture takes ${each.toFixed(0)} ms`, each < 250);
  look(0, T); view.chosen = -1; drawAll();
  document.documentElement.dataset.selftest = wrong.length ? "failed" : "passed";
  document.documentElement.dataset.picture = each.toFixed(1);
  if (wrong.length) document.documentElement.dataset.wrong = wrong.join("; ");
};
if (location.hash.includes("selftest")) {
  try { selfTest(); } catch (error) { document.documentElement.dataset.selftest = "failed"; document.documentElement.dataset.wrong = String(error.stack ?? error); }
}
