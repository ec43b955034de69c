import { CheckpointError, describeValue } from "@mmgen/core";

/** The settings of a run, as JSON. */
export type Configuration = Readonly<Record<string, unknown>>;

/** What a resumed run has to share with the run that wrote the state. */
export interface RunConfigurations {
  /** The loop's own. */
  readonly settings: Configuration;
  /** The program's, under names of its choice. */
  readonly configuration: Configuration;
}

/**
 * Checks that a run's configurations equal the stored ones. They are compared as JSON.
 *
 * @throws a {@link CheckpointError} that names the first field that differs.
 */
export function compareConfigurations(stored: StoredConfigurations, current: RunConfigurations): void {
  const { settings, configuration } = JSON.parse(JSON.stringify(current)) as RunConfigurations;
  const difference =
    stored.settings === undefined
      ? firstDifference(stored.configuration, { ...settings, ...configuration }, "")
      : (firstDifference(stored.settings, settings, "") ??
        firstDifference(stored.configuration, configuration, "configuration"));
  if (difference !== undefined) {
    const { path, before, now } = difference;
    throw new CheckpointError(
      `The training state was written with ${path} = ${describeValue(before)}, and this run has ${describeValue(now)}. ` +
        "Resume with the configuration of that run, or start a new one.",
    );
  }
}

type StoredConfigurations = Pick<RunConfigurations, "configuration"> & Partial<RunConfigurations>;

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
    const difference = firstDifference(ownField(before, key), ownField(now, key), path === "" ? key : `${path}.${key}`);
    if (difference !== undefined) {
      return difference;
    }
  }
  return undefined;
}

function ownField(object: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
