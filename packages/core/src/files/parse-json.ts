import { quote } from "../errors/printable.js";
import { defaultLimits } from "./limits.js";

/** Options of {@link parseJson}. */
export interface ParseJsonOptions {
  /** Objects and lists inside each other; `defaultLimits.depth` when absent. */
  readonly maxDepth?: number | undefined;
  /** Values in all, those of objects and lists among them; unlimited when absent. */
  readonly maxValues?: number | undefined;
}

/** The value of a JSON text, or what is wrong with it, as a phrase that follows its name: `is not JSON`. */
export type ParsedJson =
  | { readonly value: unknown; readonly problem?: undefined }
  | { readonly value?: undefined; readonly problem: string };

/**
 * Reads JSON that anybody may have written: its depth and number of values are bounded before anything is made of it, and
 * no object has a key twice, of which `JSON.parse` would keep the last silently.
 *
 * A key `__proto__` is an ordinary one of its object; read fields with `Object.hasOwn` where a name comes from outside.
 *
 * @param text - Its length is the caller's to bound: read files with `readFileText`.
 * @returns Never throws.
 */
export function parseJson(text: string, options: ParseJsonOptions = {}): ParsedJson {
  const { maxDepth = defaultLimits.depth, maxValues = Number.POSITIVE_INFINITY } = options;
  const problem = measure(text, maxDepth, maxValues);
  if (problem !== undefined) {
    return { problem };
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { problem: "is not JSON" };
  }
  const repeated = findRepeatedKey(text);
  return repeated === undefined ? { value } : { problem: `holds ${quote(repeated)} twice` };
}

/** Counts brackets and commas outside of strings; the text need not be JSON. */
function measure(text: string, maxDepth: number, maxValues: number): string | undefined {
  const marks = /["[\]{},]/g;
  let depth = 0;
  let values = 1;
  for (let match = marks.exec(text); match !== null; match = marks.exec(text)) {
    switch (match[0]) {
      case '"':
        marks.lastIndex = endOfString(text, match.index) + 1;
        break;
      case ",":
        values++;
        break;
      case "]":
      case "}":
        depth--;
        break;
      default:
        depth++;
        values++;
    }
    if (depth > maxDepth) {
      return `is more than ${maxDepth} levels deep`;
    }
    if (values > maxValues) {
      return `holds more than ${maxValues} values`;
    }
  }
  return undefined;
}

/**
 * The first key that comes twice in one object of a JSON text.
 *
 * @param json - Valid JSON, so that strings, braces and colons are all there is to look at.
 * @returns undefined when every object's keys differ.
 */
export function findRepeatedKey(json: string): string | undefined {
  const open: Set<string>[] = [];
  const marks = /["{}]/g;
  const colon = /\s*:/y;
  for (let match = marks.exec(json); match !== null; match = marks.exec(json)) {
    if (match[0] === "{") {
      open.push(new Set());
    } else if (match[0] === "}") {
      open.pop();
    } else {
      const end = endOfString(json, match.index) + 1;
      marks.lastIndex = end;
      colon.lastIndex = end;
      if (colon.test(json)) {
        const key = JSON.parse(json.slice(match.index, end)) as string;
        const keys = open.at(-1)!;
        if (keys.has(key)) {
          return key;
        }
        keys.add(key);
      }
    }
  }
  return undefined;
}

/** Index of the quote that ends the string beginning at `start`; the text's length where none does. */
function endOfString(json: string, start: number): number {
  for (let from = start + 1; ; ) {
    const end = json.indexOf('"', from);
    if (end < 0) {
      return json.length;
    }
    let before = end - 1;
    while (json[before] === "\\") {
      before--;
    }
    if ((end - before) % 2 === 1) {
      return end;
    }
    from = end + 1;
  }
}
