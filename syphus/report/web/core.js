// Making elements. Texts of models and annotations only ever become text nodes.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "at") Object.assign(node.style, value);
    else if (name === "data") Object.assign(node.dataset, value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) node.append(child);
  }
  return node;
}

const make = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const draw = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
const add = (node, ...children) => fill(node, {}, children);
const get = (id) => document.getElementById(id);

const number = (value) => value.toLocaleString("en");
const share = (part, whole) => (whole ? `${Math.round((100 * part) / whole)} %` : "–");
const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

function dollars(value) {
  if (value === null || value === undefined) return "–";
  if (value === 0) return "$0";
  const digits = Math.max(2, 1 - Math.floor(Math.log10(Math.abs(value))));
  return `$${value.toFixed(Math.min(digits, 7))}`;
}

function clock(seconds) {
  const whole = Math.floor(seconds);
  const tenth = Math.round((seconds - whole) * 10) % 10;
  const parts = [Math.floor(whole / 60) % 60, whole % 60].map((part) => String(part).padStart(2, "0"));
  const hours = Math.floor(whole / 3600);
  return (hours ? `${hours}:` : "") + parts.join(":") + (tenth ? `.${tenth}` : "");
}

const RIGHT_TO_LEFT = new Set("ar arc azb ckb dv fa he iw ks ku-arab nqo pnb ps sd syr ug ur yi".split(" "));

function direction(language) {
  const tag = (language || "").toLowerCase();
  return RIGHT_TO_LEFT.has(tag.split("-")[0]) || /-(arab|hebr)\b/.test(tag) ? "rtl" : "auto";
}

function languageName(tag) {
  try {
    return new Intl.DisplayNames(["en"], { type: "language" }).of(tag) || tag;
  } catch {
    return tag || "not said";
  }
}

function say(text) {
  get("status").textContent = text;
}

const memory = {
  read(key) {
    try {
      return JSON.parse(localStorage.getItem(`syphus ${key}`));
    } catch {
      return null;
    }
  },
  write(key, value) {
    try {
      localStorage.setItem(`syphus ${key}`, JSON.stringify(value));
      return true;
    } catch {
      return false; // private windows, or a page that is kept from it
    }
  },
};
