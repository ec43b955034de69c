import { type ImageBatch, Random, sliceImages } from "@mmgen/core";
import type { VqVae } from "@mmgen/vqvae";
import { UMAP } from "umap-js";

/**
 * Where the latents of images lie in the plane, by UMAP: `[count, 2]`.
 *
 * @see McInnes et al. 2018, https://arxiv.org/abs/1802.03426
 */
export async function embedLatents(vqvae: VqVae, images: ImageBatch, limit: number, seed: number): Promise<number[]> {
  const part = sliceImages(images, 0, Math.min(limit, images.count));
  const { data, count } = await vqvae.latents(part);
  const size = data.length / count;
  const vectors = Array.from({ length: count }, (_, row) => [...data.subarray(row * size, (row + 1) * size)]);
  const random = Random.fromSeed(seed).fork("embedding");
  const umap = new UMAP({
    nNeighbors: Math.min(15, count - 1),
    minDist: 0.1,
    nEpochs: 200,
    random: () => random.uniform(),
  });
  return umap.fit(vectors).flat();
}
