// Every live figure, for tools and tests; a page or a widget has its own ones alone.

export { away } from "./away.mjs";
export { coin } from "./coin.mjs";
export { column } from "./column.mjs";
export { languages } from "./languages.mjs";
export { loss } from "./loss.mjs";
export { memory } from "./memory.mjs";
export { meters } from "./meters.mjs";
export { portrait } from "./portrait.mjs";
export { quiz } from "./quiz.mjs";
export { rounding } from "./rounding.mjs";
export { screening } from "./screening.mjs";
export { softmax } from "./softmax.mjs";
export { task } from "./task.mjs";
export { trainer } from "./trainer.mjs";
export { transfer } from "./transfer.mjs";
