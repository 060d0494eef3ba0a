// One dialogue: what was seen, what was said, what was found, what was asked.

const choices = {
  /** Languages that are shown beside each other; null: all. */
  languages: null,
  allBoxes: false,
};

let shownPlace = -1;

async function openDetail(place, focus) {
  const again = shownPlace === place;
  shownPlace = place;
  const body = await data.body(place);
  const scene = (await data.scene(body.scene)) || {};
  if (shownPlace !== place) return; // another was opened meanwhile
  const root = get("detail");
  root.replaceChildren(...detail(place, body, scene));
  if (again) return; // only its languages or its decision are other ones
  root.scrollTop = 0;
  const order = list.chosen.indexOf(place);
  say(`${order + 1} of ${list.chosen.length}: ${data.rows.preview[place]}`);
  if (focus) root.focus({ preventScroll: true });
}

function scopeOf(body, scene) {
  const objects = body.objects || [];
  const referred = new Set();
  for (const version of body.versions || []) {
    for (const turn of version.turns || []) for (const part of turn) if (typeof part !== "string") part[1].forEach((id) => referred.add(id));
  }
  // What is spoken of gets its colours first, so that they differ.
  const order = [...objects].sort((a, b) => referred.has(b.id) - referred.has(a.id));
  return {
    referred,
    marks: new Map(order.map((one, at) => [one.id, at % HUES])),
    labels: new Map(objects.map((one) => [one.id, one.label])),
    assets: new Set((body.assets || []).map((one) => one.id)),
    captions: (scene.captions || []).map((one) => one.text),
    timed: Boolean((scene.segments || []).length || (body.assets || []).some((one) => one.duration)),
  };
}

function detail(place, body, scene) {
  const scope = scopeOf(body, scene);
  const seen = make("div", { class: `seen${choices.allBoxes || !scope.referred.size ? " all-boxes" : ""}` }, seenParts(body, scene, scope));
  const said = make("div", { class: "said" }, dialogueParts(body, scope), findings(body), rejected(body), asked(body));
  const columns = said.querySelector(".versions")?.dataset.count || 1;
  const whole = make("div", { class: `whole${columns > 2 ? " many" : ""}` }, seen, said);
  connect(whole);
  return [headOf(place, body), whole];
}

function headOf(place, body) {
  const rows = data.rows;
  const state = rows.state[place];
  const facts = [
    data.name("category", place),
    data.name("ability", place),
    data.name("source", place),
    (body.versions || [])[0]?.model,
    rows.cost[place] !== null && rows.cost[place] > 0 && dollars(rows.cost[place]),
  ];
  return make(
    "header",
    { class: "detail-head" },
    make("button", { type: "button", id: "back", onclick: closeDetail }, "← List"),
    make(
      "div",
      { class: "which" },
      make("h2", {}, make("bdi", {}, rows.id[place])),
      make("p", { class: "about" }, state !== "accepted" && make("span", { class: `state ${state}` }, STATE_NAMES[state]), facts.filter(Boolean).map((one) => make("span", {}, one))),
    ),
    make(
      "div",
      { class: "steps" },
      make("button", { type: "button", "aria-label": "The one before", onclick: () => list.move(-1) }, "‹"),
      make("button", { type: "button", "aria-label": "Next", onclick: () => list.move(1) }, "›"),
    ),
    decide(place),
  );
}

function decide(place) {
  const one = decisions.of(place);
  const state = decisions.state(place);
  const note = make("textarea", { id: "note", rows: 1, placeholder: "Note", "aria-label": "Note", dir: "auto" });
  note.value = one.note || "";
  note.addEventListener("change", () => decisions.set(place, { note: note.value.trim() }));
  const button = (choice, name, key) =>
    make(
      "button",
      {
        type: "button",
        class: `decide ${choice || "none"}`,
        "aria-pressed": String(state === choice),
        "aria-keyshortcuts": key,
        onclick: () => choose(place, choice),
      },
      name,
      make("kbd", { "aria-hidden": "true" }, key),
    );
  return make(
    "div",
    { class: "decision", id: "decision" },
    make("div", { class: "buttons" }, button("accept", "Accept", "a"), button("reject", "Reject", "r"), button("", "Undecided", "u")),
    state === "outdated" && make("p", { class: "hint" }, `An earlier text was ${one.decision === "accept" ? "accepted" : "rejected"}; this one has not been looked at.`),
    note,
  );
}

