import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sliceImages } from "@mmgen/core";
import { readImages } from "@mmgen/datasets/node";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { exportTo } from "../export/model-repository.js";
import { imagesPng } from "../folder/images-png.js";
import { loadFrom } from "../folder/model-folder.js";
import { squares } from "../model/squares.fixture.js";
import { runCommand } from "./terminal.fixture.js";

const set = squares(40, 1);
let root: string;
let folder: string;
let model: string;
const inRoot = (...names: string[]) => join(root, ...names);
const brief = ["--preset", "smoke", "--levels", "4", "--vqvae-steps", "4", "--transformer-steps", "4"];
const card = ["--license", "cc-by-4.0", "--about", "Squares, drawn by a test."];
const compute = ["--backend", "onnx"];

/** Runs a command that must succeed; what it wrote. */
async function succeed(...args: string[]) {
  const result = await runCommand([...args, ...compute]);
  expect(result.status, result.stderr).toBe(0);
  return result;
}

async function failure(...args: string[]): Promise<string> {
  const { status, stderr } = await runCommand([...args, ...compute]);
  expect(status).toBe(1);
  return stderr;
}

async function filesOf(path: string): Promise<Map<string, string>> {
  const names = (await readdir(path)).filter((name) => !/training|README|samples/.test(name)).sort();
  return new Map(
    await Promise.all(names.map(async (name) => [name, await readFile(join(path, name), "hex")] as const)),
  );
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "mmgen-command-"));
  [folder, model] = [inRoot("images"), inRoot("model")];
  await mkdir(folder);
  const rows = set.captions.map((text, i) => `${JSON.stringify({ file_name: `${i}.png`, text })}\n`);
  await writeFile(join(folder, "captions.jsonl"), rows.join(""));
  for (const i of set.captions.keys()) {
    await writeFile(join(folder, `${i}.png`), imagesPng(sliceImages(set.images, i, i + 1), { scale: 1 }));
  }
  const { stderr } = await succeed("train", folder, "--out", model, "--held-out", "0.25", ...brief, ...card);
  expect(stderr).toContain("40 images from");
  expect(stderr).toMatch(/transformer: completed after 4 of 4 steps.*Wrote the model to/s);
});
afterAll(() => rm(root, { recursive: true }));

it("trains what trainInto trains, and says how", async () => {
  using loaded = await loadFrom(model);
  expect(loaded.config.training).toMatchObject({ seed: 0, vqvae: { steps: 4 }, transformer: { steps: 4 } });
  expect(loaded.vqvae.imageShape).toEqual({ height: 8, width: 8, channels: 3, maxValue: 3 });
  expect(loaded.tokenizer.config.words).toContain("square");
  expect(await readFile(join(model, "README.md"), "utf8")).toMatch(/^---\nlicense: "cc-by-4.0".*Squares, drawn by/s);
  expect(await failure("train", folder, "--out", model, ...brief)).toMatch(/Go on with it by --resume/);
});

it("goes on from a model, its image codec as it is, with other words", async () => {
  const [violet, out] = [inRoot("violet"), inRoot("further")];
  await mkdir(violet);
  const rows = set.captions.map((text, i) => JSON.stringify({ file_name: `${i}.png`, text: `${text} violet` }));
  await writeFile(join(violet, "captions.jsonl"), rows.join("\n"));
  for (const i of set.captions.keys()) {
    await writeFile(join(violet, `${i}.png`), imagesPng(sliceImages(set.images, i, i + 1), { scale: 1 }));
  }
  const args = ["train", violet, "--out", out, "--from", model, "--preset", "smoke", "--transformer-steps", "4"];
  await succeed(...args, "--freeze", "vqvae");
  using known = await loadFrom(model);
  using next = await loadFrom(out);
  expect(next.tokenizer.config.words).toEqual([...known.tokenizer.config.words, "violet"].sort());
  expect(next.config.training).not.toHaveProperty("vqvae");
  await succeed("train", "--resume", "--out", out);
  const other = ["train", violet, "--out", inRoot("other"), "--from", model];
  expect(await failure(...other, "--side", "16")).toMatch(/^Error: --side: that of the model in --from, /);
  expect(await failure(...other, "--freeze", "words")).toMatch(/vqvae/);
});

