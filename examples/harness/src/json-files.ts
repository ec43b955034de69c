import { existsSync } from "node:fs";
import { CheckpointError, ConfigError, parseJson } from "@mmgen/core";
import { readFileText } from "@mmgen/core/node";
import { resolveOptions } from "@mmgen/core/options";
import type { GenericSchema, InferOutput } from "valibot";

/**
 * Reads a JSON file that a run left in its folder.
 *
 * @param what - What the file holds: `run`.
 * @param parse - Makes the content of the JSON value; its errors count as damage.
 * @throws {@link CheckpointError} when there is no such file, or it is damaged.
 */
export async function readStoredJson<Content>(
  path: string,
  what: string,
  parse: (json: unknown) => Content,
): Promise<Content> {
  if (!existsSync(path)) {
    throw new CheckpointError(
      `There is no ${what} at ${path}. Train a model first, or name the folder that one was trained into.`,
    );
  }
  const { value, problem } = parseJson(await readFileText(path, what));
  if (problem !== undefined) {
    throw new CheckpointError(`${path} is damaged: it ${problem}. Train again.`);
  }
  try {
    return parse(value);
  } catch (cause) {
    const { message } = cause as Error;
    throw new CheckpointError(`${path} is damaged or of another version: ${message} Train again.`, { cause });
  }
}

/**
 * Reads a JSON file that overrides fields of `base`: `{ "transformer": { "layers": 6 } }`.
 *
 * @throws {@link ConfigError} naming each unknown or ill-typed field.
 */
export async function readConfigFile<Schema extends GenericSchema>(
  path: string,
  base: InferOutput<Schema>,
  schema: Schema,
): Promise<InferOutput<Schema>> {
  const { value: json, problem } = parseJson(await readFileText(path, "configuration file"));
  if (problem !== undefined) {
    throw new ConfigError(`${path} ${problem}.`);
  }
  if (!isObject(json)) {
    throw new ConfigError(`${path}: expected an object of fields, such as {"transformer": {"layers": 6}}.`);
  }
  try {
    return resolveOptions(schema, overlay(base, json));
  } catch (cause) {
    throw ConfigError.isInstance(cause) ? new ConfigError(`${path}: ${cause.message}`, { cause }) : cause;
  }
}

/** `base` with the fields of `change` in place of its own, at every depth. */
function overlay(base: unknown, change: unknown): unknown {
  if (!isObject(base) || !isObject(change)) {
    return change;
  }
  const names = new Set([...Object.keys(base), ...Object.keys(change)]);
  return Object.fromEntries(
    Array.from(names, (name) => [name, Object.hasOwn(change, name) ? overlay(base[name], change[name]) : base[name]]),
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
