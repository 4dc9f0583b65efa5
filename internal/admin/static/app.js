// Shows what the admin API tells, every two seconds. It only reads.
const period = 2000;
const kept = 90; // samples of a sparkline
const $ = (id) => document.getElementById(id);
const history = { rate: [], hits: [] };
let last = null;
let paused = false;

// The token of this tab, where the port asks for one.
const token = () => sessionStorage.getItem("token");

async function ask(path) {
  const headers = token() ? { Authorization: "Bearer " + token() } : {};
  const response = await fetch("/api/v1/" + path, { headers, cache: "no-store", signal: AbortSignal.timeout(5000) });
  if (response.status === 401) throw new Unauthorized();
  if (!response.ok) throw new Error("the port answers " + response.status);
  return response.json();
}
class Unauthorized extends Error {}

// Numbers as people read them.
const count = (n) => n >= 1e6 ? (n / 1e6).toFixed(2) + " M" : n >= 1e4 ? (n / 1e3).toFixed(1) + " k" : n.toLocaleString("en");
const percent = (n, of) => of > 0 ? (100 * n / of).toFixed(1) + " %" : "–";
const time = (s) => s == null ? "–" : s >= 60 ? (s / 60).toFixed(1) + " min" : s >= 1 ? s.toFixed(2) + " s" : s >= 1e-3 ? (s * 1e3).toFixed(2) + " ms" : (s * 1e6).toFixed(1) + " µs";
const size = (b) => b >= 2 ** 30 ? (b / 2 ** 30).toFixed(2) + " GiB" : b >= 2 ** 20 ? (b / 2 ** 20).toFixed(1) + " MiB" : (b / 2 ** 10).toFixed(1) + " KiB";
const ago = (s) => s >= 86400 ? (s / 86400).toFixed(1) + " days" : s >= 3600 ? (s / 3600).toFixed(1) + " h" : s >= 60 ? Math.floor(s / 60) + " min" : Math.floor(s) + " s";

// Fills a table: columns are [title, isNumber], rows are arrays of texts or {text, className}.
function fill(id, columns, rows, empty) {
  const head = document.createElement("tr");
  for (const [title, number] of columns) {
    const th = document.createElement("th");
    th.scope = "col";
    th.textContent = title;
    if (number) th.className = "n";
    head.append(th);
  }
  const body = rows.map((row) => {
    const tr = document.createElement("tr");
    row.forEach((cell, i) => {
      const td = document.createElement("td");
      td.textContent = typeof cell === "object" ? cell.text : cell;
      td.className = [columns[i][1] ? "n" : "", typeof cell === "object" ? cell.className : ""].join(" ").trim();
      tr.append(td);
    });
    return tr;
  });
  if (rows.length === 0) {
    const td = document.createElement("td");
    td.colSpan = columns.length;
    td.className = "empty";
    td.textContent = empty;
    const tr = document.createElement("tr");
    tr.append(td);
    $(id).replaceChildren(tr);
    return;
  }
  $(id).replaceChildren(head, ...body);
}

function spark(id, values, top) {
  const highest = top ?? Math.max(...values, 1e-9);
  const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
  line.setAttribute("points", values.map((v, i) => `${120 - (values.length - 1 - i) * 120 / (kept - 1)},${26 - 24 * v / highest}`).join(" "));
  $(id).replaceChildren(line);
}

function push(list, value) {
  list.push(value);
  if (list.length > kept) list.shift();
}

