import { CheckpointError, Random } from "@mmgen/core";
import { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import { VqVae } from "@mmgen/vqvae";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { openModel } from "./open-model.js";

const random = Random.fromSeed(1);
const files = new Map<string, Uint8Array>();

beforeAll(async () => {
  await tf.setBackend("cpu");
  const network = { hiddenChannels: 4, stages: 1, residualBlocks: 0 };
  const quantizer = { type: "vector", codebookSize: 4, codeDimension: 2 } as const;
  const vqvae = VqVae.create({ imageSide: 4, network, quantizer }, { random });
  const { codebookSize, codeGrid } = vqvae;
  const tokenizer = MultimodalTokenizer.create({ captions: ["a cat"], codebookSize, codeGrid });
  const { vocabularySize, sequenceLength: contextLength } = tokenizer;
  const transformer = TinyTransformer.create(
    { vocabularySize, contextLength, width: 8, heads: 2, layers: 1 },
    { random },
  );
  files.set("models/tokenizer.json", new TextEncoder().encode(JSON.stringify(tokenizer)));
  files.set("models/vqvae.safetensors", await vqvae.toSafetensors());
  files.set("models/transformer.safetensors", await transformer.toSafetensors());
});
afterEach(() => {
  vi.unstubAllGlobals();
});

/** Serves the files, some of them changed, and status 404 for all others. */
function serve(changed: Readonly<Record<string, Uint8Array | undefined>> = {}): void {
  const all = new Map<string, Uint8Array | undefined>([...files, ...Object.entries(changed)]);
  vi.stubGlobal("fetch", async (url: string) => {
    const bytes = all.get(url);
    return new Response(bytes?.slice() ?? "", { status: bytes ? 200 : 404 });
  });
}

describe("openModel", () => {
  it("loads the model of a folder", async () => {
    serve();
    using model = await openModel("models/");
    const { tokenizer, transformer, vqvae } = model;
    expect(transformer.vocabularySize).toBe(tokenizer.vocabularySize);
    expect(vqvae.config.imageSide).toBe(4);
  });

  it("samples as the presets do where the description is empty", async () => {
    serve({ "models/model.json": new Uint8Array() });
    using model = await openModel("models/");
    expect(model.config.sampling).toEqual({ temperature: 0.8, topP: 0.9 });
  });

  it("names what is missing, and refuses what is damaged or of different runs", async () => {
    serve({ "models/vqvae.safetensors": undefined });
    await expect(openModel("models/")).rejects.toThrow(/models\/vqvae\.safetensors: expected a file, got status 404/);
    serve({ "models/transformer.safetensors": files.get("models/transformer.safetensors")!.subarray(0, 50) });
    await expect(openModel("models/")).rejects.toThrow(CheckpointError);
    const other = MultimodalTokenizer.create({ captions: ["a"], codebookSize: 9, codeGrid: { height: 1, width: 1 } });
    serve({ "models/tokenizer.json": new TextEncoder().encode(JSON.stringify(other)) });
    await expect(openModel("models/")).rejects.toThrow(/of different runs/);
  });
});
