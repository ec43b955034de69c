import { existsSync } from "node:fs";
import { CheckpointError } from "@mmgen/core";
import { readFileBytes } from "@mmgen/core/node";
import { z } from "zod";

/**
 * Reads a JSON file that a run left beside its checkpoints.
 *
 * @param what - What the file holds: `run`.
 * @throws {@link CheckpointError} when there is no such file, or it is damaged.
 */
export async function readStoredJson<Content>(
  path: string,
  what: string,
  schema: z.ZodType<Content>,
): Promise<Content> {
  if (!existsSync(path)) {
    throw new CheckpointError(
      `There is no ${what} at ${path}. Train a model first, or name the folder that one was trained into.`,
    );
  }
  const bytes = await readFileBytes(path, what);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new CheckpointError(`${path} is damaged: ${(error as Error).message}. Train again.`, { cause: error });
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    throw new CheckpointError(
      `${path} is damaged or of another version: ${z.prettifyError(parsed.error)}. Train again.`,
    );
  }
  return parsed.data;
}
