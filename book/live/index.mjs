// Where figures begin: on a page, in each element with data-live; in a notebook, as a widget.

import { away } from "./away.mjs";
import { coin } from "./coin.mjs";
import { complain, mount, parse, picture, defaults } from "./core.mjs";
import { column } from "./column.mjs";
import { meters } from "./meters.mjs";
import { loss } from "./loss.mjs";
import { languages } from "./languages.mjs";
import { portrait } from "./portrait.mjs";
import { quiz } from "./quiz.mjs";
import { rounding } from "./rounding.mjs";
import { task } from "./task.mjs";
import { screening } from "./screening.mjs";
import { softmax } from "./softmax.mjs";
import { trainer } from "./trainer.mjs";
import { transfer } from "./transfer.mjs";
import { load } from "../_static/live/scb.mjs";

/** @type {Record<string, import("./core.mjs").Figure>} */
export const figures = {
  trainer,
  portrait,
  coin,
  column,
  task,
  quiz,
  transfer,
  meters,
  loss,
  rounding,
  softmax,
  away,
  screening,
  languages,
};

/** @type {Promise<any> | undefined} */
let kernels;

/** The kernels, compiled once a page; the build puts their bytes beside this text. */
export function engine() {
  const text = /** @type {any} */ (globalThis).SCB_WASM;
  kernels = kernels || load(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
  return kernels;
}

/** Bring every figure of the page to life. */
export async function start() {
  const places = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-live]"));
  /** @type {Record<string, any>} */
  const handles = {};
  const follow = () => {
    const [, name, text] = /^#live-([a-z]+):?(.*)$/.exec(location.hash) || [];
    const handle = handles[name];
    if (!handle) return;
    const place = /** @type {HTMLElement} */ (document.getElementById(`live-${name}`));
    if (text) {
      const base = {
        ...defaults(handle.figure),
        ...parse(handle.figure, place.dataset.state || ""),
      };
      handle.set({ ...base, ...parse(handle.figure, text) }, true);
    }
    const { top, bottom } = place.getBoundingClientRect();
    if (top < 60 || bottom > innerHeight) place.scrollIntoView({ block: "nearest" });
  };
  for (const place of places) {
    const figure = figures[place.dataset.live || ""];
    try {
      const state = parse(figure, place.dataset.state || "");
      handles[figure.name] = mount(place, figure, await engine(), { state, link: true });
    } catch (error) {
      complain(place, error);
    }
  }
  addEventListener("hashchange", follow);
  // A phrase pressed twice changes no address, and still asks for its setting.
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element && event.target.closest("a.live-word");
    if (link && link.getAttribute("href") === location.hash) follow();
  });
  follow();
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
