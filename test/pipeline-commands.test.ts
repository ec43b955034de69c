import { type SpawnSyncReturns, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { ExampleCommands } from "./fixtures/commands.fixture.js";

// Each command starts Node and loads ONNX Runtime, beside other tests.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const caption = "dark green eight on bright cyan";
const config = {
  data: { trainCount: 128, testCount: 12 },
  vqvae: { network: { hiddenChannels: 8 }, batchSize: 32, epochs: 1 },
  transformer: { width: 16, layers: 1, batchSize: 32, epochs: 1 },
  evaluation: { samples: 4, classifierSteps: 2 },
};

let root: string;
let run: string;
let commands: ExampleCommands;
const command = (name: string, ...args: string[]) => commands.run(name, ...args);
const expectRefusal = (result: SpawnSyncReturns<string>, message: RegExp) =>
  commands.expectRefusal(result, message, ["config.json", "run"]);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "mmgen-commands-"));
  run = join(root, "run");
  commands = new ExampleCommands("full-pipeline", root);
  await writeFile(join(root, "config.json"), JSON.stringify(config));
  const options = ["--preset", "smoke", "--config", "config.json", "--data", "procedural", "--out", "run"];
  const { status, stderr } = command("start", ...options);
  expect(stderr).not.toMatch(/^Error/m);
  expect(status).toBe(0);
});
afterAll(() => rm(root, { recursive: true, force: true }));

const json = async (path: string) => JSON.parse(await readFile(path, "utf8"));

describe("evaluate", () => {
  it("prints and writes the run's metrics again", async () => {
    const { status, stderr, stdout } = command("evaluate", "--checkpoints", "run", "--replay");
    expect([status, stderr]).toEqual([0, expect.stringMatching(/^Backend: onnx \(.*; graphs are replayed/m)]);
    expect(stdout).toMatch(/text → image.*of/s);
    const [again, written] = [
      await json(join(run, "results", "evaluation.json")),
      await json(join(run, "results", "metrics.json")),
    ];
    for (const part of ["vqvae", "likelihood", "attributes", "invention"]) {
      expect(again[part], part).toEqual(written[part]);
    }
  });

  it("takes images the run has not seen, other settings of the draws, and the settings of older runs", async () => {
    // Of those that had no place for a palette.
    const path = join(run, "checkpoints", "run.json");
    const { config: current, ...settings } = await json(path);
    const { vqvae, ...ofRun } = current;
    const { palettePlace, ...others } = vqvae;
    expect(palettePlace).toBe("before");
    await writeFile(path, JSON.stringify({ ...settings, config: { ...ofRun, vqvae: others } }));

    const options = ["--part", "validation", "--samples", "2", "--temperature", "0.5", "--top-p", "0.8", "--seed", "9"];
    expect(command("evaluate", "--checkpoints", "run", ...options).status).toBe(0);
    const { attributes, part, sampling, seed } = await json(join(run, "results", "evaluation-validation.json"));
    expect({ part, sampling, seed }).toEqual({
      part: "validation",
      sampling: { temperature: 0.5, topP: 0.8 },
      seed: 9,
    });
    expect(attributes.textToImage.count).toBe(2);
    expect(attributes.classifierOnTestImages.count).toBe(5000);
  });

  it("refuses what it cannot evaluate", async () => {
    await expectRefusal(command("evaluate", "--checkpoints", "nowhere"), /nowhere.*run\.json.*Train a model first/);
    await expectRefusal(command("evaluate", "--checkpoints", "run", "--top-p", "2"), /--top-p/);
  });
});

describe("export", () => {
  it("writes the models of a run for a server", async () => {
    const { status, stderr } = command("export", "--checkpoints", "run", "--out", "models");
    expect([status, stderr]).toEqual([0, expect.stringContaining("Wrote encoder, decoder, step, ")]);
    const folder = join(root, "models");
    expect(await readdir(folder)).toEqual(["caption", "decoder", "draw", "encoder", "step", "tokenizer.json"]);
    expect(existsSync(join(folder, "draw", "1", "model.onnx"))).toBe(true);
    await rm(folder, { recursive: true });
    await expectRefusal(command("export", "--checkpoints", "run", "--top-p", "2"), /--top-p/);
  });
});

describe("generate", () => {
  it("draws a caption, draws a file of captions, and captions what it drew", async () => {
    const drawn = command("generate", "--checkpoints", "run", "--text", caption, "--count", "2", "--out", "eights.png");
    expect([drawn.status, existsSync(join(root, "eights.png"))]).toEqual([0, true]);
    await writeFile(join(root, "captions.txt"), `${caption}\n\n${caption}\n`);
    const files = ["--captions", "captions.txt", "--out-dir", "drawn"];
    expect(command("generate", "--checkpoints", "run", ...files).status).toBe(0);
    expect((await readdir(join(root, "drawn"))).sort()).toEqual(["0000.png", "0001.png", "index.json"]);
    const { status, stdout } = command(
      "generate",
      "--checkpoints",
      "run",
      "--images",
      "drawn/0000.png",
      "drawn/0001.png",
    );
    expect(status).toBe(0);
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.map(({ file }) => file)).toEqual(["drawn/0000.png", "drawn/0001.png"]);
    expect(lines.every(({ caption: said }) => said.split(" ").length === 6)).toBe(true);
    await Promise.all(["eights.png", "captions.txt", "drawn"].map((name) => rm(join(root, name), { recursive: true })));
  });

  it("refuses what it cannot draw or read, and writes nothing", async () => {
    const call = (...options: string[]) => command("generate", "--checkpoints", "run", ...options);
    await expectRefusal(call("--text", "dark green ate on bright cyan", "--out", "ate.png"), /"ate"/);
    await expectRefusal(call("--captions", "none.txt", "--out-dir", "drawn"), /none\.txt/);
    await expectRefusal(call("--images", "config.json"), /config\.json/);
    await expectRefusal(call("--text", caption, "--count", "0"), /--count/);
  });

  it("refuses a damaged checkpoint", async () => {
    const damaged = join(root, "run", "damaged");
    await cp(join(run, "checkpoints"), join(damaged, "checkpoints"), { recursive: true });
    await truncate(join(damaged, "checkpoints", "transformer.safetensors"), 100);
    const result = command("generate", "--checkpoints", "run/damaged", "--text", caption, "--out", "eight.png");
    await expectRefusal(result, /transformer\.safetensors/);
  });
});

