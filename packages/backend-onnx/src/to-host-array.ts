import type { backend_util } from "@tensorflow/tfjs-core";
import { type ElementType, type HostArray, hostArray } from "./graph/element-type.js";

/**
 * The elements in the array class of their type.
 *
 * @param copy - whether the caller may go on to change `values`: a lazy graph reads them later.
 */
export function toHostArray(type: ElementType, values: backend_util.BackendValues, copy: boolean): HostArray {
  const source = values as Float32Array | Int32Array | Uint8Array;
  const fits = source.constructor === hostArray(type, 0).constructor;
  if (fits && !copy) {
    return source;
  }
  const target = hostArray(type, source.length) as Float32Array;
  target.set(source);
  return target;
}
