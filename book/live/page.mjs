// What brings figures to life: on a page, in each element with data-live; in a notebook, as a widget.
// It knows none of them: `bundle.py` adds those that a page has.

import { complain, mount, parse, picture, defaults } from "./core.mjs";
import { load } from "../_static/live/scb.mjs";

/** The figures at hand: those of this page. @type {Record<string, import("./core.mjs").Figure>} */
export const figures = {};

/** @type {Promise<any> | undefined} */
let kernels;

/** The kernels, compiled once a page. */
export const engine = () => (kernels ??= load());

/** @type {Record<string, any>} */
const handles = {};

/** Bring a figure to life wherever the page has a place for it. @param {import("./core.mjs").Figure} figure */
export async function add(figure) {
  figures[figure.name] = figure;
  const places = document.querySelectorAll(`[data-live="${figure.name}"]`);
  for (const place of /** @type {NodeListOf<HTMLElement>} */ (places)) {
    try {
      const state = parse(figure, place.dataset.state || "");
      handles[figure.name] = mount(place, figure, await engine(), { state, link: true });
    } catch (error) {
      complain(place, error);
    }
  }
  const asked = /^#live-([a-z]+)/.exec(location.hash)?.[1] || "";
  if (asked === figure.name) follow();
  else if (handles[asked]) show(asked); // what is mounted above it has moved it
}

/** Have a figure on the screen. @param {string} name */
function show(name) {
  const place = /** @type {HTMLElement} */ (document.getElementById(`live-${name}`));
  const { top, bottom } = place.getBoundingClientRect();
  if (top < 60 || bottom > innerHeight) place.scrollIntoView({ block: "nearest" });
  return place;
}

/** Set a figure to what the address says. */
function follow() {
  const [, name, text] = /^#live-([a-z]+):?(.*)$/.exec(location.hash) || [];
  const handle = handles[name];
  if (!handle) return;
  const { figure } = handle;
  const place = show(name);
  if (text) {
    const base = { ...defaults(figure), ...parse(figure, place.dataset.state || "") };
    for (const name of figure.kept || []) base[name] = handle.state[name];
    handle.set({ ...base, ...parse(figure, text) }, true);
  }
}

/** Follow the page's links to its figures. */
export function listen() {
  addEventListener("hashchange", follow);
  // A phrase pressed twice changes no address, and still asks for its setting.
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element && event.target.closest("a.live-word");
    if (link && link.getAttribute("href") === location.hash) follow();
  });
}

/** The still picture of a figure, as text, at a width. @param {string} name @param {string} text @param {number} width */
export async function still(name, text, width) {
  const figure = figures[name];
  const { state, steps = 0 } = figure.still || {};
  const asked = parse(figure, text);
  const all = { ...defaults(figure), ...state, ...asked };
  const run = figure.start(all, await engine());
  if (figure.step) figure.step(run, asked.run || steps);
  return picture(figure, run, width);
}

/** A figure as a widget: anywidget calls this. @param {{model: any, el: HTMLElement}} view */
export async function render({ model, el }) {
  const figure = figures[model.get("figure")];
  const place = document.createElement("div");
  place.className = "live";
  el.append(place);
  let own = false; // whether what changes in the model comes from here
  const handle = mount(place, figure, await engine(), {
    state: model.get("state"),
    given: model.get("given"),
    changed: (h) => {
      if (!h || h.playing) return; // at rest, or the messages would pile up
      own = true;
      model.set("state", h.state);
      model.set("data", h.data());
      model.set("steps", h.steps);
      model.save_changes();
      own = false;
    },
  });
  const asked = () => own || handle.set(model.get("state"));
  const told = (/** @type {any} */ message) => message.run && handle.runTo(message.run);
  model.on("change:state", asked);
  model.on("msg:custom", told);
  return () => {
    model.off("change:state", asked);
    model.off("msg:custom", told);
    handle.remove();
  };
}