describe("start over an earlier run", () => {
  const files = async () => {
    const names = (await readdir(join(run, "checkpoints"))).sort();
    return Promise.all(names.map(async (name) => [name, await readFile(join(run, "checkpoints", name))] as const));
  };
  const start = (...options: string[]) => command("start", "--preset", "smoke", "--data", "procedural", ...options);

  it("is refused, and so is a configuration that cannot be; the finished run is still there", async () => {
    const before = await files();
    await expectRefusal(start("--out", "run"), /run holds an earlier run \(.*--resume.*--force.*--out/);
    const bad = { ...config, transformer: { ...config.transformer, heads: 3 } };
    await writeFile(join(run, "bad.json"), JSON.stringify(bad));
    await expectRefusal(start("--config", "run/bad.json", "--out", "run", "--force"), /divisible by heads/);
    expect(await files()).toEqual(before);
  });
});

describe("a run that is signaled, or whose terminal is gone", () => {
  /** Starts a run that takes minutes, signals it after its first step, and waits for its end. */
  async function signaled(out: string, signals: readonly NodeJS.Signals[]) {
    const long = { ...config, data: { trainCount: 640, testCount: 12 }, vqvae: { ...config.vqvae, epochs: 500 } };
    await writeFile(join(run, "long.json"), JSON.stringify(long));
    const options = ["--preset", "smoke", "--config", "run/long.json", "--data", "procedural", "--out", out];
    const child = spawn(process.execPath, [commands.main, ...options], commands.options);
    // Nobody reads: the terminal is closed.
    child.stdout.destroy();
    child.stderr.destroy();
    const ended = once(child, "exit");
    const log = join(root, out, "results", "vqvae.jsonl");
    const second = command.bind(undefined, "start", ...options, "--force");
    while (!existsSync(log) || !(await readFile(log, "utf8")).includes('"event":"step"')) {
      await new Promise((done) => setTimeout(done, 20));
    }
    const refused = signals.length === 1 ? second() : undefined;
    for (const signal of signals) {
      child.kill(signal);
    }
    const [status, signal] = await ended;
    return { status, signal, refused, files: await readdir(join(root, out, "checkpoints")) };
  }

  it("saves its state at SIGTERM, exits as shells have it, and lets no second run into its folder", async () => {
    const { files, refused, status } = await signaled("run/terminated", ["SIGTERM"]);
    expect(status).toBe(143);
    expect(files).toContain("vqvae-training.safetensors");
    expect(files).not.toContain("run.lock");
    expect([refused!.status, refused!.stderr]).toEqual([
      2,
      expect.stringMatching(/in use by another run \(process \d+/),
    ]);
  });
});

describe.skipIf(process.platform === "win32")("start where nothing can be written", () => {
  const options = ["--preset", "smoke", "--config", "config.json", "--data", "procedural"];

  it("is refused where its folders are another user's, before it learns anything", async ({ skip }) => {
    const locked = join(root, "run", "locked");
    await mkdir(join(locked, "checkpoints"), { recursive: true });
    await mkdir(join(locked, "results"));
    await Promise.all([
      chmod(root, 0o755),
      chmod(join(locked, "checkpoints"), 0o777),
      chmod(join(locked, "results"), 0o555),
    ]);
    // To the superuser all is permitted: the command runs as nobody.
    const user = process.getuid!() === 0 ? { uid: 65_534, gid: 65_534 } : {};
    const spawned = (...words: string[]) => spawnSync(process.execPath, words, { ...commands.options, ...user });
    if (spawned("--eval", `require("node:fs").accessSync(${JSON.stringify(commands.main)})`).status !== 0) {
      skip("Another user may not read this checkout: not tried without permission.");
    }
    for (const [out, folder] of [
      ["run/locked", "results"],
      ["run/locked/results", "checkpoints"],
    ] as const) {
      const result = spawned(commands.main, ...options, "--out", out);
      await expectRefusal(
        result,
        new RegExp(`^Error: .*${out}/${folder} cannot be written: EACCES: .*Choose another folder`, "m"),
      );
      expect(result.stdout + result.stderr).not.toContain("Image tokenizer");
    }
    expect([await readdir(join(locked, "checkpoints")), await readdir(join(locked, "results"))]).toEqual([[], []]);
  });

  it("keeps the last state, and nothing half written, where files have grown as large as they may be", async () => {
    const folder = join(run, "terminated", "checkpoints");
    const [names, state] = [await readdir(folder), await readFile(join(folder, "vqvae-training.safetensors"))];
    // Less than a state has, and more than the log.
    const limited = ["-c", `ulimit -f ${Math.floor(state.length / 1024) - 1}; exec "$@"`, "bash", process.execPath];
    const words = [commands.main, "--out", "run/terminated", "--resume"];
    const result = spawnSync("bash", [...limited, ...words], commands.options);
    await expectRefusal(result, /^Error: Cannot write .*vqvae-training\.safetensors: EFBIG/m);
    expect(await readdir(folder)).toEqual(names);
    expect(state.equals(await readFile(join(folder, "vqvae-training.safetensors")))).toBe(true);
  });
});

describe("start with a folder of images", () => {
  it("trains on them, reports what applies, and generates from them", async () => {
    const folder = join(root, "run", "my-images");
    await mkdir(folder, { recursive: true });
    const rows = ["file_name,text"];
    for (let i = 0; i < 40; i++) {
      const background = i % 2 === 0 ? "red" : "blue";
      await sharp({ create: { width: 20, height: 16, channels: 3, background } })
        .png()
        .toFile(join(folder, `${i}.png`));
      rows.push(`${i}.png,a ${background} square${i % 4 < 2 ? " indeed" : ""}`);
    }
    await writeFile(join(folder, "captions.csv"), rows.join("\n"));
    // Few codes an image: the report times the generation of sequences, length by length.
    await writeFile(join(run, "small.json"), JSON.stringify({ ...config, data: { ...config.data, side: 16 } }));
    const data = ["--data", "folder", "--data-dir", "run/my-images"];
    const started = command("start", "--preset", "smoke", "--config", "run/small.json", ...data, "--out", "run/own");
    expect(started.stderr).not.toMatch(/^Error/m);
    expect(started.status).toBe(0);
    expect(started.stdout).toContain("40 images from");
    const results = join(run, "own", "results");
    const metrics = await json(join(results, "metrics.json"));
    expect(metrics.attributes).toBeUndefined();
    expect(metrics.likelihood.natsPerSequence).toBeGreaterThan(0);
    expect((await readdir(results)).filter((file) => file.startsWith("confusion"))).toEqual([]);
    expect(existsSync(join(results, "report.html"))).toBe(true);
    const drawn = command("generate", "--checkpoints", "run/own", "--text", "a red square", "--out", "run/red.png");
    expect([drawn.status, existsSync(join(run, "red.png"))]).toEqual([0, true]);
    // It knows where its images are.
    const evaluated = command("evaluate", "--checkpoints", "run/own");
    expect([evaluated.status, evaluated.stderr]).toEqual([0, expect.stringContaining("evaluation.json")]);
  });
});
