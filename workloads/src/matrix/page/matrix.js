"use strict";
const cells = JSON.parse(document.getElementById("cells").textContent);
const columns = JSON.parse(document.getElementById("columns").textContent)
  .filter(([name]) => cells.some((cell) => cell.hardship === name));
const grouped = new Intl.NumberFormat("en");
const lost = (cell) => cell.lost_explained + cell.lost_unexplained;
const percent = (mille) => (mille / 10).toFixed(mille % 10 === 0 ? 0 : 1) + " %";
const time = (ms) => (ms >= 1000 ? (ms / 1000).toFixed(1) + " s" : ms + " ms");
const rowOf = (cell) => [cell.acks, cell.replication_factor, cell.min_in_sync_replicas, cell.unclean].join("/");
const isGolden = (cell) => cell.acks === "all" && cell.replication_factor === 3 && cell.min_in_sync_replicas === 2 && !cell.unclean;

// What can be shown: a name, a cell's text, and how strong its colour is, from 0 to 1.
const metrics = [
  { name: "Records lost", rgb: "--loss", text: (c) => (c.finding === "kept" ? "kept" : c.finding === "not-exercised" ? "none seen" : grouped.format(lost(c))),
    heat: (c) => (lost(c) === 0 ? 0 : 0.25 + 0.75 * Math.min(1, lost(c) / Math.max(1, c.acknowledged) * 3)) },
  { name: "Writes available", rgb: "--heat", text: (c) => percent(c.write_availability_per_mille), heat: (c) => c.write_availability_per_mille / 1000, always: true },
  { name: "Reads available", rgb: "--heat", text: (c) => percent(c.read_availability_per_mille), heat: (c) => c.read_availability_per_mille / 1000, always: true },
  { name: "Longest write gap", rgb: "--loss", text: (c) => time(c.writes.gap_max_ms), heat: (c) => Math.min(1, c.writes.gap_max_ms / 12000), always: true },
  { name: "Latency p99", rgb: "--loss", text: (c) => time(c.latency_p99_ms), heat: (c) => Math.min(1, Math.log10(1 + c.latency_p99_ms) / 4), always: true },
  { name: "Duplicates", rgb: "--loss", text: (c) => grouped.format(c.duplicated), heat: (c) => Math.min(1, c.duplicated / 50), always: true },
];
let shown = metrics[0];
let chosen = null;

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function paint(td, cell) {
  td.className = "";
  td.style.background = "";
  td.textContent = shown.text(cell);
  if (cell.finding === "broken") td.classList.add("broken");
  else if (!shown.always && cell.finding === "kept") td.classList.add("kept");
  else if (!shown.always && cell.finding === "not-exercised") td.classList.add("none");
  else td.style.background = `rgba(var(${shown.rgb}), ${(shown.heat(cell) * 0.75).toFixed(3)})`;
  if (cell === chosen) td.classList.add("chosen");
}

function drawGrid() {
  const head = document.querySelector("#grid thead");
  const body = document.querySelector("#grid tbody");
  head.replaceChildren();
  body.replaceChildren();
  const top = element("tr");
  top.append(element("th"));
  for (const [, title] of columns) top.append(element("th", title));
  head.append(top);
  for (const acks of ["all", "1", "0"]) {
    const rows = [...new Set(cells.filter((c) => c.acks === acks).map(rowOf))];
    if (rows.length === 0) continue;
    const group = element("tr", undefined, "group");
    group.append(element("th", `acks=${acks}`));
    body.append(group);
    for (const row of rows) {
      const own = cells.filter((c) => rowOf(c) === row);
      const line = element("tr", undefined, isGolden(own[0]) ? "golden" : "");
      const unclean = own[0].unclean ? ", unclean" : "";
      line.append(element("th", `RF ${own[0].replication_factor}, min ISR ${own[0].min_in_sync_replicas}${unclean}`));
      for (const [name] of columns) {
        const td = element("td");
        const cell = own.find((c) => c.hardship === name);
        if (cell) {
          paint(td, cell);
          td.tabIndex = 0;
          const show = () => { chosen = cell; detail(cell); for (const t of document.querySelectorAll("td.chosen")) t.classList.remove("chosen"); td.classList.add("chosen"); };
          td.addEventListener("click", show);
          td.addEventListener("focus", show);
          td.title = `${shown.name}: ${shown.text(cell)}`;
        }
        line.append(td);
      }
      body.append(line);
    }
  }
}

