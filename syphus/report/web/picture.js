// Pictures with their boxes, and the time line of a video.

const HUES = 8;

/** The pictures of a sample, with boxes, in a column. */
function pictures(body, scope) {
  const assets = body.assets || [];
  return assets.map((asset, order) => {
    const boxes = (body.objects || []).filter((one) => one.box && (one.asset ? one.asset === asset.id : order === 0));
    const name = asset.title || (assets.length > 1 ? asset.id : "");
    const figure = make("figure", { class: "asset", data: { asset: asset.id } });
    const shown = asset.pictures || [];
    if (shown.length > 1 || asset.times) figure.append(frames(asset, shown));
    else if (shown.length || (boxes.length && asset.width)) figure.append(frame(asset, shown[0], boxes, scope));
    const facts = [name, KINDS[asset.kind], asset.path || asset.url, asset.width && `${asset.width} × ${asset.height}`];
    facts.push(asset.duration && `${asset.start ? `from ${clock(asset.start)}, ` : ""}${clock(asset.duration)} long`, asset.license);
    figure.append(make("figcaption", {}, facts.filter(Boolean).join(" · ")));
    return figure;
  });
}

const KINDS = { image: "", video: "video", frames: "frames of a video", point_cloud: "scan" };

function frame(asset, picture, boxes, scope) {
  const holder = make("div", { class: "frame", at: { aspectRatio: `${asset.width} / ${asset.height}`, maxWidth: `calc(78vh * ${asset.width / asset.height})` } });
  if (picture !== undefined) {
    const told = scope.captions[0] || "The picture of this dialogue";
    const image = make("img", { alt: told, decoding: "async", width: asset.width, height: asset.height });
    image.src = data.picture(picture);
    holder.append(image);
  } else {
    holder.classList.add("empty");
    holder.append(make("span", {}, "the picture is not in this page"));
  }
  const area = ([left, top, right, bottom]) => (right - left) * (bottom - top);
  // Small ones on top, so that each can be pointed at.
  const ordered = [...boxes].sort((a, b) => area(b.box) - area(a.box));
  for (const one of ordered) holder.append(box(one, asset, scope));
  return holder;
}

function box(one, asset, scope) {
  const [left, top, right, bottom] = one.box;
  const percent = (value, whole) => `${(100 * value) / whole}%`;
  const at = {
    left: percent(left, asset.width),
    top: percent(top, asset.height),
    width: percent(right - left, asset.width),
    height: percent(bottom - top, asset.height),
  };
  const said = scope.referred.has(one.id);
  const label = `${one.label}${one.crowd ? " (many)" : ""}`;
  const place = top > asset.height * 0.08 ? "above" : "within";
  return make(
    "div",
    { class: `box hue-${scope.marks.get(one.id)}${said ? " said" : ""}`, at, data: { ids: one.id } },
    make("span", { class: `label ${place}` }, label),
  );
}

function frames(asset, shown) {
  return make(
    "div",
    { class: "frames" },
    shown.map((picture, order) => {
      const time = asset.times ? asset.times[order] : asset.duration && (asset.duration * order) / shown.length;
      const name = time || time === 0 ? clock(time) : `frame ${order + 1}`;
      const image = make("img", { alt: `Frame at ${name}`, decoding: "async" });
      image.src = data.picture(picture);
      return make("figure", { data: time || time === 0 ? { at: time } : {} }, image, make("figcaption", {}, name));
    }),
  );
}

/** Segments over time, each on a line of its own, and a mark for a time that is pointed at. */
function timeline(segments, duration) {
  const whole = duration || Math.max(...segments.map((one) => one.end), 1);
  const rows = segments.map((one) => {
    const bar = make("span", {
      class: "bar",
      at: { left: `${(100 * one.start) / whole}%`, width: `${Math.max(0.6, (100 * (one.end - one.start)) / whole)}%` },
    });
    const extra = Object.entries(one.columns || {}).map(([name, text]) => make("span", { class: "column" }, `${name}: ${text}`));
    return make(
      "li",
      { data: { start: one.start, end: one.end } },
      make("span", { class: "lane", "aria-hidden": "true" }, bar),
      make("span", { class: "when" }, one.end > one.start ? `${clock(one.start)}–${clock(one.end)}` : clock(one.start)),
      make("span", { class: "what", dir: "auto" }, one.text || "", extra),
    );
  });
  return make("div", { class: "timeline", data: { whole } }, make("span", { class: "moment", hidden: true }), make("ol", {}, rows));
}

/** Shows what a reference, a box or a time means, on both sides. */
function connect(root) {
  const point = (ids, on) => {
    root.classList.toggle("pointing", on);
    for (const node of root.querySelectorAll("[data-ids]")) {
      node.classList.toggle("lit", on && node.dataset.ids.split(" ").some((id) => ids.includes(id)));
    }
    for (const node of root.querySelectorAll("figure[data-asset]")) node.classList.toggle("lit", on && ids.includes(node.dataset.asset));
  };
  const pointAt = (time, on) => {
    for (const line of root.querySelectorAll(".timeline")) {
      const moment = line.querySelector(".moment");
      moment.hidden = !on;
      moment.style.left = `${Math.min(30, (30 * time) / Number(line.dataset.whole))}%`; // the lanes take 30 % of the width
      for (const row of line.querySelectorAll("li")) {
        row.classList.toggle("lit", on && Number(row.dataset.start) <= time && time <= Number(row.dataset.end));
      }
    }
  };
  let pinned = null;
  const turn = (node, on) => {
    if (!node) return;
    if (node.dataset.ids !== undefined) point(node.dataset.ids.split(" "), on);
    if (node.dataset.at !== undefined) pointAt(Number(node.dataset.at), on);
  };
  const target = (event) => event.target.closest?.("[data-ids],[data-at]");
  const show = (event) => {
    const node = target(event);
    if (node) turn(node, true);
  };
  const hide = (event) => {
    if (!target(event)) return;
    turn(target(event), false);
    turn(pinned, true);
  };
  root.addEventListener("pointerover", show);
  root.addEventListener("pointerout", hide);
  root.addEventListener("focusin", show);
  root.addEventListener("focusout", hide);
  const pin = (event) => {
    const node = target(event);
    if (!node) return;
    turn(pinned, false);
    pinned = pinned === node ? null : node;
    turn(pinned, true);
  };
  root.addEventListener("click", pin);
  root.addEventListener("keydown", (event) => {
    if ((event.key !== "Enter" && event.key !== " ") || event.target.getAttribute("role") !== "button") return;
    event.preventDefault();
    pin(event);
  });
}
