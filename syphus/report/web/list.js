// The list: rows of one height, of which only those in view exist, and the filters above it.

const EXTRA = 6;

const list = {
  node: null,
  chosen: [],
  current: -1,
  height: 76,
  onopen: () => {},

  start(onopen) {
    list.node = get("list");
    list.inner = make("div", { class: "rows", role: "presentation" });
    list.node.append(list.inner);
    list.onopen = onopen;
    list.pictured = data.rows.picture.some((one) => one !== null);
    list.node.addEventListener("scroll", () => requestAnimationFrame(list.draw), { passive: true });
    new ResizeObserver(list.draw).observe(list.node);
    decisions.listeners.push(list.draw);
  },

  /** The samples to be shown, by place. */
  show(chosen) {
    list.chosen = chosen;
    list.inner.style.height = `${chosen.length * list.height}px`;
    list.draw();
  },

  draw() {
    const first = Math.max(0, Math.floor(list.node.scrollTop / list.height) - EXTRA);
    const end = Math.min(list.chosen.length, Math.ceil((list.node.scrollTop + list.node.clientHeight) / list.height) + EXTRA);
    list.inner.replaceChildren(...Array.from({ length: Math.max(0, end - first) }, (_, order) => list.row(first + order)));
    const open = list.chosen.indexOf(list.current);
    if (open >= first && open < end) list.node.setAttribute("aria-activedescendant", `row-${list.current}`);
    else list.node.removeAttribute("aria-activedescendant");
  },

  row(order) {
    const place = list.chosen[order];
    const rows = data.rows;
    const picture = rows.picture[place];
    const image = make("span", { class: "thumb", "aria-hidden": "true" });
    if (picture !== null) {
      const shown = make("img", { alt: "", decoding: "async", loading: "lazy" });
      shown.src = data.picture(picture);
      image.append(shown);
    }
    const state = rows.state[place];
    const decision = decisions.state(place);
    const words = { accept: "accepted by you", reject: "rejected by you", outdated: "decided about an earlier text" };
    const findings = rows.codes[place].length;
    const about = [
      state !== "accepted" && make("span", { class: `state ${state}` }, state === "partial" ? "partly" : state),
      findings > 0 && make("span", { class: "found" }, plural(findings, "finding")),
      make("span", { class: "kind" }, data.name("category", place)),
      rows.pairs[place] > 0 && make("span", {}, plural(rows.pairs[place], "pair")),
      rows.languages[place].length > 1 && make("span", {}, data.languages(place).join(" ")),
    ];
    return make(
      "div",
      {
        id: `row-${place}`,
        role: "option",
        class: `row${place === list.current ? " open" : ""}${decision ? ` is-${decision}` : ""}`,
        "aria-selected": place === list.current ? "true" : "false",
        "aria-setsize": list.chosen.length,
        "aria-posinset": order + 1,
        at: { top: `${order * list.height}px`, height: `${list.height}px` },
        onclick: () => list.open(place),
      },
      list.pictured && image,
      make(
        "span",
        { class: "row-text" },
        make("span", { class: "preview", dir: "auto" }, rows.preview[place] || rows.id[place]),
        make("span", { class: "about" }, about),
      ),
      decision && make("span", { class: `mark ${decision}`, title: words[decision] }, make("span", { class: "unseen" }, words[decision])),
    );
  },

  open(place, { focus = false } = {}) {
    list.current = place;
    const order = list.chosen.indexOf(place);
    if (order >= 0) {
      const top = order * list.height;
      const view = list.node;
      if (top < view.scrollTop) view.scrollTop = top;
      else if (top + list.height > view.scrollTop + view.clientHeight) view.scrollTop = top + list.height - view.clientHeight;
    }
    list.draw();
    list.onopen(place, focus);
  },

  move(step) {
    if (!list.chosen.length) return;
    const at = list.chosen.indexOf(list.current);
    const next = at < 0 ? 0 : Math.min(list.chosen.length - 1, Math.max(0, at + step));
    list.open(list.chosen[next]);
  },
};

const NONE = { search: "", category: null, ability: null, language: null, source: null, state: null, code: null, decision: null, topic: null };

/** Orders of the list; the first is the run's own. */
const ORDERS = {
  made: ["as it was made", null],
  findings: ["most findings first", (place) => -data.rows.codes[place].length],
  long: ["longest answers first", (place) => -sumOf(data.rows.answer[place])],
  short: ["shortest answers first", (place) => sumOf(data.rows.answer[place])],
  dear: ["dearest first", (place) => -(data.rows.cost[place] ?? -1)],
  mixed: ["mixed, always alike", (place) => mix(data.rows.id[place])],
};

const sumOf = (values) => values.reduce((sum, value) => sum + value, 0);

/** FNV-1a: the same order of the same ids on every machine. */
function mix(text) {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}

