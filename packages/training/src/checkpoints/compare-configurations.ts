import { CheckpointError } from "@mmgen/core";

/**
 * Refuses a configuration that is not the stored one, naming the first field that differs.
 *
 * Both are compared as the JSON they become in a file.
 *
 * @throws a {@link CheckpointError} when they differ.
 */
export function compareConfigurations(stored: unknown, current: unknown): void {
  const difference = firstDifference(stored, JSON.parse(JSON.stringify(current)), "");
  if (difference !== undefined) {
    const { path, before, now } = difference;
    throw new CheckpointError(
      `The checkpoint was made with ${path} = ${JSON.stringify(before)}, and this run has ${JSON.stringify(now)}. ` +
        "Resume with the configuration it was started with, or start anew.",
    );
  }
}

function firstDifference(
  before: unknown,
  now: unknown,
  path: string,
): { path: string; before: unknown; now: unknown } | undefined {
  const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
  if (!isObject(before) || !isObject(now) || Array.isArray(before) !== Array.isArray(now)) {
    return Object.is(before, now) ? undefined : { path: path === "" ? "configuration" : path, before, now };
  }
  for (const key of new Set([...Object.keys(before), ...Object.keys(now)])) {
    const difference = firstDifference(before[key], now[key], path === "" ? key : `${path}.${key}`);
    if (difference !== undefined) {
      return difference;
    }
  }
  return undefined;
}
