/** A file of any header text and data, well-formed or not. */
export function fileOf(
  header: string | Record<string, unknown>,
  data: Uint8Array = new Uint8Array(0),
  claimed?: number,
) {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(claimed ?? json.length), true);
  bytes.set(json, 8);
  bytes.set(data, 8 + json.length);
  return bytes;
}

export const entry = (start: number, end: number, shape = [end - start], dtype = "U8") => ({
  dtype,
  shape,
  data_offsets: [start, end],
});
