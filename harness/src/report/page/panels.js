// What stands around the drawings: verdict, findings, filters, logs, lists; and the keyboard.
const fillHead = () => {
  const { report } = run;
  byId("verdict").textContent = report.verdict;
  byId("verdict").className = report.verdict;
  byId("name").textContent = `${report.scenario}, seed 0x${BigInt(report.seed).toString(16)}`;
  byId("repeat").textContent = report.repeat;
  const total = counts => Object.values(counts).reduce((sum, count) => sum + count, 0);
  const figures = [["simulated", (T / 1e6).toFixed(1) + " s"], ["calls", grouped(calls.count)], ["acknowledged", grouped(total(report.acknowledged))],
    ["values read", grouped(report.reads)], ["faults", grouped(total(report.faults))], ["messages", grouped(messages.total)], ["digest", report.digest || "none"]];
  byId("figures").innerHTML = figures.map(([name, value]) => `<div><dt>${name}</dt><dd>${escaped(value)}</dd></div>`).join("");
  byId("copy").onclick = () => navigator.clipboard?.writeText(report.repeat).then(() => { byId("copy").textContent = "copied"; }, () => {});
};

const fillFindings = () => {
  const kept = run.report.verdict === "valid";
  byId("findings").innerHTML = run.findings.map((finding, f) => {
    const proof = finding.operations.slice(0, 12).map(index => {
      const i = calls.byIndex.get(index);
      return i === undefined ? `<li>op ${index}</li>`
        : `<li><button data-call="${i}">op ${index} · ${moment(calls.began[i])} · ${escaped(calls.names[calls.lane[i]])} · ${escaped(calls.words[i])}</button></li>`;
    }).join("");
    const where = [finding.key ? `in ${finding.key}` : "", finding.at !== null ? `seen at ${moment(finding.at)}` : "", finding.count > 1 ? `one of ${finding.count}` : ""].filter(Boolean).join(", ");
    return `<article class="finding ${kept ? "note" : ""}"><header><strong>${escaped(finding.kind)}</strong><span class="where">${escaped(where)}</span>`
      + (finding.at === null ? "" : `<button data-focus="${f}">show it</button>`) + `</header><p>${escaped(finding.summary)}</p>`
      + (finding.demand ? `<p class="demand">Demanded: ${escaped(finding.demand)}</p>` : "") + (proof ? `<ul class="proof">${proof}</ul>` : "") + "</article>";
  }).join("");
  byId("findings").onclick = event => {
    const { call, focus } = event.target.dataset;
    if (call !== undefined) showCall(Number(call));
    if (focus !== undefined) showFinding(run.findings[focus]);
    if (call !== undefined || focus !== undefined) byId("bar").scrollIntoView({ block: "start" });
  };
  byId("focus").hidden = run.focus === null;
};
const showFinding = finding => {
  if (finding.key && keys.includes(finding.key)) { view.key = finding.key; byId("key").value = finding.key; }
  const first = calls.byIndex.get(finding.operations[0]);
  view.chosen = first ?? -1;
  lookAt(finding.at, Math.min(T, 1e6));
};

const fillBar = () => {
  const options = (id, names, all, change) => {
    const select = byId(id);
    select.innerHTML = (all ? `<option value="-1">${all}</option>` : "") + names.map(([value, name]) => `<option value="${escaped(value)}">${escaped(name)}</option>`).join("");
    select.onchange = () => { change(select.value); applyFilter(); };
    select.parentElement.hidden = names.length < 2;
  };
  options("key", keys.map(key => [key, key]), "", value => { view.key = value; fillLogs(); });
  options("node", run.nodes.map((name, node) => [node, name]), "all", value => { view.node = Number(value); });
  options("client", calls.names.map((name, lane) => [lane, name]), "all", value => { view.lane = Number(value); });
  options("kind", calls.kinds.map((name, kind) => [kind, name]), "all", value => { view.kind = Number(value); });
  byId("states").innerHTML = STATE.map((name, state) => `<button aria-pressed="true" data-state="${state}"><i style="background:var(--${["ok", "fail", "unknown"][state]})"></i>${name}</button>`).join("");
  byId("states").onclick = event => {
    const button = event.target.closest("button");
    if (!button) return;
    const state = Number(button.dataset.state);
    view.states[state] = !view.states[state];
    button.setAttribute("aria-pressed", view.states[state]);
    applyFilter();
  };
  let pending = 0;
  byId("text").oninput = () => {
    clearTimeout(pending);
    pending = setTimeout(() => { view.text = byId("text").value.trim(); applyFilter(); }, 120);
  };
  byId("fit").onclick = () => look(0, T);
  byId("focus").onclick = () => { const finding = run.findings.find(f => f.at === run.focus); if (finding) showFinding(finding); };
  byId("help").onclick = () => byId("keys").showModal();
};

