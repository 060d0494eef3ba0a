// What the dataset came to, as charts that answer questions. They follow the filters; the run's own figures do not.

const STATES = ["accepted", "partial", "rejected", "failed", "skipped"];
const STATE_NAMES = { accepted: "accepted", partial: "partly accepted", rejected: "rejected", failed: "failed", skipped: "skipped" };

function count(values) {
  const counts = new Map();
  for (const value of values) counts.set(value, (counts.get(value) || 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]);
}

function overview(chosen, pick) {
  const all = chosen.length === data.size;
  const parts = [
    yields(chosen, all, pick),
    checks(chosen, all, pick),
    costs(chosen, all, pick),
    topics(chosen, pick),
    lengths(chosen),
    balance(chosen, pick),
    repeats(pick),
    decisionsCard(chosen, pick),
  ];
  return make("div", { class: "figures-of-all" }, headline(chosen), make("div", { class: "cards" }, parts.filter(Boolean)));
}

function headline(chosen) {
  const rows = data.rows;
  const kept = chosen.filter((place) => rows.languages[place].length);
  const pairs = kept.reduce((sum, place) => sum + rows.pairs[place], 0);
  const languages = new Set(chosen.flatMap((place) => rows.languages[place]));
  const pictures = new Set(chosen.map((place) => rows.picture[place]).filter((one) => one !== null));
  const cost = totalCost(chosen);
  const facts = [
    [number(kept.length), kept.length === 1 ? "dialogue" : "dialogues"],
    [number(pairs), "questions with answers"],
    pictures.size && [number(pictures.size), "pictures shown"],
    languages.size > 1 && [number(languages.size), "languages"],
    cost !== null && [dollars(cost), "for their replies"],
  ];
  const cells = facts.filter(Boolean).map(([value, name]) => make("div", {}, make("dd", {}, value), make("dt", {}, name)));
  return make("dl", { class: "headline" }, cells);
}

function totalCost(chosen) {
  const known = chosen.map((place) => data.rows.cost[place]).filter((cost) => cost !== null);
  const sum = known.reduce((total, cost) => total + cost, 0);
  return known.length && sum > 0 ? sum : null;
}

function yields(chosen, all, pick) {
  let rows = data.index.categories.filter((one) => STATES.some((state) => one[state]));
  if (!all || !rows.length) {
    const made = new Map();
    for (const place of chosen) {
      const name = data.name("category", place);
      const one = made.get(name) || made.set(name, { name, pairs: 0 }).get(name);
      const state = data.rows.state[place];
      one[state] = (one[state] || 0) + 1;
      one.pairs += data.rows.pairs[place];
    }
    rows = [...made.values()];
  }
  const shown = rows.map((one) => {
    const whole = STATES.reduce((sum, state) => sum + (one[state] || 0), 0);
    const good = (one.accepted || 0) + (one.partial || 0);
    return {
      name: one.name || "no category",
      parts: STATES.map((state) => ({ value: one[state] || 0, class: state, title: `${STATE_NAMES[state]}: ${number(one[state] || 0)}` })),
      told: `${share(good, whole - (one.skipped || 0))} of ${number(whole - (one.skipped || 0))}`,
      pick: () => pick({ category: one.name }),
    };
  });
  const used = STATES.filter((state) => rows.some((one) => one[state]));
  const table = { head: ["Category", ...used.map((state) => STATE_NAMES[state]), "pairs"], rows: rows.map((one) => [one.name, ...used.map((state) => number(one[state] || 0)), number(one.pairs || 0)]) };
  return card("How much of each category was kept?", [bars(shown), legend(used.map((state) => [state, STATE_NAMES[state]]))], table);
}

function checks(chosen, all, pick) {
  const rejected = all ? Object.entries(data.index.refused) : [];
  const seen = count(chosen.flatMap((place) => data.rows.codes[place].map((code) => data.names.code[code])));
  const counts = new Map(seen);
  for (const [code, times] of rejected) counts.set(code, Math.max(times, counts.get(code) || 0));
  const rows = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 24);
  if (!rows.length) return card("What did the checks find?", make("p", { class: "note" }, "Nothing, in these dialogues."));
  const there = new Set(data.names.code);
  const shown = rows.map(([code, times]) => ({
    name: code,
    parts: [{ value: times, class: "rejected", title: number(times) }],
    told: number(times),
    pick: there.has(code) ? () => pick({ code }) : null,
  }));
  return card("What did the checks find?", bars(shown), { head: ["Finding", "times"], rows: rows.map(([code, times]) => [code, number(times)]) });
}

function costs(chosen, all, pick) {
  let rows = data.index.categories.filter((one) => one.cost > 0).map((one) => [one.name, one.cost, one.pairs]);
  if (!all || !rows.length) {
    const made = new Map();
    for (const place of chosen) {
      if (data.rows.cost[place] === null) continue;
      const name = data.name("category", place);
      const one = made.get(name) || made.set(name, [name, 0, 0]).get(name);
      one[1] += data.rows.cost[place];
      one[2] += data.rows.pairs[place];
    }
    rows = [...made.values()].filter((one) => one[1] > 0);
  }
  if (!rows.length) return null;
  const each = ([, cost, pairs]) => (pairs ? cost / pairs : null);
  rows.sort((a, b) => (each(b) ?? Infinity) - (each(a) ?? Infinity));
  const shown = rows.map((row) => ({
    name: row[0],
    parts: [{ value: each(row) || 0, class: "cost", title: dollars(each(row)) }],
    told: each(row) === null ? `${dollars(row[1])}, none kept` : dollars(each(row)),
    pick: () => pick({ category: row[0] }),
  }));
  const table = { head: ["Category", "cost", "pairs", "a pair"], rows: rows.map((row) => [row[0], dollars(row[1]), number(row[2]), dollars(each(row))]) };
  return card("What does an accepted pair cost?", bars(shown), table);
}

