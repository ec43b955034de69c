import { ConfigError } from "@mmgen/core";
import { readFileBytes } from "@mmgen/core/node";
import type { z } from "zod";

/**
 * Reads a JSON file that overrides fields of `base`: `{ "transformer": { "layers": 6 } }`.
 *
 * @throws {@link ConfigError} naming each unknown or ill-typed field.
 */
export async function readConfigFile<Config>(
  path: string,
  base: Config,
  schema: z.ZodType<Config>,
  example: string,
): Promise<Config> {
  const bytes = await readFileBytes(path, "configuration file");
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new ConfigError(`${path} is not JSON: ${(error as Error).message}`, { cause: error });
  }
  const parsed = schema.safeParse(overlay(base, json));
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join(".") || "file"}: ${issue.message}`);
    throw new ConfigError(`${path} is not a configuration of ${example}. ${problems.join("; ")}.`);
  }
  return parsed.data;
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