const listenToKeys = () => document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = ["INPUT", "SELECT"].includes(document.activeElement?.tagName);
  if (typing && event.key !== "Escape") return;
  const faults = run.faults.map(fault => fault.from), middle = (view.from + view.to) / 2;
  const deeds = {
    ArrowLeft: () => pan(-0.2), ArrowRight: () => pan(0.2), "+": () => zoom(0.6), "=": () => zoom(0.6), "-": () => zoom(1 / 0.6),
    0: () => look(0, T), f: () => byId("focus").click(), "/": () => byId("text").focus(), "?": () => byId("keys").showModal(),
    n: () => { const next = faults.find(at => at > middle + 1); if (next !== undefined) lookAt(next, Math.min(view.to - view.from, 4e6)); },
    p: () => { const last = faults.findLast(at => at < middle - 1); if (last !== undefined) lookAt(last, Math.min(view.to - view.from, 4e6)); },
    Escape: () => { document.activeElement?.blur(); byId("text").value = view.text = ""; view.chosen = -1; applyFilter(); },
  };
  if (!deeds[event.key] || byId("keys").open) return;
  event.preventDefault();
  deeds[event.key]();
});

// All copies of a log under each other, each batch in the colour of its epoch.
const fillLogs = () => {
  const picture = run.logs.find(log => log.key === view.key), body = byId("logs").querySelector(".body"), note = byId("logs").querySelector(".note");
  byId("logs").hidden = !picture;
  if (!picture) return;
  const blocks = picture.rows.flatMap(row => row.blocks), single = blocks.filter(block => block.print);
  const low = Math.min(...single.map(b => b.base), ...picture.rows.map(r => r.end)), end = Math.max(1, ...picture.rows.map(row => row.end));
  const parts = blocks.some(block => block.differs) || new Set(picture.rows.map(row => row.end)).size > 1;
  note.textContent = `${picture.key} as it was at ${moment(picture.at)}. Colours are epochs; what stands at the same place in the same colour is the same${parts ? "" : ", and all copies agree"}. `
    + "A hatched batch differs from what is committed; the line is the high watermark.";
  // The interesting end gets the room: everything before it is one piece.
  const from = Math.max(Math.min(low, end - 40), 0), count = Math.min(end - from, 460), until = from + count;
  const room = Math.max(body.clientWidth || 1000, 700) - 300, size = Math.max(Math.min(room / Math.max(count, 1), 26), 4);
  const x = offset => offset < from ? 250 : 290 + (Math.min(offset, until) - from) * size;
  const width = x(until) + 24, tall = 24 + picture.rows.length * 34 + 24;
  const parts_ = [`<svg width="${width}" height="${tall}" viewBox="0 0 ${width} ${tall}" role="img" aria-label="copies of ${escaped(picture.key)}"><defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="3" height="6" fill="${colours.wrong}"/></pattern></defs>`];
  const step = Math.max(1, niceStep(count, count * size / 90));
  for (let offset = Math.ceil(from / step) * step; offset <= until; offset += step) parts_.push(`<text class="soft" x="${x(offset)}" y="14">${grouped(offset)}</text><line x1="${x(offset) + 0.5}" x2="${x(offset) + 0.5}" y1="18" y2="${tall - 20}" stroke="${colours.grid}"/>`);
  picture.rows.forEach((row, r) => {
    const top = 24 + r * 34;
    parts_.push(`<text x="0" y="${top + 11}">${escaped(row.name)}</text><text class="soft" x="0" y="${top + 25}">${escaped(row.state)}</text>`);
    let labelled = null;
    for (const block of row.blocks) {
      if (block.base >= until) continue;
      const [left, right] = [x(block.base), Math.max(x(block.last + 1), x(block.base) + (block.last < from ? 36 : 0))], wide = Math.max(right - left - (size > 5 ? 1 : 0.3), 0.6);
      const tip = `offsets ${block.base} to ${block.last}, epoch ${block.epoch}${block.print ? `, checksum ${block.print.toString(16)}` : ""}${block.differs ? ": differs from what is committed" : ""}`;
      parts_.push(`<g data-tip="${escaped(tip)}"><rect x="${left}" y="${top}" width="${wide}" height="22" rx="${size > 8 ? 3 : 1}" fill="${epochColour(block.epoch)}"/>`
        + (block.differs ? `<rect x="${left}" y="${top}" width="${wide}" height="22" rx="2" fill="url(#hatch)" stroke="${colours.wrong}"/>` : "")
        + (wide > 12 && labelled !== (labelled = block.epoch) ? `<text class="in" x="${left + wide / 2}" y="${top + 15}" text-anchor="middle">${block.epoch}</text>` : "") + "</g>");
    }
    if (row.start > 0) parts_.push(`<line x1="${x(row.start)}" x2="${x(row.start)}" y1="${top - 2}" y2="${top + 24}" stroke="${colours.ink}" stroke-dasharray="2 2"/>`);
    if (row.mark !== null && row.mark >= from) parts_.push(`<line x1="${x(row.mark)}" x2="${x(row.mark)}" y1="${top - 4}" y2="${top + 26}" stroke="${colours.mark}" stroke-width="2.5"/>`);
  });
  const epochs = [...new Set(blocks.map(block => block.epoch))].sort((a, b) => a - b);
  parts_.push(`<text class="soft" x="290" y="${tall - 5}">offset; ${until < end ? `${grouped(end - until)} more to the right are not shown; ` : ""}number in a piece: its epoch (${epochs.join(", ")})</text></svg>`);
  body.innerHTML = `<div class="logpicture"><div class="scroll">${parts_.join("")}</div></div>`;
  body.onpointermove = event => {
    const piece = event.target.closest?.("g[data-tip]"), tip = byId("tip");
    tip.hidden = !piece;
    if (!piece) return;
    tip.textContent = piece.dataset.tip;
    tip.style.left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8) + "px";
    tip.style.top = event.clientY + 18 + "px";
  };
  body.onpointerleave = () => { byId("tip").hidden = true; };
};

