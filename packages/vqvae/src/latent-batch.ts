/** Latent vectors of images, `[count, height, width, dimension]` row-major. */
export interface LatentBatch {
  readonly data: Float32Array;
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly dimension: number;
}