function topics(chosen, pick) {
  const tree = new Map();
  for (const place of chosen) {
    for (const topic of data.rows.topics[place]) {
      const [verb, object] = data.names.topic[topic].split("\t");
      const objects = tree.get(verb) || tree.set(verb, new Map()).get(verb);
      objects.set(object, (objects.get(object) || 0) + 1);
    }
  }
  if (!tree.size) return null;
  const flat = [...tree].flatMap(([verb, objects]) => [...objects].map(([object, times]) => [`${verb} ${object}`.trim(), times]));
  flat.sort((a, b) => b[1] - a[1]);
  const table = { head: ["Verb and object", "questions"], rows: flat.slice(0, 40).map(([name, times]) => [name, number(times)]) };
  return card("What do the questions ask for?", sunburst(tree, (verb, object) => pick({ topic: object === null ? verb : `${verb}\t${object}` })), table, "Inner ring: the verb; outer ring: its object.");
}

function lengths(chosen) {
  const questions = chosen.flatMap((place) => data.rows.question[place]);
  const answers = chosen.flatMap((place) => data.rows.answer[place]);
  if (!questions.length) return null;
  const series = [
    { name: "questions", values: questions, class: "one" },
    { name: "answers", values: answers, class: "two" },
  ];
  const longest = (values) => values.reduce((most, value) => Math.max(most, value), 0);
  const row = (name, values) => [name, number(Math.min(longest(values), values.reduce((least, value) => Math.min(least, value), Infinity))), number(middle(values)), number(longest(values))];
  const table = { head: ["Words", "fewest", "middle", "most"], rows: [row("questions", questions), row("answers", answers)] };
  const names = legend([["one", `questions, middle ${number(middle(questions))} words`], ["two", `answers, middle ${number(middle(answers))} words`]]);
  return card("How long are they?", [histogram(series, "words"), names], table);
}

function balance(chosen, pick) {
  const kept = chosen.filter((place) => data.rows.pairs[place]);
  const groups = [["ability", "Ability"], ["source", "Source"]];
  const parts = groups.map(([kind, name]) => {
    const sums = new Map();
    for (const place of kept) sums.set(data.name(kind, place), (sums.get(data.name(kind, place)) || 0) + data.rows.pairs[place]);
    const rows = [...sums].sort((a, b) => b[1] - a[1]);
    return rows.length > 1 || kind === "ability" ? [name, kind, rows] : null;
  });
  const languages = count(kept.flatMap((place) => data.languages(place)));
  if (languages.length > 1) parts.push(["Language", "language", languages]);
  const shown = parts.filter(Boolean).filter(([, , rows]) => rows.length);
  if (!shown.length) return null;
  const chart = shown.map(([name, kind, rows]) => {
    const whole = kind === "language" ? kept.length : rows.reduce((sum, row) => sum + row[1], 0);
    const lines = rows.slice(0, 12).map(([value, times]) => ({
      name: value || "not said",
      parts: [{ value: times, class: "one", title: number(times) }],
      told: share(times, whole),
      pick: () => pick({ [kind]: value }),
    }));
    return [make("h3", {}, name), bars(lines, { most: whole })];
  });
  const table = { head: ["What", "which", "pairs (languages: dialogues)"], rows: shown.flatMap(([name, , rows]) => rows.map(([value, times]) => [name, value, number(times)])) };
  return card("Is it balanced?", chart, table);
}

function repeats(pick) {
  const rows = data.index.repeated;
  const alike = data.index.pairs_alike;
  if (!rows.length && alike === null) return null;
  const told = alike === null ? null : `${plural(alike, "pair")} ${alike === 1 ? "is" : "are"} the same as, or nearly the same as, another.`;
  const shown = rows.slice(0, 15).map(([text, times]) => ({
    name: text,
    parts: [{ value: times, class: "partial", title: number(times) }],
    told: number(times),
    pick: () => pick({ search: text }),
  }));
  return card("What repeats?", shown.length ? bars(shown, { wordy: true }) : make("p", { class: "note" }, "No question occurs twice."), { head: ["Question", "times"], rows: rows.map(([text, times]) => [text, number(times)]) }, told);
}

function decisionsCard(chosen, pick) {
  const counts = new Map([["accept", 0], ["reject", 0], ["outdated", 0], ["", 0]]);
  for (const place of chosen) {
    const state = decisions.state(place);
    counts.set(state, counts.get(state) + 1);
  }
  const names = { accept: "accepted by you", reject: "rejected by you", outdated: "decided about an earlier text", "": "not looked at" };
  const kinds = { accept: "accepted", reject: "rejected", outdated: "partial", "": "skipped" };
  const rows = [...counts].filter(([state, times]) => times || state === "");
  const shown = rows.map(([state, times]) => ({
    name: names[state],
    parts: [{ value: times, class: kinds[state], title: number(times) }],
    told: number(times),
    pick: () => pick({ decision: state || "none" }),
  }));
  return card("How far is the review?", bars(shown, { most: chosen.length || 1 }), { head: ["Decision", "dialogues"], rows: rows.map(([state, times]) => [names[state], number(times)]) });
}
