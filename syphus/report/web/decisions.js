// What the reader decides: kept in the browser, or by the server that the page came from, and saved as JSON Lines.

const decisions = {
  all: new Map(),
  listeners: [],

  async open() {
    const kept = data.index.live ? await decisions.fetch() : memory.read(`decisions ${data.index.key}`);
    for (const one of [...data.index.decisions, ...(kept || [])]) decisions.all.set(one.id, one);
  },

  /** What the server knows by now; the page itself was made earlier. */
  async fetch() {
    const reply = await fetch("decisions");
    return (await reply.text()).split("\n").filter(Boolean).map((line) => JSON.parse(line));
  },

  of(place) {
    return decisions.all.get(data.rows.id[place]) || { decision: "", note: "" };
  },

  /** accept, reject, outdated (decided about another text under this id), or nothing. */
  state(place) {
    const one = decisions.of(place);
    if (!one.decision) return "";
    const versions = Object.values(data.rows.version[place]);
    const known = [one.version, ...Object.values(one.others || {})].filter(Boolean);
    return !known.length || !versions.length || known.some((version) => versions.includes(version)) ? one.decision : "outdated";
  },

  set(place, change) {
    const id = data.rows.id[place];
    const versions = data.rows.version[place];
    const [first, ...others] = Object.keys(versions);
    const one = { ...decisions.of(place), ...change, id, version: versions[first] || "" };
    one.others = Object.fromEntries(others.map((name) => [name, versions[name]]));
    decisions.all.set(id, one);
    decisions.keep(one);
    for (const listener of decisions.listeners) listener(place);
  },

  keep(one) {
    if (data.index.live) {
      post(one);
    } else if (!memory.write(`decisions ${data.index.key}`, decisions.worth())) {
      say("This browser keeps nothing for this page: use Save decisions before you close it.");
    }
  },

  worth() {
    return [...decisions.all.values()].filter((one) => one.decision || one.note);
  },

  lines() {
    return decisions.worth().map((one) => `${JSON.stringify(one)}\n`).join("");
  },

  /** Reads what was saved before; returns how many. */
  read(text) {
    const found = text.trimStart().startsWith("[") ? JSON.parse(text) : text.split("\n").filter((line) => line.trim()).map((line) => JSON.parse(line));
    for (const one of found) {
      if (!one || typeof one.id !== "string" || !["accept", "reject", "", undefined].includes(one.decision)) throw new Error("no decisions");
    }
    for (const one of found) {
      const kept = { decision: "", note: "", ...one };
      decisions.all.set(one.id, kept);
      if (data.index.live) post(kept);
    }
    if (!data.index.live && found.length) decisions.keep(found[0]);
    for (const listener of decisions.listeners) listener(null);
    return found.length;
  },
};

let last = Promise.resolve();

/** One after another, so that the newest is the last that is written. */
function post(one) {
  last = last.then(async () => {
    try {
      const reply = await fetch("decisions", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(one) });
      if (!reply.ok) throw new Error(String(reply.status));
      get("tally").classList.remove("failed");
    } catch {
      get("tally").classList.add("failed");
      say("The decision could not be saved: is `syphus review` still running?");
    }
  });
}

function saveFile() {
  const link = make("a", { download: "decisions.jsonl" });
  link.href = URL.createObjectURL(new Blob([decisions.lines()], { type: "application/jsonl" }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
