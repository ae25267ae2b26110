// Draw the still pictures of live figures: node tools/draw_stills.mjs OUT name=state ...
// Each gets two files, wide and narrow, as the page shows them until its script runs.

import fs from "node:fs";
import path from "node:path";

const root = path.dirname(path.dirname(new URL(import.meta.url).pathname));
const live = path.join(root, "book", "live");
const { figures, still } = await import(path.join(live, "page.mjs"));
Object.assign(figures, await import(path.join(live, "index.mjs")));

const [out, ...asked] = process.argv.slice(2);
fs.mkdirSync(out, { recursive: true });
for (const each of asked) {
  const [, name, state] = /^([a-z]+):(.*)$/.exec(each);
  const stem = [name, ...(state.match(/\w+/g) || [])].join("-");
  for (const [kind, width] of [
    ["wide", 720],
    ["narrow", 340],
  ])
    fs.writeFileSync(path.join(out, `${stem}-${kind}.svg`), await still(name, state, width));
}
