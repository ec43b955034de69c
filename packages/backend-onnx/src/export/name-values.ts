import { ConfigError, describeValue, quote } from "@mmgen/core";
import type { LazyValue } from "../graph/lazy-value.js";
import type { ExportConfig } from "./export-options.js";
import { nextName } from "./record-function.js";

/**
 * Checks the names that a model's inputs, outputs, state and weights will have.
 *
 * @param outputs - The function's own, once it has been recorded; those of the new state are known before.
 * @throws a {@link ConfigError} for a name that is empty, not well-formed Unicode, or another value's.
 */
export function checkNames(
  { inputs, state = new Map(), weights = new Map() }: ExportConfig,
  outputs: Iterable<string> = [],
): void {
  const kinds: readonly (readonly [string, Iterable<string>])[] = [
    ["an input", Object.keys(inputs)],
    ["a variable of the state", state.keys()],
    ["the new value of a variable", [...state.keys()].map(nextName)],
    ["a weight", weights.keys()],
    ["an output", outputs],
  ];
  const known = new Map<string, string>();
  for (const [kind, names] of kinds) {
    for (const name of names) {
      addName(known, kind, name);
    }
  }
}

function addName(known: Map<string, string>, kind: string, name: string): void {
  if (typeof name !== "string" || name === "" || /\p{Surrogate}/u.test(name)) {
    throw new ConfigError(
      `exportOnnx: expected well-formed text as the name of ${kind}, got ${describeValue(name)}: no reader could ask for it.`,
    );
  }
  const other = known.get(name);
  if (other !== undefined) {
    throw new ConfigError(
      `exportOnnx: ${quote(name)} names ${other} and ${kind}, and in a model a name stands for one value. Rename one.`,
    );
  }
  known.set(name, kind);
}

/**
 * The names that values without one get, so that none is a name of the caller's. They are counted as they are asked for:
 * the numbers that values have belong to the plan that was made last, which may be another.
 */
export function avoidNames(given: Iterable<string>): (value: LazyValue) => string {
  const names = [...given];
  let prefix = "";
  while (names.some((name) => name.startsWith(`${prefix}v`))) {
    prefix += "_";
  }
  const known = new Map<LazyValue, string>();
  return (value) => {
    let name = known.get(value);
    if (name === undefined) {
      name = `${prefix}v${known.size + 1}`;
      known.set(value, name);
    }
    return name;
  };
}
