import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { packageVersion } from "../folder/package-version.js";
import { runCommand } from "./terminal.fixture.js";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "mmgen-command-"));
  await mkdir(join(root, "used"));
  await writeFile(join(root, "used", "model.json"), "{}");
});
afterAll(() => rm(root, { recursive: true }));

/** The one line that a command fails with. */
async function failure(...args: string[]): Promise<string> {
  const { status, stderr, stdout } = await runCommand(args);
  expect([status, stdout]).toEqual([1, ""]);
  expect(stderr.match(/\n/g)).toHaveLength(1);
  return stderr.replace(/^Error: |\n$/g, "");
}

describe("mmgen", () => {
  it("tells its version, its commands, and the options of each", async () => {
    expect(await runCommand(["--version"])).toEqual({ status: 0, stdout: `${packageVersion()}\n`, stderr: "" });
    const help = await runCommand([]);
    expect(help).toEqual({ ...(await runCommand(["--help"])), status: 0, stderr: "" });
    for (const command of ["train", "draw", "caption", "invent", "complete", "evaluate", "serve"]) {
      expect(help.stdout).toContain(`\n  ${command} `);
      const { status, stdout } = await runCommand([command, "--help"]);
      expect([status, stdout]).toEqual([0, expect.stringMatching(/^Usage: mmgen \w+ .*--backend <name>.*default/s)]);
    }
  });

  it("says in one line what is known where a command or an option is not", async () => {
    expect(await failure("drew", "model")).toMatch(
      /unknown command 'drew'.*Known: train, draw, .*mmgen --help explains/,
    );
    expect(await failure("draw", "model", "red", "--cuont", "3")).toMatch(
      /^unknown option '--cuont' \(Did you mean --count\?\)\. Known: .*--out, .*--seed, .*mmgen draw --help explains them\.$/,
    );
    expect(await failure("draw", "model")).toMatch(/^missing required argument 'caption'\. mmgen draw --help/);
    expect(await failure("--nonsense")).toMatch(/^unknown option '--nonsense'/);
    expect(await failure("train", "images", "--preset", "fast")).toMatch(
      /'fast' is invalid.*smoke, minute, quick, hour/,
    );
  });

  it.each([
    [["draw", "m", "red", "--count", "0"], "Expected a whole number of at least 1"],
    [["draw", "m", "red", "--top-p", "1.5"], "Expected a number above 0 and at most 1"],
    [["draw", "m", "red", "--out", "a.jpg"], "--out: expected a file that ends in .png, or a folder"],
    [["invent", "m", "--temperature", ""], "Expected a number of at least 0"],
    [["complete", "m", "a.png", "--keep", "half"], "--keep: expected rows=, columns="],
    [["complete", "m", "--keep", "words=1"], "expected image files, or beginnings of captions"],
    [["train"], "train: expected a folder of images, got none"],
    [["train", "images", "--side", "64x64x3"], "height x width, such as 48x64"],
    [["train", "images", "--levels", "300"], "--levels: expected a whole number from 2 to 256, got 300"],
    [["serve", "m", "--port", "70000"], "--port: expected a port from 0 to 65535"],
    [["serve", "m", "--cors", "example.com"], "--cors: expected an origin such as https://example.com, or *"],
    [["train", "images", "--license", "My own"], 'identifier in lower case, such as "mit"'],
    [["train", "images", "--held-out", "1"], "from 0 up to and without 1"],
  ])("refuses %j", async (args, message) => {
    expect(await failure(...args)).toContain(message);
  });

  it("trains over nothing, and goes on with nothing but what was begun", async () => {
    const used = join(root, "used");
    expect(await failure("train", root, "--out", used)).toMatch(
      /holds a model or a training already \(model\.json\).*--overwrite/,
    );
    expect(await failure("train", "--resume", "--out", used)).toMatch(/no training of mmgen train was begun there/);
    expect(await failure("train", "--resume", "--out", used, "--held-out", "0.5")).toMatch(
      /^--held-out cannot be given with --resume/,
    );
    await writeFile(join(used, "command-training.json"), '{ "format": "mmgen-train"');
    expect(await failure("train", "--resume", "--out", used)).toMatch(/command-training\.json: .*damaged or edited/);
    const config = join(root, "config.json");
    await writeFile(config, '{ "transformr": {} }');
    expect(await failure("train", root, "--out", join(root, "new"), "--config", config)).toMatch(
      /did you mean "transformer"/,
    );
  });
});