it("stops at Ctrl-C with its state kept, says how to go on, and then gives the same files", async () => {
  const stopped = inRoot("stopped");
  const args = ["train", folder, "--out", stopped, "--held-out", "0.25", ...brief];
  const listeners = process.listenerCount("SIGINT");
  // The codec's last line is written before the transformer's first step.
  const onWrite = (text: string) => void (text.includes("vqvae: completed") && process.emit("SIGINT", "SIGINT"));
  const { status, stderr } = await runCommand([...args, ...compute], onWrite);
  expect([status, process.listenerCount("SIGINT")], stderr).toEqual([130, listeners]);
  expect(stderr).toMatch(
    new RegExp(`\\nStopped[^\\n]*\\. Go on with: mmgen train --resume --out ${stopped.replaceAll("\\", "\\\\")}\\n$`),
  );
  expect(existsSync(join(stopped, "model.json"))).toBe(false);
  expect(await readFile(join(stopped, "command-training.json"), "utf8")).not.toContain(root);
  // The folder of the images is remembered; where it has moved, the command is told.
  const moved = inRoot("moved");
  await rename(folder, moved);
  expect(await failure("train", "--resume", "--out", stopped)).toMatch(
    /^Error: .*images: the images that this training was begun with are no longer there\..*mmgen train FOLDER --resume/,
  );
  await rename(moved, folder);
  await succeed("train", "--resume", "--out", stopped);
  expect(await filesOf(stopped)).toEqual(await filesOf(model));
});