const filters = {
  order: "made",
  now: { ...NONE },
  onchange: () => {},

  start(onchange) {
    filters.onchange = onchange;
    const named = (kind) => data.names[kind].map((name) => [name, name || "not said"]).sort((a, b) => a[1].localeCompare(b[1]));
    const states = STATES.filter((state) => data.rows.state.includes(state)).map((state) => [state, STATE_NAMES[state]]);
    const choices = {
      category: ["Category", named("category")],
      ability: ["Ability", named("ability")],
      language: ["Language", named("language").map(([tag]) => [tag, languageName(tag)])],
      source: ["Source", named("source")],
      state: ["State", states],
      code: ["Finding", named("code")],
      decision: ["Your decision", [["none", "not looked at"], ["accept", "accepted"], ["reject", "rejected"], ["outdated", "of an earlier text"], ["note", "with a note"]]],
    };
    const selects = Object.entries(choices).map(([key, [title, options]]) => {
      if (options.length < 2 && key !== "code") return null;
      if (!options.length) return null;
      const select = make("select", { id: `filter-${key}`, onchange: (event) => filters.set({ [key]: event.target.value === "*" ? null : event.target.value }) });
      select.append(make("option", { value: "*" }, "all"), ...options.map(([value, name]) => make("option", { value }, name)));
      return make("label", {}, make("span", {}, title), select);
    });
    const clear = make("button", { type: "button", id: "clear", onclick: () => filters.replace({}) }, "Clear");
    const orders = make("select", {
      id: "order",
      onchange: (event) => {
        filters.order = event.target.value;
        list.node.scrollTop = 0;
        filters.onchange();
      },
    });
    orders.append(...Object.entries(ORDERS).map(([value, [name]]) => make("option", { value }, name)));
    selects.push(make("label", {}, make("span", {}, "Order"), orders));
    get("selects").append(...selects.filter(Boolean), make("p", { id: "topic", hidden: true }), clear);
    get("search").addEventListener("input", (event) => {
      clearTimeout(filters.waiting);
      filters.waiting = setTimeout(() => filters.set({ search: event.target.value }), 120);
    });
    get("filters").addEventListener("submit", (event) => event.preventDefault());
  },

  set(change) {
    Object.assign(filters.now, change);
    filters.write();
    filters.onchange();
  },

  /** Exactly these conditions, and no others. */
  replace(change) {
    filters.set({ ...NONE, ...change });
  },

  write() {
    const now = filters.now;
    if (get("search").value !== now.search) get("search").value = now.search;
    for (const key of Object.keys(NONE)) {
      const select = get(`filter-${key}`);
      if (select) select.value = now[key] === null ? "*" : now[key];
    }
    const active = Object.entries(now).filter(([key, value]) => value !== null && key !== "search").length;
    get("active").textContent = active ? `(${active})` : "";
    const topic = get("topic");
    topic.hidden = now.topic === null;
    topic.textContent = now.topic === null ? "" : `Questions: ${now.topic.replace("\t", " ")}`;
  },

  /** The places of the samples that fit. */
  choose() {
    const now = filters.now;
    const rows = data.rows;
    const at = (kind) => (now[kind] === null ? null : data.names[kind].indexOf(now[kind]));
    const [category, ability, source, language, code] = ["category", "ability", "source", "language", "code"].map(at);
    const topics = now.topic === null ? null : new Set(data.names.topic.flatMap((name, place) => (name === now.topic || name.split("\t")[0] === now.topic ? [place] : [])));
    const words = now.search.toLowerCase().trim();
    const fits = (place) => {
      if (category !== null && rows.category[place] !== category) return false;
      if (ability !== null && rows.ability[place] !== ability) return false;
      if (source !== null && rows.source[place] !== source) return false;
      if (language !== null && !rows.languages[place].includes(language)) return false;
      if (now.state !== null && rows.state[place] !== now.state) return false;
      if (code !== null && !rows.codes[place].includes(code)) return false;
      if (topics && !rows.topics[place].some((topic) => topics.has(topic))) return false;
      if (now.decision !== null) {
        const kept = now.decision === "note" ? Boolean(decisions.of(place).note) : (decisions.state(place) || "none") === now.decision;
        if (!kept) return false;
      }
      return !words || (data.search ? data.search[place].includes(words) || (decisions.of(place).note || "").toLowerCase().includes(words) : rows.preview[place].toLowerCase().includes(words));
    };
    const chosen = Array.from({ length: data.size }, (_, place) => place).filter(fits);
    const weight = ORDERS[filters.order][1];
    if (!weight) return chosen;
    return chosen.map((place) => [weight(place), place]).sort((a, b) => a[0] - b[0] || a[1] - b[1]).map(([, place]) => place);
  },
};
