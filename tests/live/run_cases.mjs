// Reads cases as JSON and writes what scb.mjs makes of them. node run_cases.mjs scb.mjs cases out
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [path, cases, out] = process.argv.slice(2);
const { load } = await import(pathToFileURL(path).href);
const scb = await load();

/** Results with exact bits: typed arrays in base64, numbers that JSON lacks by name. */
function told(x) {
  if (typeof x === "number") return Number.isFinite(x) ? x : { number: String(x) };
  if (ArrayBuffer.isView(x)) {
    const bytes = Buffer.from(x.buffer, x.byteOffset, x.byteLength).toString("base64");
    return { [x.constructor.name]: bytes };
  }
  if (Array.isArray(x)) return x.map(told);
  if (x && typeof x === "object" && x.constructor === Object)
    return Object.fromEntries(Object.entries(x).map(([key, value]) => [key, told(value)]));
  return ["boolean", "string"].includes(typeof x) || x === null ? x : null;
}

/** What stands for values that JSON lacks. */
const meant = (key, x) => {
  if (x && x.number) return Number(x.number);
  return x && x.bigint ? BigInt(x.bigint) : x;
};

function perform({ task: given, calls }) {
  const results = [];
  const at = { scb };
  const attempt = (work) => {
    try {
      results.push(told(work()));
    } catch (error) {
      results.push({ kind: error.name, message: error.message });
    }
  };
  attempt(() => void (at.task = scb.task(given)));
  for (const [name, ...rest] of calls) {
    const [owner, member] = name.split(".");
    if (member === "precondition" || member === "trainer") rest.unshift(at.task);
    attempt(() => {
      const found = at[owner][member];
      const result = typeof found === "function" ? at[owner][member](...rest) : found;
      if (member === "trainer") at.run = result;
      return result;
    });
  }
  return results;
}

writeFileSync(out, JSON.stringify(JSON.parse(readFileSync(cases, "utf8"), meant).map(perform)));
