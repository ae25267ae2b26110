// Drawing as text: every function returns SVG markup, so that a figure is a pure function of what
// it shows, and one code draws on the page, for print and for readers without JavaScript.
// Colours are classes (see live.css): v, a, truth, mirror, sgd, theory, soft, loss.

/** @typedef {{x: (v: number) => number, y: (v: number) => number, left: number, right: number,
 *   top: number, bottom: number, markup: string}} Panel */

/** Round to a tenth of a pixel. @param {number} v */
export function px(v) {
  return Math.round(v * 10) / 10 || 0;
}

/** A number within limits. @param {number} v @param {number[]} limits */
export const held = (v, [low, high]) => Math.max(low, Math.min(high, v));

/** Make text safe between tags and in attributes. @param {unknown} text */
export function safe(text) {
  const names = /** @type {Record<string, string>} */ ({
    "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" }); // prettier-ignore
  return String(text).replace(/[&<>"]/g, (c) => names[c]);
}

/** Write a number as people do: 0.05, 1,000, 3·10⁻⁵. @param {number} v */
export function tidy(v, digits = 3) {
  if (!Number.isFinite(v)) return "–";
  const size = Math.abs(v);
  if (v && (size < 1e-3 || size >= 1e6)) {
    const power = Math.floor(Math.log10(size));
    const head = Number((v / 10 ** power).toPrecision(digits));
    const raised = String(power).replace(/./g, (c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]);
    return `${head === 1 ? "" : `${head}·`}10${raised}`.replace("-", "−");
  }
  const short = Number(v.toPrecision(digits));
  return (size >= 1000 ? Math.round(v).toLocaleString("en-US") : String(short)).replace("-", "−");
}

/** Return about `count` round numbers in a range, two at least. @param {number} low @param {number} high */
export function ticks(low, high, count = 4) {
  const raw = (high - low) / count || 1;
  const unit = 10 ** Math.floor(Math.log10(raw));
  const steps = [0.5, 1, 2, 5, 10].map((m) => m * unit);
  let at = steps.findIndex((s) => s >= raw * 0.999);
  const gaps = (/** @type {number} */ s) => Math.floor(high / s + 1e-9) - Math.ceil(low / s - 1e-9);
  while (at > 0 && gaps(steps[at]) < 1) at--;
  const step = steps[at] || raw;
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++)
    found.push(Number((i * step).toPrecision(12)));
  return found;
}

/** Powers of ten in a range. @param {number} low @param {number} high */
export function decades(low, high) {
  const found = [];
  for (let p = Math.ceil(Math.log10(low) - 1e-9); 10 ** p <= high * 1.000001; p++)
    found.push(10 ** p);
  return found.length > 6 ? found.filter((_, i) => i % 2 === 0) : found;
}

/**
 * A panel with axes. Numbers outside the limits are drawn at the edge of what is clipped.
 * @param {{left: number, top: number, width: number, height: number, xlim: number[],
 *   ylim: number[], xlabel?: string, ylabel?: string, title?: string, xlog?: boolean,
 *   ylog?: boolean, xticks?: number[], yticks?: number[], xnames?: string[], ynames?: string[],
 *   grid?: boolean}} o
 * @returns {Panel}
 */
export function panel(o) {
  const right = o.left + o.width;
  const bottom = o.top + o.height;
  const scale = (/** @type {number[]} */ lim, /** @type {boolean} */ log) => {
    const [a, b] = log ? lim.map(Math.log) : lim;
    return (/** @type {number} */ v) => Math.max(-1, Math.min(2, ((log ? Math.log(Math.max(v, 1e-300)) : v) - a) / (b - a || 1))); // prettier-ignore
  };
  const across = scale(o.xlim, !!o.xlog);
  const up = scale(o.ylim, !!o.ylog);
  const x = (/** @type {number} */ v) => px(o.left + across(v) * o.width);
  const y = (/** @type {number} */ v) => px(bottom - up(v) * o.height);
  const chosen = (/** @type {number[]} */ [low, high], /** @type {boolean | undefined} */ log, /** @type {number} */ count) =>
    log ? decades(low, high) : ticks(low, high, Math.max(2, count)); // prettier-ignore
  const xticks = o.xticks || chosen(o.xlim, o.xlog, o.width / 90);
  const yticks = o.yticks || chosen(o.ylim, o.ylog, o.height / 45);
  let markup = "";
  yticks.forEach((t, i) => {
    if (o.grid !== false) markup += `<path class="grid" d="M${px(o.left)} ${y(t)}H${px(right)}"/>`;
    markup += label(o.left - 6, y(t) + 4, o.ynames ? o.ynames[i] : tidy(t), "tick end");
  });
  xticks.forEach((t, i) => {
    if (o.grid !== false) markup += `<path class="grid" d="M${x(t)} ${px(o.top)}V${px(bottom)}"/>`;
    markup += label(x(t), bottom + 16, o.xnames ? o.xnames[i] : tidy(t), "tick middle");
  });
  markup += `<path class="axis" d="M${px(o.left)} ${px(o.top)}V${px(bottom)}H${px(right)}"/>`;
  if (o.xlabel) markup += label((o.left + right) / 2, bottom + 34, o.xlabel, "middle");
  if (o.ylabel) markup += label(o.left, o.top - 8, o.ylabel, "start");
  if (o.title) markup += label((o.left + right) / 2, o.top - 8, o.title, "middle strong");
  return { x, y, left: o.left, right, top: o.top, bottom, markup };
}

/** Markup cut off at the edges of a panel. @param {Panel} p @param {string} markup */
export function clipped(p, markup) {
  const [w, h] = [px(p.right - p.left), px(p.bottom - p.top)];
  return `<svg x="${px(p.left)}" y="${px(p.top)}" width="${w}" height="${h}" viewBox="${px(p.left)} ${px(p.top)} ${w} ${h}">${markup}</svg>`;
}

/** Text; classes start, middle, end say which side stands at x. @param {number} x @param {number} y */
export function label(x, y, /** @type {unknown} */ text, kind = "") {
  return `<text x="${px(x)}" y="${px(y)}" class="${kind}">${safe(text)}</text>`;
}

/** A polyline; NaN breaks it. @param {Panel} p @param {ArrayLike<number>} xs @param {ArrayLike<number>} ys */
export function line(p, xs, ys, kind = "") {
  let d = "";
  let pen = "M";
  for (let i = 0; i < xs.length; i++) {
    if (!(xs[i] === xs[i] && ys[i] === ys[i])) pen = "M";
    else {
      d += `${pen}${p.x(xs[i])} ${p.y(ys[i])}`;
      pen = "L";
    }
  }
  return `<path class="line ${kind}" d="${d}"/>`;
}

/** A horizontal or vertical line across a panel. @param {Panel} p @param {{x?: number, y?: number}} at */
export function rule(p, at, kind = "theory") {
  const d = at.x === undefined ? `M${px(p.left)} ${p.y(at.y || 0)}H${px(p.right)}` : `M${p.x(at.x)} ${px(p.top)}V${px(p.bottom)}`; // prettier-ignore
  return `<path class="line thin ${kind}" d="${d}"/>`;
}

/** Discs. @param {Panel} p @param {ArrayLike<number>} xs @param {ArrayLike<number>} ys */
export function dots(p, xs, ys, kind = "", radius = 3) {
  let markup = "";
  for (let i = 0; i < xs.length; i++)
    markup += `<circle class="dot ${kind}" cx="${p.x(xs[i])}" cy="${p.y(ys[i])}" r="${radius}"/>`;
  return markup;
}

/** Rings, as attended positions have them. @param {Panel} p @param {ArrayLike<number>} xs @param {ArrayLike<number>} ys */
export function rings(p, xs, ys, radius = 6, kind = "truth") {
  return dots(p, xs, ys, `ring ${kind}`, radius);
}

/**
 * Thin bars from `base` within the panel, one for each value; x counts from 1. With more bars than pixels, the
 * largest and the smallest of those that share a pixel are drawn.
 * @param {Panel} p @param {ArrayLike<number>} values
 */
export function stems(p, values, kind = "", base = 0) {
  const n = values.length;
  const slot = (p.right - p.left) / n;
  const each = Math.max(1, Math.ceil(0.8 / slot));
  const y = (/** @type {number} */ v) => px(held(p.y(v), [p.top, p.bottom]));
  const zero = y(base);
  let d = "";
  for (let i = 0; i < n; i += each) {
    let low = base;
    let high = base;
    for (let j = i; j < Math.min(n, i + each); j++) {
      low = Math.min(low, values[j]);
      high = Math.max(high, values[j]);
    }
    const x = p.x(i + (1 + each) / 2);
    if (high > base) d += `M${x} ${zero}V${y(high)}`;
    if (low < base) d += `M${x} ${zero}V${y(low)}`;
  }
  return `<path class="stem ${kind}" style="stroke-width:${px(Math.max(1, Math.min(12, slot * each * 0.7)))}" d="${d}"/>`;
}

/** A filled box given by data. @param {Panel} p @param {number} x0 @param {number} x1 @param {number} y0 @param {number} y1 */
export function box(p, x0, x1, y0, y1, kind = "", ink = 1) {
  const [l, r] = [p.x(x0), p.x(x1)];
  const [b, t] = [p.y(y0), p.y(y1)];
  return `<rect class="area ${kind}" x="${Math.min(l, r)}" y="${Math.min(b, t)}" width="${px(Math.abs(r - l))}" height="${px(Math.abs(b - t))}" fill-opacity="${Math.round(ink * 1000) / 1000}"/>`;
}

/**
 * A matrix as a heat map on paper of any colour: no weight, no ink; negative entries in the
 * mirror's colour. Rows go down. `at` is in pixels.
 * @param {ArrayLike<number>[]} rows @param {{left: number, top: number, width: number, height: number}} at
 */
export function heat(rows, at, top = 1, kind = "a") {
  const h = at.height / rows.length;
  const w = at.width / rows[0].length;
  let markup = `<rect class="frame" x="${px(at.left)}" y="${px(at.top)}" width="${px(at.width)}" height="${px(at.height)}"/>`;
  for (let n = 0; n < rows.length; n++)
    for (let m = 0; m < rows[n].length; m++) {
      const ink = Math.min(1, Math.abs(rows[n][m]) / top);
      if (ink > 0.004)
        markup += `<rect class="area ${rows[n][m] < 0 ? "mirror" : kind}" x="${px(at.left + m * w)}" y="${px(at.top + n * h)}" width="${px(w + 0.1)}" height="${px(h + 0.1)}" fill-opacity="${Math.round(ink * 100) / 100}"/>`;
    }
  return markup;
}

/** A legend in one row: [class, text] pairs; `mark` is line, dot or area. @param {number} x @param {number} y @param {(string | undefined)[][]} items */
export function key(x, y, items) {
  let markup = "";
  for (const [kind, text = "", mark] of items) {
    if (mark === "dot")
      markup += `<circle class="dot ${kind}" cx="${px(x + 9)}" cy="${px(y - 4)}" r="4"/>`;
    else if (mark === "ring")
      markup += `<circle class="dot ring ${kind}" cx="${px(x + 9)}" cy="${px(y - 4)}" r="5"/>`;
    else if (mark === "area")
      markup += `<rect class="area ${kind}" x="${px(x + 2)}" y="${px(y - 10)}" width="14" height="11"/>`;
    else markup += `<path class="line ${kind}" d="M${px(x)} ${px(y - 4)}h18"/>`;
    markup += label(x + 23, y, text, "start");
    x += 37 + text.length * 6.7;
  }
  return markup;
}
