import * as v from "valibot";
import { describeValue } from "../errors/describe-value.js";
import { nearestWords } from "../errors/nearest-words.js";
import { explainOneOf, quotedList } from "./checks.js";

type Entries = Readonly<Record<string, v.GenericSchema>>;
type Simplify<T> = { [K in keyof T]: T[K] } & {};
type OptionalKeys<E extends Entries> = {
  [K in keyof E]: undefined extends v.InferInput<E[K]> ? K : never;
}[keyof E];
type MaybeAbsentKeys<E extends Entries> = {
  [K in keyof E]: undefined extends v.InferOutput<E[K]> ? K : never;
}[keyof E];
type Inputs<E extends Entries, Keys extends keyof E> = { readonly [K in Keys]: v.InferInput<E[K]> };
type Outputs<E extends Entries, Keys extends keyof E> = { readonly [K in Keys]: v.InferOutput<E[K]> };
type OptionalInputs<E extends Entries, Keys extends keyof E> = { readonly [K in Keys]?: v.InferInput<E[K]> };
type OptionalOutputs<E extends Entries, Keys extends keyof E> = {
  readonly [K in Keys]?: Exclude<v.InferOutput<E[K]>, undefined>;
};

/** What a caller may give for these fields: those with a default may be left out or be `undefined`. */
export type FieldsInput<E extends Entries> = Simplify<
  Inputs<E, Exclude<keyof E, OptionalKeys<E>>> & OptionalInputs<E, OptionalKeys<E>>
>;

/** What the fields are once resolved: those with a default are there, an optional one without is absent or has a value. */
export type FieldsOutput<E extends Entries> = Simplify<
  Outputs<E, Exclude<keyof E, MaybeAbsentKeys<E>>> & OptionalOutputs<E, MaybeAbsentKeys<E>>
>;

/** A schema of an object with these fields and no others; see {@link fields}. */
export interface FieldsSchema<E extends Entries>
  extends v.BaseSchema<FieldsInput<E>, FieldsOutput<E>, v.BaseIssue<unknown>> {
  readonly type: "mmgen.fields";
  /** The schema of each field. */
  readonly entries: E;
  /** The value of `type` that names these fields among others; see {@link variant}. */
  readonly variantName: string | undefined;
}

/**
 * A schema of an object with these fields and no others: an unknown one is refused with the nearest known name.
 *
 * The output is a new object with the fields in the order of `entries`; those that are left out and have no default are
 * absent from it. See `resolveOptions` for a worked example.
 */
export function fields<const E extends Entries>(entries: E): FieldsSchema<E> {
  return makeFields(entries, undefined);
}

/** The schema of one variant among several, chosen by `type`; the fields are `type` and those of `entries`. */
export function variant<const Name extends string, const E extends Entries>(
  name: Name,
  entries: E,
): FieldsSchema<{ readonly type: TypeField<Name> } & E> & { readonly variantName: Name } {
  const type = v.optional(
    v.custom<Name>(
      (input) => input === name,
      ({ input }) => explainOneOf(input, [name]),
    ),
    name as never,
  );
  return makeFields({ type, ...entries }, name) as never;
}

type TypeField<Name extends string> = v.GenericSchema<Name | undefined, Name>;

/** A schema that {@link variant} made, with or without further checks piped to it. */
export type VariantSchema = v.GenericSchema & { readonly variantName: string };

/** Options of one of several variants. Only the default's may leave out `type`. */
export type VariantsInput<Default extends v.GenericSchema, Rest extends readonly v.GenericSchema[]> =
  | v.InferInput<Default>
  | NamedInput<v.InferInput<Rest[number]>>;

type NamedInput<Input> = Input extends { readonly type?: infer Name | undefined }
  ? Simplify<{ readonly type: Exclude<Name, undefined> } & Omit<Input, "type">>
  : never;

/**
 * A schema of the variants' options, chosen by `type`: the first variant where no `type` is given.
 *
 * A `type` that is unknown is refused with the nearest known one, and a field of another variant as an unknown field.
 */
export function variants<const Default extends VariantSchema, const Rest extends readonly VariantSchema[]>(
  first: Default,
  ...rest: Rest
): v.GenericSchema<VariantsInput<Default, Rest>, v.InferOutput<Default> | v.InferOutput<Rest[number]>> {
  return chooseVariant([first, ...rest], first);
}