const LIST_MAX = 200;
let listTimer = 0;
const fillList = () => {
  const rows = [];
  let more = 0;
  const begin = firstFrom(calls.began, view.from), end = firstFrom(calls.began, view.to);
  for (let i = begin; i < end; i++) {
    if (!filter.mask[i]) continue;
    if (rows.length >= LIST_MAX) { more += 1; continue; }
    rows.push(`<tr data-call="${i}" class="${i === view.chosen ? "chosen" : ""}"><td class="num">${moment(calls.began[i])}</td><td class="num">${calls.open(i) ? "never" : lasting(calls.ended[i] - calls.began[i])}</td><td><b class="s${calls.state[i]}">${STATE[calls.state[i]]}</b></td><td>${escaped(calls.names[calls.lane[i]])}</td><td>${escaped(calls.words[i])}</td></tr>`);
  }
  byId("list").querySelector(".note").textContent = rows.length ? `${grouped(rows.length + more)} of ${grouped(calls.count)} calls begin in view and pass the filters${more ? `; the first ${LIST_MAX} are listed` : ""}.` : "No call in view passes the filters.";
  byId("list").querySelector(".body").innerHTML = `<table><thead><tr><th>began</th><th>took</th><th>ended</th><th>client</th><th>what</th></tr></thead><tbody>${rows.join("")}</tbody></table>`;
};
const fillListSoon = () => { clearTimeout(listTimer); listTimer = setTimeout(fillList, 90); };

