import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Random } from "@mmgen/core";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeBundle, root } from "./fixtures/bundle.fixture.js";

// Inside the repository, so that Node finds the installed packages; where it runs is a folder of its own.
const programs = join(root, "node_modules", ".cache", `killed-training-${process.pid}`);
const program = join(programs, "run.mjs");
const folder = mkdtempSync(join(tmpdir(), "mmgen-killed-"));
const steps = 20;
const kills = 3;

beforeAll(async () => {
  const source = readFileSync(new URL("./fixtures/killed-training.fixture.ts", import.meta.url), "utf8");
  const { outputFiles } = await build(nodeBundle(source));
  mkdirSync(programs, { recursive: true });
  writeFileSync(program, outputFiles![0]!.contents);
});
afterAll(() => {
  rmSync(programs, { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
});

interface Life {
  /** The first step it took. */
  readonly from: number;
  readonly lastLine: string;
}

/** Runs the program on an engine until it ends, or until it has taken a step from `killAt` on. */
async function live(engine: string, model: string, run: string, killAt = Number.POSITIVE_INFINITY): Promise<Life> {
  const child = spawn(process.execPath, [program, engine, model, run], { stdio: ["ignore", "pipe", "ignore"] });
  const exit = once(child, "exit");
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (stepOf(line) >= killAt) {
      child.kill("SIGKILL");
    }
  }
  await exit;
  return { from: stepOf(lines[0]!), lastLine: lines.at(-1)! };
}

/** The number of a line `step 7`; NaN of another. */
function stepOf(line: string): number {
  return Number(line.split(" ")[1]);
}

/** The engines of a run's lives, one after the other: a life goes on from what another engine has left. */
const engines = {
  "plain JavaScript": ["javascript", "javascript", "javascript", "javascript"],
  "ONNX Runtime's binding and its C API in turn": ["binding", "c-api", "c-api, replayed", "c-api, replayed"],
} as const;

describe.each(["transformer", "vqvae"])("training of a %s", (model) => {
  it.each(Object.entries(engines))(
    `on %s, killed ${kills} times, ends with the weights of a run that never stopped`,
    async (name, lives) => {
      const [whole, killed] = ["whole", "killed"].map((run) => join(folder, model, name, run)) as [string, string];
      mkdirSync(whole, { recursive: true });
      mkdirSync(killed, { recursive: true });
      expect(await live(lives[0], model, whole)).toEqual({ from: 1, lastLine: "end 0" });

      const random = Random.fromSeed(6).fork(model);
      // Away from the end, which a run that is being killed may still reach.
      const at = Array.from({ length: kills }, () => 1 + random.integer(steps - 8)).sort((a, b) => a - b);
      let reached = 1;
      for (const [life, step] of [...at, Number.POSITIVE_INFINITY].entries()) {
        const { from, lastLine } = await live(lives[life]!, model, killed, step);
        expect(lastLine.startsWith("end")).toBe(step > steps);
        // It went on from the checkpoint before the step that it was killed after, or from that step's own.
        expect(from).toBeGreaterThanOrEqual(reached);
        reached = step;
        if (step > steps) {
          // Its last steps were replayed, where that was asked for: its weights are those of the set written last.
          expect(lastLine).toBe(lives[life]!.endsWith("replayed") ? "end 1" : "end 0");
        }
      }

      const [expected, found] = [whole, killed].map((run) => readFileSync(join(run, "weights.safetensors")));
      expect(Buffer.compare(found!, expected!)).toBe(0);
    },
    300_000,
  );
});