/** As {@link variants}, but `type` has to be given. */
export function namedVariants<const All extends readonly VariantSchema[]>(
  ...all: All
): v.GenericSchema<NamedInput<v.InferInput<All[number]>>, v.InferOutput<All[number]>> {
  return chooseVariant(all, undefined);
}

function chooseVariant<Input, Output>(
  all: readonly VariantSchema[],
  first: VariantSchema | undefined,
): v.GenericSchema<Input, Output> {
  const names = all.map(({ variantName }) => variantName);
  return {
    ...v.unknown(),
    "~run"(dataset: v.UnknownDataset, config: v.Config<v.BaseIssue<unknown>>) {
      const input = dataset.value;
      if (!isFieldsObject(input)) {
        return refuse(this as never, dataset, config, { message: explainVariants(input, names) });
      }
      const type = Object.hasOwn(input, "type") ? input.type : undefined;
      const chosen = type === undefined ? first : all.find(({ variantName }) => variantName === type);
      return chosen === undefined
        ? refuse(this as never, dataset, config, {
            message: explainOneOf(type, names),
            path: [pathItem(input, "type")],
          })
        : chosen["~run"](dataset, config);
    },
  } as never;
}

function makeFields<E extends Entries>(entries: E, variantName: string | undefined): FieldsSchema<E> {
  const known = Object.keys(entries);
  const inner = v.object(entries as v.ObjectEntries);
  return {
    ...inner,
    type: "mmgen.fields",
    reference: fields,
    entries,
    variantName,
    "~run"(dataset: v.UnknownDataset, config: v.Config<v.BaseIssue<unknown>>) {
      const input = dataset.value;
      if (!isFieldsObject(input)) {
        return refuse(this as never, dataset, config, { message: explainObject(input) });
      }
      const unknown = Object.keys(input).filter((key) => !Object.hasOwn(entries, key));
      // A required field that is absent is refused by its own schema, in its own words.
      const given = Object.fromEntries(known.map((key) => [key, Object.hasOwn(input, key) ? input[key] : undefined]));
      const result = inner["~run"]({ value: given } as never, config as never);
      for (const key of unknown) {
        const message = explainUnknownField(key, known, variantName);
        refuse(this as never, result, config, { message, path: [pathItem(input, key)] });
      }
      for (const [key, field] of Object.entries((result.value ?? {}) as Record<string, unknown>)) {
        if (field === undefined) {
          delete (result.value as Record<string, unknown>)[key];
        }
      }
      return result;
    },
  } as never;
}

/** Class instances count too: their own enumerable fields are the options. */
function isFieldsObject(input: unknown): input is Record<string, unknown> {
  return typeof input === "object" && input !== null && !Array.isArray(input) && !ArrayBuffer.isView(input);
}

function explainObject(input: unknown): string {
  return `expected an object of options, got ${describeValue(input)}.`;
}

/** A string in place of the options is most likely meant as their type. */
function explainVariants(input: unknown, names: readonly string[]): string {
  const [nearest] = typeof input === "string" ? nearestWords(input.slice(0, 100), names, 1) : [];
  if (typeof input !== "string") {
    return explainObject(input);
  }
  const expected = nearest === undefined ? `whose type is ${quotedList(names)}` : `such as { type: "${nearest}" }`;
  return `expected an object ${expected}, got ${describeValue(input)}.`;
}

function explainUnknownField(key: string, known: readonly string[], variantName: string | undefined): string {
  const [nearest] = nearestWords(key.slice(0, 100), known, 1);
  const owner = variantName === undefined ? "there is no such field" : `"${variantName}" has no such field`;
  return nearest === undefined
    ? `${owner}; the known ones are ${known.join(", ")}.`
    : `${owner}; did you mean "${nearest}"?`;
}

function pathItem(input: object, key: string): v.IssuePathItem {
  return { type: "unknown", origin: "value", input, key, value: (input as Record<string, unknown>)[key] };
}

function refuse<Dataset>(
  schema: v.GenericSchema,
  dataset: Dataset,
  config: v.Config<v.BaseIssue<unknown>>,
  { message, path }: { readonly message: string; readonly path?: [v.IssuePathItem] },
): Dataset {
  v._addIssue(
    schema as never,
    "options",
    dataset as never,
    config as never,
    {
      message,
      received: "",
      ...(path && { path }),
    } as never,
  );
  return dataset;
}
