// The data of the page: blocks of gzipped JSON, each unpacked when it is looked at.

async function unpack(name) {
  const island = get(name);
  if (!island) return null;
  const text = island.textContent;
  const bytes = Uint8Array.fromBase64 ? Uint8Array.fromBase64(text) : Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

const blocks = new Map();

function block(kind, place) {
  const name = `${kind}-${place}`;
  if (!blocks.has(name)) blocks.set(name, unpack(name));
  return blocks.get(name);
}

const data = {
  index: null,
  rows: null,
  names: null,
  size: 0,
  /** Lower-case text of each sample, once all blocks are there. */
  search: null,
  bodies: null,

  async open() {
    data.index = await unpack("index");
    data.rows = data.index.rows;
    data.names = data.index.names;
    data.size = data.rows.id.length;
  },

  /** What is shown of a sample. */
  async body(place) {
    const packed = await block("texts", Math.floor(place / data.index.block));
    return packed[place % data.index.block];
  },

  async scene(place) {
    return place ? (await block("scenes", place[0]))[place[1]] : null;
  },

  async asked(place) {
    return place ? (await block("asked", place[0]))[place[1]] : [];
  },

  prefixes() {
    if (!blocks.has("prefixes")) blocks.set("prefixes", unpack("prefixes"));
    return blocks.get("prefixes");
  },

  picture(place) {
    const island = get(`picture-${place}`);
    return island ? `data:image/webp;base64,${island.textContent}` : null;
  },

  name(kind, place) {
    return data.names[kind][data.rows[kind][place]];
  },

  languages(place) {
    return data.rows.languages[place].map((one) => data.names.language[one]);
  },

  /** Unpacks all texts for the search, a block at a time, so that the page stays quick meanwhile. */
  async readAll() {
    const bodies = [];
    for (let place = 0; place * data.index.block < data.size; place += 1) {
      bodies.push(...(await block("texts", place)));
      await new Promise((go) => setTimeout(go));
    }
    data.search = bodies.map((body, place) => [data.rows.id[place], body.scene_id, ...textsOf(body)].join("\n").toLowerCase());
    data.bodies = bodies;
  },
};

function* textsOf(body) {
  for (const version of body.versions || []) for (const turn of version.turns || []) yield plain(turn);
  for (const one of [...(body.remarks || []), ...(body.rejects || [])]) yield `${one.code} ${one.message} ${one.evidence || ""}`;
  for (const one of body.objects || []) yield one.label;
  if (body.detail) yield body.detail;
}

const plain = (parts) => parts.map((part) => (typeof part === "string" ? part : part[0])).join("");