function showStats(s) {
  $("version").textContent = `${s.version}, backend ${s.backend}, up ${ago(s.uptime_seconds)}`;
  const faults = s.checks.filter((c) => c.fault);
  let text = s.ready ? "ready" : "not ready";
  if (faults.length > 0) text += ": " + faults.map((c) => `${c.name}: ${c.fault}`).join("; ");
  if (!s.reload.successful) text += "; the last reload failed";
  state(text, faults.length === 0 && s.reload.successful);

  const errors = s.total.user_errors + s.total.throttles + s.total.faults;
  if (last && s.uptime_seconds > last.uptime_seconds) {
    const dt = s.uptime_seconds - last.uptime_seconds;
    const rate = (s.total.requests - last.total.requests) / dt;
    const lookups = s.total.lookups - last.total.lookups, hits = s.total.hits - last.total.hits;
    push(history.rate, rate);
    push(history.hits, lookups > 0 ? hits / lookups : history.hits.at(-1) ?? 0);
    $("rate").textContent = count(Math.round(rate)) + " /s";
    $("hits").textContent = lookups > 0 ? percent(hits, lookups) : percent(s.total.hits, s.total.lookups);
    spark("rate-spark", history.rate);
    spark("hits-spark", history.hits, 1);
  } else {
    $("rate").textContent = count(s.total.requests);
    $("hits").textContent = percent(s.total.hits, s.total.lookups);
  }
  $("rate-note").textContent = `${count(s.total.requests)} since the start, ${count(s.connections.open)} connections`;
  $("hits-note").textContent = `${percent(s.total.hits, s.total.lookups)} of ${count(s.total.lookups)} since the start`;
  $("errors").textContent = count(errors);
  $("errors-note").textContent = `${count(s.total.faults)} faults, ${count(s.total.throttles)} throttles, ${count(s.refused)} refused`;
  const held = Object.values(s.caches.held);
  const bytes = held.reduce((n, h) => n + h.bytes, 0), entries = held.reduce((n, h) => n + h.entries, 0);
  $("bytes").textContent = size(bytes);
  $("bytes-note").textContent = `${count(entries)} entries, of ${size(s.caches.max_bytes)}`;
  $("bytes-meter").value = bytes / s.caches.max_bytes;

  const bad = (n) => ({ text: count(n), className: n > 0 ? "bad" : "" });
  fill("operations", [["operation"], ["requests", 1], ["hits", 1], ["median", 1], ["99th percentile", 1], ["user errors", 1], ["throttles", 1], ["faults", 1]],
    s.operations.map((o) => [o.operation, count(o.requests), percent(o.hits, o.lookups), time(o.median_seconds), time(o.p99_seconds), count(o.user_errors), bad(o.throttles), bad(o.faults)]),
    "Nobody has asked for anything yet.");
  const names = { capacity: "to make room", shed: "because the policy fell behind", expired: "past their time to live", invalidated: "out of date", purged: "purged" };
  fill("left", [["why"], ["entries", 1], ["bytes", 1]],
    Object.entries(s.caches.left).filter(([, n]) => n.entries > 0).map(([why, n]) => [names[why] ?? why, count(n.entries), size(n.bytes)]), "Nothing yet.");
  const sources = { write: "writes through here", commit: "commits of the engine", stream: "records of streams", bus: "other nodes", table: "changes of tables", admin: "purges", reload: "reloads" };
  fill("why", [["source"], ["changes", 1]],
    Object.entries(s.invalidations).filter(([, n]) => n > 0).map(([why, n]) => [sources[why] ?? why, count(n)]), "Nothing yet.");
  last = s;
}

function showTables(stats, tables, coherence) {
  const traffic = new Map(stats.tables.map((t) => [t.table, t]));
  const how = new Map(coherence.items.map((c) => [c.table, c]));
  const rows = tables.items.map((t) => {
    const n = traffic.get(t.table) ?? { requests: 0, hits: 0, lookups: 0 };
    const c = how.get(t.table);
    traffic.delete(t.table);
    const trouble = c && [c.changing && "changing", c.ambiguous && "a write of unknown outcome", c.quarantine && c.mode !== "embedded" && "quarantine"].filter(Boolean).join(", ");
    return [t.table, count(n.requests), percent(n.hits, n.lookups), t.items ? time(t.item_ttl_seconds) : "off", t.pages.cached ? time(t.pages.ttl_seconds) : "off",
      String(t.indexes.length), t.coherence, c ? time(c.watermark_age_seconds) : "–", trouble || "–"];
  });
  for (const [name, n] of traffic) {
    rows.push([name === "-" ? "none or several" : name, count(n.requests), percent(n.hits, n.lookups), "–", "–", "–", "–", "–", "–"]);
  }
  fill("tables", [["table"], ["requests", 1], ["hits", 1], ["items for", 1], ["pages for", 1], ["indexes", 1], ["learns by"], ["behind", 1], ["now"]], rows, "No table has been used yet.");
}

function showLists(hot, slow) {
  fill("hot", [["share", 1], ["table"], ["key"]],
    hot.items.slice(0, 10).map((k) => [(100 * k.share).toFixed(1) + " %", k.table, { text: k.key ? JSON.stringify(k.key) : k.hash, className: "wrap" }]),
    "No key stands out.");
  fill("slow", [["at"], ["took", 1], ["operation"], ["table"], ["result"], ["answer"]],
    slow.items.slice(0, 10).map((r) => [new Date(r.at).toLocaleTimeString(), time(r.seconds), r.operation, r.table, r.result, r.code ?? r.class]),
    "None was slow.");
}

function state(text, good) {
  if ($("state").textContent !== text) $("state").textContent = text;
  $("state").className = "state " + (good ? "good" : "bad");
}

async function refresh() {
  try {
    const [stats, tables, coherence, hot, slow] = await Promise.all(["stats", "tables", "coherence", "hot-keys", "slow-requests"].map(ask));
    showStats(stats);
    showTables(stats, tables, coherence);
    showLists(hot, slow);
    $("sign-in").hidden = true;
    $("main").hidden = false;
  } catch (error) {
    if (error instanceof Unauthorized) {
      $("main").hidden = true;
      if ($("sign-in").hidden) {
        $("sign-in").hidden = false;
        $("token").focus();
      }
      state(token() ? "that is not the token" : "the token is needed", false);
      sessionStorage.removeItem("token");
    } else {
      state("no answer: " + error.message, false);
    }
  }
}

$("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("token", $("token").value.trim());
  $("token").value = "";
  refresh();
});
$("pause").addEventListener("click", () => {
  paused = !paused;
  $("pause").setAttribute("aria-pressed", String(paused));
});

async function run() {
  for (;;) {
    if (!paused && !document.hidden && $("sign-in").hidden) await refresh();
    await new Promise((done) => setTimeout(done, period));
  }
}
refresh().then(run);
