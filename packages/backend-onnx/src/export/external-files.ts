import type { LazyValue } from "../graph/lazy-value.js";
import type { ExternalPlace, ModelOverrides } from "../graph/onnx-model.js";

/** Smaller ones stay in the model: readers may want to know shapes and axes before they open another file. */
const minExternalBytes = 1024;
/** Readers map files into memory page by page. */
const pageBytes = 4096;

/** Files beside a model, and where each stored value stands in them. */
export interface ExternalFiles {
  readonly external: ReadonlyMap<LazyValue, ExternalPlace>;
  readonly contents: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

/**
 * Distributes stored values over files beside the model, in their order.
 *
 * @param limits - `maxFileBytes`: a file ends before it is larger, unless one value is.
 */
export function placeExternally(
  { elements, stored }: ModelOverrides,
  { fileName, maxFileBytes }: { readonly fileName: string; readonly maxFileBytes: number },
): ExternalFiles {
  const external = new Map<LazyValue, ExternalPlace>();
  const sizes: number[] = [];
  const nameOf = (at: number) => (at === 0 ? `${fileName}.data` : `${fileName}.data${at}`);
  for (const value of stored) {
    const length = elements.get(value)?.byteLength ?? 0;
    if (length < minExternalBytes) {
      continue;
    }
    const end = Math.ceil((sizes.at(-1) ?? 0) / pageBytes) * pageBytes;
    const isNew = sizes.length === 0 || (end > 0 && end + length > maxFileBytes);
    const at = isNew ? sizes.length : sizes.length - 1;
    const offset = isNew ? 0 : end;
    sizes[at] = offset + length;
    external.set(value, { file: nameOf(at), offset, length });
  }
  const contents = new Map(sizes.map((size, at) => [nameOf(at), new Uint8Array(size)]));
  for (const [value, { file, offset }] of external) {
    const { buffer, byteOffset, byteLength } = elements.get(value)!;
    contents.get(file)!.set(new Uint8Array(buffer, byteOffset, byteLength), offset);
  }
  return { external, contents };
}
