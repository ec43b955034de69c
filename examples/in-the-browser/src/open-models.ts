import { CheckpointError } from "@mmgen/core";
import { belongTogether, type TrainedModels } from "@mmgen/example-common/trained-models";
import { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import { VqVae } from "@mmgen/vqvae";

/**
 * Loads the three files that a run leaves.
 *
 * @param folder - URL of their folder, with a slash at its end.
 * @throws a {@link CheckpointError} naming the file that is missing, or when one is damaged or they are of different runs.
 */
export async function openModels(folder: string): Promise<TrainedModels> {
  const [tokenizer, vqvae, transformer] = await Promise.all([
    read(`${folder}tokenizer.json`),
    read(`${folder}vqvae.safetensors`),
    read(`${folder}transformer.safetensors`),
  ]);
  const models = {
    tokenizer: MultimodalTokenizer.fromJSON(new TextDecoder().decode(tokenizer)),
    vqvae: VqVae.fromSafetensors(vqvae),
    transformer: TinyTransformer.fromSafetensors(transformer),
  };
  if (!belongTogether(models)) {
    throw new CheckpointError(`The models in ${folder} are of different runs.`);
  }
  return models;
}

async function read(url: string): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok) {
    throw new CheckpointError(`${url}: expected a file, got status ${response.status}.`);
  }
  return new Uint8Array(await response.arrayBuffer());
}
