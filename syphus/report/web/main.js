// The page as a whole: views, keys, printing.

const PRINTED = 200;

function showView(name) {
  for (const one of ["overview", "dialogues"]) {
    get(one).hidden = one !== name;
    get(`tab-${one}`).setAttribute("aria-selected", String(one === name));
    get(`tab-${one}`).tabIndex = one === name ? 0 : -1;
  }
  if (name === "overview") get("overview").replaceChildren(overview(list.chosen, pick));
  else list.draw();
}

/** From a chart to the dialogues that it counts. */
function pick(change) {
  filters.replace(change);
  if (Object.keys(change).some((key) => key !== "search")) get("more-filters").open = true;
  document.body.classList.remove("reading");
  showView("dialogues");
}

function refresh() {
  const chosen = filters.choose();
  get("count").textContent = chosen.length === data.size ? plural(data.size, "entry", "entries") : `${number(chosen.length)} of ${plural(data.size, "entry", "entries")}`;
  list.show(chosen);
  if (!get("overview").hidden) get("overview").replaceChildren(overview(chosen, pick));
  if (chosen.length && !chosen.includes(list.current)) {
    list.node.scrollTop = 0;
    const reading = document.body.classList.contains("reading");
    list.open(chosen[0]);
    document.body.classList.toggle("reading", reading);
  } else if (!chosen.length) {
    list.current = -1;
    get("detail").replaceChildren(make("p", { class: "nothing" }, "Nothing fits these filters."));
  }
}

function tally() {
  const states = data.rows.id.map((_, place) => decisions.state(place));
  const good = states.filter((one) => one === "accept").length;
  const bad = states.filter((one) => one === "reject").length;
  const node = get("tally");
  node.replaceChildren(make("span", { class: "good" }, `${number(good)} accepted`), make("span", { class: "bad" }, `${number(bad)} rejected`));
}

// -- keys

const KEYS = [
  ["j  ↓", "next dialogue"],
  ["k  ↑", "the one before"],
  ["a", "accept, and go on"],
  ["r", "reject, and go on"],
  ["u", "undecided"],
  ["n", "write a note (Esc leaves it)"],
  ["b", "show all boxes"],
  ["p", "open the prompt"],
  ["/", "search"],
  ["o  d", "overview, dialogues"],
  ["?", "this help"],
];

let keysOn = true;

function keyPressed(event) {
  const node = event.target;
  if (event.key === "Escape") {
    if (node.matches("input, textarea, select")) node.blur();
    else if (document.body.classList.contains("reading")) closeDetail();
    return;
  }
  if (!keysOn || event.ctrlKey || event.metaKey || event.altKey || node.matches("input, textarea, select") || get("keys").open) return;
  const arrows = node.closest?.(".list, body") && !node.closest("summary, [role=tab]");
  const acts = {
    j: () => list.move(1),
    k: () => list.move(-1),
    ArrowDown: arrows && (() => list.move(1)),
    ArrowUp: arrows && (() => list.move(-1)),
    a: () => decideAndGo("accept"),
    r: () => decideAndGo("reject"),
    u: () => list.current >= 0 && choose(list.current, ""),
    n: () => get("note")?.focus(),
    b: () => get("all-boxes")?.click(),
    p: () => get("detail").querySelector(".asked > summary")?.click(),
    "/": () => (showView("dialogues"), get("search").focus()),
    o: () => showView("overview"),
    d: () => showView("dialogues"),
    "?": openHelp,
    Enter: node === list.node && (() => list.open(list.current, { focus: true })),
  };
  const act = acts[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

function decideAndGo(choice) {
  if (list.current < 0 || get("dialogues").hidden) return;
  const at = list.chosen.indexOf(list.current);
  choose(list.current, choice);
  if (at < list.chosen.length - 1) list.move(1);
}

function openHelp() {
  const box = get("keys");
  const on = make("input", { type: "checkbox", id: "keys-on" });
  on.checked = keysOn;
  on.addEventListener("change", () => {
    keysOn = on.checked;
  });
  box.replaceChildren(
    make("h2", { id: "keys-title" }, "Keys"),
    make("dl", {}, KEYS.map(([key, what]) => [make("dt", {}, key.split("  ").map((one) => make("kbd", {}, one))), make("dd", {}, what)])),
    make("label", { class: "switch" }, on, "Single keys are on"),
    make("p", { class: "note" }, data.index.live ? "Decisions are saved as you make them." : "Decisions stay in this browser until you save them as a file; `syphus export --decisions` and `syphus regenerate --decisions` read it."),
    make("button", { type: "button", onclick: () => box.close() }, "Close"),
  );
  box.showModal();
}

// -- printing

async function fillPaper() {
  const paper = get("paper");
  const places = list.chosen.slice(0, PRINTED);
  const parts = [];
  for (const place of places) {
    const body = await data.body(place);
    parts.push(onPaper(place, body, (await data.scene(body.scene)) || {}));
  }
  const more = list.chosen.length - places.length;
  paper.replaceChildren(overview(list.chosen, () => {}), ...parts, more > 0 ? make("p", {}, `and ${number(more)} more that are not printed: filter them first`) : "");
  await Promise.all([...paper.querySelectorAll("img")].map((image) => image.decode().catch(() => {})));
}

function onPaper(place, body, scene) {
  const scope = scopeOf(body, scene);
  const one = decisions.of(place);
  const decided = [one.decision && `${one.decision}ed`, one.note].filter(Boolean).join(": ");
  return make(
    "section",
    { class: "sheet" },
    make("h2", {}, data.rows.id[place]),
    make("p", { class: "about" }, [data.name("category", place), STATE_NAMES[data.rows.state[place]], decided].filter(Boolean).join(" · ")),
    make("div", { class: "whole" }, make("div", { class: "seen" }, pictures(body, scope), (scene.segments || []).length > 0 && timeline(scene.segments, 0), lines(scope.captions)), make("div", { class: "said" }, dialogueParts(body, scope), findings(body), rejected(body))),
  );
}

async function printPage() {
  await fillPaper();
  window.print();
}

// -- start

function setTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}

function nextTheme() {
  const dark = document.documentElement.dataset.theme
    ? document.documentElement.dataset.theme === "dark"
    : window.matchMedia("(prefers-color-scheme: dark)").matches;
  setTheme(dark ? "light" : "dark");
  memory.write("theme", dark ? "light" : "dark");
}

function decodedHash() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return "";
  }
}

