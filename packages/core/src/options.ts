// valibot's own names come from here too, so that one import serves a schema.
export { lazy, optional, pipe, transform } from "valibot";
export {
  type FieldsInput,
  type FieldsOutput,
  type FieldsSchema,
  fields,
  namedVariants,
  type VariantSchema,
  type VariantsInput,
  variant,
  variants,
} from "./options/fields.js";
export { type ConfigOf, type OptionsOf, readFields, resolveOptions, rule } from "./options/resolve-options.js";
export {
  boolean,
  functionValue,
  listOf,
  number,
  oneOf,
  positiveNumber,
  seededRandom,
  shareBelowOne,
  text,
  typedArray,
  value,
  wholeNumber,
} from "./options/values.js";
