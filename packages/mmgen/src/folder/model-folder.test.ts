import { existsSync } from "node:fs";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { DataError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadModelParts } from "../model/model-parts.js";
import { MultimodalModel } from "../model/multimodal-model.js";
import { expectAborted, stopAfter, tinyTraining } from "../model/tiny-training.fixture.js";
import { folderReader } from "./folder-store.js";
import { loadFrom, saveTo, trainInto } from "./model-folder.js";

let root: string;
beforeAll(async () => {
  // As where it trains alone, and not with the one thread of other tests: files are equal to the byte all the same.
  registerOnnxBackend({ intraOpNumThreads: 2 });
  await tf.setBackend("onnx");
  root = await mkdtemp(join(tmpdir(), "mmgen-door-"));
});
afterAll(() => rm(root, { recursive: true }));

const filesOf = async (folder: string) => {
  const names = (await readdir(folder)).filter((name) => !/training|README|samples/.test(name)).sort();
  return new Map(
    await Promise.all(names.map(async (name) => [name, new Uint8Array(await readFile(join(folder, name)))] as const)),
  );
};

describe("trainInto", () => {
  it("goes on where it was stopped, and gives the same files as the uninterrupted training", async () => {
    const [whole, stopped] = [join(root, "whole"), join(root, "stopped")];
    (await trainInto(whole, tinyTraining)).dispose();
    await expectAborted(trainInto(stopped, { ...tinyTraining, ...stopAfter(3), everySteps: 1 }));
    await expectAborted(trainInto(stopped, { ...tinyTraining, ...stopAfter(4) }));
    await expect(loadFrom(stopped)).rejects.toThrow(/stopped: There is no transformer\.safetensors/);
    using model = await trainInto(stopped, tinyTraining);
    const files = await filesOf(whole);
    expect(await filesOf(stopped)).toEqual(files);
    expect(await model.save()).toEqual(files);
    // Finished, the same call gives the model again, its history too.
    let steps = 0;
    using again = await trainInto(whole, { ...tinyTraining, observers: [{ onStep: () => void steps++ }] });
    expect(steps).toBe(0);
    expect(again.history!.vqvae.steps).toHaveLength(5);
    expect(await again.save()).toEqual(files);
  });

  it("refuses the files of another training, unless it is to replace them", async () => {
    const folder = join(root, "other");
    (await trainInto(folder, tinyTraining)).dispose();
    const files = await filesOf(folder);
    const other = { ...tinyTraining, seed: 4 };
    await expect(trainInto(folder, other)).rejects.toThrow(/other: .*seed.* overwrite: true/);
    await expect(trainInto(folder, { ...other, overwrite: true, presset: "quick" } as never)).rejects.toThrow(
      /presset/,
    );
    expect(await filesOf(folder)).toEqual(files);
    (await trainInto(folder, { ...other, overwrite: true })).dispose();
    expect(await filesOf(folder)).not.toEqual(files);
  });

  it("lets one run at a time write into a folder, and checks all options before it touches it", async () => {
    const folder = join(root, "locked");
    const wrong = { ...tinyTraining, transformer: { ...tinyTraining.transformer, heads: 3 } };
    await expect(trainInto(folder, wrong)).rejects.toThrow(/heads/);
    expect(existsSync(folder)).toBe(false);
    const refusals: unknown[] = [];
    const onStep = async ({ step }: { step: number }) => {
      if (step === 2) {
        using model = await loadFrom(fileURLToPath(new URL("../../fixtures/legacy", import.meta.url)));
        for (const second of [() => trainInto(folder, tinyTraining), () => saveTo(folder, model)]) {
          refusals.push(await second().catch((reason) => reason));
        }
      }
    };
    const observers = (stage: string) => (stage === "vqvae" ? [{ onStep }] : []);
    (await trainInto(folder, { ...tinyTraining, observers })).dispose();
    expect(refusals.map((refusal) => DataError.isInstance(refusal))).toEqual([true, true]);
    expect((refusals[0] as Error).message).toContain(`in use by another run (process ${process.pid} on`);
    expect(await readdir(folder)).not.toContain("run.lock");
    // Released, the folder is there for the next.
    (await trainInto(folder, tinyTraining)).dispose();
  });

  it("never puts files of two runs together", async () => {
    // The first test's.
    const [one, other] = [join(root, "whole"), join(root, "two")];
    const longer = { ...tinyTraining.vqvae, training: { steps: 6 } };
    (await trainInto(other, { ...tinyTraining, vqvae: longer })).dispose();
    const mixed = join(root, "mixed");
    // Same data, seed and sizes, so that only the run tells: the transformer has learned other codes.
    for (const name of ["transformer-training.safetensors", "model.json", "transformer.safetensors"]) {
      await cp(one, mixed, { recursive: true });
      await cp(join(other, name), join(mixed, name));
      const load = name.includes("training") ? trainInto(mixed, tinyTraining) : loadFrom(mixed);
      await expect(load, name).rejects.toThrow(/mixed: .*(different runs|another run)/);
    }
  });

  it("does not train over a model that was saved there", async () => {
    const folder = join(root, "saved");
    using model = await MultimodalModel.train(tinyTraining);
    await saveTo(folder, model);
    await expect(trainInto(folder, tinyTraining)).rejects.toThrow(/was not trained there.*overwrite/);
  });
});

