import type { SpawnSyncReturns } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { ExampleCommands } from "./fixtures/commands.fixture.js";

// Each command starts Node and loads ONNX Runtime, beside other tests.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const short = { steps: 2, batchSize: 4, warmUpSteps: 1 };
const config = {
  data: { trainCount: 12, testCount: 4, side: 16 },
  tokenizer: { ...short, network: { levels: [8, 8] }, codebookSize: 16, codeDimension: 8 },
  adversarial: { ...short, discriminatorChannels: 4 },
  ...{ sequential: short, absorbing: short, chain: short },
  sampling: { rounds: { chain: 2, ancestral: 2, confidence: 2, remasking: 2, halton: 2 } },
  evaluation: { samples: 4, boundImages: 2, criticImages: 4, criticSteps: 2 },
};

let root: string;
let commands: ExampleCommands;
const command = (name: string, ...args: string[]) => commands.run(name, "--checkpoints", "run", ...args);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "mmgen-faces-commands-"));
  commands = new ExampleCommands("latent-faces", root);
  await mkdir(join(root, "faces"));
  for (let i = 0; i < 40; i++) {
    const background = { r: 6 * i, g: 255 - 6 * i, b: (i % 5) * 60 };
    const image = sharp({ create: { width: 20, height: 16, channels: 3, background } });
    await image.png().toFile(join(root, "faces", `${i}.png`));
  }
  await writeFile(join(root, "config.json"), JSON.stringify(config));
  const data = ["--data", "folder", "--data-dir", "faces"];
  const { status, stderr, stdout } = commands.run(
    "start",
    ...["--preset", "smoke", "--config", "config.json", ...data, "--out", "run"],
  );
  expect(stderr).not.toMatch(/^Error/m);
  expect([status, stdout]).toEqual([0, expect.stringContaining("report.html")]);
});
afterAll(() => rm(root, { recursive: true, force: true }));

const expectRefusal = (result: SpawnSyncReturns<string>, message: RegExp) =>
  commands.expectRefusal(result, message, ["config.json", "faces", "run"]);

/** The image that a command has written, which is removed. */
async function imageOf({ status, stderr }: SpawnSyncReturns<string>, name: string): Promise<Buffer> {
  expect([status, stderr]).toEqual([0, expect.stringContaining(`Wrote ${join(root, name)}`)]);
  const bytes = await readFile(join(root, name));
  expect((await sharp(bytes).metadata()).format).toBe("png");
  await rm(join(root, name));
  return bytes;
}

describe("generate", () => {
  it("draws the same images from a seed, others from another one and by another sampler", async () => {
    const drawn = async (...options: string[]) =>
      imageOf(command("generate", "--count", "3", "--out", "drawn.png", ...options), "drawn.png");
    const first = await drawn("--seed", "5");
    expect((await drawn("--seed", "5")).equals(first)).toBe(true);
    expect((await drawn("--seed", "5", "--device", "cpu", "--replay")).equals(first)).toBe(true);
    expect((await drawn("--seed", "6")).equals(first)).toBe(false);
    expect((await drawn("--seed", "5", "--sampler", "halton")).equals(first)).toBe(false);
  });

  it("refuses what it cannot draw, and a damaged checkpoint, and writes nothing", async () => {
    await expectRefusal(command("generate", "--sampler", "luck"), /--sampler.*halton/s);
    await expectRefusal(command("generate", "--count", "0"), /--count/);
    await expectRefusal(command("generate", "--backend", "cpu", "--replay"), /replay: backend cpu replays no graphs/);
    await expectRefusal(commands.run("generate", "--checkpoints", "faces"), /run\.json.*Train a model first/);
    await cp(join(root, "run", "checkpoints"), join(root, "run", "damaged", "checkpoints"), { recursive: true });
    await truncate(join(root, "run", "damaged", "checkpoints", "chain.safetensors"), 100);
    await expectRefusal(commands.run("generate", "--checkpoints", "run/damaged"), /chain\.safetensors/);
  });
});

describe("complete", () => {
  it("completes what is kept of an image", async () => {
    const image = join(root, "run", "face.png");
    await sharp(join(root, "faces", "3.png"))
      .resize(16, 16)
      .toFile(image);
    const completed = (keep: string) =>
      imageOf(command("complete", "run/face.png", "--keep", keep, "--count", "2", "--out", "all.png"), "all.png");
    expect((await completed("half")).equals(await completed("first"))).toBe(false);
  });

  it("refuses a file that is no image of the model's size, and writes nothing", async () => {
    await expectRefusal(command("complete", "faces/3.png"), /3\.png.*16.*20/s);
    await expectRefusal(command("complete", "config.json"), /config\.json/);
    await expectRefusal(command("complete", "none.png"), /none\.png/);
    await expectRefusal(command("complete", "faces/3.png", "--keep", "most"), /--keep.*quarter/s);
  });
});

describe("evaluate", () => {
  it("prints and writes the run's metrics again, of images where the run found them, and refuses others", async () => {
    const json = async (name: string) => JSON.parse(await readFile(join(root, "run", "results", name), "utf8"));
    const { status, stdout } = command("evaluate");
    expect([status, stdout]).toEqual([0, expect.stringMatching(/squared error.*halton/is)]);
    const [again, written] = [await json("evaluation.json"), await json("metrics.json")];
    for (const part of ["tokenizers", "sequential", "absorbing", "changedCompletions", "copies", "critic"]) {
      expect(again[part], part).toEqual(written[part]);
    }
    await expectRefusal(command("evaluate", "--data-dir", "run"), /run/);
  });
});
