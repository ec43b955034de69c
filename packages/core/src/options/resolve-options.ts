import * as v from "valibot";
import { describeValue } from "../errors/describe-value.js";
import { ConfigError } from "../errors/errors.js";

/** What a caller may give to a schema. */
export type OptionsOf<Schema extends v.GenericSchema> = v.InferInput<Schema>;
/** What a schema makes of the options, every default filled in. */
export type ConfigOf<Schema extends v.GenericSchema> = v.InferOutput<Schema>;

/**
 * Checks options against a schema and fills in the defaults.
 *
 * One configuration has one schema; its options, configuration and resolver follow from it:
 *
 * ```ts
 * import { fields, listOf, number, oneOf, optional, pipe, resolveOptions, rule, variant, variants, wholeNumber } from "@mmgen/core/options";
 * import type { ConfigOf, OptionsOf } from "@mmgen/core/options";
 *
 * const vectorSchema = variant("vector", {
 *   // Rows of the codebook.
 *   codebookSize: optional(wholeNumber({ min: 1, max: 2 ** 24 }), 512),
 *   // Share of the past in the running counts, each step.
 *   emaDecay: optional(number({ min: 0, below: 1 }), 0.99),
 * });
 * const fsqSchema = variant("fsq", { levels: optional(listOf(wholeNumber({ min: 2 }), { minLength: 1 }), [8, 6, 5]) });
 *
 * const vqVaeSchema = pipe(
 *   fields({
 *     imageSide: wholeNumber({ min: 1 }), // required: it has no default
 *     channels: optional(wholeNumber({ min: 1 }), 3),
 *     head: optional(oneOf(["regression", "categorical"]), "regression"),
 *     note: optional(text()), // may be absent
 *     quantizer: optional(variants(vectorSchema, fsqSchema), {}), // "vector" where no type is given
 *   }),
 *   rule("head", ({ head, channels }) =>
 *     head === "categorical" && channels > 4 ? `"categorical" takes at most 4 channels, got ${channels}.` : undefined,
 *   ),
 * );
 * export type VqVaeOptions = OptionsOf<typeof vqVaeSchema>;
 * export type VqVaeConfig = ConfigOf<typeof vqVaeSchema>;
 * export const resolveVqVae = (options: VqVaeOptions): VqVaeConfig => resolveOptions(vqVaeSchema, options);
 *
 * resolveVqVae({ imageSide: 28, quantizer: { type: "fsq" } }).quantizer; // { type: "fsq", levels: [8, 6, 5] }
 * resolveVqVae({ imageSide: 28, chanels: 3 }); // ConfigError: chanels: there is no such field; did you mean "channels"?
 * ```
 *
 * @param schema - Made of the builders of this module, or of valibot's own.
 * @param options - Any value at all, also from plain JavaScript or parsed JSON; borrowed and never changed.
 * @param path - The name under which the caller knows the options, such as `network`; it begins every message.
 * @returns A new object, plain JSON where the schema's values are.
 * @throws `ConfigError` that lists the first three fields that are unknown, missing, of another type or out of range.
 */
export function resolveOptions<Schema extends v.GenericSchema>(
  schema: Schema,
  options: unknown,
  { path = "" }: { readonly path?: string } = {},
): v.InferOutput<Schema> {
  const result = run(schema, options, path);
  if (result.success) {
    return result.output;
  }
  const messages = result.issues.map((issue) => locate(issue, path));
  const more = messages.length > maxIssues ? ` And ${messages.length - maxIssues} more.` : "";
  throw new ConfigError(messages.slice(0, maxIssues).join(" ") + more);
}

const maxIssues = 3;

function run<Schema extends v.GenericSchema>(
  schema: Schema,
  options: unknown,
  path: string,
): v.SafeParseResult<Schema> {
  try {
    return v.safeParse(schema, options);
  } catch (cause) {
    // A getter or a proxy of the caller's that throws.
    throw new ConfigError(`${path || "options"}: expected an object of options, got one that cannot be read.`, {
      cause,
    });
  }
}

function locate(issue: v.BaseIssue<unknown>, root: string): string {
  let place = root;
  for (const { key } of (issue.path ?? []) as { readonly key: unknown }[]) {
    place += typeof key === "number" ? `[${key}]` : place === "" ? nameOf(key) : `.${nameOf(key)}`;
  }
  const message = issue.message.startsWith("Invalid ")
    ? `expected ${issue.expected ?? "another value"}, got ${describeValue(issue.input)}.`
    : issue.message;
  return `${place === "" ? "options" : place}: ${message}`;
}

/** A field's name, quoted where it is none that a program would have. */
function nameOf(key: unknown): string {
  const name = String(key);
  return /^[\w$-]{1,60}$/.test(name) ? name : describeValue(name).replace(/ \(string\)$/, "");
}

/**
 * Reads fields of an argument whose other fields are none of the caller's business, such as a batch.
 *
 * @param name - What the message calls the argument.
 * @returns The fields as they are, unchecked.
 * @throws `ConfigError` where the argument has no fields, or one that cannot be read.
 */
export function readFields<T, const Key extends keyof T & string>(
  name: string,
  argument: T,
  keys: readonly Key[],
): Pick<T, Key> {
  try {
    return Object.fromEntries(keys.map((key) => [key, argument[key]])) as Pick<T, Key>;
  } catch (cause) {
    const message = `${name}: expected an object with ${keys.join(", ")}, got ${describeValue(argument)}.`;
    throw new ConfigError(message, { cause });
  }
}

/**
 * A check of fields against each other, for `pipe`; it runs once each field is right by itself.
 *
 * @param field - The field that the message speaks of.
 * @param check - Returns what is wrong, as a sentence that follows the field's name and a colon; `undefined` if nothing.
 */
export function rule<Config extends object>(
  field: keyof Config & string,
  check: (config: Config) => string | undefined,
): v.RawCheckAction<Config> {
  return v.rawCheck<Config>(({ dataset, addIssue }) => {
    if (dataset.typed && dataset.issues === undefined) {
      const message = check(dataset.value);
      if (message !== undefined) {
        addIssue({
          message,
          received: "",
          path: [{ type: "unknown", origin: "value", input: dataset.value, key: field, value: dataset.value[field] }],
        });
      }
    }
  });
}
