import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { type ImageBatch, Random } from "@mmgen/core";
import { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import { rowSeeds } from "@mmgen/samplers";
import { TinyTransformer, type TransformerOptions } from "@mmgen/tiny-transformer";
import { VqVae } from "@mmgen/vqvae";
import * as tf from "@tensorflow/tfjs-core";
import { build } from "esbuild";
import { MultimodalModel } from "mmgen";
import { exportTo } from "mmgen/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeBundle, root } from "./fixtures/bundle.fixture.js";
import { environment } from "./fixtures/consumer.fixture.js";
import {
  type InferenceServer,
  type ProtocolTensor,
  startInferenceServer,
} from "./fixtures/inference-server.fixture.js";

const captions = ["a red heart", "a blue heart"];
let folder: string;
let model: MultimodalModel;
let server: InferenceServer;
let served: string[];

function create(options: Partial<TransformerOptions> = {}, tokens: object = {}): MultimodalModel {
  const random = Random.fromSeed(1);
  const vqvae = VqVae.create({ imageSide: 8, network: { hiddenChannels: 8, stages: 2 } }, { random });
  const { codebookSize, codeGrid } = vqvae;
  const tokenizer = MultimodalTokenizer.create({ captions, codebookSize, codeGrid, ...tokens });
  const { vocabularySize, sequenceLength: contextLength } = tokenizer;
  const sizes = { vocabularySize, contextLength, width: 8, heads: 2, layers: 2 };
  const transformer = TinyTransformer.create({ ...sizes, ...options }, { random });
  const diffusion = options.causal === false ? {} : undefined;
  return MultimodalModel.fromParts({ vqvae, tokenizer, transformer, diffusion });
}

beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
  folder = mkdtempSync(join(tmpdir(), "mmgen-serving-"));
  model = create();
  served = await exportTo(join(folder, "models"), model, { temperature: 0.9, topP: 0.95 });
  server = await startInferenceServer(join(folder, "models"));
});
afterAll(async () => {
  await server.close();
  model.dispose();
  rmSync(folder, { recursive: true });
});

const get = async (path: string) => (await fetch(server.url + path)).json();

async function infer(name: string, inputs: readonly ProtocolTensor[]): Promise<Map<string, ProtocolTensor>> {
  const body = JSON.stringify({ id: "1", inputs });
  const response = await fetch(`${server.url}/v2/models/${name}/infer`, { method: "POST", body });
  expect(response.status).toBe(200);
  return new Map(((await response.json()).outputs as ProtocolTensor[]).map((output) => [output.name, output] as const));
}
const int32 = (name: string, data: Iterable<number>, shape: readonly number[]): ProtocolTensor => ({
  ...{ name, shape, datatype: "INT32", data: [...data] },
});
const noise = (count: number): ImageBatch => {
  const random = Random.fromSeed(4);
  const data = Uint8Array.from({ length: count * 8 * 8 * 3 }, () => random.integer(4));
  return { data, count, height: 8, width: 8, channels: 3, maxValue: 3 };
};

