/** Writes an IDX file of unsigned bytes, for tests. */
export function writeIdx(shape: readonly number[], data: Uint8Array): Uint8Array {
  const file = new Uint8Array(4 + 4 * shape.length + data.length);
  const view = new DataView(file.buffer);
  view.setUint32(0, 0x800 + shape.length);
  for (const [axis, size] of shape.entries()) {
    view.setUint32(4 + 4 * axis, size);
  }
  file.set(data, 4 + 4 * shape.length);
  return file;
}
