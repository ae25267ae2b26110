// What all live figures share: controls, time, the link, words, and the run in Python.
// A figure says what its numbers are and how they look; see the type Figure below.

import { safe, tidy } from "./draw.mjs";

/** @typedef {number | string | boolean} Value */
/** @typedef {Record<string, any>} State */
/** @typedef {{kind: string, name: string, label: string, value: Value, values: Value[],
 *   names?: string[]}} Control */
/**
 * @typedef {object} Part a place in the drawing that is a button
 * @property {string} label what it is, and how it stands
 * @property {number[]} at left, top, width and height in pixels
 * @property {(by: number) => State} turned what it changes: 1 by a click, Enter or +, -1 by -
 */
/**
 * @typedef {object} Figure
 * @property {string} name a link to it begins with #live-name
 * @property {string} title what it shows, in a few words
 * @property {Control[]} controls at most four
 * @property {State} [extra] more state with its defaults, such as the seed or what is dragged
 * @property {string[]} [kept] of the state, what phrases of the page leave as it is
 * @property {[string, State][]} [presets] buttons that set the state
 * @property {(state: State, scb: any, given?: any) => any} start what a state begins with: the
 *   "run", which step() changes in place
 * @property {(run: any, n: number) => number} [step] go on by n steps; fewer when it has ended
 * @property {number} [growth] how much faster it plays from frame to frame, 1.07 if not said
 * @property {(run: any, width: number) => {height: number, body: string}} draw
 * @property {(run: any) => string} words one or two sentences: what is shown now
 * @property {(run: any) => string} [python] the same run in scbtools
 * @property {(run: any) => any} data the numbers that are shown
 * @property {(run: any, width: number) => Part[]} [parts] which may differ from run to run
 * @property {(run: any, x: number, y: number) => State | undefined} [touch] what a pointer that
 *   drags changes at (x, y), in pixels of the drawing
 * @property {(run: any, dx: number, dy: number) => State} [nudge] what an arrow key changes that a
 *   pointer drags; needs touch
 * @property {(run: any) => string} [event] what has just happened, if anything new, to be spoken
 * @property {{name: string, values: Value[]}} [tour] what moves by itself in a figure without time
 * @property {{question: string, options: string[], outcome: (run: any) => number,
 *   answered?: (run: any) => number, placed?: (run: any, option: number) => State}} [bet] with
 *   `placed` a quiz: what an answer changes in the state, without beginning anew
 * @property {{state?: State, steps?: number}} [still] what print shows
 */

/** A control over a list of values in steps. @param {string} name @param {string} label @param {number[]} values @param {number} value */
export function slider(name, label, values, value) {
  return { kind: "range", name, label, values, value };
}

/** A control with named values. @param {string} name @param {string} label @param {Record<string, string>} names @param {string} value */
export function choice(name, label, names, value) {
  const [values, texts] = [Object.keys(names), Object.values(names)];
  return { kind: "select", name, label, values, names: texts, value };
}

/** Yes or no. @param {string} name @param {string} label */
export function toggle(name, label, value = false) {
  return { kind: "checkbox", name, label, values: [false, true], value };
}

/** Values from low to high, evenly. @param {number} low @param {number} high @param {number} step */
export function range(low, high, step) {
  const count = Math.round((high - low) / step) + 1;
  return Array.from({ length: count }, (_, i) => Number((low + i * step).toPrecision(10)));
}

const SLICE = 7; // milliseconds of work in a frame: the page stays responsive

/** Make an element. @param {string} tag @param {Record<string, any>} props @param {any[]} kids */
function element(tag, props, ...kids) {
  const made = /** @type {any} */ (document.createElement(tag));
  for (const [name, value] of Object.entries(props))
    if (name in made && name !== "form" && name !== "list") made[name] = value;
    else made.setAttribute(name, value);
  made.append(...kids);
  return made;
}

/** A name for what there may be twice on a page. @param {string} name */
const unique = (name) => `${name}-${Math.random().toString(36).slice(2, 8)}`;

/** The state that a figure has unless told otherwise. @param {Figure} figure */
export function defaults(figure) {
  return { ...figure.extra, ...Object.fromEntries(figure.controls.map((c) => [c.name, c.value])) };
}

/** Which way an arrow key points, if it is one: right, up. @param {KeyboardEvent} event */
function arrow({ key }) {
  return { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] }[key];
}

