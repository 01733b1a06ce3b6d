// The list of runs: search, filter, sort. Text of files goes into the page as text only.
const byId = id => document.getElementById(id);
const entries = JSON.parse(byId("entries").textContent);
let by = "written", up = false;

const size = bytes => bytes < 1024 ? `${bytes} B` : bytes < 1048576 ? `${(bytes / 1024).toFixed(0)} KiB` : `${(bytes / 1048576).toFixed(1)} MiB`;
const cell = (row, text, style = "") => { const made = row.insertCell(); made.textContent = text; made.className = style; return made; };

const show = () => {
  const text = byId("text").value.trim().toLowerCase(), kind = byId("kind").value, verdict = byId("verdict").value;
  const shown = entries.filter(entry => (!kind || entry.kind === kind) && (!verdict || entry.verdict === verdict)
    && (!text || [entry.path, entry.title, entry.seed, entry.verdict, entry.kind].join(" ").toLowerCase().includes(text)));
  const value = entry => by === "seed" && entry.seed ? entry.seed.padStart(20, "0") : entry[by] ?? "";
  shown.sort((a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0) * (up ? 1 : -1));
  const rows = document.createElement("tbody");
  for (const entry of shown) {
    const row = rows.insertRow(), verdictCell = cell(row, "");
    if (entry.verdict) {
      const badge = document.createElement("b");
      badge.textContent = entry.verdict;
      badge.className = entry.verdict;
      verdictCell.append(badge);
    }
    cell(row, entry.seed ?? "");
    cell(row, entry.title);
    cell(row, entry.kind);
    const link = document.createElement("a");
    link.href = "/" + entry.path.split("/").map(encodeURIComponent).join("/");
    link.textContent = entry.path;
    cell(row, "").append(link);
    cell(row, size(entry.size), "num");
    cell(row, entry.written ? new Date(entry.written * 1000).toLocaleString() : "", "num");
  }
  byId("rows").replaceChildren(...rows.rows);
  byId("none").hidden = shown.length > 0;
  byId("count").textContent = `${shown.length} of ${entries.length}`;
  for (const head of document.querySelectorAll("th")) {
    if (head.dataset.by === by) head.setAttribute("aria-sort", up ? "ascending" : "descending"); else head.removeAttribute("aria-sort");
  }
};

for (const name of ["kind", "verdict"]) {
  for (const value of [...new Set(entries.map(entry => entry[name]).filter(Boolean))].sort()) byId(name).add(new Option(value, value));
  byId(name).onchange = show;
}
byId("text").oninput = show;
for (const head of document.querySelectorAll("th")) head.onclick = () => { up = by === head.dataset.by ? !up : head.dataset.by !== "written" && head.dataset.by !== "size"; by = head.dataset.by; show(); };
document.addEventListener("keydown", event => { if (event.key === "/" && document.activeElement !== byId("text")) { event.preventDefault(); byId("text").focus(); } });
show();
document.documentElement.dataset.ready = "1";
