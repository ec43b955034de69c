import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Commands, runCommandLine } from "./commands.js";

const fakes = () => ({
  train: vi.fn<Commands["train"]>(async () => {}),
  classify: vi.fn<Commands["classify"]>(async () => {}),
  draw: vi.fn<Commands["draw"]>(async () => {}),
});

let commands: ReturnType<typeof fakes>;
const run = (line: string) => runCommandLine(line === "" ? [] : line.split(" "), commands);

beforeEach(() => {
  commands = fakes();
  vi.spyOn(process.stderr, "write").mockReturnValue(true);
});
afterEach(() => vi.restoreAllMocks());

describe("runCommandLine", () => {
  it("trains where no command is named, with nothing settled that was not asked", async () => {
    await run("");
    expect(commands.train.mock.calls).toEqual([[{ backend: "auto", resume: false }]]);
  });

  it("hands on what a training is asked", async () => {
    await run("--preset original --lines train.txt --out dir --seed 4 --stop-after 200 --backend onnx --replay");
    expect(commands.train.mock.calls[0]![0]).toEqual({
      ...{ preset: "original", lines: "train.txt", out: "dir", seed: 4, stopAfter: 200, resume: false },
      ...{ backend: "onnx", replay: true },
    });
  });

  it("hands images or letters to classify", async () => {
    await run("classify a.png b.png --checkpoints dir");
    await run("classify --letters ABCDEFGH ZZZZZZZZ");
    expect(commands.classify.mock.calls).toEqual([
      [["a.png", "b.png"], { backend: "auto", checkpoints: "dir" }],
      [[], { backend: "auto", letters: ["ABCDEFGH", "ZZZZZZZZ"] }],
    ]);
  });

  it("leaves the sampling of a drawing to the run unless it is given", async () => {
    await run("draw 7");
    await run("draw 7 --count 4 --out x.png --seed 2 --temperature 0 --top-p 0.5 --device cuda --replay");
    expect(commands.draw.mock.calls).toEqual([
      ["7", { backend: "auto", count: 9, out: "drawn.png", seed: 1 }],
      [
        "7",
        {
          ...{ backend: "auto", device: "cuda", replay: true },
          ...{ count: 4, out: "x.png", seed: 2, temperature: 0, topP: 0.5 },
        },
      ],
    ]);
  });

  it("keeps --out of a command from being the run's, and the other way round", async () => {
    await run("draw --letters ABCDEFGH --out image.png");
    expect(commands.draw.mock.calls[0]).toEqual([
      undefined,
      { backend: "auto", count: 9, letters: ["ABCDEFGH"], out: "image.png", seed: 1 },
    ]);
    expect(commands.train).not.toHaveBeenCalled();
  });

  it.each([
    "--preset huge",
    "--resume --force",
    "--data course",
    "--seed -1",
    "--seed 1.5",
    "--unknown",
    "paint",
    "draw 7 --count many",
    "draw 7 --temperature 11",
    "draw 7 --top-p 0",
    "draw 1 2",
    "classify --backend abacus a.png",
    "--device gpu",
  ])("refuses %s, and does nothing", async (line) => {
    await expect(run(line)).rejects.toMatchObject({ code: expect.stringMatching(/^commander\./), exitCode: 1 });
    for (const command of Object.values(commands)) {
      expect(command).not.toHaveBeenCalled();
    }
  });
});