describe("saveTo and loadFrom", () => {
  it("keep a model in a folder", async () => {
    const folder = join(root, "a", "b");
    using model = await MultimodalModel.train(tinyTraining);
    await saveTo(folder, model);
    using loaded = await loadFrom(folder);
    const options = { count: 2, seed: 1 };
    expect(await loaded.invent(options)).toEqual(await model.invent(options));
    await expect(loadFrom(folder, { limits: { fileBytes: 100 } })).rejects.toThrow(
      /expected at most 100 bytes, got \d+/,
    );
    await expect(loadFrom(folder, { limits: { tensors: 3 } })).rejects.toThrow('the limit "tensors" is 3');
    await expect(loadFrom(folder, { limit: {} } as never)).rejects.toThrow("limits");
    await expect(loadFrom(join(root, "nowhere"))).rejects.toThrow(/nowhere: There is no tokenizer\.json/);
    await writeFile(join(folder, "vqvae.safetensors"), "damaged");
    await expect(loadFrom(folder)).rejects.toThrow(/b: vqvae\.safetensors: /);
  });

  it("keep a model in fewer bytes where a dtype says so", async () => {
    using model = await MultimodalModel.train(tinyTraining);
    for (const dtype of ["float16", "q8"] as const) {
      const folder = join(root, dtype);
      await saveTo(folder, model, { dtype });
      const files = await filesOf(folder);
      expect(files).toEqual(await model.save({ dtype }));
      using loaded = await loadFrom(folder);
      // The same files again, and so of the same run.
      await saveTo(folder, loaded, { dtype });
      expect(await filesOf(folder)).toEqual(files);
    }
    await expect(saveTo(join(root, "none"), model, { dtype: "f16" as never })).rejects.toThrow("float16");
    expect(existsSync(join(root, "none"))).toBe(false);
  });

  it("read what was written before files named their run", async () => {
    const folder = fileURLToPath(new URL("../../fixtures/legacy", import.meta.url));
    const expected = JSON.parse(await readFile(join(folder, "expected.json"), "utf8"));
    using model = await loadFrom(folder);
    const drawn = await model.draw(expected.asked, { seed: expected.seed, temperature: 0.8, topP: 0.9 });
    expect([...drawn.data].join("")).toBe(expected.levels);
    const data = Uint8Array.from(expected.images, Number);
    expect(await model.caption({ ...drawn, data, count: 4 })).toEqual(expected.captions);
    // Sizes alone tell that parts are of different runs.
    using other = await MultimodalModel.train(tinyTraining);
    const files = await other.save();
    const mixed = (name: string) => (name === "vqvae.safetensors" ? files.get(name) : folderReader(folder)(name));
    await expect(loadModelParts(mixed)).rejects.toThrow(/of different runs/);
  });
});
