// Charts as SVG, each with its figures as a table for those who cannot see it.

/** A card: the question, the chart, the figures. */
function card(question, chart, table, note) {
  return make(
    "section",
    { class: "card" },
    make("h2", {}, question),
    note && make("p", { class: "note" }, note),
    make("div", { class: "chart" }, chart),
    table && make("details", { class: "figures" }, make("summary", {}, "Figures"), figures(table)),
  );
}

function figures({ head, rows }) {
  return make(
    "table",
    {},
    make("thead", {}, make("tr", {}, head.map((one) => make("th", { scope: "col" }, one)))),
    make("tbody", {}, rows.map((row) => make("tr", {}, row.map((cell, at) => make(at ? "td" : "th", at ? {} : { scope: "row" }, String(cell)))))),
  );
}

/**
 * Bars, one below another.
 * @param rows {name, parts: [{value, class, title}], told, pick}
 */
function bars(rows, { most, wordy = false } = {}) {
  const top = most || Math.max(...rows.map((row) => row.parts.reduce((sum, part) => sum + part.value, 0)), 1e-12);
  return make(
    "div",
    { class: `bars${wordy ? " wordy" : ""}` },
    rows.map((row) => {
      const lane = make(
        "span",
        { class: "lane", "aria-hidden": "true" },
        row.parts.filter((part) => part.value > 0).map((part) =>
          make("span", { class: `part ${part.class}`, title: part.title, at: { width: `${(100 * part.value) / top}%` } }),
        ),
      );
      const inside = [make("span", { class: "bar-name" }, make("bdi", {}, row.name)), lane, make("span", { class: "bar-told" }, row.told)];
      return row.pick
        ? make("button", { type: "button", class: "bar-row", onclick: row.pick, title: "Show these" }, inside)
        : make("div", { class: "bar-row" }, inside);
    }),
  );
}

function legend(entries) {
  return make("p", { class: "legend" }, entries.map(([kind, name]) => make("span", {}, make("i", { class: `part ${kind}` }), name)));
}

/** Two distributions as steps over the same axis. */
function histogram(series, unit) {
  const all = series.flatMap((one) => one.values);
  if (!all.length) return make("p", { class: "note" }, "Nothing to count.");
  const sorted = [...all].sort((a, b) => a - b);
  const edge = Math.max(10, sorted[Math.floor(sorted.length * 0.98)] || 1);
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find((size) => edge / size <= 24) || 2000;
  const bins = Math.ceil((edge + 1) / step);
  const [width, height, left, bottom] = [560, 200, 8, 26];
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height + bottom}`, role: "img", class: "histogram" });
  svg.append(draw("title", {}, series.map((one) => `${one.name}: middle ${middle(one.values)} ${unit}`).join("; ")));
  const wide = (width - 2 * left) / bins;
  series.forEach((one) => {
    const counts = new Array(bins).fill(0);
    for (const value of one.values) counts[Math.min(bins - 1, Math.floor(value / step))] += 1;
    const top = Math.max(...counts, 1);
    counts.forEach((count, bin) => {
      const tall = (count / top) * (height - 12);
      const x = left + bin * wide;
      const bar = draw("rect", { x, y: height - tall, width: Math.max(1, wide - 1.5), height: tall, class: one.class, rx: 1.5 });
      bar.append(draw("title", {}, `${one.name}, ${bin * step}–${(bin + 1) * step - 1} ${unit}: ${number(count)}`));
      svg.append(bar);
    });
  });
  svg.append(draw("line", { x1: left, x2: width - left, y1: height, y2: height, class: "axis" }));
  const every = Math.ceil(bins / 8);
  for (let bin = 0; bin < bins - 1.5 * every; bin += every) {
    svg.append(draw("text", { x: left + bin * wide, y: height + 17, class: "tick" }, number(bin * step)));
  }
  svg.append(draw("text", { x: width - left, y: height + 17, class: "tick end" }, `${number(bins * step)}+ ${unit}`));
  return svg;
}

function middle(values) {
  if (!values.length) return 0;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/**
 * Two rings: what is asked (verb), and of what (object).
 * @param tree Map verb -> Map object -> count
 * @param pick called with verb and object (or null)
 */
function sunburst(tree, pick) {
  const sums = [...tree].map(([verb, objects]) => [verb, objects, [...objects.values()].reduce((a, b) => a + b, 0)]);
  sums.sort((a, b) => b[2] - a[2]);
  const whole = sums.reduce((sum, one) => sum + one[2], 0);
  const svg = draw("svg", { viewBox: "-210 -210 420 420", class: "sunburst", role: "group", "aria-label": "Verbs and objects of the questions" });
  let angle = 0;
  sums.slice(0, 20).forEach(([verb, objects, count], order) => {
    const span = (2 * Math.PI * count) / whole;
    const hue = `hue-${order % HUES}`;
    svg.append(slice(angle, span, 62, 128, `inner ${hue}`, `${verb}: ${number(count)}, ${share(count, whole)}`, verb, () => pick(verb, null)));
    let inner = angle;
    for (const [object, times] of [...objects].sort((a, b) => b[1] - a[1])) {
      const part = (span * times) / count;
      const title = `${verb} ${object || "–"}: ${number(times)}, ${share(times, whole)}`;
      if (part > 0.008) svg.append(slice(inner, part, 130, 204, `outer ${hue}`, title, object, () => pick(verb, object)));
      inner += part;
    }
    angle += span;
  });
  svg.append(draw("text", { class: "middle", y: -2 }, number(whole)), draw("text", { class: "middle small", y: 16 }, "questions"));
  return svg;
}

function slice(start, span, inner, outer, kind, title, name, pick) {
  const gap = Math.min(0.006, span / 8);
  const [from, to] = [start + gap, start + Math.min(span, 2 * Math.PI - 0.0001) - gap];
  const at = (radius, angle) => `${(radius * Math.sin(angle)).toFixed(2)} ${(-radius * Math.cos(angle)).toFixed(2)}`;
  const big = to - from > Math.PI ? 1 : 0;
  const path = `M${at(inner, from)} L${at(outer, from)} A${outer} ${outer} 0 ${big} 1 ${at(outer, to)} L${at(inner, to)} A${inner} ${inner} 0 ${big} 0 ${at(inner, from)}Z`;
  const press = (event) => {
    if (event.type === "click" || event.key === "Enter") pick();
  };
  const group = draw("g", { class: `slice ${kind}`, tabindex: 0, role: "button", "aria-label": title, onclick: press, onkeydown: press });
  group.append(draw("path", { d: path }, draw("title", {}, title)));
  const half = (from + to) / 2;
  const radius = (inner + outer) / 2;
  const room = outer - inner - 8;
  if ((to - from) * radius > 11 && name) {
    const fits = Math.floor(room / 5.6);
    const turn = (half * 180) / Math.PI - 90;
    const text = draw("text", {
      transform: `rotate(${turn.toFixed(1)}) translate(${radius} 0)${half > Math.PI ? " rotate(180)" : ""}`,
    });
    text.append(name.length > fits ? `${name.slice(0, fits - 1)}…` : name);
    group.append(text);
  }
  return group;
}
