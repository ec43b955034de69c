/** A float attribute; plain numbers are ONNX ints. */
export interface FloatAttribute {
  readonly float: number;
}

export type AttributeValue = number | readonly number[] | string | FloatAttribute;

/** Attributes of a node by ONNX name. Undefined ones are left out. */
export type Attributes = Readonly<Record<string, AttributeValue>>;

export function float(value: number): FloatAttribute {
  return { float: value };
}

/** Text that is equal exactly for equal attributes: part of a graph's key. */
export function attributesKey(attributes: Attributes | undefined): string {
  if (attributes === undefined) {
    return "";
  }
  let key = "";
  for (const name in attributes) {
    const value = attributes[name]!;
    key += `;${name}=`;
    if (typeof value === "object" && "float" in value) {
      key += `f${Object.is(value.float, -0) ? "-0" : value.float}`;
    } else if (typeof value === "string") {
      key += JSON.stringify(value);
    } else {
      key += value;
    }
  }
  return key;
}