function detail(cell) {
  const box = document.getElementById("detail");
  const title = columns.find(([name]) => name === cell.hardship)[1];
  box.replaceChildren(element("h2", title));
  box.append(element("div", `acks=${cell.acks}, RF ${cell.replication_factor}, min ISR ${cell.min_in_sync_replicas}, unclean election ${cell.unclean ? "on" : "off"}`));
  const words = { kept: "Kept: nothing may be lost, and nothing was.", exercised: "Loses records, as it may.", "not-exercised": "Not exercised: it may lose records, and did not.", broken: "BROKEN: a promise was not kept." };
  const finding = element("p", words[cell.finding], "finding");
  box.append(finding, element("p", `By the protocol: ${cell.because}.`));
  const list = element("dl");
  const facts = [
    ["seeds", grouped.format(cell.seeds)], ["runs that failed", grouped.format(cell.failed)],
    [cell.acks === "0" ? "records sent" : "records acknowledged", grouped.format(cell.acknowledged)],
    ["lost, explained", grouped.format(cell.lost_explained)], ["lost, unexplained", grouped.format(cell.lost_unexplained)],
    ["seeds with loss", grouped.format(cell.seeds_with_loss)], ["found twice", grouped.format(cell.duplicated)],
    ["refused", grouped.format(cell.refused)], ["fate unknown", grouped.format(cell.unknown)],
    ["writes available", percent(cell.write_availability_per_mille)], ["reads available", percent(cell.read_availability_per_mille)],
    ["longest write gap", time(cell.writes.gap_max_ms)], ["latency p50 / p99", `${time(cell.latency_p50_ms)} / ${time(cell.latency_p99_ms)}`],
  ];
  for (const [name, value] of facts) list.append(element("dt", name), element("dd", value));
  box.append(list, element("div", "The worst seed again:"), element("code", cell.repeat));
}

function legend() {
  const box = document.getElementById("legend");
  box.replaceChildren();
  const entry = (style, text) => {
    const span = element("span");
    const swatch = element("i");
    swatch.style.background = style;
    span.append(swatch, text);
    box.append(span);
  };
  entry(`linear-gradient(90deg, rgba(var(${shown.rgb}), .05), rgba(var(${shown.rgb}), .75))`, shown.rgb === "--heat" ? "less to more of the time" : "less to more");
  if (!shown.always) {
    entry("var(--card)", "kept: nothing may be lost, and nothing was");
    entry("repeating-linear-gradient(45deg, transparent 0 5px, var(--line) 5px 6px)", "not exercised: may lose, and did not");
  }
  entry("var(--broken)", "broken promise");
  box.append(element("span", "\u2605 golden preset"));
}

