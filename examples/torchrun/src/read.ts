import { join } from "node:path";
import { CheckpointError, type ExampleSource, readSafetensors, type StoredTensor } from "@mmgen/core";
import { readFileBytes, readFileText } from "@mmgen/core/node";
import { TinyTransformer, type TransformerBatch } from "@mmgen/tiny-transformer";
import { evaluateLoss } from "@mmgen/training";
import { checkRunId, MultimodalModel } from "mmgen";
import { files } from "./files.js";

/** What train.py has made. */
export interface Trained {
  /** The codec and the tokenizer of the model before, which shares them, with the new transformer. */
  readonly model: MultimodalModel;
  /** Of the first examples, in nats per id, computed here. */
  readonly loss: number;
  /** The same, as train.py computed it; undefined for an exported step, which has no evaluation. */
  readonly trainedLoss: number | undefined;
}

/**
 * Reads the transformer that train.py trained, evaluates it on the examples that train.py did, and makes a whole model of it.
 *
 * @param base - The model whose codec and tokenizer wrote the examples; borrowed for as long as the result is used.
 * @throws a {@link CheckpointError} when a file is missing, damaged, or of another model.
 */
export async function readTrained(folder: string, base: MultimodalModel): Promise<Trained> {
  // The training's own files, however large.
  const read = (name: string) =>
    readFileBytes(join(folder, name), "training file", { maxBytes: Number.POSITIVE_INFINITY });
  const { config, tokenizer, vqvae } = base;
  const transformer = TinyTransformer.fromSafetensors(await read(files.trained));
  await checkRunId(files.trained, transformer.run, { tokenizer, vqvae });
  const { evaluated, evaluation } = JSON.parse(await readFileText(join(folder, files.history), "history"));
  const { tensors } = readSafetensors(await read(files.examples));
  const examples = firstExamples(tensors, evaluated);
  const { loss } = await evaluateLoss({ model: transformer, examples, batchSize: Math.min(64, examples.count) });
  const model = MultimodalModel.fromParts({ vqvae, tokenizer, transformer }, config.sampling);
  return { model, loss: loss!, trainedLoss: evaluation ?? undefined };
}

function firstExamples(tensors: ReadonlyMap<string, StoredTensor>, count: number): ExampleSource<TransformerBatch> {
  const rows = <Data>(name: string, indices: Int32Array): { data: Data; length: number } => {
    const { data, shape } = tensors.get(name) ?? missing(name);
    const length = shape[1]!;
    const part = data.slice(0, indices.length * length);
    for (const [i, row] of indices.entries()) {
      part.set(data.subarray(row * length, (row + 1) * length), i * length);
    }
    return { data: part as Data, length };
  };
  const ids = (name: string, indices: Int32Array) => ({ ...rows<Int32Array>(name, indices), count: indices.length });
  return {
    count,
    batch: (indices) => ({
      inputs: ids("inputs", indices),
      targets: ids("targets", indices),
      ...(tensors.has("weights") && { weights: rows<Float32Array>("weights", indices).data }),
    }),
  };
}

function missing(name: string): never {
  throw new CheckpointError(
    `${files.examples}: expected an array "${name}", got none. Was it written for a transformer?`,
  );
}