function choose(place, choice) {
  decisions.set(place, { decision: choice });
  const area = get("decision");
  if (shownPlace === place && area) area.replaceWith(decide(place));
  say({ accept: "Accepted.", reject: "Rejected.", "": "Undecided." }[choice]);
}

function closeDetail() {
  document.body.classList.remove("reading");
  get("list").focus();
}

// -- what was seen

function seenParts(body, scene, scope) {
  const duration = Math.max(0, ...(body.assets || []).map((one) => one.duration || 0));
  const wide = window.matchMedia("(min-width: 761px)").matches; // on a phone the dialogue is to be near its picture
  const boxed = (body.objects || []).some((one) => one.box);
  const toggle = make("button", { type: "button", id: "all-boxes", "aria-pressed": String(choices.allBoxes), "aria-keyshortcuts": "b" }, "All boxes");
  toggle.addEventListener("click", () => {
    choices.allBoxes = !choices.allBoxes;
    toggle.setAttribute("aria-pressed", String(choices.allBoxes));
    get("detail").querySelector(".seen").classList.toggle("all-boxes", choices.allBoxes);
  });
  return [
    pictures(body, scope),
    boxed && scope.referred.size > 0 && toggle,
    (scene.segments || []).length > 0 && part(plural(scene.segments.length, "moment"), timeline(scene.segments, duration), true),
    scope.captions.length > 0 && part(plural(scope.captions.length, "caption"), lines(scope.captions), wide),
    (body.objects || []).length > 0 && part(plural(body.objects.length, "object"), objectsOf(body, scope), wide && body.objects.length <= 12),
    (scene.regions || []).length > 0 && part(plural(scene.regions.length, "region"), lines(scene.regions.map((one) => one.text))),
    (scene.relations || []).length > 0 && part(plural(scene.relations.length, "relation"), lines(scene.relations.map((one) => `${scope.labels.get(one.subject) || one.subject} ${one.predicate} ${scope.labels.get(one.object) || one.object}`))),
    (scene.ocr || []).length > 0 && part(plural(scene.ocr.length, "line of writing", "lines of writing"), lines(scene.ocr.map((one) => one.text))),
    (scene.questions || []).length > 0 && part(plural(scene.questions.length, "annotated question"), lines(scene.questions.map((one) => `${one.question} – ${(one.answers || []).slice(0, 3).join(", ")}`))),
    (scene.people || []).length > 0 && part(plural(scene.people.length, "name"), lines(scene.people.map((one) => one.name))),
    (scene.absent || []).length > 0 && part("Looked for and not there", lines(scene.absent)),
    (scene.prose || []).length > 0 && part("About the whole", lines(scene.prose)),
  ].filter(Boolean);
}

function part(title, content, open = false) {
  return make("details", { class: "part-of-scene", open }, make("summary", {}, title), content);
}

const lines = (texts) => make("ul", { class: "lines" }, texts.map((text) => make("li", { dir: "auto" }, text)));

function objectsOf(body, scope) {
  return make(
    "ul",
    { class: "objects" },
    body.objects.map((one) =>
      make(
        "li",
        {},
        make("button", { type: "button", class: `chip hue-${scope.marks.get(one.id)}`, data: { ids: one.id } }, one.label, one.crowd ? " (many)" : ""),
        make("span", { class: "attributes" }, make("code", {}, one.id), " ", (one.attributes || []).join(", ")),
      ),
    ),
  );
}

// -- what was said