// Horizontal bars: [label, value, shade].
function bars(id, rows, unit) {
  const height = rows.length * 26 + 8;
  const most = Math.max(1, ...rows.map((r) => r[1]));
  const names = "http://www.w3.org/2000/svg";
  const make = (tag, attributes, text) => {
    const made = document.createElementNS(names, tag);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const svg = make("svg", { viewBox: `0 0 560 ${height}`, role: "img" });
  rows.forEach(([label, value, shade], index) => {
    const y = index * 26 + 4;
    const width = Math.max(1, value / most * 290);
    svg.append(make("text", { x: 182, y: y + 15, "text-anchor": "end", class: "soft" }, label));
    svg.append(make("rect", { x: 192, y, width, height: 20, rx: 4, style: `fill: rgba(var(${shade}), .8)` }));
    svg.append(make("text", { x: 192 + width + 6, y: y + 15 }, unit(value)));
  });
  document.getElementById(id).replaceChildren(svg);
}

function charts() {
  const plain = cells.filter((c) => !c.hardship.startsWith("power"));
  const latency = [];
  for (const factor of [...new Set(plain.map((c) => c.replication_factor))]) {
    for (const acks of ["0", "1", "all"]) {
      const own = plain.filter((c) => c.replication_factor === factor && c.acks === acks);
      if (own.length === 0) continue;
      const middle = own.map((c) => c.latency_p50_ms).sort((a, b) => a - b)[own.length >> 1];
      const tail = own.map((c) => c.latency_p99_ms).sort((a, b) => a - b)[own.length >> 1];
      latency.push([`RF ${factor}, acks=${acks}, p50`, middle, "--heat"], [`p99`, tail, "--loss"]);
    }
  }
  bars("latency", latency, time);
  const golden = cells.filter((c) => c.replication_factor === 3 && c.min_in_sync_replicas === 2 && !c.unclean && c.acks === "all");
  bars("gaps", columns.map(([name, title]) => [title, golden.find((c) => c.hardship === name)]).filter(([, c]) => c).map(([title, c]) => [title, c.writes.gap_max_ms, "--loss"]), time);
}

function draw() {
  drawGrid();
  legend();
}

for (const metric of metrics) {
  const button = element("button", metric.name);
  button.setAttribute("role", "tab");
  button.setAttribute("aria-selected", String(metric === shown));
  button.addEventListener("click", () => {
    shown = metric;
    for (const other of document.querySelectorAll("nav button")) other.setAttribute("aria-selected", String(other === button));
    draw();
  });
  document.getElementById("metrics").append(button);
}
const seeds = cells.reduce((most, c) => Math.max(most, c.seeds), 0);
const count = (finding) => cells.filter((c) => c.finding === finding).length;
document.getElementById("lead").textContent =
  `${grouped.format(cells.length)} combinations of settings and hardships, up to ${grouped.format(seeds)} seeds each, measured on simulated clusters: ` +
  `${count("kept")} lost nothing and must not, ${count("exercised")} lost records and may, ${count("not-exercised")} may and did not, ${count("broken")} broke a promise.`;
draw();
charts();
const first = cells.find((c) => c.finding === "broken") || cells.find(isGolden) || cells[0];
if (first) { chosen = first; detail(first); draw(); }
document.body.dataset.ready = String(cells.length);

// With `#selftest` behind its address the page tries itself out and says what came of it.
function selfTest() {
  const wrong = [];
  const must = (what, holds) => { if (!holds) wrong.push(what); };
  const texts = () => [...document.querySelectorAll("#grid td")].map((td) => td.textContent);
  must("every cell is shown", texts().filter(Boolean).length === cells.length);
  for (const button of document.querySelectorAll("nav button")) {
    button.click();
    must(`${button.textContent} is chosen`, button.getAttribute("aria-selected") === "true" && shown.name === button.textContent);
    must(`${button.textContent} fills the cells`, texts().filter(Boolean).length === cells.length);
  }
  document.querySelector("nav button").click();
  const last = [...document.querySelectorAll("#grid td")].filter((td) => td.textContent).at(-1);
  last.click();
  must("a click shows a cell's figures", document.querySelectorAll("#detail dd").length > 10 && document.querySelector("#detail code").textContent === chosen.repeat);
  must("charts are drawn", document.querySelectorAll("figure rect").length > 1);
  document.documentElement.dataset.selftest = wrong.length ? "failed" : "passed";
  if (wrong.length) document.documentElement.dataset.wrong = wrong.join("; ");
}
if (location.hash === "#selftest") selfTest();
