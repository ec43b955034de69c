import { CheckpointError, type Limits } from "@mmgen/core";

/** Options of every function that reads a model's file. */
export interface LoadOptions {
  /** What the file may take; `defaultLimits` of `@mmgen/core` for what is absent. */
  readonly limits?: Partial<Limits> | undefined;
}

/** What a model that is built for a file may declare. */
interface Budget {
  /** Arrays in the file. */
  readonly arrays: number;
  parameters: number;
  modules: number;
}

/** Set while `build` of `loadModel` runs, which is synchronous. */
let open: Budget | undefined;

/** Modules and parameters beyond those that a file's arrays account for: parts without weights, constants, tied weights. */
const spare = 1000;

/**
 * Builds a model for a file, and no more of it than the file can hold: a configuration of a million layers beside one
 * array is refused while its first layers are declared.
 *
 * @param arrays - Number of arrays in the file.
 * @throws a {@link CheckpointError} out of the constructor that goes beyond.
 */
export function buildWithin<Model>(arrays: number, build: () => Model): Model {
  const outer = open;
  open = { arrays, parameters: 2 * arrays + spare, modules: 2 * arrays + spare };
  try {
    return build();
  } finally {
    open = outer;
  }
}

/** Counts a part that a constructor declares. */
export function spend(part: "parameters" | "modules"): void {
  if (open !== undefined && --open[part] < 0) {
    throw new CheckpointError(
      `The file's configuration asks for more ${part} than its ${open.arrays} arrays can be of. It is damaged or was edited.`,
    );
  }
}

/** What a module holds without a file: role, shape. */
interface Declared {
  readonly role: string;
  readonly size: number;
}

/**
 * Throws a {@link CheckpointError} where masks and tables, which no file holds, are beyond the limit: a long context in a
 * small file would take gigabytes.
 */
export function checkConstants(parameters: Iterable<Declared>, { constantValues: limit }: Limits): void {
  const values = [...parameters].reduce((sum, { role, size }) => (role === "constant" ? sum + size : sum), 0);
  if (values > limit) {
    throw new CheckpointError(
      `The model's configuration asks for masks and tables of ${values} values, and the limit "constantValues" is ${limit}. ` +
        "Raise the limit where the file comes from you.",
    );
  }
}
