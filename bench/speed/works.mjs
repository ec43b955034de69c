/**
 * A work of the benches; workloads.ts and measure.py create it by its name.
 *
 * @typedef {object} Work
 * @property {string} name
 * @property {string} label
 * @property {number} [cpu] - How many times as fast as PyTorch it should be there.
 * @property {number} [cuda] - The same on an NVIDIA card.
 * @property {number} [captured] - The same there against a step that PyTorch has captured.
 * @property {boolean} [onRequest] - On the cpu it runs only where it is named.
 */

/** @type {readonly Work[]} */
const works = [
  { name: "vqvae-256", label: "VQ-VAE step, 256 channels, 32", cpu: 1.1, cuda: 2.2 },
  { name: "vqvae-64", label: "VQ-VAE step, 64 channels, 128", cpu: 1, cuda: 1.9 },
  { name: "vqvae-images", label: "VQ-VAE step, 64×64, levels, 32", cpu: 1 },
  { name: "vqvae-images-64", label: "VQ-VAE step, 64×64, 64 ch., 32", cuda: 2, onRequest: true },
  { name: "vqvae-images-256", label: "VQ-VAE step, 64×64, 256 ch., 32", cuda: 1.4, onRequest: true },
  { name: "encode", label: "encode 512 images", cpu: 1.3, cuda: 1.2 },
  { name: "decode", label: "decode 512 images", cpu: 1.3 },
  { name: "igpt", label: "iGPT step, 128 × 57", cpu: 1.3, cuda: 2.5, captured: 0.8 },
  { name: "igpt-no-dropout", label: "iGPT without dropout, 128 × 57" },
  { name: "gpt-d", label: "GPT d 384 × 8 step, 64 × 32", cpu: 1.15, cuda: 2.3, captured: 0.8 },
  { name: "gpt-86m", label: "GPT 86 M weights step, 4 × 256", cpu: 1.15, cuda: 1.8, captured: 0.8 },
  { name: "image-transformer", label: "256 codes, d 256 × 6 step, 32", cpu: 1.15 },
  { name: "diffusion-64", label: "diffusion round, 64 × 64 codes", cpu: 1.2 },
  { name: "generate-1", label: "generate 57 ids, 1 row", cpu: 4, cuda: 6 },
  { name: "generate-64", label: "generate 57 ids, 64 rows", cpu: 2, cuda: 6 },
  { name: "generate-1024", label: "generate 57 ids, 1024 rows", cuda: 6 },
];

/**
 * The works that were named, else all for a device.
 *
 * @param {readonly string[]} named
 * @param {string} device
 */
export function chooseWorks(named, device) {
  const unknown = named.find((name) => works.every((work) => work.name !== name));
  if (unknown !== undefined) {
    throw new Error(`Expected some of ${works.map(({ name }) => name).join(", ")}, got "${unknown}".`);
  }
  return works.filter(({ name, onRequest }) =>
    named.length > 0 ? named.includes(name) : device !== "cpu" || !onRequest,
  );
}