/** Read "T=500,B=16", keeping what fits the figure. @param {Figure} figure @param {string} text @returns {State} */
export function parse(figure, text) {
  const known = defaults(figure);
  /** @type {State} */
  const found = {};
  for (const pair of text.split(",")) {
    const [name, value = ""] = pair.split("=").map(decodeURIComponent);
    if (name === "run") found.run = Math.max(0, Math.min(1e7, Math.floor(Number(value)) || 0));
    if (name === "controls") found.controls = value; // "no" hides them, for a lecture
    if (!(name in known)) continue;
    const control = figure.controls.find((c) => c.name === name);
    const kind = typeof known[name];
    const read = kind === "number" ? Number(value) : kind === "boolean" ? value === "true" : value;
    if (kind === "number" && !Number.isFinite(read)) continue;
    if (control && kind === "number") {
      const [low, high] = [control.values[0], control.values[control.values.length - 1]];
      if (read < low || read > high) continue;
    } else if (control && !control.values.includes(read)) continue;
    found[name] = read;
  }
  return found;
}

/** Write a state as a link has it, without what is as on the page. @param {Figure} figure @param {State} state @param {State} usual @param {string[]} more */
function format(figure, state, usual, more) {
  const pairs = Object.keys(usual).filter((name) => state[name] !== usual[name]);
  const text = pairs.map((name) => `${name}=${encodeURIComponent(state[name])}`).concat(more);
  return `#live-${figure.name}${text.length ? `:${text.join(",")}` : ""}`;
}

/** Draw a figure as a whole SVG. @param {Figure} figure @param {any} run @param {number} width */
export function picture(figure, run, width) {
  const { height, body } = figure.draw(run, width);
  return `<svg class="live-picture" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" aria-hidden="true" focusable="false">${body}</svg>`;
}

/**
 * Put a figure into an element, over the still picture that stands there.
 * @param {HTMLElement} place
 * @param {Figure} figure
 * @param {any} scb
 * @param {{state?: State, given?: any, link?: boolean, changed?: (handle: any) => void}} [options]
 */