describe("a model in the folder layout of Triton and KServe", () => {
  it("draws what the model draws, asked by the client of docs/serving.md", async () => {
    const page = readFileSync(join(root, "docs", "serving.md"), "utf8");
    const [, client] = /^```typescript\n(.*?)^```$/ms.exec(page)!;
    expect(client!.split("\n").length).toBeLessThan(34);
    const { outputFiles } = await build(nodeBundle(client!));
    const programs = join(root, "node_modules", ".cache", `serving-${process.pid}`);
    mkdirSync(programs, { recursive: true });
    const program = join(programs, "client.mjs");
    writeFileSync(program, outputFiles![0]!.contents);
    const child = spawn(process.execPath, [program, server.url], { cwd: folder, env: environment });
    const said: Record<string, string> = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream].on("data", (chunk) => (said[stream] += chunk));
    }
    const [status] = await once(child, "close");
    rmSync(programs, { recursive: true });
    expect([status, said.stderr]).toEqual([0, ""]);
    const { data } = await model.draw(captions, { seed: 1, temperature: 0.9, topP: 0.95 });
    expect(JSON.parse(said.stdout!)).toEqual({ shape: [2, 8, 8, 3], data: [...data] });
  });

  it("encodes, decodes and captions in batches of any size", async () => {
    for (const count of [1, 5]) {
      const images = noise(count);
      const codes = await model.vqvae.encode(images);
      const encoded = (await infer("encoder", [int32("levels", images.data, [count, 8, 8, 3])])).get("codes")!;
      expect(encoded.data).toEqual([...codes.data]);
      const decoded = (await infer("decoder", [{ ...encoded, name: "codes" }])).get("levels")!;
      expect(decoded.data).toEqual([...(await model.vqvae.decode(codes)).data]);
      const prompt = model.tokenizer.promptForCaptions(codes);
      const seeds = new Int32Array(rowSeeds(3, count).buffer);
      const rows = [int32("prompt", prompt.data, [count, prompt.length]), int32("seeds", seeds, [count, 1])];
      const ids = (await infer("caption", rows)).get("ids")!;
      const tokens = { data: Int32Array.from(ids.data as number[]), count, length: ids.shape[1]! };
      const expected = await model.caption(images, { seed: 3, temperature: 0.9, topP: 0.95 });
      expect(model.tokenizer.decode(tokens).captions).toEqual(expected);
    }
  });

  it("has the transformer's step, from caches to caches", async () => {
    const { contextLength, vocabularySize } = model.transformer;
    const cache = [2, 2, contextLength, 4];
    const names = ["key.0", "key.1", "value.0", "value.1"];
    let caches: ProtocolTensor[] = names.map((name) => ({
      ...{
        name,
        shape: cache,
        datatype: "FP32",
        data: new Array(cache.reduce((product, size) => product * size)).fill(0),
      },
    }));
    const rows = [
      [1, 2, 3],
      [4, 5, 6],
    ];
    const expected = await model.transformer.logits({ data: Int32Array.from(rows.flat()), count: 2, length: 3 });
    for (let position = 0; position < 3; position++) {
      const column = int32(
        "ids",
        rows.map((row) => row[position]!),
        [2],
      );
      const out = await infer("step", [column, int32("position", [position], [1]), ...caches]);
      caches = names.map((name) => ({ ...out.get(`next_${name}`)!, name }));
      for (const [i, logit] of out.get("logits")!.data.entries()) {
        const row = Math.floor(i / vocabularySize);
        // Two ways through the same float32 numbers.
        expect(logit).toBeCloseTo(expected[(row * 3 + position) * vocabularySize + (i % vocabularySize)]!, 5);
      }
    }
  });

  it("is described by each config.pbtxt as the graph is, one row a request", async () => {
    expect([...served].sort()).toEqual(["caption", "decoder", "draw", "encoder", "step"]);
    expect(readdirSync(join(folder, "models")).sort()).toEqual([...served, "tokenizer.json"].sort());
    for (const name of served) {
      const text = readFileSync(join(folder, "models", name, "config.pbtxt"), "utf8");
      const isJoined = /^max_batch_size: 64$/m.test(text);
      expect(isJoined, name).toBe(name !== "step");
      expect(/^dynamic_batching/m.test(text)).toBe(isJoined);
      expect(text).toContain(`name: "${name}"\nbackend: "onnxruntime"\n`);
      const { inputs, outputs } = await get(`/v2/models/${name}`);
      const lines = (kind: string, tensors: readonly { name: string; datatype: string; shape: readonly number[] }[]) =>
        tensors.map(({ datatype, name: each, shape }) => {
          const dims = isJoined ? shape.slice(1) : shape;
          return `${kind} { name: "${each}" data_type: TYPE_${datatype} dims: [ ${dims.join(", ")} ] }`;
        });
      const described = text.split("\n").filter((line) => /^(input|output) /.test(line));
      expect(described).toEqual([...lines("input", inputs), ...lines("output", outputs)]);
      expect(isJoined ? inputs[0].shape[0] : -1).toBe(-1);
    }
  });

  it("of the family diffusion has the logits of every place", async () => {
    using both = create({ causal: false }, { maskToken: true });
    const other = join(folder, "diffusion");
    expect(await exportTo(other, both)).toEqual(["encoder", "decoder", "logits"]);
    const own = await startInferenceServer(other);
    const { sequenceLength: length, ids } = both.tokenizer;
    const data = Int32Array.from({ length }, (_, place) =>
      place % 2 ? both.tokenizer.specialId("<mask>") : ids.text.start,
    );
    const body = JSON.stringify({ id: "1", inputs: [int32("ids", data, [1, length])] });
    const answer = await fetch(`${own.url}/v2/models/logits/infer`, { method: "POST", body });
    const [{ data: logits }] = (await answer.json()).outputs;
    const expected = await both.transformer.logits({ data, count: 1, length });
    expect(logits).toHaveLength(expected.length);
    for (const [i, logit] of logits.entries()) {
      expect(logit).toBeCloseTo(expected[i]!, 5);
    }
    await own.close();
  });

  it("is refused before anything is written", async () => {
    const nowhere = join(folder, "nowhere");
    await expect(exportTo(nowhere, model, { topP: 1.5 })).rejects.toThrow("topP");
    await expect(exportTo(nowhere, model, { temprature: 1 } as never)).rejects.toThrow('did you mean "temperature"');
    await tf.setBackend("cpu");
    await expect(exportTo(nowhere, model)).rejects.toThrow("expected the onnx backend");
    await tf.setBackend("onnx");
    expect(readdirSync(folder)).not.toContain("nowhere");
  });
});
