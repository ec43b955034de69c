import { CheckpointError, nearestWords, type SafetensorsContent, type StoredTensor } from "@mmgen/core";
import { shownName } from "./stored-weights.js";
import { foreignNames, type WeightNames } from "./weight-names.js";

/** A model's weights under its own names, in the layout of its own files. */
export interface OwnWeights {
  /** Shapes by name, in the layout of the model's files. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** Names that other programs list a second time, to the weight that each repeats: tied weights. */
  readonly copies?: Readonly<Record<string, string>>;
}

/**
 * Translates another program's weights to a model's names and layouts.
 *
 * Every weight must be present in its shape, and every entry of the file must be used or listed as ignored: nothing is
 * dropped or confused silently.
 *
 * @param file - What the other program wrote; borrowed.
 * @returns float32 arrays by the model's names; those that lie the same way share memory with the file's.
 * @throws a {@link CheckpointError} that lists what is missing, left over or of another shape, with the nearest names.
 */
export function importStateDict(
  file: SafetensorsContent,
  { shapes, copies = {} }: OwnWeights,
  names: WeightNames,
): Map<string, StoredTensor> {
  const { toForeign, isTransposed, isIgnored, stripped } = foreignNames(names);
  const found = new Map<string, StoredTensor>();
  for (const [name, tensor] of file.tensors) {
    if (found.has(stripped(name))) {
      throw new CheckpointError(
        `The file holds ${shownName(stripped(name))} twice, with a prefix and without or with two.`,
      );
    }
    found.set(stripped(name), tensor);
  }
  const unused = new Set([...found.keys()].filter((name) => !isIgnored(name)));
  const take = (name: string): StoredTensor | undefined => {
    const foreign = stripped(toForeign(name));
    unused.delete(foreign);
    return found.get(foreign);
  };
  const repeats = Object.entries(copies).map(([copy, of]) => ({ copy, of, tensor: take(copy) }));

  const weights = new Map<string, StoredTensor>();
  const missing: string[] = [];
  const misshaped: string[] = [];
  for (const [name, shape] of shapes) {
    const transposed = isTransposed(name);
    const expected = transposed ? [...shape].reverse() : shape;
    const tensor = take(name) ?? repeats.find(({ of, tensor: copy }) => of === name && copy)?.tensor;
    if (!tensor) {
      if (names.biases === "zero when absent" && name.endsWith(".bias")) {
        weights.set(name, { dtype: "float32", shape, data: new Float32Array(sizeOf(shape)) });
      } else {
        missing.push(`${toForeign(name)} ${written(expected)}`);
      }
    } else if (tensor.dtype !== "float32" || `${tensor.shape}` !== `${expected}`) {
      misshaped.push(
        `${toForeign(name)} is ${tensor.dtype} ${written(tensor.shape)} and not float32 ${written(expected)}`,
      );
    } else {
      weights.set(name, transposed ? transpose(tensor) : tensor);
    }
  }
  const leftOver = [...unused];
  if (missing.length + misshaped.length + leftOver.length > 0) {
    throw misfit({ missing, misshaped, leftOver });
  }
  for (const { copy, of, tensor } of repeats) {
    if (tensor && !isEqual(tensor, weights.get(of)!, isTransposed(copy))) {
      throw new CheckpointError(
        `${toForeign(copy)} differs from ${toForeign(of)}, and the configuration says that they are one: untie them.`,
      );
    }
  }
  return weights;
}

/**
 * Translates a model's weights to another program's names and layouts: the inverse of {@link importStateDict}. Copies are
 * written out.
 *
 * @param weights - As the model's own files hold them; borrowed.
 */
export function exportStateDict(
  weights: ReadonlyMap<string, StoredTensor>,
  { shapes, copies = {} }: OwnWeights,
  names: WeightNames,
): Map<string, StoredTensor> {
  const { toForeign, isTransposed } = foreignNames(names);
  const foreign = (name: string, from = name): [string, StoredTensor] => {
    const tensor = weights.get(from)!;
    return [toForeign(name), isTransposed(name) ? transpose(tensor) : tensor];
  };
  return new Map([
    ...[...shapes.keys()].map((name) => foreign(name)),
    ...Object.entries(copies).map(([copy, of]) => foreign(copy, of)),
  ]);
}

function misfit(lists: { missing: string[]; misshaped: string[]; leftOver: string[] }): CheckpointError {
  const { missing, misshaped } = lists;
  const leftOver = lists.leftOver.map(shownName);
  // Only what is shown is compared with what is left over.
  const near = missing.map((entry, i) => {
    const [nearest] = i < maxShown ? nearestWords(entry.split(" ")[0]!, leftOver, 1) : [];
    return nearest === undefined ? entry : `${entry} (nearest left over: ${nearest})`;
  });
  const problems = [
    ["missing: ", near],
    ["of another shape: ", misshaped],
    ["left over: ", leftOver],
  ] as const;
  const said = problems.filter(([, list]) => list.length > 0).map(([title, list]) => title + shortened(list));
  return new CheckpointError(
    `The file's weights are not this model's: ${said.join("; ")}. Check the configuration and the names.`,
  );
}

const maxShown = 3;

function shortened(list: readonly string[]): string {
  return `${list.slice(0, maxShown).join(", ")}${list.length > maxShown ? `, … (${list.length} in all)` : ""}`;
}

/** `[rows, columns]` → `[columns, rows]`; vectors stay. */
function transpose({ dtype, shape, data }: StoredTensor): StoredTensor {
  const [rows, columns] = shape;
  if (shape.length !== 2) {
    return { dtype, shape, data };
  }
  const turned = Float32Array.from(data, (_, at) => data[(at % rows!) * columns! + Math.floor(at / rows!)]!);
  return { dtype, shape: [columns!, rows!], data: turned };
}

function isEqual(copy: StoredTensor, own: StoredTensor, transposed: boolean): boolean {
  const { shape, data } = transposed ? transpose(copy) : copy;
  return `${shape}` === `${own.shape}` && data.every((value, at) => value === own.data[at]);
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}

function written(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}
