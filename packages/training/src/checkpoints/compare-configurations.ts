import { CheckpointError, describeValue } from "@mmgen/core";

/**
 * Checks that a configuration equals the stored one. Both are compared as JSON.
 *
 * @throws a {@link CheckpointError} that names the first field that differs.
 */
export function compareConfigurations(stored: unknown, current: unknown): void {
  const difference = firstDifference(stored, JSON.parse(JSON.stringify(current)), "");
  if (difference !== undefined) {
    const { path, before, now } = difference;
    throw new CheckpointError(
      `The training state was written with ${path} = ${describeValue(before)}, and this run has ${describeValue(now)}. ` +
        "Resume with the configuration of that run, or start a new one.",
    );
  }
}

interface Difference {
  readonly path: string;
  readonly before: unknown;
  readonly now: unknown;
}

function firstDifference(before: unknown, now: unknown, path: string): Difference | undefined {
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

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