async function start() {
  setTheme(memory.read("theme"));
  await data.open();
  const index = data.index;
  get("origin").textContent = [index.origin, index.made].filter(Boolean).join(" · ");
  const told = [...index.remarks];
  if (index.total && index.total > data.size) told.unshift(`These are the first ${number(data.size)} of ${number(index.total)} entries; the charts of the whole run count all.`);
  get("remarks").hidden = !told.length;
  get("remarks").append(...told.map((text) => make("p", {}, text)));
  await decisions.open();
  get("save").hidden = index.live;
  list.start((place, focus) => {
    document.body.classList.add("reading");
    openDetail(place, focus);
    history.replaceState(null, "", `#${encodeURIComponent(data.rows.id[place])}`); // so that a dialogue can be pointed out
  });
  const wanted = data.rows.id.indexOf(decodedHash());
  filters.start(refresh);
  decisions.listeners.push(tally);
  tally();
  refresh();
  if (wanted >= 0) list.open(wanted);
  get("tab-overview").addEventListener("click", () => showView("overview"));
  get("tab-dialogues").addEventListener("click", () => showView("dialogues"));
  for (const tab of [get("tab-overview"), get("tab-dialogues")]) {
    tab.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
      const other = tab.id === "tab-overview" ? "dialogues" : "overview";
      showView(other);
      get(`tab-${other}`).focus();
    });
  }
  get("save").addEventListener("click", saveFile);
  get("print").addEventListener("click", printPage);
  get("theme").addEventListener("click", nextTheme);
  get("help").addEventListener("click", openHelp);
  get("load").addEventListener("change", async (event) => {
    try {
      const count = decisions.read(await event.target.files[0].text());
      say(`${plural(count, "decision")} read.`);
    } catch {
      say("This file holds no decisions.");
    }
    event.target.value = "";
    if (list.current >= 0) openDetail(list.current);
  });
  document.addEventListener("keydown", keyPressed);
  window.addEventListener("beforeprint", () => {
    if (!get("paper").childElementCount) fillPaper();
  });
  window.addEventListener("afterprint", () => get("paper").replaceChildren());
  document.documentElement.dataset.ready = "list";
  await data.readAll();
  document.documentElement.dataset.ready = "all";
  if (filters.now.search) refresh();
}

start().catch((error) => {
  get("remarks").hidden = false;
  get("remarks").append(make("p", {}, `The page could not be built (${error.message}). It needs Chrome 80, Firefox 113, Safari 16.4, or newer.`));
});
