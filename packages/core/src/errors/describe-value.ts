import { cut, escapeUnprintable, maxQuoted as maxLength } from "./printable.js";

const maxItems = 8;
const maxDepth = 2;

/**
 * Any value as an error message quotes it: the value, then its type in parentheses.
 *
 * `"1" (string)`, `NaN (number)`, `[1, 2] (array)`, `{"type": "fsq"} (object)`, `[1, 2, 3, …] (Float32Array of 784)`.
 * Never throws, never longer than 200 characters, and free of control characters.
 */
export function describeValue(value: unknown): string {
  const type = typeName(value);
  const room = maxLength - (type === "" ? 0 : type.length + 3);
  const shown = cut(escapeUnprintable(preview(() => value, 0)), room);
  return type === "" ? shown : `${shown} (${type})`;
}

function typeName(value: unknown): string {
  if (value === null || value === undefined) {
    return "";
  }
  try {
    if (ArrayBuffer.isView(value) && "length" in value) {
      return `${value.constructor.name} of ${value.length}`;
    }
    return Array.isArray(value) ? "array" : typeof value;
  } catch {
    return typeof value;
  }
}

/** @param read - Reads the value; a getter or a proxy may throw. */
function preview(read: () => unknown, depth: number): string {
  try {
    const value = read();
    switch (typeof value) {
      case "string":
        return JSON.stringify(value.slice(0, maxLength));
      case "bigint":
        return `${cut(String(value), maxLength)}n`;
      case "function":
        return typeof value.name === "string" && value.name !== "" ? value.name.slice(0, maxLength) : "anonymous";
      case "object":
        return value === null ? "null" : previewObject(value, depth);
      default:
        return Object.is(value, -0) ? "-0" : String(value);
    }
  } catch {
    return "unreadable";
  }
}

function previewObject(value: object, depth: number): string {
  if (value instanceof Date || value instanceof RegExp) {
    return String(value);
  }
  const isList = Array.isArray(value) || (ArrayBuffer.isView(value) && "length" in value);
  if (depth >= maxDepth) {
    return isList ? "[…]" : "{…}";
  }
  if (isList) {
    const list = value as ArrayLike<unknown>;
    const items = Array.from({ length: Math.min(list.length, maxItems) }, (_, i) => preview(() => list[i], depth + 1));
    return `[${[...items, ...(list.length > maxItems ? ["…"] : [])].join(", ")}]`;
  }
  const keys = Object.keys(value);
  const items = keys
    .slice(0, maxItems)
    .map((key) => `${JSON.stringify(key.slice(0, maxLength))}: ${preview(() => (value as never)[key], depth + 1)}`);
  return `{${[...items, ...(keys.length > maxItems ? ["…"] : [])].join(", ")}}`;
}
