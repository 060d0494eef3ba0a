// Texts with references, times and marked evidence.

const TIME = /\b(?:\d{1,2}:)?\d{1,2}:\d{2}(?:\.\d+)?\b|\b\d+(?:\.\d+)?\s?(?:s|sec|seconds?)\b/g;

function secondsOf(text) {
  if (!text.includes(":")) return parseFloat(text);
  return text.split(":").reduce((sum, part) => sum * 60 + parseFloat(part), 0);
}

/**
 * A text as elements.
 * @param parts plain strings, and references as [phrase, ids]
 * @param scope what is shown: `marks` (id -> colour), `assets` (ids), `timed`
 * @param evidence texts to be marked where they occur
 */
function prose(parts, scope, evidence = []) {
  return parts.map((part) => (typeof part === "string" ? marked(part, evidence, scope) : reference(part, scope)));
}

function reference([phrase, ids], scope) {
  const known = ids.filter((id) => scope.marks.has(id) || scope.assets.has(id));
  const names = ids.map((id) => scope.labels.get(id) || (scope.assets.has(id) ? id : `${id}, which is not there`));
  const asset = ids.every((id) => scope.assets.has(id));
  // A span, since a button would not break over lines as text does.
  const button = make(
    "span",
    {
      role: "button",
      tabindex: 0,
      class: `ref${known.length ? "" : " broken"}${asset ? " place" : ""}`,
      title: names.join(", "),
      data: { ids: ids.join(" ") },
      "aria-label": `${phrase || "here stands"}: ${names.join(", ")}`,
    },
    phrase || `▣ ${ids.join(", ")}`,
  );
  const colour = scope.marks.get(known[0]);
  if (colour !== undefined) button.classList.add(`hue-${colour}`);
  return button;
}

function marked(text, evidence, scope) {
  for (const one of evidence) {
    const at = one ? text.indexOf(one) : -1;
    if (at >= 0) {
      const end = at + one.length;
      return [marked(text.slice(0, at), evidence, scope), make("mark", {}, text.slice(at, end)), marked(text.slice(end), evidence, scope)];
    }
  }
  return scope.timed ? timed(text) : text;
}

function timed(text) {
  const out = [];
  let end = 0;
  for (const found of text.matchAll(TIME)) {
    out.push(text.slice(end, found.index));
    out.push(make("span", { role: "button", tabindex: 0, class: "time", data: { at: secondsOf(found[0]) } }, found[0]));
    end = found.index + found[0].length;
  }
  return [...out, text.slice(end)];
}