export function mount(place, figure, scb, options = {}) {
  const { controls, ...asked } = options.state || {};
  const initial = { ...defaults(figure), ...asked };
  let state = { ...initial };
  let run = figure.start(state, scb, options.given);
  let count = 0; // steps taken
  let stop = Infinity; // where to stop
  let ended = false;
  let playing = false;
  let slow = false;
  let seen = false;
  let visible = true;
  let touched = false; // until then the still picture stands
  let pace = 1;
  let chunk = 1;
  let last = 0;
  let request = 0;
  let hurry = false; // to a step that a program waits for, seen or not
  let width = 720;
  let bet = -1;
  /** @type {HTMLElement[]} */
  const answers = [];
  let tourAt = -1;
  /** @type {(() => void)[]} */
  let waiting = [];
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  // --- what stands on the page ---

  const stage = element("div", { className: "live-stage" });
  stage.append(...place.childNodes);
  const words = element("p", { className: "live-words" });
  const spoken = element("p", { className: "live-spoken", role: "status" });
  const bar = element("div", { className: "live-bar noprint" });
  const knobs = element("div", { className: "live-knobs noprint" });
  const button = (/** @type {string} */ textContent, /** @type {() => void} */ onclick, parent = bar) =>
    parent.appendChild(element("button", { type: "button", textContent, onclick })); // prettier-ignore

  const moves = !!(figure.step || figure.tour);
  const playButton = moves && button("Play", () => (playing ? pause() : play()));
  if (playButton) playButton.className = "live-play";
  if (figure.step) {
    button("Step", () => { pause(); advance(1); }); // prettier-ignore
    const onchange = () => (slow = slowly.checked);
    const slowly = element("input", { type: "checkbox", onchange });
    bar.append(element("label", { className: "live-check" }, slowly, "slowly"));
  }
  if (figure.extra && "seed" in figure.extra)
    button("New seed", () => set({ seed: (state.seed + 1) % 2 ** 31 }, true));
  button("Reset", () => set(initial));
  for (const [text, preset] of figure.presets || [])
    button(text, () => set({ ...initial, ...preset }, true)).classList.add("live-preset");

  /** @type {Record<string, () => void>} */
  const show = {};
  // A task that is given has its own T.
  for (const control of figure.controls)
    if (!(options.given && control.name === "T")) knobs.append(knob(control));

  place.replaceChildren();
  place.classList.add("live-on");
  if (figure.bet) place.append(question(figure.bet));
  const keys = "in the drawing: arrow keys move, Enter, + and - change";
  const parts = element("div", { className: "noprint", role: "group", "aria-label": keys });
  const scene = element("div", { className: "live-scene" }, stage);
  if (figure.parts) scene.append(parts);
  place.append(scene, words, bar, knobs, spoken);
  place.classList.toggle("live-bare", controls === "no");
  const code = figure.python && element("code", {});
  if (code) {
    const copied = async () => {
      await navigator.clipboard.writeText(code.textContent).catch(() => {
        getSelection()?.selectAllChildren(code); // without permission: ready to be copied by hand
        document.execCommand("copy");
      });
      copy.textContent = "Copied";
      setTimeout(() => (copy.textContent = "Copy"), 1500);
    };
    const listing = element("pre", { tabIndex: 0 }, code);
    const summary = element("summary", {}, "The same in scbtools");
    const details = { className: "live-code noprint", ontoggle: draw };
    const copy = button("Copy", copied, element("details", details, summary, listing));
    place.append(copy.parentNode);
  }

  /** @param {Control} control */
  function knob({ kind, name, label: text, values, names = [] }) {
    const id = unique(`live-${figure.name}-${name}`);
    const label = element("label", { htmlFor: id }, text);
    const at = () => {
      const exact = values.indexOf(state[name]);
      if (exact >= 0 || kind !== "range") return exact;
      const off = values.map((v) => Math.abs(Number(v) - state[name]));
      return off.indexOf(Math.min(...off));
    };
    const moved = (/** @type {Value} */ value) => set({ [name]: value }, true);
    if (kind === "select") {
      const each = values.map((value, i) => element("option", { value, textContent: names[i] }));
      const onchange = () => moved(input.value);
      const input = element("select", { id, onchange }, ...each);
      show[name] = () => (input.selectedIndex = at());
      return element("div", { className: "live-knob" }, label, input);
    }
    if (kind === "checkbox") {
      const onchange = () => moved(input.checked);
      const input = element("input", { id, type: "checkbox", onchange });
      show[name] = () => (input.checked = !!state[name]);
      return element("div", { className: "live-knob live-check" }, input, label);
    }
    const oninput = () => moved(values[Number(input.value)]);
    const input = element("input", { id, type: "range", min: 0, max: values.length - 1, oninput });
    const value = element("output", { htmlFor: id });
    show[name] = () => {
      input.value = String(at());
      value.textContent = tidy(Number(state[name]));
      input.setAttribute("aria-valuetext", value.textContent);
    };
    return element("div", { className: "live-knob" }, label, value, input);
  }

  /** @param {NonNullable<Figure["bet"]>} bets */
  function question(bets) {
    const name = unique("live-bet");
    const box = element("fieldset", { className: "live-bet noprint" });
    box.append(element("legend", {}, bets.question));
    bets.options.forEach((text, i) => {
      const onchange = () => { bet = i; touched = true; draw(); }; // prettier-ignore
      // Radio buttons would answer a quiz on the way to another one.
      if (bets.placed) answers.push(button(text, () => answer(i), box));
      else
        box.append(element("label", {}, element("input", { type: "radio", name, onchange }), text));
    });
    return box;
  }

  /** Take an answer to a quiz. @param {number} i */
  function answer(i) {
    state = run.state = { ...state, ...figure.bet?.placed?.(run, i) };
    touched = true;
    link();
    draw();
    speak(words.textContent || "");
  }

  // --- time ---

  function play() {
    if (ended) restart();
    playing = touched = true;
    pace = Math.max(1, stop - count > 1e6 ? 1 : (stop - count) / 120);
    if (figure.tour && !figure.step) tourAt = 0;
    cancelAnimationFrame(request);
    request = requestAnimationFrame(frame);
    draw();
  }

  function pause() {
    const was = playing;
    playing = false;
    cancelAnimationFrame(request);
    if (!was) return;
    if (figure.step) stop = Infinity;
    link();
    draw();
    speak(figure.words(run));
  }

  /** Take steps at once; return whether there are more to come. @param {number} n */
  function advance(n) {
    touched = true;
    if (ended || !figure.step) return false;
    const some = Math.min(n, stop - count);
    const taken = some > 0 ? figure.step(run, some) : 0;
    count += taken;
    ended = taken < some;
    const news = figure.event && figure.event(run);
    if (news) speak(news);
    if (!playing) draw();
    return !ended && count < stop;
  }

  /** @param {number} now */
  function frame(now) {
    if (!playing) return;
    request = requestAnimationFrame(frame);
    if (!hurry && (!visible || (slow && now - last < 250))) return;
    if (!figure.step) {
      if (now - last < 80) return;
      last = now;
      tour();
      return;
    }
    last = now;
    const until = performance.now() + SLICE;
    let left = hurry ? Infinity : slow ? 1 : Math.floor(pace);
    let done = 0;
    let more = true;
    while (more && left > 0 && performance.now() < until) {
      const began = performance.now();
      const some = Math.min(left, chunk);
      more = advance(some);
      left -= some;
      done += some;
      const took = performance.now() - began;
      if (took < 1 && some === chunk) chunk *= 2;
      if (took > 3) chunk = Math.max(1, Math.floor(chunk / 2));
    }
    pace = slow ? 1 : Math.min(pace * (figure.growth || 1.07), 1.5 * done + 1);
    if (!more) finish();
    draw();
  }

  function finish() {
    hurry = false;
    pause();
    for (const wake of waiting) wake();
    waiting = [];
  }

  function tour() {
    if (!figure.tour) return;
    const { name, values } = figure.tour;
    if (tourAt >= values.length) {
      set({ [name]: initial[name] });
      finish();
    } else set({ [name]: values[tourAt++] }, true);
  }

  function restart() {
    count = 0;
    ended = false;
    run = figure.start(state, scb, options.given);
  }

  /** Change the state, and begin anew with it. @param {State} change */
  function set(change, go = false) {
    const { run: until, controls: shown, ...rest } = change;
    if (shown) place.classList.toggle("live-bare", shown === "no");
    const quiet = playing && !figure.step;
    state = { ...state, ...rest };
    stop = until || Infinity;
    touched = true;
    restart();
    for (const each of Object.values(show)) each();
    if (figure.step && (go || until)) play();
    else if (figure.step) pause();
    if (!quiet) link();
    draw();
    if (!figure.step && !quiet) later(() => speak(figure.words(run)));
  }

  let timer = 0;
  /** @param {() => void} act */
  function later(act) {
    clearTimeout(timer);
    timer = window.setTimeout(act, 700);
  }

  /** @param {string} text */
  function speak(text) {
    if (spoken.textContent !== text) spoken.textContent = text;
  }

  // --- what is seen ---

  /** Shorter words leave the room that longer ones had: what stands below does not jump. */
  function keepRoom() {
    if (words.offsetHeight) words.style.minHeight = `${words.offsetHeight}px`;
  }

  function draw() {
    if (playButton) playButton.textContent = playing ? "Pause" : "Play";
    let text = figure.words(run).replaceAll(" %", "\u00a0%");
    if (figure.bet && figure.bet.answered) bet = figure.bet.answered(run);
    answers.forEach((each, i) => each.setAttribute("aria-pressed", String(i === bet)));
    if (figure.bet && bet >= 0) {
      const found = figure.bet.outcome(run);
      const { options } = figure.bet;
      if (found >= 0 && found === bet) text += " You said so.";
      else if (found >= 0) text += ` You had said: ${options[bet]}. It is: ${options[found]}.`;
    }
    if (words.textContent !== text) {
      words.textContent = text;
      requestAnimationFrame(keepRoom);
    }
    if (code && code.closest("details").open)
      code.textContent = figure.python && figure.python(run);
    place.dataset.steps = String(count);
    if (figure.parts && (placed.run !== run || placed.width !== width)) lay(figure.parts);
    if (touched || !stage.firstChild) {
      const { height, body } = figure.draw(run, width);
      const svg = stage.firstElementChild;
      if (svg?.getAttribute("class") !== "live-picture") {
        // What stands there are the still pictures, one for each width.
        stage.innerHTML = picture(figure, run, width);
      } else {
        svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
        svg.innerHTML = body;
      }
    }
    if (options.changed) options.changed(handle);
  }

  function link() {
    if (!options.link || !touched || !seen) return;
    const more = place.classList.contains("live-bare") ? ["controls=no"] : [];
    if (count && !ended) more.push(`run=${count}`);
    history.replaceState(history.state, "", format(figure, state, initial, more));
  }

  // Buttons lie over the drawing, and outlive its changes. They are one stop of the keyboard.
  /** @type {{run?: any, width?: number, parts: Part[]}} */
  let placed = { parts: [] };
  /** @param {NonNullable<Figure["parts"]>} of */
  function lay(of) {
    placed = { run, width, parts: of(run, width) };
    const known = /** @type {HTMLCollectionOf<HTMLElement>} */ (parts.children);
    placed.parts.forEach(({ label, at }, i) => {
      const each = known[i] || parts.appendChild(part(i));
      each.setAttribute("aria-label", label);
      ["left", "top", "width", "height"].forEach((side, j) =>
        each.style.setProperty(side, `${(100 * at[j]) / width}cqw`),
      );
    });
    while (known.length > placed.parts.length) parts.lastChild?.remove();
    if (known.length && !parts.querySelector('[tabindex="0"]')) known[0].tabIndex = 0;
  }

  /** @param {number} i */
  function part(i) {
    const turn = (/** @type {number} */ by) => {
      set(placed.parts[i].turned(by), true);
      if (placed.parts[i]) speak(placed.parts[i].label);
      else if (playButton) playButton.focus(); // there is no such part now
    };
    const made = button("", () => turn(1), parts);
    const onfocus = () => {
      for (const each of parts.children) each.tabIndex = -1;
      made.tabIndex = 0;
    };
    const onkeydown = (/** @type {KeyboardEvent} */ event) => {
      const way = arrow(event);
      if (event.key === "+" || event.key === "-") turn(event.key === "+" ? 1 : -1);
      else if (way) parts.children[nearest(i, way)].focus();
      else return;
      event.preventDefault();
    };
    return Object.assign(made, { className: "live-part", tabIndex: -1, onfocus, onkeydown });
  }

  /** The part that lies next in a direction, or this one. @param {number} i @param {number[]} way */
  function nearest(i, [right, up]) {
    const middles = placed.parts.map(({ at: [x, y, w, h] }) => [x + w / 2, y + h / 2]);
    const far = middles.map(([x, y]) => {
      const [dx, dy] = [x - middles[i][0], middles[i][1] - y];
      const along = dx * right + dy * up;
      return along > 1 ? along + 3 * Math.abs(dx * up + dy * right) : Infinity;
    });
    const least = Math.min(...far);
    return least < Infinity ? far.indexOf(least) : i;
  }

  /** @param {PointerEvent} event */
  function pointed(event) {
    if (!figure.touch || (event.type === "pointermove" && !event.buttons)) return;
    if (!touched) {
      touched = true; // what is pointed at is the live drawing, not the still one
      draw();
    }
    const svg = stage.querySelector("svg.live-picture");
    if (!svg) return;
    const at = svg.getBoundingClientRect();
    const unit = width / at.width;
    const [x, y] = [(event.clientX - at.left) * unit, (event.clientY - at.top) * unit];
    const change = figure.touch(run, x, y);
    if (!change) return;
    if (event.type === "pointerdown") stage.setPointerCapture(event.pointerId);
    event.preventDefault();
    set(change, true);
  }
  for (const kind of ["pointerdown", "pointermove"]) stage.addEventListener(kind, pointed);
  if (figure.touch) stage.classList.add("live-touch");
  const { nudge } = figure;
  if (nudge) {
    stage.tabIndex = 0;
    stage.setAttribute("role", "application");
    stage.setAttribute("aria-label", `${figure.title}; arrow keys move the point`);
    stage.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      const way = arrow(event);
      if (!way) return;
      event.preventDefault();
      const [right, up] = way.map((each) => each * (event.shiftKey ? 10 : 1));
      set(nudge(run, right, up), true);
    });
  }

  const resized = new ResizeObserver(() => {
    const now = Math.max(280, Math.min(760, Math.round(stage.clientWidth)));
    if (now === width) return;
    width = now;
    words.style.minHeight = "";
    requestAnimationFrame(keepRoom);
    draw();
  });
  resized.observe(stage);
  const watched = new IntersectionObserver(
    ([entry]) => {
      visible = entry.isIntersecting;
      if (entry.intersectionRatio < 0.4 || seen) return;
      seen = true;
      if (moves && !calm.matches && !touched) play();
    },
    { threshold: [0, 0.4] },
  );
  watched.observe(stage);

  const handle = {
    figure,
    get state() { return { ...state }; },
    get steps() { return count; },
    get playing() { return playing; },
    get ended() { return ended; },
    data: () => figure.data(run),
    words: () => figure.words(run),
    python: () => (figure.python ? figure.python(run) : ""),
    play, pause, set,
    reset: () => set(initial),
    /** Go to a step, and resolve when there. @param {number} n */
    runTo: (n) =>
      new Promise((/** @type {(value?: any) => void} */ resolve) => {
        if (ended || count >= n) return resolve();
        stop = n;
        waiting.push(() => resolve());
        hurry = true;
        play();
      }),
    remove() {
      playing = false;
      cancelAnimationFrame(request);
      clearTimeout(timer);
      resized.disconnect();
      watched.disconnect();
      place.replaceChildren();
    },
  }; // prettier-ignore
  /** @type {any} */ (place).live = handle;
  for (const each of Object.values(show)) each();
  draw();
  return handle;
}

/** The error that a figure ends with, in its place. @param {HTMLElement} place @param {unknown} error */
export function complain(place, error) {
  place.insertAdjacentHTML(
    "beforeend",
    `<p class="live-words">This figure does not run here: ${safe(error)}</p>`,
  );
  console.error(error);
}
