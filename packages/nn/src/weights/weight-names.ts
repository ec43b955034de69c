import { fields, listOf, oneOf, optional, resolveOptions, text, value } from "@mmgen/core/options";

/**
 * Another program's names and layouts for a model's weights.
 *
 * In every name `*` matches one part between dots, such as a layer's number.
 */
export interface WeightNames {
  /**
   * The model's names to the file's. A name also renames everything below it, so
   * `{ "encoder.0": "encoder.fc1" }` renames weight and bias; the first match counts, and the rest keep their names.
   */
  readonly names?: Readonly<Record<string, string>>;
  /** The model's names of matrices that the file holds as `[in, out]`, PyTorch's being `[out, in]`: GPT-2's. */
  readonly transposed?: readonly string[];
  /** Names of the file that are no weights, such as attention masks, or their last parts; batch norms' counters never are. */
  readonly ignored?: readonly string[];
  /** Beginnings of names that a file may have or lack; `torch.compile`'s and `DataParallel`'s may always be there. */
  readonly prefixes?: readonly string[];
  /** Whether the file may lack biases, those of layer norms among them, which are then 0; `"all there"` when absent. */
  readonly biases?: "all there" | "zero when absent";
}

/** {@link WeightNames} as functions. */
export interface ForeignNames {
  /** A name of the model's → the file's. */
  toForeign(name: string): string;
  /** Of a name of the model's. */
  isTransposed(name: string): boolean;
  /** Of a name of the file's, without prefixes. */
  isIgnored(name: string): boolean;
  /** A name of the file's without prefixes: by this, names are compared. */
  stripped(name: string): string;
}

const weightNamesSchema = fields({
  names: optional(
    value<Record<string, string>>(
      "an object of names",
      (names) =>
        typeof names === "object" && names !== null && Object.values(names).every((name) => typeof name === "string"),
    ),
    {},
  ),
  transposed: optional(listOf(text()), []),
  ignored: optional(listOf(text()), []),
  prefixes: optional(listOf(text({ minLength: 1 })), []),
  biases: optional(oneOf(["all there", "zero when absent"])),
});

/** Kept by PyTorch's batch norms, used by none with a momentum. */
const counters = ["num_batches_tracked"];
/** Put before every name by `torch.compile` and by `DataParallel`. */
const wrappers = ["_orig_mod.", "module."];

/** @throws a `ConfigError` when a field is unknown or of another type. */
export function foreignNames(options: WeightNames): ForeignNames {
  const { names, transposed, ignored, prefixes } = resolveOptions(weightNamesSchema, options, { path: "names" });
  const renamings = Object.entries(names).map(([own, foreign]) => ({ pattern: leading(own), foreign }));
  const transposedNames = transposed.map(whole);
  const ignoredNames = [...counters, ...ignored].map(trailing);
  const silent = [...wrappers, ...prefixes].filter((prefix) => prefix !== "");
  const stripped = (name: string): string => {
    let at = 0;
    for (;;) {
      const prefix = silent.find((candidate) => name.startsWith(candidate, at));
      if (prefix === undefined) {
        return name.slice(at);
      }
      at += prefix.length;
    }
  };
  return {
    toForeign(name) {
      for (const { pattern, foreign } of renamings) {
        const match = pattern.exec(name);
        if (match) {
          const parts = match.slice(1);
          return foreign.replaceAll("*", () => parts.shift() ?? "*") + name.slice(match[0].length);
        }
      }
      return name;
    },
    isTransposed: (name) => transposedNames.some((pattern) => pattern.test(name)),
    isIgnored: (name) => ignoredNames.some((pattern) => pattern.test(name)),
    stripped,
  };
}

/** Matches names that are, or go on with a dot from, `name`; a group a `*`. */
function leading(name: string): RegExp {
  return new RegExp(`^${parts(name)}(?=\\.|$)`);
}

/** Matches names that are, or end after a dot with, `name`. */
function trailing(name: string): RegExp {
  return new RegExp(`(?:^|\\.)${parts(name)}$`);
}

function whole(name: string): RegExp {
  return new RegExp(`^${parts(name)}$`);
}

function parts(name: string): string {
  return name
    .split("*")
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
    .join("([^.]+)");
}