it("draws captions as one file or one each, which mmgen train reads again", async () => {
  const [file, one, drawn] = [inRoot("drawn.png"), inRoot("one.png"), inRoot("drawn")];
  const captions = ["a red square on blue", "a blue square on white"];
  await succeed("draw", model, ...captions, "--count", "3", "--seed", "7", "--scale", "1", "--out", file);
  using loaded = await loadFrom(model);
  const images = await loaded.draw(captions, { count: 3, seed: 7 });
  expect(new Uint8Array(await readFile(file))).toEqual(imagesPng(images, { columns: 3, scale: 1 }));
  // The same by graphs that are replayed.
  const { stderr } = await succeed("draw", model, ...captions, "--seed", "7", "--out", drawn, "--replay");
  expect(stderr).toMatch(/^Backend: onnx \(ONNX Runtime .*; graphs are replayed/);
  expect(await readdir(drawn)).toEqual(["0000.png", "0001.png", "metadata.jsonl"]);
  const paths = ["0000.png", "0001.png"].map((name) => join(drawn, name));
  expect(await readImages(paths, images)).toEqual(await loaded.draw(captions, { seed: 7 }));
  expect(await readFile(join(drawn, "metadata.jsonl"), "utf8")).toContain('"text":"a blue square on white"}\n');
  expect(await failure("draw", model, "a red square on blue", "--out", drawn)).toMatch(/holds files already, such as/);
  expect(await failure("draw", model, "a red elephant on blue", "--out", one)).toMatch(
    /^Backend: .*\nError: .*"elephant".*\n$/,
  );
  expect(existsSync(one)).toBe(false);
  expect(await failure("draw", model, captions[0]!, "--rounds", "4", "--out", one)).toMatch(/--rounds: only/);
});

it("captions files of any size on standard output", async () => {
  const large = inRoot("large.png");
  await writeFile(large, imagesPng(sliceImages(set.images, 0, 1), { scale: 5 }));
  const files = [join(folder, "0.png"), large];
  const { stdout } = await succeed("caption", model, ...files);
  using loaded = await loadFrom(model);
  const [expected] = await loaded.caption(sliceImages(set.images, 0, 1));
  expect(stdout.split("\n")[0]).toBe(expected);
  expect(stdout.match(/\n/g)).toHaveLength(2);
  const lines = (await succeed("caption", model, ...files, "--json")).stdout.trim().split("\n");
  expect(lines.map((line) => JSON.parse(line).file)).toEqual(files);
  expect(await failure("caption", model, inRoot("none.png"))).toMatch(/Error: .*none\.png/);
});

it("invents and completes pairs", async () => {
  const options = ["--seed", "3", "--scale", "1"];
  const invented = await succeed("invent", model, "--count", "4", ...options, "--out", inRoot("invented.png"));
  using loaded = await loadFrom(model);
  const pairs = await loaded.invent({ count: 4, seed: 3 });
  expect(invented.stdout).toBe(pairs.captions.map((caption) => `${caption}\n`).join(""));
  expect(new Uint8Array(await readFile(inRoot("invented.png")))).toEqual(imagesPng(pairs.images, { scale: 1 }));
  const file = join(folder, "0.png");
  const [image, out] = [sliceImages(set.images, 0, 1), inRoot("completed.png")];
  await succeed("complete", model, file, "--keep", "rows=0.5", "--count", "2", ...options, "--out", out);
  const completed = await loaded.complete(image, { keep: { rows: 0.5 }, count: 2, seed: 3 });
  expect(new Uint8Array(await readFile(out))).toEqual(imagesPng(completed.images, { columns: 2, scale: 1 }));
  // All but the lower right quarter is kept.
  const mask = Uint8Array.from({ length: 64 }, (_, i) => Number(i < 32 || i % 8 < 4));
  await writeFile(
    inRoot("mask.png"),
    imagesPng({ data: mask, count: 1, height: 8, width: 8, channels: 1, maxValue: 1 }),
  );
  await succeed(
    "complete",
    model,
    file,
    "--keep",
    `mask=${inRoot("mask.png")}`,
    "--candidates",
    "2",
    ...options,
    "--out",
    out,
  );
  const masked = await loaded.complete(image, { keep: { mask }, candidates: 2, seed: 3 });
  expect(new Uint8Array(await readFile(out))).toEqual(imagesPng(masked.images, { scale: 1 }));
  const words = await succeed("complete", model, "--caption", "a red", "--keep", "words=2", ...options, "--out", out);
  expect(words.stdout).toMatch(/^a red .*\n$/);
});

it("evaluates on the images that were held out", async () => {
  const args = ["evaluate", model, folder, "--held-out", "0.25"];
  const metrics = JSON.parse((await succeed(...args, "--json")).stdout);
  expect(metrics.images).toBe(10);
  // Barely trained, it is about as sure as one that knows nothing: of some ten ids of at most 50 kinds.
  expect(metrics.natsPerSequence).toBeGreaterThan(5);
  expect(metrics.natsPerId).toBeLessThan(Math.log(100));
  const { stdout } = await succeed(...args);
  expect(stdout).toMatch(/^images {18}10 {8}measured on\nnatsPerSequence +[\d.]+ /);
  expect(tf.memory().numTensors).toBe(0);
});

it("learns names of folders as classes, and images alone", async () => {
  const [sorted, classes, alone] = [inRoot("sorted"), inRoot("classes"), inRoot("alone")];
  for (const i of [0, 1, 2, 3]) {
    const path = join(sorted, i < 2 ? "first_kind" : "second_kind");
    await mkdir(path, { recursive: true });
    await writeFile(join(path, `${i}.png`), imagesPng(sliceImages(set.images, i, i + 1), { scale: 1 }));
  }
  const config = inRoot("config.json");
  await writeFile(
    config,
    JSON.stringify({ vqvae: { training: { batchSize: 4 } }, transformer: { training: { batchSize: 4 } } }),
  );
  const common = [...brief, "--config", config];
  await succeed("train", sorted, "--out", classes, ...common);
  await succeed("train", sorted, "--out", alone, ...common, "--captions", "none");
  const textOf = async (path: string) => {
    using loaded = await loadFrom(path);
    const { layout, words } = loaded.tokenizer.config;
    return [layout, words];
  };
  expect(await textOf(classes)).toEqual(["class", ["first kind", "second kind"]]);
  expect(await textOf(alone)).toEqual(["image-only", []]);
  const { stdout } = await succeed("invent", alone, "--count", "1", "--out", inRoot("alone.png"));
  expect(stdout).toBe("");
  expect((await succeed("evaluate", classes, sorted)).stdout).toContain("captionsRight");
  expect((await succeed("evaluate", alone, sorted)).stdout).not.toContain("captionsRight");
});

it("exports what exportTo exports, with the model's sampling", async () => {
  const [out, other] = [inRoot("exported"), inRoot("exported-by-code")];
  const { status, stderr } = await runCommand(["export", model, "--out", out, "--top-k", "5", "--max-batch", "8"]);
  expect([status, stderr]).toEqual([0, expect.stringMatching(/Wrote encoder, decoder, step, .*draw.* and tokenizer/)]);
  using loaded = await loadFrom(model);
  const { temperature, topP } = loaded.config.sampling;
  await exportTo(other, loaded, { temperature, topP, topK: 5, maxBatch: 8 });
  const files = (await readdir(other, { recursive: true })).filter((name) => /\.(onnx|pbtxt|json)$/.test(name));
  expect(files.length).toBeGreaterThan(8);
  for (const name of files) {
    const [written, expected] = await Promise.all([out, other].map((path) => readFile(join(path, name), "latin1")));
    // Nodes of a graph are numbered anew each time.
    const of = (text = "") => (name.endsWith(".onnx") ? /"temperature".*?}/.exec(text)?.[0] : text);
    expect(of(written), name).toBe(of(expected));
  }
  expect(await readFile(join(out, "draw", "1", "model.onnx"), "latin1")).toContain('"topK":5');
});

it("serves to the byte what mmgen draw writes, until Ctrl-C", async () => {
  const [caption, file] = ["a red square on blue", inRoot("served.png")];
  await succeed("draw", model, caption, "--count", "3", "--seed", "5", "--temperature", "0.9", "--out", file);
  let served: Uint8Array | undefined;
  const use = async (url: string) => {
    const headers = { "content-type": "application/json", accept: "image/png" };
    const body = JSON.stringify({ captions: [caption], count: 3, seed: 5, temperature: 0.9 });
    const response = await fetch(`${url}/draw`, { method: "POST", headers, body });
    served = new Uint8Array(await response.arrayBuffer());
    process.emit("SIGINT", "SIGINT");
  };
  let used: Promise<void> | undefined;
  const { status, stderr } = await runCommand(["serve", model, "--port", "0", ...compute], (text) => {
    const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(text) ?? [];
    used ??= url === undefined ? undefined : use(url);
  });
  await used;
  expect(status, stderr).toBe(0);
  expect(served).toEqual(new Uint8Array(await readFile(file)));
});
