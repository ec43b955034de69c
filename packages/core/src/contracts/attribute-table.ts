import { describeValue } from "../errors/describe-value.js";
import { ShapeError } from "../errors/errors.js";

/** What is known of each image, attribute by attribute. */
export interface AttributeTable {
  /** Number of images. */
  readonly count: number;
  /** What images are told apart by: names as reports print them ("hair color"), values that labels are indices of; each once. */
  readonly attributes: readonly { readonly name: string; readonly values: readonly string[] }[];
  /** `[count, attributes.length]` row-major: indices into the attribute's `values`, −1 where the value is unknown. */
  readonly labels: Int32Array;
}

/**
 * Throws {@link ShapeError} unless this is a table of attributes: names and values as text, each once, and an Int32Array of
 * `count` × `attributes.length` labels, each −1 or an index into its attribute's values.
 */
export function checkAttributeTable(table: AttributeTable, name = "attributes"): void {
  const { count, attributes, labels } = readFields(table, name);
  for (const [column, attribute] of attributes.entries()) {
    checkAttribute(`${name}.attributes[${column}]`, attribute);
  }
  checkDistinct(
    `${name}.attributes`,
    attributes.map((attribute) => attribute.name),
  );
  if (labels.length !== count * attributes.length) {
    throw new ShapeError(
      `${name}.labels: expected ${count * attributes.length} values (count ${count} × attributes ${attributes.length}), got ${labels.length}.`,
    );
  }
  for (let i = 0; i < labels.length; i++) {
    const attribute = attributes[i % attributes.length]!;
    if (labels[i]! < -1 || labels[i]! >= attribute.values.length) {
      throw new ShapeError(
        `${name}.labels: ${labels[i]} at index ${i} is neither −1 nor one of the ${attribute.values.length} values of "${attribute.name}".`,
      );
    }
  }
}

/**
 * A copy of the rows at `indices`, in that order; an index may come twice.
 *
 * @throws a {@link ShapeError} when an index is not of a row in the table.
 */
export function gatherAttributes(table: AttributeTable, indices: ArrayLike<number>): AttributeTable {
  const width = table.attributes.length;
  const labels = new Int32Array(indices.length * width);
  for (let i = 0; i < indices.length; i++) {
    const from = indices[i]!;
    if (!Number.isInteger(from) || from < 0 || from >= table.count) {
      throw new ShapeError(
        `gatherAttributes: index ${describeValue(from)} is outside the table of ${table.count} rows.`,
      );
    }
    labels.set(table.labels.subarray(from * width, (from + 1) * width), i * width);
  }
  return { count: indices.length, attributes: table.attributes, labels };
}

function readFields(table: AttributeTable, name: string): AttributeTable {
  let fields: Partial<AttributeTable> = {};
  let tag = "";
  try {
    fields = { count: table.count, attributes: table.attributes, labels: table.labels };
    // By its name, as an array may come from another realm.
    tag = Object.prototype.toString.call(fields.labels);
  } catch {
    // Nothing, or a getter or proxy that throws: told below.
  }
  const { count, attributes, labels } = fields;
  if (!Array.isArray(attributes) || labels === undefined) {
    throw new ShapeError(
      `${name}: expected { count, attributes: [{ name, values }], labels: Int32Array }, got ${describeValue(table)}.`,
    );
  }
  if (tag !== "[object Int32Array]") {
    throw new ShapeError(
      `${name}.labels: expected an Int32Array, got ${describeValue(labels)}. Convert an array of whole numbers by Int32Array.from(labels).`,
    );
  }
  if (!Number.isSafeInteger(count) || count! < 0) {
    throw new ShapeError(`${name}.count: expected a whole number of at least 0, got ${describeValue(count)}.`);
  }
  return fields as AttributeTable;
}

type Attribute = AttributeTable["attributes"][number];

function checkAttribute(where: string, attribute: Attribute): void {
  const { name, values } = (attribute ?? {}) as Partial<Attribute>;
  if (typeof name !== "string" || !Array.isArray(values) || values.length === 0) {
    throw new ShapeError(
      `${where}: expected { name, values } with at least one value, got ${describeValue(attribute)}.`,
    );
  }
  checkDistinct(`${where}.values`, values);
}

function checkDistinct(where: string, names: readonly unknown[]): void {
  const seen = new Set<unknown>();
  for (const name of names) {
    if (typeof name !== "string") {
      throw new ShapeError(`${where}: expected text, got ${describeValue(name)}.`);
    }
    if (seen.has(name)) {
      throw new ShapeError(`${where}: expected each once, got ${describeValue(name)} twice.`);
    }
    seen.add(name);
  }
}
