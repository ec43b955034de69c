import { type OnnxBackend, registerOnnxBackend } from "@mmgen/backend-onnx";
import * as tf from "@tensorflow/tfjs-core";
import "@mmgen/nn/gradients";
import { type WorkPlan, workPlans } from "./training-steps.js";

const only = process.argv[2];
const profilePrefix = process.env.MMGEN_PROFILE;
const threads = process.env.MMGEN_THREADS;
registerOnnxBackend({
  ...(profilePrefix !== undefined && { profilePrefix }),
  ...(threads !== undefined && { intraOpNumThreads: Number(threads) }),
});
console.log(
  "work".padEnd(34),
  "onnx ms".padStart(9),
  "cpu ms".padStart(9),
  "compile ms".padStart(11),
  "outside ms".padStart(11),
  "× cpu".padStart(8),
);
for (const plan of workPlans) {
  if (only === undefined || plan.name.includes(only)) {
    await report(plan);
  }
}

// Closing its sessions writes their profiles.
tf.removeBackend("onnx");

async function report(plan: WorkPlan): Promise<void> {
  await tf.setBackend("onnx");
  const backend = tf.backend() as OnnxBackend;
  const compiledBefore = backend.sessions().compileMs;
  const full = await measure(plan, plan.batch, 9);
  const compiled = backend.sessions().compileMs - compiledBefore;
  const small = await measure(plan, plan.smallBatch, 9);
  const fallen = [...backend.fallback!.counts.keys()];
  let ratio = "–";
  if (process.env.MMGEN_SKIP_CPU === undefined) {
    await tf.setBackend("cpu");
    const cpu = await measure(plan, plan.smallBatch, 1);
    ratio = (cpu.step / small.step).toFixed(0);
  }
  console.log(
    `${plan.name}, batch ${plan.batch}`.padEnd(34),
    full.step.toFixed(1).padStart(9),
    full.processor.toFixed(1).padStart(9),
    compiled.toFixed(0).padStart(11),
    full.recording.toFixed(1).padStart(11),
    `${ratio} (batch ${plan.smallBatch})`.padStart(8),
    fallen.length === 0 ? "" : `fallback: ${fallen.join(", ")}`,
  );
}

function runMs(): number {
  const backend = tf.backend();
  return "sessions" in backend ? (backend as OnnxBackend).sessions().runMs : 0;
}

interface Figures {
  /** Median wall time of a step, ms. */
  readonly step: number;
  /** What of it passes outside of the native run: recording, keys, uploads, masks. */
  readonly recording: number;
  /** Processor time of a step over all threads, ms: what to compare on a machine that others use too. */
  readonly processor: number;
}

async function measure(plan: WorkPlan, batch: number, steps: number): Promise<Figures> {
  const work = plan.create(batch);
  try {
    // The second step's graph differs from the first one's, and the arena settles with the third.
    for (let i = 0; i < Math.min(3, steps); i++) {
      await work.step();
    }
    const times: number[] = [];
    const recording: number[] = [];
    const processor: number[] = [];
    for (let i = 0; i < steps; i++) {
      const start = performance.now();
      const runBefore = runMs();
      const usage = process.cpuUsage();
      await work.step();
      const time = performance.now() - start;
      times.push(time);
      processor.push(process.cpuUsage(usage).user / 1000);
      recording.push(time - (runMs() - runBefore));
    }
    return { step: median(times), recording: median(recording), processor: median(processor) };
  } finally {
    work.dispose();
  }
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
