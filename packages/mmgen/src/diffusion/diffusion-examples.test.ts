import { Random } from "@mmgen/core";
import { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import type { KernelOptions } from "@mmgen/samplers";
import { describe, expect, it } from "vitest";
import { diffusionExamples } from "./diffusion-examples.js";
import { resolveDiffusion, type TaskShares, taskNames } from "./diffusion-options.js";

const captions = ["a b", "c", "b b a", "a"];
const codes = { data: Int32Array.of(0, 1, 2, 3, 4, 3, 2, 1, 0, 0, 0, 0, 4, 4, 4, 4), count: 4, height: 2, width: 2 };
const tokenizer = MultimodalTokenizer.create({
  ...{ captions, codebookSize: 5, codeGrid: { height: 2, width: 2 }, maskToken: true, nullToken: true },
});
const [mask, nothing] = [tokenizer.specialId("<mask>"), tokenizer.specialId("<null>")];
const modalities = tokenizer.modalities("text-first");
const whole = tokenizer.encode({ codes, captions });
const { length } = whole;
const only = (task: string) => Object.fromEntries(taskNames.map((name) => [name, Number(name === task)])) as TaskShares;
const mixed = resolveDiffusion({}, { hasText: true, hasNull: true }).tasks;

async function batchOf(
  tasks: TaskShares,
  { kernel = {}, rows = 400, ...more }: { kernel?: KernelOptions; rows?: number; weights?: object } = {},
) {
  const examples = diffusionExamples({ tokenizer, codes, captions, kernel, tasks, ...more });
  const indices = Int32Array.from({ length: rows }, (_, i) => i % 4);
  const random = Random.fromSeed(7);
  return { indices, ...(await examples.batch(indices, { epoch: 0, training: true, random })) };
}

describe("diffusionExamples", () => {
  it.each([
    ["imageGivenText", ["image"]],
    ["textGivenImage", ["text"]],
    ["both", ["text", "image"]],
    ["imageAlone", ["image"]],
  ])("%s corrupts and predicts %j alone, end marker and padding as words", async (task, corrupted) => {
    const { indices, inputs, targets, weights, weightSum } = await batchOf(only(task));
    const seen = new Map<number, number>();
    for (const [i, id] of inputs.data.entries()) {
      const [row, at] = [Math.floor(i / length), i % length];
      const original = whole.data[indices[row]! * length + at]!;
      const isNull = task === "imageAlone" && modalities[at] === "text";
      const isOpen = corrupted.includes(modalities[at]!);
      expect(id === mask ? original : id, `place ${at} of row ${row}`).toBe(isNull ? nothing : original);
      expect(id === mask && !isOpen).toBe(false);
      expect(weights[i]! > 0).toBe(id === mask);
      expect(targets.data[i]).toBe(isNull ? nothing : original);
      seen.set(at, (seen.get(at) ?? 0) + Number(id === mask));
    }
    // Of n places 1 … n are masked, whatever stands there: padding at the end of most captions, too.
    const places = modalities.filter((modality) => corrupted.includes(modality)).length;
    for (const [at, modality] of modalities.entries()) {
      // A share of 400 has a standard deviation of 0.025.
      expect(
        Math.abs(seen.get(at)! / 400 - (corrupted.includes(modality) ? (places + 1) / (2 * places) : 0)),
      ).toBeLessThan(0.1);
    }
    expect(weightSum).toBe(400 * modalities.filter((modality) => corrupted.includes(modality)).length);
  });

  it("gives each task its share of the rows", async () => {
    const rows = 4000;
    const { inputs, weights } = await batchOf(mixed, { rows, kernel: { type: "chain" } });
    const counts = new Map<string, number>();
    for (let row = 0; row < rows; row++) {
      // The chain's loss counts whatever a task may corrupt.
      const [text, image] = [modalities.indexOf("text"), length - 1].map((place) => row * length + place);
      const [hasText, hasImage] = [weights[text!]! > 0, weights[image!]! > 0];
      const alone = inputs.data[text!] === nothing ? "imageAlone" : "imageGivenText";
      const task = hasText ? (hasImage ? "both" : "textGivenImage") : alone;
      counts.set(task, (counts.get(task) ?? 0) + 1);
    }
    // A binomial share of 4000 has a standard deviation below 0.008.
    for (const task of taskNames) {
      expect(Math.abs(counts.get(task)! / rows - mixed[task]), task).toBeLessThan(0.03);
    }
  });

  it("weighs codes and words, and divides by what all of them weigh", async () => {
    const plain = await batchOf(mixed);
    const heavy = await batchOf(mixed, { weights: { text: 3, image: 0.5 } });
    expect(heavy.inputs).toEqual(plain.inputs);
    const factor = { special: 0, text: 3, image: 0.5 };
    expect([...heavy.weights]).toEqual(
      Array.from(plain.weights, (weight, i) => Math.fround(weight * factor[modalities[i % length]!])),
    );
    const image = await batchOf(only("imageGivenText"), { weights: { text: 3, image: 0.5 } });
    expect(image.weightSum).toBe(400 * 4 * 0.5);
  });

  it.each<[string, KernelOptions, readonly string[]]>([
    ["absorbing", {}, ["weightSum"]],
    ["maskgit", { type: "maskgit" }, []],
    ["chain", { type: "chain" }, []],
    ["uniform", { type: "uniform" }, ["posterior"]],
    ["mask-and-replace", { type: "mask-and-replace" }, ["posterior"]],
  ])("has batches of one form for kernel %s, the same from the same random numbers", async (_, kernel, more) => {
    const { indices, ...batch } = await batchOf(mixed, { kernel, rows: 8 });
    expect(Object.keys(batch).sort()).toEqual(["inputs", "targets", "weights", ...more].sort());
    const { indices: same, ...again } = await batchOf(mixed, { kernel, rows: 8 });
    expect(again).toEqual(batch);
    const { inputs, weights } = await batchOf(only("imageAlone"), { kernel, rows: 8 });
    for (const [i, id] of inputs.data.entries()) {
      // Markers and null tokens stay, and count for nothing.
      const fixed = modalities[i % length] === "text" ? nothing : whole.data[i % length]!;
      expect([id, weights[i]], `${i}`).toEqual(modalities[i % length] === "image" ? [id, weights[i]] : [fixed, 0]);
    }
  });

  it("takes images alone", async () => {
    const alone = MultimodalTokenizer.create({
      layout: "image-only",
      codebookSize: 5,
      codeGrid: { height: 2, width: 2 },
      maskToken: true,
    });
    const { tasks } = resolveDiffusion({}, { hasText: false, hasNull: false });
    const examples = diffusionExamples({ tokenizer: alone, codes, captions: ["", "", "", ""], kernel: {}, tasks });
    const { weightSum } = await examples.batch(Int32Array.of(0, 1), {
      epoch: 0,
      training: true,
      random: Random.fromSeed(1),
    });
    expect(weightSum).toBe(8);
  });
});

describe("resolveDiffusion", () => {
  const parts = { hasText: true, hasNull: true };

  it("has a sampler for each kernel, and shares for each kind of sequence", () => {
    expect(resolveDiffusion({}, parts)).toMatchObject({
      kernel: { type: "absorbing" },
      sampler: { type: "confidence", rounds: 16 },
      tasks: { imageGivenText: 0.4, imageAlone: 0.1 },
    });
    expect(resolveDiffusion({ kernel: { type: "chain" } }, parts).sampler.type).toBe("chain");
    const short = resolveDiffusion({ kernel: { type: "uniform", steps: 20 } }, parts);
    expect(short.sampler).toMatchObject({ type: "ancestral", rounds: 20 });
    const { tasks } = resolveDiffusion(
      { tasks: { imageGivenText: 1, textGivenImage: 1, both: 0, imageAlone: 0 } },
      parts,
    );
    expect(tasks).toEqual({ imageGivenText: 1, textGivenImage: 1, both: 0, imageAlone: 0 });
    expect(resolveDiffusion({}, { hasText: true, hasNull: false }).tasks.imageAlone).toBe(0);
  });

  it.each<[object, string, object?]>([
    [{ kernal: {} }, 'diffusion.kernal: there is no such field; did you mean "kernel"?'],
    [{ kernel: { type: "absorbed" } }, 'diffusion.kernel.type: expected "absorbing"'],
    [{ sampler: { type: "chain" } }, 'diffusion.sampler: expected "ancestral" or "confidence" or "remasking"'],
    [{ sampler: { type: "confidence", round: 3 } }, 'did you mean "rounds"?'],
    [{ tasks: { image: 1 } }, "diffusion.tasks.image: there is no such field"],
    [{ tasks: { both: -1 } }, "diffusion.tasks.both: expected a number of at least 0, got -1"],
    [{ tasks: { imageGivenText: 0, textGivenImage: 0, both: 0, imageAlone: 0 } }, "at least one share above 0"],
    [{ tasks: { textGivenImage: 1 } }, "images alone have no text", { hasText: false, hasNull: false }],
    [{ tasks: { imageAlone: 1 } }, "nullToken: true", { hasText: true, hasNull: false }],
  ])("refuses %j", (options, message, content = parts) => {
    expect(() => resolveDiffusion(options, content as typeof parts)).toThrow(message);
  });
});
