import { resolve } from "node:path";

/** A path a person typed, from the folder they typed it in (npm moves into the package before it runs a script). */
export function fromCaller(path: string): string {
  return resolve(process.env.INIT_CWD ?? process.cwd(), path);
}

/** Where a run keeps its files. */
export interface RunFolders {
  readonly results: string;
  readonly checkpoints: string;
}

/** `DIR/results` and `DIR/checkpoints` for `--out DIR`; without it, both in the example's own folder. */
export function runFolders(out: string | undefined, exampleFolder: string): RunFolders {
  const root = out === undefined ? exampleFolder : fromCaller(out);
  return { results: resolve(root, "results"), checkpoints: resolve(root, "checkpoints") };
}
