// Run live figures without a page: reads [{name, state, steps, answers}, ...] from standard input,
// writes what each then shows. Answers are those to a quiz.

import fs from "node:fs";

const book = new URL("../../book/", import.meta.url);
const figures = await import(new URL("live/index.mjs", book));
const { engine } = await import(new URL("live/page.mjs", book));
const { defaults } = await import(new URL("live/core.mjs", book));
const scb = await engine();

const asked = JSON.parse(fs.readFileSync(0, "utf8"));
const found = asked.map(({ name, state = {}, steps = 0, answers = [] }) => {
  const figure = figures[name];
  const run = figure.start({ ...defaults(figure), ...state }, scb);
  const taken = figure.step && steps ? figure.step(run, steps) : 0;
  for (const option of answers) run.state = { ...run.state, ...figure.bet.placed(run, option) };
  return {
    taken,
    state: run.state,
    data: figure.data(run),
    words: figure.words(run),
    python: figure.python ? figure.python(run) : null,
    outcome: figure.bet ? figure.bet.outcome(run) : null,
    drawings: [720, 340].map((width) => figure.draw(run, width)),
  };
});
const about = Object.values(figures).map((figure) => ({
  name: figure.name,
  defaults: defaults(figure),
  presets: figure.presets || [],
  controls: figure.controls,
  still: figure.still || {},
  timed: !!figure.step,
}));
process.stdout.write(JSON.stringify({ about, found }));
