import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { CheckpointError, fingerprint, readSafetensors, writeSafetensors } from "@mmgen/core";
import { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import { VqVae } from "@mmgen/vqvae";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { modelFiles, runIdOf } from "./model-parts.js";
import { MultimodalModel } from "./multimodal-model.js";
import { expectAborted, memoryStore, stopAfter, tinyTraining } from "./tiny-training.fixture.js";
import { type CheckpointStore, codeFiles, trainingFiles } from "./train-options.js";

type Files = Map<string, Uint8Array>;

/** An id of before the first release. */
const legacy = "0".repeat(32);

const textOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

/** Files of a run with the ids that were written before the first release. */
async function withLegacyIds(files: ReadonlyMap<string, Uint8Array>): Promise<Files> {
  const tokenizer = MultimodalTokenizer.fromJSON(new TextDecoder().decode(files.get(modelFiles.tokenizer)));
  using vqvae = VqVae.fromSafetensors(files.get(modelFiles.vqvae)!);
  const id = await runIdOf({ vqvae, tokenizer }, legacy);
  expect(id).toMatch(/^[0-9a-f]{32}-[0-9a-f]{32}$/);
  const { captions, heldOut, images } = tinyTraining;
  const data = fingerprint([images.data, textOf([captions, heldOut.captions])], legacy);
  const changed: Files = new Map(files);
  // There were none of these.
  for (const name of Object.values(codeFiles)) {
    changed.delete(name);
  }
  for (const [name, bytes] of changed) {
    if (name.endsWith(".safetensors")) {
      const { metadata, tensors } = readSafetensors(bytes);
      changed.set(name, writeSafetensors({ tensors, metadata: legacyMetadata(metadata, { id, data, tensors }) }));
    }
  }
  return changed;
}

type Tensors = ReturnType<typeof readSafetensors>["tensors"];

function legacyMetadata(
  metadata: Readonly<Record<string, string>>,
  { data, id, tensors }: { id: string; data: string; tensors: Tensors },
): Record<string, string> {
  if (metadata.checksum === undefined) {
    return { ...metadata, run: id };
  }
  const { configuration, runId, ...rest } = JSON.parse(metadata.run!);
  const run = JSON.stringify({
    ...{ ...rest, configuration: { ...configuration, data } },
    runId: runId.includes("-") ? id : id.split("-")[1],
  });
  const parts = [...tensors].sort(([a], [b]) => (a < b ? -1 : 1));
  const checksum = fingerprint(
    [
      new TextEncoder().encode(run),
      ...parts.flatMap(([name, { data, dtype, shape }]) => [
        new TextEncoder().encode(`${name} ${dtype} ${shape}`),
        new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
      ]),
    ],
    legacy,
  );
  return { ...metadata, run, checksum };
}

/** A checkpoint store over these files. */
function storeOf(files: Files): CheckpointStore {
  return { read: (name) => files.get(name), write: async (name, bytes) => void files.set(name, bytes) };
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.catch((reason) => reason);
  expect(CheckpointError.isInstance(error), String(error)).toBe(true);
  return (error as Error).message;
}

describe("ids of before the first release", () => {
  /** A run that stopped while it trained its transformer. */
  const stopped = memoryStore();
  let old: Files;
  /** The files of the model that it becomes. */
  let whole: Files;
  beforeAll(async () => {
    registerOnnxBackend();
    await tf.setBackend("onnx");
    await expectAborted(MultimodalModel.train({ ...tinyTraining, ...stopAfter(8), checkpoints: stopped }));
    old = await withLegacyIds(stopped.files);
    using model = await MultimodalModel.train({ ...tinyTraining, checkpoints: storeOf(new Map(stopped.files)) });
    whole = await model.save();
  });

  it("are those of a run that goes on to the same model", async () => {
    const files = new Map(old);
    using resumed = await MultimodalModel.train({ ...tinyTraining, checkpoints: storeOf(files) });
    expect(await resumed.save()).toEqual(whole);
    // The image codec's state names the tokenizer alone: its weights were not there yet.
    expect(JSON.parse(readSafetensors(files.get(trainingFiles.vqvae)!).metadata.run!).runId).toMatch(/^[0-9a-f]{32}$/);
    // States keep the kind of ids that their run began with; files of models have today's.
    const { run } = readSafetensors(files.get(trainingFiles.transformer)!).metadata;
    expect(JSON.parse(run!).runId).toMatch(/^[0-9a-f]{32}-[0-9a-f]{32}$/);
    expect(files.get(modelFiles.transformer)).toEqual(whole.get(modelFiles.transformer));
    (await MultimodalModel.train({ ...tinyTraining, checkpoints: storeOf(files) })).dispose();
  });

  it("tell other data, damage and other runs as they did", async () => {
    const captions = tinyTraining.captions.toReversed();
    const other = { ...tinyTraining, captions, checkpoints: storeOf(new Map(old)) };
    expect(await refusal(MultimodalModel.train(other))).toMatch(
      /configuration\.data = "[0-9a-f]{32}" \(string\), and this run has "[0-9a-f]{32}" \(string\)/,
    );
    const state = old.get(trainingFiles.vqvae)!.slice();
    state[state.length - 1]! ^= 1;
    const damaged = storeOf(new Map(old).set(trainingFiles.vqvae, state));
    expect(await refusal(MultimodalModel.train({ ...tinyTraining, checkpoints: damaged }))).toContain("checksum");

    const { tensors, metadata } = readSafetensors(stopped.files.get(trainingFiles.transformer)!);
    const foreign = JSON.stringify({ ...JSON.parse(metadata.run!), runId: `${legacy}-${legacy}` });
    const { checksum: _, ...unsummed }: Record<string, string> = { ...metadata, run: foreign };
    const mixed = storeOf(
      new Map(old).set(trainingFiles.transformer, writeSafetensors({ tensors, metadata: unsummed })),
    );
    expect(await refusal(MultimodalModel.train({ ...tinyTraining, checkpoints: mixed }))).toMatch(
      /another run.*"0{32}-0{32}" \(string\), not "[0-9a-f]{32}-[0-9a-f]{32}" \(string\)/,
    );
  });

  it("are compared with today's in files of one run, and of two", async () => {
    const before = await withLegacyIds(whole);
    (await MultimodalModel.load((name) => (name === modelFiles.model ? undefined : before.get(name)))).dispose();
    const mixed = new Map(whole).set(modelFiles.transformer, before.get(modelFiles.transformer)!);
    (await MultimodalModel.load((name) => mixed.get(name))).dispose();
    const otherWeights = whole.get(modelFiles.vqvae)!.slice();
    otherWeights[otherWeights.length - 4]! ^= 1;
    mixed.set(modelFiles.vqvae, otherWeights);
    expect(await refusal(MultimodalModel.load((name) => mixed.get(name)))).toMatch(/of different runs/);
  });
});