const fillJournal = () => {
  const body = byId("journal").querySelector(".body");
  body.innerHTML = run.journal.map(([at, words]) => `<div class="line" data-at="${at}"><span>${moment(at)}</span><span>${escaped(words)}</span></div>`).join("");
  body.onclick = event => { const line = event.target.closest(".line"); if (line) lookAt(Number(line.dataset.at), Math.min(T, 3e6)); };
  byId("list").querySelector(".body").onclick = event => { const row = event.target.closest("tr[data-call]"); if (row) showCall(Number(row.dataset.call)); };
};

const makeDrawings = () => {
  const states = swatch("var(--ok)", "ok") + swatch("var(--fail)", "failed (no effect)") + swatch("var(--unknown)", "unknown");
  const used = [...new Set(run.faults.map(fault => fault.class))].sort();
  addDrawing({ id: "overview", title: "Overview", whole: true, height: () => 84, draw: drawThroughput, legend: states + swatch("rgba(var(--band), 0.35)", "faults in force") + swatch("var(--accent)", "in view") });
  if (run.faults.length) addDrawing({ id: "faults", title: "Faults", height: () => faultRowCount * 19 + 8, draw: drawFaults, legend: used.map(i => swatch(CLASS_COLOUR[i], CLASSES[i])).join("") });
  if (run.nodes.length) addDrawing({
    id: "nodes", title: "Nodes", height: () => shownNodes().length * LANE + 24, draw: drawNodes, find: findInNodes,
    legend: run.states.map((name, state) => swatch(`var(--${["lead", "follow", "wait", "control"][state]})`, name)).join("") + swatch("var(--member)", "in sync") + swatch("var(--end)", "log end offset", "stroke") + swatch("var(--mark)", "high watermark", "stroke dash") + swatch("rgba(var(--band), 0.35)", "struck"),
  });
  addDrawing({ id: "clients", title: "Clients", height: () => shownLanes().length * ROW + 26, draw: drawClients, find: findInClients, legend: states + (proofs.size ? swatch("var(--wrong)", "proves a finding", "stroke") : "") });
  addDrawing({ id: "throughput", title: "Throughput", height: () => 112, draw: drawThroughput, legend: states });
  addDrawing({ id: "latency", title: "Latency", height: () => 150, draw: drawLatency, legend: swatch("var(--ok)", "half of the calls") + swatch("var(--fail)", "99 %") + swatch("var(--faint)", "the longest") });
  if (messages.count) addDrawing({
    id: "messages", title: "Messages", height: () => parties.length * PARTY + 44, draw: drawMessages, find: findMessage, hot: -1,
    legend: [["Fetch", 0], ["Produce", 1], ["QuorumMessage, FetchMetadata", 6], ["AlterPartition", 5], ["Metadata", 2], ["ListOffsets", 4], ["others", 7]].map(([name, i]) => swatch(PALETTE[i], name, "stroke")).join("") + swatch("var(--wrong)", "never read", "stroke"),
  });
};

const begin = () => {
  readColours();
  fillHead(); fillFindings(); fillBar(); makeDrawings(); fillJournal();
  viewListeners.push(fillListSoon);
  listenToKeys();
  if (run.focus !== null) {
    const first = run.findings.find(finding => finding.at === run.focus);
    if (first?.key && keys.includes(first.key)) { view.key = first.key; byId("key").value = first.key; }
  }
  fillLogs();
  applyFilter();
  drawAll();
  fillList();
  addEventListener("resize", () => { redraw(); fillLogs(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { readColours(); fillLogs(); redraw(); });
  const part = /#t=([\d.]+)-([\d.]+)/.exec(location.hash);
  if (part) look(part[1] * 1e6, part[2] * 1e6);
  document.documentElement.dataset.ready = "1";
};
begin();
