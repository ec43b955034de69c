/**
 * The first key that comes twice in one object of a JSON text; `JSON.parse` keeps the last silently.
 *
 * @param json - Valid JSON, so that strings, braces and colons are all there is to look at.
 * @returns undefined when every object's keys differ.
 */
export function findRepeatedKey(json: string): string | undefined {
  const open: Set<string>[] = [];
  const colon = /\s*:/y;
  for (let at = 0; at < json.length; at++) {
    const character = json[at];
    if (character === "{") {
      open.push(new Set());
    } else if (character === "}") {
      open.pop();
    } else if (character === '"') {
      const start = at;
      at = endOfString(json, start);
      colon.lastIndex = at + 1;
      if (colon.test(json)) {
        const key = JSON.parse(json.slice(start, at + 1)) as string;
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

/** Index of the quote that ends the string beginning at `start`. */
function endOfString(json: string, start: number): number {
  let at = start + 1;
  while (json[at] !== '"') {
    at += json[at] === "\\" ? 2 : 1;
  }
  return at;
}
