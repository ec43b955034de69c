import type { ImageBatch } from "@mmgen/core";

/** Bytes of a linear congruential generator, which the NumPy program of the expected numbers has too. */
export function bytes(count: number, seed: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length: count }, () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >> 16) & 255;
  });
}

/** A batch of bytes. */
export function batchOf(data: Uint8Array, [count, height, width, channels]: readonly number[]): ImageBatch {
  return { data, count: count!, height: height!, width: width!, channels: channels!, maxValue: 255 };
}