function dialogueParts(body, scope) {
  const versions = body.versions || [];
  if (!versions.length) return make("p", { class: "note" }, body.detail || "Nothing of it was accepted.");
  const shown = versions.filter((one, at) => !choices.languages || at === 0 || choices.languages.has(versionName(one)));
  const out = [];
  if (versions.length > 1) out.push(languagePicker(versions));
  const turns = make("div", { class: "versions", data: { count: shown.length } });
  turns.style.setProperty("--versions", shown.length);
  const length = Math.max(...shown.map((one) => one.turns.length));
  if (shown.length > 1) {
    turns.append(...shown.map((one) => make("h3", { class: "language", dir: direction(one.language) === "rtl" ? "rtl" : "ltr" }, versionName(one), " ", make("code", {}, one.language))));
  }
  for (const [at, one] of shown.entries()) {
    if (one.system) turns.append(make("div", { class: "turn system", at: { gridColumn: String(at + 1) } }, make("span", { class: "who" }, "system"), make("p", { dir: "auto" }, one.system)));
  }
  for (let turn = 0; turn < length; turn += 1) {
    for (const one of shown) turns.append(turnOf(one, turn, body, scope));
    if (turn % 2) {
      const found = (body.remarks || []).filter((remark) => remark.turn === (turn - 1) / 2);
      if (found.length) turns.append(make("div", { class: "turn-findings" }, found.map(finding)));
    }
  }
  out.push(turns);
  return out;
}

function turnOf(version, turn, body, scope) {
  const parts = version.turns[turn];
  const first = body.versions[0].language;
  const about = (body.remarks || []).filter((one) => one.turn === Math.floor(turn / 2) && (one.language || first) === version.language && !version.label);
  const who = turn % 2 ? "answer" : "question";
  return make(
    "div",
    { class: `turn ${who}`, lang: version.language || null, dir: direction(version.language) === "rtl" ? "rtl" : null },
    make("span", { class: "who" }, turn % 2 ? "A" : "Q"),
    make("p", { dir: direction(version.language) }, parts ? prose(parts, scope, about.map((one) => one.evidence)) : ""),
  );
}

const versionName = (one) => [languageName(one.language), one.label].filter(Boolean).join(", ");

function languagePicker(versions) {
  const [first, ...others] = versions.map(versionName);
  const boxes = others.map((language) => {
    const input = make("input", { type: "checkbox" });
    input.checked = !choices.languages || choices.languages.has(language);
    input.addEventListener("change", () => {
      const chosen = choices.languages || new Set(others);
      if (input.checked) chosen.add(language);
      else chosen.delete(language);
      choices.languages = chosen;
      openDetail(shownPlace);
    });
    return make("label", {}, input, language);
  });
  return make("div", { class: "languages", role: "group", "aria-label": "Languages beside each other" }, make("span", {}, first), boxes);
}

// -- what was found

function finding(one) {
  return make(
    "div",
    { class: `finding ${one.stance || ""}` },
    make("p", {}, make("code", {}, one.code), one.stance && make("span", { class: "stance" }, one.stance), one.language && make("span", { class: "stance" }, languageName(one.language)), make("span", { dir: "auto" }, one.message)),
    one.evidence && make("blockquote", { dir: "auto" }, one.evidence),
  );
}

function findings(body) {
  const whole = (body.remarks || []).filter((one) => one.turn === undefined || one.turn === null || !(body.versions || []).length);
  const notes = body.notes || [];
  if (!whole.length && !notes.length) return null;
  return make("section", { class: "found-part" }, make("h3", {}, "About the whole"), whole.map(finding), notes.length > 0 && lines(notes));
}

function rejected(body) {
  if (!(body.rejects || []).length) return null;
  return make("section", { class: "found-part" }, make("h3", {}, `Refused: ${plural(body.rejects.length, "part")}`), body.rejects.map(finding));
}

// -- what was asked

function asked(body) {
  if (!body.asked) return null;
  const holder = make("details", { class: "asked" }, make("summary", {}, "The exact prompt"));
  holder.addEventListener("toggle", async () => {
    if (!holder.open || holder.dataset.filled) return;
    holder.dataset.filled = "yes";
    const [requests, prefixes] = await Promise.all([data.asked(body.asked), data.prefixes()]);
    for (const one of requests) {
      const messages = [...((one.prefix !== undefined && (prefixes || {})[one.prefix]) || []), ...one.messages];
      add(
        holder,
        make("h4", {}, one.purpose, one.model && make("span", {}, ` · ${one.model}`)),
        messages.map(([role, text]) => make("div", { class: `message ${role}` }, make("span", { class: "who" }, role), make("pre", { dir: "auto", tabindex: 0 }, text))),
        one.reply && make("div", { class: "message reply" }, make("span", { class: "who" }, "what came back"), make("pre", { dir: "auto", tabindex: 0 }, one.reply)),
      );
    }
  });
  return holder;
}
