import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { ConfigError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MultimodalModel } from "../model/multimodal-model.js";
import { tinyTraining } from "../model/tiny-training.fixture.js";
import { escapeMarkdown } from "./card-text.js";
import { imagesPng } from "./images-png.js";
import { loadFrom, saveTo, trainInto } from "./model-folder.js";

let root: string;
let model: MultimodalModel;
beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
  root = await mkdtemp(join(tmpdir(), "mmgen-card-"));
  model = await MultimodalModel.train(tinyTraining);
});
afterAll(() => {
  model.dispose();
  return rm(root, { recursive: true });
});

const cardOf = (folder: string) => readFile(join(folder, "README.md"), "utf8");
/** The lines between the first two of three hyphens. */
const frontMatterOf = (card: string) => /^---\n(.*?)\n---\n/s.exec(card)![1]!.split("\n");

describe("the card of a saved model", () => {
  it("has front matter for the Hub, how to use the model, settings and figures", async () => {
    const folder = join(root, "my_squares");
    await saveTo(folder, model);
    const card = await cardOf(folder);
    expect(frontMatterOf(card)).toEqual([
      ...["library_name: mmgen", "pipeline_tag: text-to-image", "tags:"],
      ...["mmgen", "vq-vae", "autoregressive", "image-to-text"].map((tag) => `- "${tag}"`),
    ]);
    expect(card).toContain("\n# my\\_squares\n");
    expect(card).toContain("which license, was not stated.");
    expect(card).toContain("| images | 8 × 8 pixels, 3 channels, 4 levels |\n");
    expect(card).toMatch(/Words that it knows: (\w+, )+\w+\.\n/);
    expect(card).toMatch(/\| transformer\\: natsPerId \| [\d.]+ \|\n/);
    expect(JSON.parse(/```json\n(.*?)\n```/s.exec(card)![1]!).training).toEqual(model.config.training);
    expect(await readdir(folder)).not.toContain("samples.png");
    // The card changes nothing of what is loaded.
    using loaded = await loadFrom(folder);
    expect(await loaded.save()).toEqual(await model.save());
  });

  it("tells what it is given, and shows what the model invents", async () => {
    const folder = join(root, "given");
    const tensors = tf.memory().numTensors;
    const card = { title: "Squares & more", license: "cc-by-4.0", data: "*Mine*, CC0.", tags: ["toy"], samples: 2 };
    await saveTo(folder, model, { card: { ...card, figures: { "right | wrong": 0.123456 } } });
    const written = await cardOf(folder);
    expect(frontMatterOf(written)).toEqual(expect.arrayContaining(['license: "cc-by-4.0"', '- "toy"']));
    expect(written).toContain("# Squares \\& more\n");
    expect(written).toContain("## Data\n\n*Mine*, CC0.\n");
    expect(written).toContain("| right \\| wrong | 0.1235 |");
    const { captions, images } = await model.invent({ count: 2, seed: 1 });
    expect(written).toContain(`![Invented by the model: ${captions.map(escapeMarkdown).join("; ")}](samples.png)`);
    expect(new Uint8Array(await readFile(join(folder, "samples.png")))).toEqual(imagesPng(images));
    expect(tf.memory().numTensors).toBe(tensors);
  });

  it("never replaces a README of somebody's own, and its own each time", async () => {
    const folder = join(root, "own");
    await saveTo(folder, model, { card: { title: "first" } });
    await saveTo(folder, model, { card: { title: "second" } });
    expect(await cardOf(folder)).toContain("# second\n");
    await writeFile(join(folder, "README.md"), "# Mine\n");
    await saveTo(folder, model, { card: { samples: 1 } });
    expect([await cardOf(folder), existsSync(join(folder, "samples.png"))]).toEqual(["# Mine\n", false]);
    await saveTo(join(root, "none"), model, { card: false });
    expect(await readdir(join(root, "none"))).not.toContain("README.md");
  });

  it("refuses what cannot be, before anything is written", async () => {
    const folder = join(root, "refused");
    for (const card of [{ license: "MIT License" }, { tags: ["a: b"] }, { samples: 101 }, { titel: "x" }, 7, null]) {
      await expect(saveTo(folder, model, { card: card as never })).rejects.toThrow(ConfigError);
      await expect(trainInto(folder, { ...tinyTraining, card: card as never })).rejects.toThrow(ConfigError);
    }
    expect(existsSync(folder)).toBe(false);
  });

  it("is written once by a training, with the numbers of its examples", async () => {
    const folder = join(root, "trained");
    (await trainInto(folder, tinyTraining)).dispose();
    const card = await cardOf(folder);
    expect(card).toContain("Trained on 64 images; 12 were held out to evaluate on.");
    expect(card).toContain("](samples.png)");
    // Finished, the same call leaves all as it is.
    await writeFile(join(folder, "README.md"), `${card}more`);
    (await trainInto(folder, tinyTraining)).dispose();
    expect(await cardOf(folder)).toBe(`${card}more`);
  });
});

describe("escapeMarkdown", () => {
  it("shows what captions hold letter by letter, on one line", () => {
    expect(escapeMarkdown('<img src=x onerror="a()"> [a](b) `c` *d* a|b\n# e\u202e&lt;')).toBe(
      '\\<img src\\=x onerror\\=\\"a\\(\\)\\"\\> \\[a\\]\\(b\\) \\`c\\` \\*d\\* a\\|b \\# e \\&lt\\;',
    );
    expect(escapeMarkdown("größe, l'été, red-brown 3")).toBe("größe, l'été, red-brown 3");
  });
});
