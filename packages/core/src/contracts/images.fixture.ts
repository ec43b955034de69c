import type { ImageBatch } from "./batches.js";

/** Three images of 2 × 2 pixels. */
export const images: ImageBatch = {
  data: Uint8Array.from({ length: 3 * 2 * 2 }, (_, i) => i % 4),
  count: 3,
  height: 2,
  width: 2,
  channels: 1,
  maxValue: 3,
};
